package query

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/wire"
)

// digServer answers queries over UDP and TCP on a port of its own. What it
// says depends on the first label of the name.
type digServer struct {
	addr  netip.AddrPort
	asked chan *wire.Message // every query that was read
}

func startDigServer(t *testing.T) *digServer {
	t.Helper()
	udp, tcp := listenBoth(t)
	s := &digServer{
		addr:  netip.MustParseAddrPort(udp.LocalAddr().String()),
		asked: make(chan *wire.Message, 100),
	}
	t.Cleanup(func() { udp.Close(); tcp.Close() })
	go func() {
		buf := make([]byte, 65535)
		for {
			n, from, err := udp.ReadFrom(buf)
			if err != nil {
				return
			}
			for _, reply := range s.answer(buf[:n], false) {
				udp.WriteTo(reply, from)
			}
		}
	}()
	go func() {
		for {
			conn, err := tcp.Accept()
			if err != nil {
				return
			}
			s.serveStream(conn)
		}
	}()
	return s
}

// listenBoth finds a port that is free for UDP and for TCP.
func listenBoth(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	var err error
	for range 20 {
		var tcp net.Listener
		if tcp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			continue
		}
		var udp net.PacketConn
		if udp, err = net.ListenPacket("udp", tcp.Addr().String()); err == nil {
			return udp, tcp
		}
		tcp.Close()
	}
	t.Fatal(err)
	return nil, nil
}

func (s *digServer) serveStream(conn net.Conn) {
	defer conn.Close()
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return
	}
	query := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, query); err != nil {
		return
	}
	for _, reply := range s.answer(query, true) {
		conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
	}
}

// answer returns the messages that are sent back.
func (s *digServer) answer(query []byte, tcp bool) [][]byte {
	m, err := wire.ParseMessage(query)
	if err != nil {
		return nil
	}
	s.asked <- m
	q := m.Questions[0]
	r := &wire.Message{ID: m.ID, Flags: m.Flags | wire.FlagQR | wire.FlagAA, Questions: m.Questions}
	r.Flags &^= wire.FlagAD
	if m.EDNS != nil {
		r.EDNS = &wire.EDNS{UDPSize: 1400, Flags: m.EDNS.Flags}
		if _, asked := m.EDNS.Options.Find(wire.OptionNSID); asked {
			r.EDNS.Options = r.EDNS.Options.AppendOption(wire.OptionNSID, []byte("ns1"))
		}
	}
	record := func(t wire.Type, data ...byte) wire.Record {
		return wire.Record{Name: q.Name, Type: t, Class: wire.ClassIN, TTL: 3600, Data: data}
	}
	var extra [][]byte
	switch q.Name.FirstLabel() {
	case "a":
		r.Answers = append(r.Answers, record(wire.TypeA, 192, 0, 2, 1), record(wire.TypeA, 192, 0, 2, 2))
		r.Authority = append(r.Authority, record(wire.TypeNS, 2, 'n', 's', 0))
		glue := record(wire.TypeA, 192, 0, 2, 53)
		glue.Name = wire.MustParseName("ns.")
		r.Additional = append(r.Additional, glue)
	case "none":
		r.RCode = wire.RCodeNXDomain
	case "big":
		if !tcp {
			r.Flags |= wire.FlagTC
		} else {
			r.Answers = append(r.Answers, record(wire.TypeTXT, 3, 'b', 'i', 'g'))
		}
	case "forged":
		forged := *r
		forged.ID++
		forged.Answers = append(forged.Answers, record(wire.TypeA, 6, 6, 6, 6))
		extra = append(extra, pack(&forged))
		forged.ID--
		forged.Questions = []wire.Question{{Name: wire.MustParseName("other."), Type: q.Type, Class: q.Class}}
		extra = append(extra, pack(&forged), pack(m), []byte("junk"))
		r.Answers = append(r.Answers, record(wire.TypeA, 192, 0, 2, 1))
	case "mute":
		return nil
	case "malformed":
		r.Answers = append(r.Answers, record(wire.TypeA, 192, 0, 2, 1))
		p := pack(r)
		return [][]byte{p[:len(p)-1]}
	case "refused":
		return [][]byte{wire.Header{ID: m.ID, Flags: wire.FlagQR | wire.Flags(wire.RCodeRefused)}.AppendTo(nil)}
	}
	return append(extra, pack(r))
}

