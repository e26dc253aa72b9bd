package testnet

import (
	"errors"
	"strings"
	"testing"
)

func TestParseErrorsSayWhere(t *testing.T) {
	const story = "story s\n"
	for _, c := range []struct{ text, want string }{
		{"", "1:1: there is no story"},
		{"# a remark\n", "1:1: there is no story"},
		{strings.Repeat("#", maxText+1), "1:1: file is longer than 1048576 octets"},
		{story + "\tserver 192.0.2.1", "2:1: lines are indented with blanks, not tabs"},
		{story + strings.Repeat(" ", 101) + "x", "2:102: line is indented by more than 100 blanks"},
		{"story s\nask a. A\n    NOERROR\n  sent: 1", "4:3: line is indented neither as the one above it nor more"},
		{story + "  x", "2:3: nothing can stand below this line"},
		{"story s\nstory s", `2:1: there is a story "s" above`},
		{"storey s", `1:1: "storey" begins no command: zone, server, root, network, recursor, advance, ask, story`},

		{"zone", "1:5: a zone has a name and addresses"},
		{"zone example on 192.0.2.1", `1:6: "example" has no final dot: names stand in full here`},
		{"zone example. at 192.0.2.1", "1:15: expected on or gone"},
		{"zone example.", "1:14: a zone has a name and addresses"},
		{"zone example. on", "1:17: expected an address"},
		{"zone example. on 192.0.2", `1:18: "192.0.2" is not an address`},
		{"zone example. gone to 192.0.2.1", "1:20: expected from and addresses"},
		{"zone example. gone from", "1:24: expected an address"},
		{"zone example. gone\n  x", "2:3: nothing can stand below this line"},

		{"zone . on ::1\n  a", "2:4: record type is missing"},
		{"zone . on ::1\n  a \"\"", "2:5: "},
		{"zone . on ::1\n  \"\" A 1.1.1.1", "2:3: owner: "},
		{"zone . on ::1\n  a..b A 1.1.1.1", "2:3: owner: label is empty"},
		{"zone . on ::1\n  a X 1.1.1.1", `2:5: `},
		{"zone . on ::1\n  a 99999999999 A 1.1.1.1", `2:5: "99999999999" is not a number of seconds`},
		{"zone . on ::1\n  a A 1.1.1", "2:7: A data: "},
		{"zone . on ::1\n  a A", "2:6: A data: "},
		{"zone . on ::1\n  a A 1.1.1.1 2.2.2.2", "2:15: A data: "},
		{"zone . on ::1\n  a TXT \"x", "2:9: quoted text is not closed on its line"},
		{"zone . on ::1\n  a A 1.1.1.1\n    b A 1.1.1.1", "3:5: a record has one line and nothing below it"},
		{"zone . on ::1\n  $TTL", "2:3: $TTL has one number of seconds"},
		{"zone . on ::1\n  $TTL 1h", `2:8: "1h" is not a number of seconds`},
		{"zone . on ::1\n  $GENERATE 1-2", "2:3: $GENERATE has a range, an owner, a type and data"},
		{"zone . on ::1\n  $GENERATE 2-1 a A 1.1.1.$", "2:13: range is not of the form 1-100"},
		{"zone . on ::1\n  $GENERATE 1-99999 a A 1.1.1.$", "2:13: there are more than 65536 records"},
		{"zone . on ::1\n  $GENERATE 1-60000 a A 1.1.1.1\n  $GENERATE 1-60000 a A 1.1.1.1", "3:21: there are more than 65536 records"},
		{"zone . on ::1\n  $GENERATE 255-256 a A 1.1.1.$", "2:25: A data: "},

		{"server", "1:7: expected an address"},
		{"server :: 2001:db8:::", "1:22: expected what the server does"},
		{"server 192.0.2.1 silent", `1:18: "silent" is not an address`},
		{"server 192.0.2.1: sulks", `1:19: "sulks" is nothing that a server does`},
		{"server 192.0.2.1:", "1:18: expected what the server does"},
		{"server 192.0.2.1: silent,", "1:26: expected what the server does"},
		{"server 192.0.2.1: silent\n  delay 1s", "2:3: rules stand below a line that ends with the addresses"},
		{"server 192.0.2.1\n  silent\n    delay 1s", "3:5: nothing can stand below this line"},
		{"server 192.0.2.1\n  if: silent", "2:5: expected a condition"},
		{"server 192.0.2.1\n  if not: silent", "2:9: expected a condition"},
		{"server 192.0.2.1\n  if UDP", "2:9: expected a colon and what happens then"},
		{"server 192.0.2.1\n  if raining: silent", `2:6: "raining" is none of EDNS, DO, CD, cookie, UDP, TCP, type T, name N, below N, first N, after N`},
		{"server 192.0.2.1\n  if type: silent", "2:10: "},
		{"server 192.0.2.1\n  if name example: silent", `2:11: "example" has no final dot: names stand in full here`},
		{"server 192.0.2.1\n  if first 0: silent", `2:12: "0" is not a number from 1 to 100000`},
		{"server 192.0.2.1\n  if not first 1: silent", "2:16: a count cannot be turned round by not"},
		{"server 192.0.2.1: delay long", `1:25: "long" is not a time as 20ms, 1.5s or 48h`},
		{"server 192.0.2.1: delay 2s-1s", `1:25: "2s-1s" ends before it begins`},
		{"server 192.0.2.1: loss 20", `1:24: "20" is not a share as 20%`},
		{"server 192.0.2.1: loss NaN%", `1:24: "NaN%" is not a share as 20%`},
		{"server 192.0.2.1: forged 5000", `1:26: "5000" is not a number from 1 to 1000`},
		{"server 192.0.2.1: adds records", "1:24: expected answer, authority or additional"},
		{"server 192.0.2.1: reply", "1:24: the text of a reply is missing below"},
		{"server 192.0.2.1: reply\n  ;; no such SECTION:\n", "2:3: "},
		{"server 192.0.2.1: reply\n  ;; ANSWER SECTION:\n\n  # remark\n  a. A 1.1.1\n", "5:8: "},
		{"server 192.0.2.1: reply, adds answer\n  ;; ANSWER SECTION:\n", "1:26: the lines below are those of what stands before"},

		{"zone a. on 192.0.2.1\n  $SIGN", "2:8: expected an algorithm"},
		{"zone a. on 192.0.2.1\n  $SIGN 13x", `2:9: "13x" is not an algorithm`},
		{"zone a. on 192.0.2.1\n  $SIGN 13 NSEC4", `2:12: "NSEC4" is none of NSEC, NSEC3`},
		{"zone a. on 192.0.2.1\n  $SIGN 13 salt", "2:16: something is missing after salt"},
		{"zone a. on 192.0.2.1\n  $SIGN 13\n  $SIGN 13", "3:3: zone is signed once"},
		{"zone a. on 192.0.2.1\n  $KEY k", "2:3: zone has no $SIGN line above"},
		{"zone a. on 192.0.2.1\n  $SIGN 13\n  $KEY k odd", `3:10: "odd" is none of KSK, ZSK`},
		{"zone a. on 192.0.2.1\n  $DS b", "2:8: a DS record has an owner and the algorithm of the key"},
		{"zone a. on 192.0.2.1\n  $SIGN 13\n  $BREAK b A badly", `3:14: "badly" is not a way to break`},
		{"zone a. on 192.0.2.1\n  $SIGN 13\n  $BREAK b A tag", `3:14: "tag" is not a way to break`},
		{"server 192.0.2.1: adds answer\n  $SIGN 13\n", "1:1: only zones are signed"},

		{"root a. ", "1:8: a root server has a name and addresses"},
		{"root a 192.0.2.1", `1:6: "a" has no final dot: names stand in full here`},
		{"network no sleep", "1:9: expected IPv4 or IPv6, or no IPv4 or no IPv6"},
		{"advance", "1:8: expected how much time passes, as 10s"},
		{"advance 1", `1:9: "1" is not a time as 20ms, 1.5s or 48h`},
		{"advance -1s", `1:9: "-1s" is not a time as 20ms, 1.5s or 48h`},
		{"ask a.", "1:7: a question has a name and a type"},
		{"ask a A", `1:5: "a" has no final dot: names stand in full here`},
		{"ask a. AA", "1:8: "},
		{"ask a. A now", `1:10: "now" is none of do, cd, ad, tcp, norec, times N, from ADDRESS`},
		{"ask a. A times", "1:15: something is missing after times"},
		{"ask a. A times many", `1:16: "many" is not a number from 1 to 100000`},
		{"ask a. A from here", `1:15: "here" is not an address`},
		{"ask a. A\n  WELL", `2:3: "WELL" is neither an RCODE nor`},
		{"ask a. A\n  well: yes", `2:3: "well" is none of error, because, answer, authority, additional, replies, sent, took, seen`},
		{"ask a. A\n  took so: 1s", "2:8: expected a colon"},
		{"ask a. A\n  sent at: 1", "2:8: expected to and addresses, or a colon"},
		{"ask a. A\n  sent to: 1", "2:10: expected an address"},
		{"ask a. A\n  sent: few", `2:9: "few" is not a number`},
		{"ask a. A\n  sent: at most", "2:9: expected a number, or at most or at least and a number"},
		{"ask a. A\n  took: long", `2:9: "long" is not a time as 20ms, 1.5s or 48h`},
		{"ask a. A\n  NOERROR\n    sent: 1", "3:5: nothing can stand below this line"},
	} {
		_, err := Parse("f", c.text)
		var at *Error
		if !errors.As(err, &at) || !strings.HasPrefix(err.Error(), "f:"+c.want) {
			t.Errorf("%.60q:\ngot  %v\nwant f:%s", c.text, err, c.want)
		}
	}
}

