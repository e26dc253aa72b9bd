package main

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// resolve asks n at an address and returns its reply, nil for none.
func resolve(t *testing.T, n *internet, at, name string, qtype wire.Type) *wire.Message {
	t.Helper()
	q := wire.Question{Name: wire.MustParseName(name), Type: qtype, Class: wire.ClassIN}
	var x names.Exchange
	x.Read(wire.AppendQuery(nil, 1, 0, q, nil), names.Peer{Transport: names.TCP, Local: netip.AddrPortFrom(netip.MustParseAddr(at), 53)})
	x.Begin(make([]byte, 65535+wire.WriterSlack), 65535)
	switch err := n.Resolve(t.Context(), &x); err {
	case nil:
	case names.ErrDrop:
		return nil
	default:
		t.Fatalf("%s %s at %s: %v", name, qtype, at, err)
	}
	m, err := wire.ParseMessage(x.Finish())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAttacks(t *testing.T) {
	n, attacks, err := parse("attacks.txt", attacksText)
	if err != nil {
		t.Fatal(err)
	}
	met := map[string]bool{}
	for _, a := range attacks {
		if met[a.name] {
			t.Errorf("there are two attacks %q", a.name)
		}
		met[a.name] = true
		if _, err := a.ask(a.times); err != nil {
			t.Errorf("%s: %v", a.name, err)
		}
		// The root has to know the way, and not the answer.
		if m := resolve(t, n, "198.41.0.4", a.question.Name.String(), a.question.Type); m == nil || len(m.Authority) == 0 || len(m.Answers) > 0 {
			t.Errorf("%s: the root says %v", a.name, m)
		}
	}
	for _, test := range []struct {
		at, name string
		qtype    wire.Type
		rcode    wire.RCode
		answers  int
		servers  int
	}{
		{"203.0.113.53", "www.nxns.attacker.", wire.TypeA, wire.RCodeNoError, 0, 100},
		{"203.0.113.53", "www.nxns2.attacker.", wire.TypeA, wire.RCodeNoError, 0, 1500},
		{"192.0.2.53", "nx1.victim.", wire.TypeA, wire.RCodeNXDomain, 0, 0},
		{"2001:db8::53", "n1.nodata.victim.", wire.TypeA, wire.RCodeNoError, 0, 0},
		{"192.0.2.53", "www.nr.attacker.", wire.TypeA, wire.RCodeRefused, 0, 0},
		{"203.0.113.56", "x.c1.attacker.", wire.TypeA, wire.RCodeNoError, 1, 0},
		{"203.0.113.58", "a1.ping.attacker.", wire.TypeA, wire.RCodeNoError, 1, 0},
		{"198.18.0.3", "www.d.d.d.d.d.attacker.", wire.TypeA, wire.RCodeNoError, 0, 1},
		{"203.0.113.53", "list.attacker.", wire.TypeTXT, wire.RCodeNoError, 3000, 0},
	} {
		m := resolve(t, n, test.at, test.name, test.qtype)
		if m == nil || m.RCode != test.rcode || len(m.Answers) != test.answers {
			t.Errorf("%s at %s: %v, want %s and %d answers", test.name, test.at, m, test.rcode, test.answers)
			continue
		}
		servers := slices.DeleteFunc(m.Authority, func(r wire.Record) bool { return r.Type != wire.TypeNS })
		if len(servers) != test.servers {
			t.Errorf("%s at %s: %d name servers, want %d", test.name, test.at, len(servers), test.servers)
		}
	}
}

func TestCounts(t *testing.T) {
	n, _, err := parse("test", "zone a. on 192.0.2.1\n  @ NS ns\n  ns A 192.0.2.1\n")
	if err != nil {
		t.Fatal(err)
	}
	if m := resolve(t, n, "192.0.2.1", "ns.a.", wire.TypeA); m == nil || len(m.Answers) != 1 {
		t.Errorf("the answer is %v", m)
	}
	if m := resolve(t, n, "192.0.2.9", "ns.a.", wire.TypeA); m != nil {
		t.Errorf("nobody answers %v", m)
	}
	sent, hit, _ := n.count([]netip.Addr{netip.MustParseAddr("192.0.2.9")})
	if sent != 2 || hit != 1 {
		t.Errorf("%d queries, %d to the victim; want 2 and 1", sent, hit)
	}
	if log := n.queries(); strings.Count(log, "ns.a. A") != 2 {
		t.Errorf("the log is %q", log)
	}
	n.reset()
	if sent, _, _ := n.count(nil); sent != 0 {
		t.Errorf("%d queries are left", sent)
	}
}

func TestRepeat(t *testing.T) {
	for text, want := range map[string]string{
		"www.(d.)*3attacker.": "www.d.d.d.attacker.",
		"(d.)*0attacker.":     "attacker.",
		"(x)*2 (y)*1":         "xx y",
		"ns.a.":               "ns.a.",
	} {
		if got := repeat(text); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"host a.":                             `test:1: there is no command "host"`,
		"zone a.":                             "test:1: a zone is on addresses",
		"\nzone a. on 192.0.2.300\n  @ NS ns": "test:2: ParseAddr",
		"zone a. on 192.0.2.1":                "test:1: zone a. has no NS record",
		"zone a. on 192.0.2.1 for 9-1\n  @ NS ns":   "test:1: 9-1 is no range of numbers",
		"attack x\n  ask a. A times 0":              "test:1: 0: a question is asked 1 to 10000 times",
		"attack x\n  victim 192.0.2.1":              "test:1: x asks nothing",
		"attack x\n  answer a. A":                   `test:1: "answer a. A" says nothing of an attack`,
		"hold 192.0.2.1 soon":                       "test:1: time: invalid duration",
		"attack x\n  ask a. NOTYPE\n  victim 1.2.3": "test:1: ",
	} {
		_, _, err := parse("test", text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestBurst(t *testing.T) {
	for _, test := range []struct {
		answers []answer
		want    int
	}{
		{nil, 0},
		{[]answer{{0, 100}}, 100},
		{[]answer{{2 * burstTime, 50}, {burstTime, 30}, {0, 100}}, 130},
		{[]answer{{0, 10}, {burstTime + 1, 20}, {burstTime + 2, 30}, {time.Minute, 49}}, 50},
	} {
		if got := burst(test.answers); got != test.want {
			t.Errorf("burst of %v is %d, want %d", test.answers, got, test.want)
		}
	}
}

func TestTable(t *testing.T) {
	attacks := []attack{{name: "one", times: 1}, {name: "many", times: 100, victim: make([]netip.Addr, 1)}}
	results := []result{
		{Attack: "one", Server: "a", Sent: 7, Answers: map[string]int{"SERVFAIL": 1}, Took: time.Second, Asked: 1, CPU: time.Millisecond},
		{Attack: "one", Server: "a", Sent: 9, Answers: map[string]int{"NOERROR": 1}, Took: 2 * time.Second, Asked: 1, CPU: 2 * time.Millisecond},
		{Attack: "many", Server: "b", Sent: 150, Hit: 20, Asked: 100, CPU: time.Millisecond, Answers: map[string]int{"NOERROR": 99, "lost": 1}, Burst: 512},
	}
	var b strings.Builder
	writeTable(&b, []string{"a", "b"}, attacks, results)
	want := `| attack | a | b |
|---|---|---|
| one | 9 | - |
| many | - | 1.50 / 0.20 |

Microseconds of processor time per question:

| attack | a | b |
|---|---|---|
| one | 1000 | - |
| many | - | 10 |

| attack | server | answers | seconds | octets of answers within 50ms |
|---|---|---|---|---|
| one | a | 1 NOERROR, 1 SERVFAIL | 2.0 | 0 |
| many | b | 1 lost, 99 NOERROR | 0.0 | 512 |
`
	if b.String() != want {
		t.Errorf("the table is\n%swant\n%s", b.String(), want)
	}
}

// TestSignedAttacks: the root's servers know the way to each zone, and what they say
// is signed.
func TestSignedAttacks(t *testing.T) {
	n, attacks, err := parse("signed.txt", signedText)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range attacks {
		q, err := a.ask(1)
		if err != nil {
			t.Fatal(err)
		}
		if m := resolve(t, n, "198.41.0.4", q.Name.String(), q.Type); m == nil || len(m.Authority) == 0 || len(m.Answers) > 0 {
			t.Errorf("%s: the root says %v", a.name, m)
		}
	}
	for _, c := range []struct {
		at, name string
		qtype    wire.Type
		count    int
	}{
		{"198.41.0.4", "retrap.", wire.TypeDS, 200},
		{"203.0.113.1", "keytrap.", wire.TypeDNSKEY, 101},
		{"203.0.113.3", "retrap.", wire.TypeDNSKEY, 201},
		{"203.0.113.2", "w.signatures.", wire.TypeRRSIG, 151},
	} {
		if m := resolve(t, n, c.at, c.name, c.qtype); m == nil || len(m.Answers) != c.count {
			t.Errorf("%s %v has not %d records", c.name, c.qtype, c.count)
		}
	}
	if _, _, err := parse("t", "zone x. on 192.0.2.1 signed twice\n  @ NS ns\n"); err == nil {
		t.Error("a way to sign that does not exist")
	}
}