func pack(m *wire.Message) []byte {
	b, err := m.AppendTo(nil)
	if err != nil {
		panic(err)
	}
	return b
}

func runQueryText(args ...string) (code int, stdout, stderr string) {
	var out, errs strings.Builder
	code = Run(args, nil, &out, &errs)
	return code, out.String(), errs.String()
}

// What changes from run to run, in the order of the replacements.
var changing = []struct{ pattern, with string }{
	{`names query \S+( \([0-9a-f]+\))? <<>> @\S+ -p \d+`, "names query VERSION <<>> @SERVER -p PORT"},
	{`id: \d+`, "id: ID"},
	{`Query time: \d+`, "Query time: N"},
	{`127\.0\.0\.1#\d+`, "127.0.0.1#PORT"},
	{`WHEN: .*`, "WHEN: NOW"},
	{`COOKIE: [0-9a-f]+`, "COOKIE: HEX"},
}

func steady(text string) string {
	for _, c := range changing {
		text = regexp.MustCompile(c.pattern).ReplaceAllString(text, c.with)
	}
	return text
}

const wholeReply = `
; <<>> names query VERSION <<>> @SERVER -p PORT a.example.com
;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: ID
;; flags: qr aa rd; QUERY: 1, ANSWER: 2, AUTHORITY: 1, ADDITIONAL: 2
;; WARNING: recursion requested but not available

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags:; udp: 1400
;; QUESTION SECTION:
;a.example.com.			IN	A

;; ANSWER SECTION:
a.example.com.		3600	IN	A	192.0.2.1
a.example.com.		3600	IN	A	192.0.2.2

;; AUTHORITY SECTION:
a.example.com.		3600	IN	NS	ns.

;; ADDITIONAL SECTION:
ns.			3600	IN	A	192.0.2.53

;; Query time: N msec
;; SERVER: 127.0.0.1#PORT(127.0.0.1) (UDP)
;; WHEN: NOW
;; MSG SIZE  rcvd: 106

`