// FuzzParse looks for texts that are read to something that cannot be played,
// or that take long to be refused.
func FuzzParse(f *testing.F) {
	f.Add("story s\nask www.example. A times 2\n  NOERROR ad\n  answer: a. 1 A 1.1.1.1\n  sent to ::1: at most 2\n  took: ?\n  seen: nothing")
	f.Add("zone a. on ::1\n  $TTL 1\n  $GENERATE 1-2 a$ TXT \"x\\\" $\" ;\nserver ::1: loss 1%, delay 1s-2s\nstory t")
	f.Add("server 1.1.1.1\n  if not type A name a. first 2: reply\n    ;; flags: qr\n    ;; ANSWER SECTION:\n    a. A 1.1.1.1\n\nstory u\nadvance 1s")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("f", text)
		if err != nil {
			var at *Error
			if !errors.As(err, &at) || at.Line < 1 || at.Line > strings.Count(text, "\n")+1 || at.Column < 1 {
				t.Fatalf("error without a place in the text: %v", err)
			}
			return
		}
		if updated := file.Updated(); updated != text {
			t.Fatalf("nothing was played, and yet the text changed from\n%q to\n%q", text, updated)
		}
		for _, s := range file.Stories {
			if s.Name != strings.TrimSpace(s.Name) || s.Line == 0 {
				t.Fatalf("story %q at line %d", s.Name, s.Line)
			}
		}
	})
}
