package wire

import (
	"errors"
	"strings"
	"testing"
)

const mxReplyText = `;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 4660
;; flags: qr aa rd; QUERY: 1, ANSWER: 2, AUTHORITY: 0, ADDITIONAL: 5

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags:; udp: 1232
; NSID: 6e 73 31 ("ns1")

;; QUESTION SECTION:
;example.com.	IN	MX

;; ANSWER SECTION:
example.com.	3600	IN	MX	0 mail.example.com.
example.com.	3600	IN	MX	10 mail2.example.com.

;; ADDITIONAL SECTION:
mail.example.com.	3600	IN	A	192.0.2.0
mail.example.com.	3600	IN	AAAA	2001:db8::
mail2.example.com.	3600	IN	A	192.0.2.1
mail2.example.com.	3600	IN	AAAA	2001:db8::1
`

func TestMessageText(t *testing.T) {
	m, err := ParseMessage(mxReply(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.String(); got != mxReplyText {
		t.Errorf("got\n%s\nwant\n%s", got, mxReplyText)
	}
	back, err := ParseMessageText(mxReplyText)
	if err != nil {
		t.Fatal(err)
	}
	if d := differ(m, back); d != "" {
		t.Error(d)
	}
}

// All a header and an OPT record can hold.
func TestMessageTextOfEveryBit(t *testing.T) {
	for bit := range 16 {
		for _, opcode := range []Opcode{0, 4, 5, 15} {
			m := &Message{ID: 1 << bit, Flags: Flags(1 << bit).WithOpcode(opcode).WithRCode(0), RCode: RCode(1 << bit & 0xFFF)}
			m.EDNS = &EDNS{UDPSize: 1 << bit, Version: uint8(1 << (bit % 8)), Flags: 1 << bit, Extended: uint8(m.RCode >> 4)}
			back, err := ParseMessageText(m.String())
			if err != nil {
				t.Fatalf("%v in\n%s", err, m)
			}
			if d := differ(m, back); d != "" {
				t.Errorf("%s in\n%s", d, m)
			}
		}
	}
}

// What dig prints around a message, and what people write by hand.
func TestParseMessageTextIsTolerant(t *testing.T) {
	want, err := ParseMessageText(mxReplyText)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseMessageText(`
; <<>> DiG 9.18 <<>> example.com MX
;; global options: +cmd
;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 4660
;; flags: qr aa rd; QUERY: 1, ANSWER: 2, AUTHORITY: 0, ADDITIONAL: 5
;; WARNING: recursion requested but not available

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags:; udp: 1232
; NSID: 6e 73 31 ("ns1")
;; QUESTION SECTION:
;example.com.			IN	MX

;; ANSWER SECTION:
	example.com 3600 MX 0 mail.example.com     ; a comment
	example.com IN 3600 MX (
		10	; preference
		mail2.example.com. )

;; ADDITIONAL SECTION:
mail.example.com.	3600	in	a	192.0.2.0
mail.example.com.	3600	IN	AAAA	2001:DB8:0::0
; between records
mail2.example.com.	3600	CLASS1	TYPE1	\# 4 c0000201
mail2.example.com.	3600	IN	TYPE28	\# 16 20010db8 00000000 00000000 00000001

;; Query time: 1 msec
;; SERVER: 127.0.0.1#53(127.0.0.1) (UDP)
;; MSG SIZE  rcvd: 167
`)
	if err != nil {
		t.Fatal(err)
	}
	if d := differ(want, got); d != "" {
		t.Error(d)
	}
	got, err = ParseMessageText(strings.ReplaceAll(mxReplyText, "\n", "\r\n"))
	if err != nil || differ(want, got) != "" {
		t.Errorf("with carriage returns: %v %s", err, differ(want, got))
	}
	empty, err := ParseMessageText("")
	if err != nil || differ(empty, new(Message)) != "" {
		t.Errorf("no text: %v", err)
	}
}

func TestParseMessageTextErrors(t *testing.T) {
	for _, test := range []struct {
		text         string
		line, column int
		says         string
	}{
		{";; ->>HEADER<<- opcode: QUERRY, status: NOERROR, id: 1", 1, 1, `"QUERRY" is not an opcode`},
		{"\n;; ->>HEADER<<- opcode: OPCODE16", 2, 1, "above 15"},
		{";; ->>HEADER<<- status: NOPE", 1, 1, `"NOPE" is not a response code`},
		{";; ->>HEADER<<- status: RCODE4096", 1, 1, "above 4095"},
		{";; ->>HEADER<<- id: 65536", 1, 1, "not a number below 2^16"},
		{";; ->>HEADER<<- colour: red", 1, 1, "colour"},
		{";; flags: qr xx; QUERY: 1", 1, 1, `"xx" is not a flag`},
		{";; flags: qr; QUERY: many", 1, 1, `"QUERY" has no number`},
		{";; ANSER SECTION:", 1, 1, `"ANSER"`},
		{"a. 1 IN A 192.0.2.1", 1, 1, "outside the sections"},
		{";; QUESTION SECTION:\n;a. IN", 2, 1, `"IN" is not a record type`},
		{";; QUESTION SECTION:\n;a.", 2, 1, "a question is"},
		{";; QUESTION SECTION:\n;a..b. IN A", 2, 1, "label is empty"},
		{";; QUESTION SECTION:\n;a. XX A", 2, 1, `"XX" is not a class`},
		{";; ANSWER SECTION:\n\n  a..b. 1 IN A 192.0.2.1", 3, 3, "label is empty"},
		{";; ANSWER SECTION:\na. 1 IN AA 192.0.2.1", 2, 9, `"AA" is not a record type`},
		{";; ANSWER SECTION:\na. 1 IN", 2, 1, "lacks its type"},
		{";; ANSWER SECTION:\na. 4294967296 IN A 192.0.2.1", 2, 4, "2^32"},
		{";; ANSWER SECTION:\na. 1 IN A 192.0.2.x", 2, 11, ""},
		{";; ANSWER SECTION:\na. 1 IN MX ( 10\n\tb..c )", 3, 2, "label is empty"},
		{";; ANSWER SECTION:\na. 1 IN MX 10", 2, 12, ""},
		{";; ANSWER SECTION:\na. 1 IN TXT \"open", 2, 13, "not closed"},
		{";; ANSWER SECTION:\na. 1 IN TXT \\", 2, 13, "escape"},
		{";; ANSWER SECTION:\na. 1 IN MX ( 10", 2, 16, "parentheses"},
		{";; ANSWER SECTION:\na. 1 IN MX 10 b )", 2, 17, "parentheses"},
		{";; ANSWER SECTION:\n. 1 IN OPT \\# 0", 2, 8, "section of its own"},
		{";; OPT PSEUDOSECTION:\n; EDNS: version: 256", 2, 1, "2^8"},
		{";; OPT PSEUDOSECTION:\n; EDNS: flags: dodo", 2, 1, `"dodo" is not an EDNS flag`},
		{";; OPT PSEUDOSECTION:\n; EDNS: size: 3", 2, 1, "size"},
		{";; OPT PSEUDOSECTION:\n; NOPE: 00", 2, 1, `"NOPE"`},
		{";; OPT PSEUDOSECTION:\n; OPT=65536: 00", 2, 1, "65536"},
		{";; OPT PSEUDOSECTION:\n; OPT=1: 0", 2, 1, "hexadecimal"},
		{";; OPT PSEUDOSECTION:\n; COOKIE: 00", 2, 1, "COOKIE"},
	} {
		m, err := ParseMessageText(test.text)
		var where *TextError
		if !errors.As(err, &where) || where.Line != test.line || where.Column != test.column || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%q: %v, %v; want line %d, column %d: %s", test.text, m, err, test.line, test.column, test.says)
		}
	}
}

func TestWordsOfText(t *testing.T) {
	s := wordScanner{text: `one "two three" (four
	; a comment
	five) "" a\"b "c\"d" key="v w",x e\;f;g
next`, line: 1}
	words, places, err := s.entry()
	if err != nil {
		t.Fatal(err)
	}
	want := []Word{
		{[]byte("one"), false}, {[]byte("two three"), true}, {[]byte("four"), false}, {[]byte("five"), false},
		{[]byte(""), true}, {[]byte(`a\"b`), false}, {[]byte(`c\"d`), true}, {[]byte("key=v w,x"), false}, {[]byte(`e\;f`), false},
	}
	if len(words) != len(want) {
		t.Fatalf("words %v", words)
	}
	for i := range want {
		if string(words[i].Text) != string(want[i].Text) || words[i].Quoted != want[i].Quoted {
			t.Errorf("word %d is %q, want %q", i, words[i].Text, want[i].Text)
		}
	}
	if places[3] != (wordPlace{3, 2}) {
		t.Errorf("five is at %v", places[3])
	}
	if !s.nextLine() || s.restOfLine() != "next" || s.nextLine() {
		t.Error("the next line is not next")
	}
}