func TestQueryPrints(t *testing.T) {
	s := startDigServer(t)
	for _, test := range []struct {
		args   string
		code   int
		stdout string // all of it
		stderr string // part of it; "": it must be empty
	}{
		{"a.example.com", cli.ExitOK, wholeReply, ""},
		{"a.example.com +short", cli.ExitOK, "192.0.2.1\n192.0.2.2\n", ""},
		{"a.example.com +noall +answer", cli.ExitOK, "a.example.com.\t\t3600\tIN\tA\t192.0.2.1\na.example.com.\t\t3600\tIN\tA\t192.0.2.2\n", ""},
		{"a.example.com +noall +ans +nottl +nocl", cli.ExitOK, "a.example.com.\t\tA\t192.0.2.1\na.example.com.\t\tA\t192.0.2.2\n", ""},
		{"a.a-name-that-is-longer-than-its-column.example.com +noall +auth", cli.ExitOK,
			"a.a-name-that-is-longer-than-its-column.example.com. 3600\tIN\tNS\tns.\n", ""},
		{"none.example.com +nocmd +nostats +noedns +norec", cli.ExitOK, `;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NXDOMAIN, id: ID
;; flags: qr aa; QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 0

;; QUESTION SECTION:
;none.example.com.		IN	A

`, ""},
		{"x.example.com +noall +comments +nsid +do", cli.ExitOK, `;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: ID
;; flags: qr aa rd; QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 1
;; WARNING: recursion requested but not available

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags: do; udp: 1400
; NSID: 6e 73 31 ("ns1")

`, ""},
		{"x.example.com mx +noall +qr +comments +question +nocookie +norec +noad +opcode=notify", cli.ExitOK, `;; Sending:
;; ->>HEADER<<- opcode: NOTIFY, status: NOERROR, id: ID
;; flags:; QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 1

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags:; udp: 1232
;; QUESTION SECTION:
;x.example.com.			IN	MX

;; Got answer:
;; ->>HEADER<<- opcode: NOTIFY, status: NOERROR, id: ID
;; flags: qr aa; QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 1

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags:; udp: 1400
;; QUESTION SECTION:
;x.example.com.			IN	MX

`, ""},
		{"big.example.com txt +short", cli.ExitOK, "\"big\"\n", ""},
		{"big.example.com txt +noall +comments +noedns", cli.ExitOK, `;; Truncated, asked again over TCP.
;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: ID
;; flags: qr aa rd; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 0
;; WARNING: recursion requested but not available

`, ""},
		{"big.example.com txt +noall +stats +ignore", cli.ExitOK, `;; Query time: N msec
;; SERVER: 127.0.0.1#PORT(127.0.0.1) (UDP)
;; WHEN: NOW
;; MSG SIZE  rcvd: 44

`, ""},
		{"big.example.com txt +noall +stats +tcp", cli.ExitOK, `;; Query time: N msec
;; SERVER: 127.0.0.1#PORT(127.0.0.1) (TCP)
;; WHEN: NOW
;; MSG SIZE  rcvd: 60

`, ""},
		{"www.example-domain.com +noall +question", cli.ExitOK, ";www.example-domain.com.\t\tIN\tA\n", ""},
		{"big.example.com any +noall +answer +cmd", cli.ExitOK, `
; <<>> names query VERSION <<>> @SERVER -p PORT big.example.com any +noall +answer +cmd
big.example.com.	3600	IN	TXT	"big"
`, ""},
		{"big.example.com any +notcp +ignore +short", cli.ExitOK, "", ""},
		{"forged.example.com +short", cli.ExitOK, "192.0.2.1\n", ""},
		{"forged.example.com +noall +stats", cli.ExitOK, `;; WARNING: 4 datagrams were no reply to this query
;; Query time: N msec
;; SERVER: 127.0.0.1#PORT(127.0.0.1) (UDP)
;; WHEN: NOW
;; MSG SIZE  rcvd: 63

`, ""},
		{"forged.example.com +tcp +short +tries=1", cli.ExitFailed, "", "over tcp: reply does not match the query"},
		{"refused.example.com +nocmd +nostats", cli.ExitOK, `;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: REFUSED, id: ID
;; flags: qr; QUERY: 0, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 0

`, ""},
		{"mute.example.com +time=0.05 +tries=1 +short", cli.ExitFailed, "", "over udp: no reply within 50ms\nnames query: no server replied\n"},
		{"mute.example.com +retry=1 +short +vc", cli.ExitFailed, "", "over tcp: connection closed before the reply was complete\n;; 127.0.0.1"},
		{"malformed.example.com +short", cli.ExitFailed, "", "is malformed: additional section, octet 56: data ends too early"},
		{"a.example.com -6", cli.ExitFailed, "", "server 127.0.0.1 cannot be asked over IPv6"},
	} {
		t.Run(test.args, func(t *testing.T) {
			args := append([]string{"@" + s.addr.Addr().String(), "-p", fmt.Sprint(s.addr.Port())}, strings.Fields(test.args)...)
			code, stdout, stderr := runQueryText(args...)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if got := steady(stdout); got != test.stdout {
				t.Errorf("stdout:\n%s\nwant:\n%s", got, test.stdout)
			}
			if !strings.Contains(stderr, test.stderr) || test.stderr == "" && stderr != "" {
				t.Errorf("stderr %q, want %q", stderr, test.stderr)
			}
		})
	}
}

func TestQueryTries(t *testing.T) {
	s := startDigServer(t)
	_, _, stderr := runQueryText("@127.0.0.1", "-p", fmt.Sprint(s.addr.Port()), "mute", "+time=0.02", "+tries=4")
	// The server has read them all once it has answered a query that was sent after them.
	runQueryText("@127.0.0.1", "-p", fmt.Sprint(s.addr.Port()), "a.example.com")
	asked := 0
	for len(s.asked) > 0 {
		if q := (<-s.asked).Questions[0]; q.Name.FirstLabel() == "mute" {
			asked++
		}
	}
	// One whose time is over before it is sent, since the machine is busy, is not.
	if asked < 1 || asked > 4 || strings.Count(stderr, "no reply within 20ms") != 4 {
		t.Errorf("asked %d times, stderr %q", asked, stderr)
	}
}

// What the command line makes of the query.
func TestQuerySends(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"", ". NS IN"},
		{"mx", ". MX IN"},
		{"example.com", "example.com. A IN"},
		{"example.com mx", "example.com. MX IN"},
		{"mx example.com", "example.com. MX IN"},
		{"ch txt version.bind", "version.bind. TXT CH"},
		{"mx mx", "mx. MX IN"},
		{"-q mx", "mx. A IN"},
		{"-q mx -t ns -c ch", "mx. NS CH"},
		{"-qmx -tns -cch", "mx. NS CH"},
		{"-t type65280 example.com", "example.com. TYPE65280 IN"},
		{"-x 192.0.2.1", "1.2.0.192.in-addr.arpa. PTR IN"},
		{"-x 192.0.2.1 ns", "1.2.0.192.in-addr.arpa. NS IN"},
		{"-x 2001:db8::1", "1." + strings.Repeat("0.", 23) + "8.b.d.0.1.0.0.2.ip6.arpa. PTR IN"},
		{`a\.b.example`, `a\.b.example. A IN`},
	} {
		t.Run(test.args, func(t *testing.T) {
			o, err := parseQueryArguments(strings.Fields(test.args))
			if err != nil {
				t.Fatal(err)
			}
			q := o.message(1).Questions[0]
			if got := fmt.Sprint(q.Name, " ", q.Type, " ", q.Class); got != test.want {
				t.Errorf("asks %q, want %q", got, test.want)
			}
		})
	}
}

// What options make of the header and of OPT.
func TestQuerySendsOptions(t *testing.T) {
	s := startDigServer(t)
	for _, test := range []struct{ args, want string }{
		{"+nocookie", "flags: rd ad; edns 0 flags: udp: 1232"},
		{"+noedns", "flags: rd ad;"},
		{"+noedns +bufsize=4096", "flags: rd ad; edns 0 flags: udp: 4096; COOKIE: HEX"},
		{"+noedns +dnssec +nocookie", "flags: rd ad; edns 0 flags: do udp: 1232"},
		{"+dnssec +noedns", "flags: rd ad;"},
		{"+norec +noad +cd", "flags: cd; edns 0 flags: udp: 1232; COOKIE: HEX"},
		{"+nordflag +noadflag +cdflag +nocdflag", "flags:; edns 0 flags: udp: 1232; COOKIE: HEX"},
		{"+edns=3 +nocook", "flags: rd ad; edns 3 flags: udp: 1232"},
		{"+edns=3 +edns +nocook", "flags: rd ad; edns 0 flags: udp: 1232"},
		{"+cookie=0102030405060708", "flags: rd ad; edns 0 flags: udp: 1232; COOKIE: HEX"},
		{"+nocookie +nsid", "flags: rd ad; edns 0 flags: udp: 1232; NSID"},
		{"+nocookie +expire", "flags: rd ad; edns 0 flags: udp: 1232; EXPIRE"},
		{"+nocookie +keepalive", "flags: rd ad; edns 0 flags: udp: 1232; TCP KEEPALIVE"},
		{"+nocookie +subnet=192.0.2.77/24", "flags: rd ad; edns 0 flags: udp: 1232; CLIENT-SUBNET: 192.0.2.0/24/0"},
		{"+nocookie +subnet=2001:db8::1", "flags: rd ad; edns 0 flags: udp: 1232; CLIENT-SUBNET: 2001:db8::1/128/0"},
		{"+nocookie +subnet=0", "flags: rd ad; edns 0 flags: udp: 1232; CLIENT-SUBNET: 0/0/0"},
	} {
		t.Run(test.args, func(t *testing.T) {
			args := append([]string{"@127.0.0.1", fmt.Sprintf("-p%d", s.addr.Port()), "a.example.com"}, strings.Fields(test.args)...)
			if code, _, stderr := runQueryText(args...); code != cli.ExitOK {
				t.Fatalf("exit code %d, stderr %s", code, stderr)
			}
			m := <-s.asked
			if got := describeQuery(m); got != test.want {
				t.Errorf("sent %s\nwant %s", got, test.want)
			}
		})
	}
}

func describeQuery(m *wire.Message) string {
	text := steady(m.String())
	flags := text[strings.Index(text, "flags:"):]
	got := flags[:strings.Index(flags, ";")+1]
	if m.EDNS == nil {
		return got
	}
	lines := strings.Split(text[strings.Index(text, "; EDNS"):], "\n")
	edns := strings.NewReplacer("; EDNS: version: ", " edns ", ",", "", ";", "").Replace(lines[0])
	got += edns
	for _, line := range lines[1:] {
		if !strings.HasPrefix(line, "; ") {
			break
		}
		got += line
	}
	return got
}

func TestQueryPadding(t *testing.T) {
	for size := range 513 {
		for _, name := range []string{"example.com", "a.example.com", "longer-name.example.com"} {
			o, err := parseQueryArguments([]string{name, "+do", fmt.Sprintf("+padding=%d", size)})
			if err != nil {
				t.Fatal(err)
			}
			if n := len(pack(o.message(1))); size > 0 && n%size != 0 {
				t.Fatalf("%d octets are not a multiple of %d", n, size)
			}
		}
	}
}

func TestQueryCookies(t *testing.T) {
	cookie := func(args ...string) []byte {
		o, err := parseQueryArguments(args)
		if err != nil {
			t.Fatal(err)
		}
		data, _ := o.message(1).EDNS.Options.Find(wire.OptionCookie)
		return data
	}
	if a, b := cookie(), cookie(); len(a) != 8 || string(a) == string(b) {
		t.Errorf("cookies %x and %x", a, b)
	}
	if c := cookie("+cookie=0102030405060708"); string(c) != "\x01\x02\x03\x04\x05\x06\x07\x08" {
		t.Errorf("cookie %x", c)
	}
}

func TestQueryUsageErrors(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"+nonsense", "there is no option +nonsense"},
		{"+multiline", "there is no option +multiline"},
		{"+", "there is no option +"},
		{"+no", "there is no option +no"},
		{"+not", "+t may be"},
		{"+t", "+t may be +tcp or +time or +timeout or +tries or +trace or +ttlid or +tls or +tls-ca or +tls-hostname or +tls-pin or +tls-certfile or +tls-keyfile"},
		{"+tcp=1", "+tcp has no value"},
		{"+time", "+time wants a value"},
		{"+time=", "+time wants a value"},
		{"+notime", "there is no option +notime"},
		{"+noedns=1", "+noedns has no value"},
		{"+edns=", "+edns wants a value"},
		{"+edns=256", "+edns wants a number from 0 to 255"},
		{"+bufsize=65536", "+bufsize wants a number from 0 to 65535"},
		{"+tries=0", "+tries wants a number from 1 to 100"},
		{"+retry=-1", "+retry wants a number from 0 to 99"},
		{"+time=0", "+time wants seconds"},
		{"+time=NaN", "+time wants seconds"},
		{"+time=x", "+time wants seconds"},
		{"+padding=513", "+padding wants a number from 0 to 512"},
		{"+opcode=16", "+opcode wants a number"},
		{"+opcode=opcode16", "+opcode wants a number"},
		{"+cookie=0", "+cookie wants 8 or 16 to 40 octets"},
		{"+cookie=01", "+cookie wants 8 or 16 to 40 octets"},
		{"+subnet=example", "+subnet wants an address"},
		{"+subnet=192.0.2.0/33", "+subnet wants an address"},
		{"+subnet=fe80::1%eth0", "+subnet wants an address"},
		{"-z", "there is no option -z"},
		{"--nonsense", "there is no option --nonsense"},
		{"--trace @192.0.2.1", "leave @SERVER out"},
		{"--json example.com", "go with --trace"},
		{"--trace --stub 192.0.2.1", "is not ZONE=ADDR"},
		{"--trace --root-hints", "--root-hints wants a value"},
		{"--trace --now tomorrow a", `"tomorrow" is not a time`},
		{"--now 2027-01-11T00:00:00Z a", "go with --trace"},
		{"-p", "-p wants a value"},
		{"-p 0", "-p wants a number from 1 to 65535"},
		{"-p x", "-p wants a number"},
		{"-x example.com", "-x wants an address"},
		{"-t nonsense", "is not a record type"},
		{"-c nonsense", "is not a class"},
		{"-4 -6", "-4 and -6 exclude each other"},
		{"@", "@ wants the name or the address of a server"},
		{"example.com example.net", `"example.net" is one name too many`},
		{"example.com AAA", `"AAA" is one name too many: one query is sent at a time; did you mean AAAA?`},
		{"-x 192.0.2.1 example.net", `"example.net" is one name too many`},
		{"a..example.com", "label is empty"},
		{"example.com ixfr", "IXFR wants the serial number"},
		{"example.com ixfr=x", "\"x\" is not a serial number"},
		{"@127.0.0.1:x", `port "x" is not between 1 and 65535`},
		{"@127.0.0.1#53 -p 54", "53 and 54 are two ports"},
		{"+shrt a", "there is no option +shrt; did you mean +short?"},
		{"+nocomnents a", "there is no option +nocomnents; did you mean +nocomments?"},
		{"--trce a", "there is no option --trce; did you mean --trace?"},
		{"-f", "-f wants a value"},
	} {
		t.Run(test.args, func(t *testing.T) {
			code, stdout, stderr := runQueryText(strings.Fields(test.args)...)
			if code != cli.ExitUsage || stdout != "" {
				t.Errorf("exit code %d, stdout %q", code, stdout)
			}
			if !strings.Contains(stderr, test.want) || !strings.Contains(stderr, "--help") {
				t.Errorf("stderr %q, want %q", stderr, test.want)
			}
		})
	}
}

// Every option is in the help, and the help's examples are right.
func TestQueryHelp(t *testing.T) {
	for _, arg := range []string{"--help", "-h", "-help"} {
		code, stdout, stderr := runQueryText("example.com", arg, "+nonsense")
		if code != cli.ExitOK || stdout != Help || stderr != "" {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", arg, code, stdout, stderr)
		}
	}
	synonyms := map[string]bool{"rdflag": true, "adflag": true, "cdflag": true, "timeout": true}
	for _, o := range plusOptions {
		if !synonyms[o.name] && !regexp.MustCompile(`[+]`+o.name+`\b`).MatchString(Help) {
			t.Errorf("the help does not name +%s", o.name)
		}
	}
	_, examples, _ := strings.Cut(Help, "Examples:\n\n")
	for line := range strings.Lines(examples) {
		if _, err := parseQueryArguments(strings.Fields(line)[2:]); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestSystemServers(t *testing.T) {
	dir := t.TempDir()
	for i, test := range []struct{ text, args, want string }{
		{"", "", "127.0.0.1:53"},
		{"", "-6", "[::1]:53"},
		{"", "-p 5353", "127.0.0.1:5353"},
		{"# nameserver 192.0.2.1\nnameserver\nnameserver x\nsearch y\n nameserver 2001:db8::1 # first\nnameserver 192.0.2.2", "", "[2001:db8::1]:53 192.0.2.2:53"},
		{"nameserver 2001:db8::1\nnameserver 192.0.2.2\n", "-4", "192.0.2.2:53"},
		{"nameserver 192.0.2.2\n", "-6", "[::1]:53"},
		{"nameserver 192.0.2.2:5353\n", "", "192.0.2.2:5353"},
		{"nameserver 192.0.2.2:5353\n", "-p 53", "192.0.2.2:53"},
	} {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := parseQueryArguments(strings.Fields(test.args))
		if err != nil {
			t.Fatal(err)
		}
		got, err := o.systemServers(path)
		if text := strings.Trim(fmt.Sprint(got), "[]"); err != nil || text != strings.Trim(test.want, "[]") {
			t.Errorf("%q, %s: %v (%v), want %s", test.text, test.args, got, err, test.want)
		}
	}
	if _, err := defaultQueryOptions().systemServers(dir); err == nil {
		t.Error("a directory is read as resolv.conf")
	}
}

// Whatever words stand on a command line, they make a query or a usage error.
func TestParseQueryArgumentsTakesAnything(t *testing.T) {
	words := []string{"", "@", "@x", "+", "-", "--", "-x", "-x1", "-p", "-q", "-t", "-c", "-4", "-46", "+no", "+nono", "+edns", "+edns=",
		"+subnet=/", "+cookie==", "=", "mx", "any", "in", "\xff", "a.b", ".", "..", "+short", "::1", "-h"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		args := make([]string, random.IntN(6))
		for i := range args {
			args[i] = words[random.IntN(len(words))]
		}
		o, err := parseQueryArguments(args)
		if err == nil && !o.help {
			if _, err := o.message(1).AppendTo(nil); err != nil {
				t.Errorf("%q: %v", args, err)
			}
		}
	}
}

// A server has its port after a colon or a number sign.
func TestQueryServerWithPort(t *testing.T) {
	s := startDigServer(t)
	for _, server := range []string{s.addr.String(), strings.Replace(s.addr.String(), ":", "#", 1)} {
		code, stdout, stderr := runQueryText("@"+server, "a.example.com", "+short")
		if code != cli.ExitOK || stdout == "" || stderr != "" {
			t.Errorf("%s: exit code %d, %q, %q", server, code, stdout, stderr)
		}
		<-s.asked
	}
}

// The lines of a file are command lines; what comes before them counts for each.
func TestQueryFile(t *testing.T) {
	s := startDigServer(t)
	file := filepath.Join(t.TempDir(), "queries")
	const text = "a.example.com\n\n# a comment\n; another\nb.example.com aaaa +tcp\nc.example.com +nonsense\n-f other\nd.example.com\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	asked := func() (all []string) {
		for len(s.asked) > 0 {
			q := (<-s.asked).Questions[0]
			all = append(all, q.Name.String()+" "+q.Type.String())
		}
		return all
	}
	want := []string{"a.example.com. A", "b.example.com. AAAA", "d.example.com. A"}
	code, _, stderr := runQueryText("@"+s.addr.String(), "-f", file, "+short")
	if got := asked(); code != cli.ExitUsage || !slices.Equal(got, want) {
		t.Errorf("exit code %d, asked for %q, want %q", code, got, want)
	}
	for _, want := range []string{file + ":6: there is no option +nonsense", file + ":7: -f cannot be used in a file"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q does not say %q", stderr, want)
		}
	}
	var out, errs strings.Builder
	code = Run([]string{"-f-", "@" + s.addr.String(), "+short"}, strings.NewReader("a.example.com\n"+strings.Repeat("x", 5000)), &out, &errs)
	if got := asked(); code != cli.ExitFailed || len(got) != 1 || !strings.Contains(errs.String(), "standard input:2: line is longer than 4096 octets") {
		t.Errorf("exit code %d, asked for %q, %q", code, got, errs.String())
	}
	if code, _, stderr := runQueryText("-f", file+"x"); code != cli.ExitFailed || !strings.Contains(stderr, file+"x: no such file") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}
