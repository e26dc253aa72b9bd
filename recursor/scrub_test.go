package recursor

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// newReply returns the reply to a question for www.example.com with records as
// lines of text, and so that question.
func newReply(t testing.TB, kind wire.Type, rcode wire.RCode, answers, authority, additional []string) (*upstream.Reply, wire.Question) {
	t.Helper()
	q := wire.Question{Name: wire.MustParseName("www.example.com."), Type: kind, Class: wire.ClassIN}
	m := &wire.Message{
		Flags: wire.FlagQR | wire.FlagRA, RCode: rcode, Questions: []wire.Question{q}, EDNS: &wire.EDNS{},
		Answers: upstreamtest.Records(q.Name, answers...), Authority: upstreamtest.Records(q.Name, authority...),
		Additional: upstreamtest.Records(q.Name, additional...),
	}
	b, err := m.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &upstream.Reply{Message: b, RCode: rcode}, q
}

// text returns records as lines: owner, type and data.
func text(records []wire.Record) string {
	var lines []string
	for _, r := range records {
		words := strings.Fields(r.String())
		lines = append(lines, strings.Join(append(words[:1:1], words[3:]...), " "))
	}
	return strings.Join(lines, "\n")
}

const (
	soa     = "example.com. SOA ns.example.com. root.example.com. 1 2 3 4 5"
	sigTail = " 13 3 300 20300101000000 20200101000000 4711 example.com. AAAA"
	sigA    = "@ RRSIG A" + sigTail
	nsec    = "example.com. NSEC zzz.example.com. NS SOA"
)

// longTarget is too long a target for a DNAME record at example.com.
var longTarget = strings.Repeat(strings.Repeat("a", 62)+".", 4)

// The records that belong are passed on, in their order, and no others.
func TestScrub(t *testing.T) {
	for name, c := range map[string]struct {
		kind                           wire.Type
		rcode                          wire.RCode
		do                             bool
		answers, authority, additional []string
		want, wantAuthority            []string
	}{
		"answer": {
			kind: wire.TypeA, answers: []string{"@ A 192.0.2.1", "@ A 192.0.2.2"},
			authority: []string{"example.com. NS ns.example.com.", soa}, additional: []string{"ns.example.com. A 192.0.2.53"},
			want: []string{"@ A 192.0.2.1", "@ A 192.0.2.2"},
		},
		"other names and types": {
			kind: wire.TypeA, answers: []string{"www.example.net. A 192.0.2.1", "@ AAAA ::1", "@ A 192.0.2.2", "example.com. A 192.0.2.3", "a.www.example.com. A 192.0.2.4"},
			want: []string{"@ A 192.0.2.2"},
		},
		"chain of aliases": {
			kind: wire.TypeA, answers: []string{"@ CNAME a.example.", "a.example. CNAME b.example.", "b.example. A 192.0.2.1", "www.example.com. A 192.0.2.66", "a.example. A 192.0.2.66"},
			want: []string{"@ CNAME a.example.", "a.example. CNAME b.example.", "b.example. A 192.0.2.1"},
		},
		"chain out of order": {
			kind: wire.TypeA, answers: []string{"a.example. A 192.0.2.1", "@ CNAME a.example."},
			want: []string{"@ CNAME a.example."},
		},
		"a second alias": {
			kind: wire.TypeA, answers: []string{"@ CNAME a.example.", "@ CNAME b.example.", "b.example. A 192.0.2.66", "a.example. A 192.0.2.1"},
			want: []string{"@ CNAME a.example.", "a.example. A 192.0.2.1"},
		},
		"loop": {
			kind: wire.TypeA, answers: []string{"@ CNAME a.example.", "a.example. CNAME www.example.com."},
			want: []string{"@ CNAME a.example.", "a.example. CNAME www.example.com."},
		},
		"alias asked for": {
			kind: wire.TypeCNAME, answers: []string{"@ CNAME a.example.", "a.example. CNAME b.example."},
			want: []string{"@ CNAME a.example."},
		},
		"DNAME": {
			kind: wire.TypeA, answers: []string{"example.com. DNAME example.net.", "@ CNAME www.example.net.", "www.example.net. A 192.0.2.1"},
			want: []string{"example.com. DNAME example.net.", "@ CNAME www.example.net.", "www.example.net. A 192.0.2.1"},
		},
		"DNAME, the alias in another case": {
			kind: wire.TypeA, answers: []string{"example.com. DNAME example.net.", "@ CNAME wWw.example.net.", "wWw.example.net. A 192.0.2.1"},
			want: []string{"example.com. DNAME example.net.", "@ CNAME www.example.net.", "wWw.example.net. A 192.0.2.1"},
		},
		"DNAME elsewhere": {
			kind: wire.TypeA, answers: []string{"example.org. DNAME example.net.", "@ DNAME example.net.", "a.www.example.com. DNAME example.net.", "@ A 192.0.2.1"},
			want: []string{"@ A 192.0.2.1"},
		},
		"DNAME asked for": {
			kind: wire.TypeDNAME, answers: []string{"@ DNAME example.net."},
			want: []string{"@ DNAME example.net."},
		},
		"everything asked for": {
			kind: wire.TypeANY, answers: []string{"@ A 192.0.2.1", "@ MX 10 mx.example.", "@ CNAME a.example.", "a.example. A 192.0.2.2"},
			want: []string{"@ A 192.0.2.1", "@ MX 10 mx.example.", "@ CNAME a.example."},
		},
		"no such name": {
			kind: wire.TypeA, rcode: wire.RCodeNXDomain, authority: []string{"com. NS a.gtld-servers.net.", soa, "com. SOA a. b. 1 2 3 4 5"},
			additional: []string{"a.gtld-servers.net. A 192.0.2.66"}, wantAuthority: []string{soa},
		},
		"no such name at the end of an alias": {
			kind: wire.TypeA, rcode: wire.RCodeNXDomain, answers: []string{"@ CNAME a.example.net."}, authority: []string{soa, "example.net. SOA a. b. 1 2 3 4 5"},
			want: []string{"@ CNAME a.example.net."}, wantAuthority: []string{"example.net. SOA a. b. 1 2 3 4 5"},
		},
		"no data": {
			kind: wire.TypeAAAA, authority: []string{soa}, wantAuthority: []string{soa},
		},
		"no data and no SOA":  {kind: wire.TypeAAAA},
		"SOA of another zone": {kind: wire.TypeAAAA, authority: []string{"example.net. SOA a. b. 1 2 3 4 5", "a.www.example.com. SOA a. b. 1 2 3 4 5"}},
		"too long for a DNAME": {
			kind: wire.TypeA, rcode: wire.RCodeYXDomain, answers: []string{"example.com. DNAME " + longTarget},
			want: []string{"example.com. DNAME " + longTarget},
		},
		"signatures not wanted": {kind: wire.TypeA, answers: []string{"@ A 192.0.2.1", sigA}, authority: []string{nsec}, want: []string{"@ A 192.0.2.1"}},
		"signed answer": {
			kind: wire.TypeA, do: true, answers: []string{"@ A 192.0.2.1", sigA, "@ RRSIG TXT" + sigTail, "other.example.com. RRSIG A" + sigTail},
			authority: []string{nsec, "example.com. RRSIG NSEC" + sigTail, "example.net. NSEC a.example.net. NS", "example.com. RRSIG NS" + sigTail},
			want:      []string{"@ A 192.0.2.1", sigA}, wantAuthority: []string{nsec, "example.com. RRSIG NSEC" + sigTail},
		},
		"signature of another zone": {
			kind: wire.TypeA, do: true, answers: []string{"@ A 192.0.2.1", strings.Replace(sigA, "example.com", "example.net", 1)},
			authority: []string{"example.net. NSEC a.example.net. NS"}, want: []string{"@ A 192.0.2.1"},
		},
		"signed denial": {
			kind: wire.TypeAAAA, do: true, authority: []string{soa, "example.com. RRSIG SOA" + sigTail, nsec, "example.com. RRSIG NSEC" + sigTail, "example.com. NS ns.example.com."},
			wantAuthority: []string{soa, "example.com. RRSIG SOA" + sigTail, nsec, "example.com. RRSIG NSEC" + sigTail},
		},
		"signatures asked for": {
			kind: wire.TypeRRSIG, answers: []string{sigA, "@ RRSIG TXT" + sigTail}, want: []string{sigA, "@ RRSIG TXT" + sigTail},
		},
	} {
		t.Run(name, func(t *testing.T) {
			reply, q := newReply(t, c.kind, c.rcode, c.answers, c.authority, c.additional)
			a, err := new(scrubber).scrub(reply, q, c.do)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := text(a.answers), text(upstreamtest.Records(q.Name, c.want...)); got != want {
				t.Errorf("answers\n%s\nwant\n%s", got, want)
			}
			if got, want := text(a.authority), text(upstreamtest.Records(q.Name, c.wantAuthority...)); got != want {
				t.Errorf("authority\n%s\nwant\n%s", got, want)
			}
			for i := range reply.Message { // nothing in the answer points there
				reply.Message[i] = 0xAA
			}
			if got, want := text(a.answers), text(upstreamtest.Records(q.Name, c.want...)); got != want {
				t.Errorf("the answer shares memory with the reply")
			}
		})
	}
}

// TestScrubDropsDuplicates: each record is passed on once, however many there
// are (RFC 2181 5); of the signatures of an RRset so many that it shows if there are
// too many.
func TestScrubDropsDuplicates(t *testing.T) {
	for _, count := range []int{1, 2, fewRecords - 1, fewRecords, fewRecords + 1, 200} {
		var answers []string
		for range 3 {
			for i := range count {
				answers = append(answers, fmt.Sprintf("@ A 192.0.2.%d", i), fmt.Sprintf("@ RRSIG A 13 3 %d 20300101000000 20200101000000 4711 example.com. AAAA", i))
			}
		}
		reply, q := newReply(t, wire.TypeA, 0, answers, nil, nil)
		a, err := new(scrubber).scrub(reply, q, true)
		if err != nil {
			t.Fatal(err)
		}
		var wanted []string
		for i, line := range answers[:2*count] {
			if i%2 == 0 || i/2 < maxSignatures {
				wanted = append(wanted, line)
			}
		}
		if got, want := text(a.answers), text(upstreamtest.Records(q.Name, wanted...)); got != want {
			t.Errorf("%d records three times: got\n%s", count, got)
		}
	}
}

// TestScrubMalformed: records whose data is not valid for their type are dropped;
// an answer that has no others is none.
func TestScrubMalformed(t *testing.T) {
	bad := func(name string, kind wire.Type, data string) wire.Record {
		return wire.Record{Name: wire.MustParseName(name), Type: kind, Class: wire.ClassIN, TTL: 300, Data: []byte(data)}
	}
	q := wire.Question{Name: wire.MustParseName("www.example.com."), Type: wire.TypeA, Class: wire.ClassIN}
	good := upstreamtest.Records(q.Name, "@ A 192.0.2.1")[0]
	alias := upstreamtest.Records(q.Name, "@ CNAME a.example.com.")[0]
	for name, c := range map[string]struct {
		kind               wire.Type
		answers, authority []wire.Record
		want               string
		err                error
	}{
		"too short":           {wire.TypeA, []wire.Record{bad("www.example.com.", wire.TypeA, "abc"), good}, nil, "www.example.com. A 192.0.2.1", nil},
		"too long":            {wire.TypeA, []wire.Record{good, bad("www.example.com.", wire.TypeA, "abcde")}, nil, "www.example.com. A 192.0.2.1", nil},
		"nothing else":        {wire.TypeA, []wire.Record{bad("www.example.com.", wire.TypeA, "abcde")}, nil, "", errMalformed},
		"nothing else of any": {wire.TypeANY, []wire.Record{bad("www.example.com.", wire.TypeMX, "x")}, nil, "", errMalformed},
		"of any":              {wire.TypeANY, []wire.Record{bad("www.example.com.", wire.TypeMX, "x"), good}, nil, "www.example.com. A 192.0.2.1", nil},
		"of another name":     {wire.TypeA, []wire.Record{bad("a.example.com.", wire.TypeA, "x")}, nil, "", nil},
		"alias":               {wire.TypeA, []wire.Record{bad("www.example.com.", wire.TypeCNAME, "\x03w")}, nil, "", errMalformed},
		"DNAME":               {wire.TypeA, []wire.Record{bad("example.com.", wire.TypeDNAME, "\x03w")}, nil, "", errMalformed},
		"DNAME and alias":     {wire.TypeA, []wire.Record{bad("example.com.", wire.TypeDNAME, "\x03w"), alias}, nil, "www.example.com. CNAME a.example.com.", nil},
		"after an alias":      {wire.TypeA, []wire.Record{alias, bad("a.example.com.", wire.TypeA, "x")}, nil, "", errMalformed},
		"before an alias":     {wire.TypeA, []wire.Record{bad("www.example.com.", wire.TypeA, "x"), alias}, nil, "www.example.com. CNAME a.example.com.", nil},
		"signature":           {wire.TypeA, []wire.Record{good, bad("www.example.com.", wire.TypeRRSIG, "\x00\x01")}, nil, "www.example.com. A 192.0.2.1", nil},
		"SOA":                 {wire.TypeA, nil, []wire.Record{bad("example.com.", wire.TypeSOA, "x")}, "", nil},
		"service binding": {wire.TypeHTTPS, []wire.Record{bad("www.example.com.", wire.TypeHTTPS, "\x00\x01\x00\x00\x03\x00\x02\x01\xbb\x00\x01\x00\x03\x02h2")},
			nil, "", errMalformed}, // keys out of order
	} {
		t.Run(name, func(t *testing.T) {
			q.Type = c.kind
			m := &wire.Message{Flags: wire.FlagQR | wire.FlagRA, Questions: []wire.Question{q}, EDNS: &wire.EDNS{}, Answers: c.answers, Authority: c.authority}
			b, err := m.AppendTo(nil)
			if err != nil {
				t.Fatal(err)
			}
			a, err := new(scrubber).scrub(&upstream.Reply{Message: b}, q, true)
			if err != c.err {
				t.Fatalf("got error %v, want %v", err, c.err)
			}
			if err == nil && (text(a.answers) != c.want || len(a.authority) > 0) {
				t.Errorf("got\n%s\nand\n%s", text(a.answers), text(a.authority))
			}
		})
	}
}

func TestScrubRefuses(t *testing.T) {
	var chain, many []string
	for i := range maxLinks + 1 {
		chain = append(chain, fmt.Sprintf("a%d.example. CNAME a%d.example.", i, i+1))
	}
	chain[0] = "@ CNAME a1.example."
	for i := range maxRecords + 1 {
		many = append(many, fmt.Sprintf("@ A 10.0.%d.%d", i/256, i%256))
	}
	for name, c := range map[string]struct {
		rcode              wire.RCode
		answers, authority []string
		want               error
	}{
		"referral":                        {authority: []string{"com. NS a.gtld-servers.net."}, want: errReferral},
		"chain":                           {answers: chain, want: errChain},
		"many":                            {answers: many, want: errManyRecords},
		"substitution":                    {answers: []string{"example.com. DNAME example.net.", "@ CNAME www.example.org."}, want: errSubstitution},
		"YXDOMAIN with records":           {rcode: wire.RCodeYXDomain, answers: []string{"@ A 192.0.2.1"}, want: errNotTooLong},
		"YXDOMAIN with nothing":           {rcode: wire.RCodeYXDomain, want: errNotTooLong},
		"YXDOMAIN with a DNAME that fits": {rcode: wire.RCodeYXDomain, answers: []string{"example.com. DNAME example.net."}, want: errNotTooLong},
		"NXDOMAIN with records":           {rcode: wire.RCodeNXDomain, answers: []string{"@ A 192.0.2.1"}, want: errContradiction},
	} {
		reply, q := newReply(t, wire.TypeA, c.rcode, c.answers, c.authority, nil)
		if _, err := new(scrubber).scrub(reply, q, true); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		authority []string
		want      error
	}{
		"DS, and the child's referral":              {[]string{"@ NS ns.example.com."}, nil},
		"DS, and a referral to a zone in between":   {[]string{"example.com. NS ns.example.com."}, errReferral},
		"DS, and a referral to the zones above all": {[]string{". NS a.root-servers.net."}, errReferral},
	} {
		reply, q := newReply(t, wire.TypeDS, 0, nil, c.authority, nil)
		if a, err := new(scrubber).scrub(reply, q, true); err != c.want || err == nil && (a.rcode != 0 || len(a.answers)+len(a.authority) != 0) {
			t.Errorf("%s: got %+v, %v", name, a, err)
		}
	}
	reply, q := newReply(t, wire.TypeDS, 0, nil, []string{"@ NS ns.example.com.", "@ DS 1 8 250 00", "@ RRSIG DS" + sigTail, "a.www.example.com. DS 2 8 250 00"}, nil)
	if a, err := new(scrubber).scrub(reply, q, true); err != nil || text(a.answers) != text(upstreamtest.Records(q.Name, "@ DS 1 8 250 00", "@ RRSIG DS"+sigTail)) {
		t.Errorf("the DS records of a referral: got %+v, %v", a, err)
	}
	if reply, q := newReply(t, wire.TypeA, 0, chain[:maxLinks], nil, nil); true {
		if _, err := new(scrubber).scrub(reply, q, false); err != nil {
			t.Errorf("%d aliases: %v", maxLinks, err)
		}
	}
}

// RFC 2181 8: a TTL with the highest bit set is 0.
func TestScrubTTL(t *testing.T) {
	reply, q := newReply(t, wire.TypeA, 0, []string{"@ A 192.0.2.1"}, nil, nil)
	at := strings.Index(string(reply.Message), string([]byte{0, 0, 1, 0x2C}))
	for octet, want := range map[byte]uint32{0x80: 0, 0x7F: 0x7F00012C} {
		reply.Message[at] = octet
		a, err := new(scrubber).scrub(reply, q, false)
		if err != nil || a.answers[0].TTL != want {
			t.Errorf("%#x: TTL %d, error %v", octet, a.answers[0].TTL, err)
		}
	}
}

// Each prefix of a reply is an error, and the whole is not.
func TestScrubPrefixes(t *testing.T) {
	reply, q := newReply(t, wire.TypeA, 0, []string{"@ CNAME a.example.", "a.example. A 192.0.2.1"}, []string{soa}, nil)
	whole := len(reply.Message) - 11 // the OPT record after it was read before
	for n := range len(reply.Message) + 1 {
		_, err := new(scrubber).scrub(&upstream.Reply{Message: reply.Message[:n:n]}, q, true)
		if (err == nil) != (n >= whole) {
			t.Errorf("%d of %d octets: %v", n, whole, err)
		}
	}
}

func TestExtendedErrorIsPassedOn(t *testing.T) {
	long := strings.Repeat("é", 100)
	for _, c := range []struct{ sent, want string }{
		{"filtered", "filtered"},
		{"", ""},
		{long, long[:names.MaxExtendedText]},
		{"x" + long, ("x" + long)[:names.MaxExtendedText-1]},
		{"\xff\xfe", ""},
	} {
		var o wire.Options
		o = o.AppendOption(wire.OptionNSID, []byte("x")).AppendOption(wire.OptionExtendedError, append([]byte{0, 17}, c.sent...))
		if e := extendedError(o); e == nil || e.Code != wire.ExtendedErrorFiltered || e.Text != c.want {
			t.Errorf("%q: got %+v", c.sent, e)
		}
	}
	if e := extendedError(wire.Options(nil).AppendOption(wire.OptionExtendedError, []byte{1})); e != nil {
		t.Errorf("an option cut short gave %+v", e)
	}
}

// newExchange returns an exchange that asks q.
func newExchange(q wire.Question, edns *wire.EDNS, limit int) *names.Exchange {
	x := &names.Exchange{}
	x.Read(wire.AppendQuery(nil, 4711, wire.FlagRD, q, edns), names.Peer{})
	x.Begin(make([]byte, 0, limit+wire.WriterSlack), limit)
	return x
}

// Whatever a server sends, what would be sent on can be read and holds only
// what belongs: names on the chain from the question, and the zones above them.
func FuzzScrub(f *testing.F) {
	for _, answers := range [][]string{
		{"@ A 192.0.2.1", sigA},
		{"@ CNAME a.example.", "a.example. CNAME b.example.", "b.example. A 192.0.2.1"},
		{"example.com. DNAME example.net.", "@ CNAME www.example.net.", "www.example.net. A 192.0.2.1"},
	} {
		reply, _ := newReply(f, wire.TypeA, 0, answers, []string{soa, nsec, "example.com. RRSIG NSEC" + sigTail}, nil)
		f.Add(reply.Message[2:], uint16(wire.TypeA), true)
	}
	reply, _ := newReply(f, wire.TypeAAAA, wire.RCodeNXDomain, nil, []string{soa, nsec}, nil)
	f.Add(reply.Message[2:], uint16(wire.TypeAAAA), true)
	f.Fuzz(func(t *testing.T, rest []byte, kind uint16, do bool) {
		q := wire.Question{Name: wire.MustParseName("www.example.com."), Type: wire.Type(kind), Class: wire.ClassIN}
		var parsed wire.Query
		if parsed.Parse(append([]byte{0, 0}, rest...)) != nil {
			return // the server's reply is not matched at all
		}
		r := &upstream.Reply{Message: parsed.Message, RCode: parsed.Header.Flags.RCode(), Options: parsed.EDNS.Options}
		if !isAnswer(r.RCode) {
			return
		}
		a, err := new(scrubber).scrub(r, q, do)
		if err != nil {
			return
		}
		x := newExchange(q, &wire.EDNS{Flags: wire.FlagDO}, 65535)
		if err := a.write(x); err != nil {
			if !errors.Is(err, wire.ErrNoSpace) {
				t.Fatal(err)
			}
			return
		}
		m, err := wire.ParseMessage(x.Finish())
		if err != nil {
			t.Fatalf("what we would send cannot be read: %v", err)
		}
		chain := []wire.Name{q.Name}
		for _, r := range m.Answers {
			belongs := false
			for _, n := range chain {
				belongs = belongs || n.Equal(r.Name) || r.Type == wire.TypeDNAME && n.HasSuffix(r.Name) || r.Type == wire.TypeRRSIG && n.HasSuffix(r.Name)
			}
			if !belongs || r.Class != wire.ClassIN {
				t.Fatalf("%v does not belong to the answer:\n%v", r, m)
			}
			if r.Type == wire.TypeCNAME {
				d, err := r.Rdata()
				if err != nil {
					t.Fatal(err)
				}
				chain = append(chain, d.(*wire.CNAME).Target)
			}
		}
		for _, r := range m.Authority {
			switch r.Type {
			case wire.TypeSOA:
				if !chain[len(chain)-1].HasSuffix(r.Name) {
					t.Fatalf("%v is of another zone:\n%v", r, m)
				}
			case wire.TypeNSEC, wire.TypeNSEC3, wire.TypeRRSIG:
				if !do {
					t.Fatalf("%v was not wanted", r)
				}
			default:
				t.Fatalf("%v does not belong there", r)
			}
		}
		if len(m.Additional) != 0 {
			t.Fatalf("additional records: %v", m.Additional)
		}
	})
}

// The most work a reply can make: as many records as fit, each with a long
// name that is compressed anew.
func BenchmarkScrubWorst(b *testing.B) {
	target := strings.Repeat("a.", 110)
	var lines []string
	for i := range 250 {
		lines = append(lines, fmt.Sprintf("@ MX %d %sexample.", i, strings.Replace(target, "a", fmt.Sprintf("x%d", i), 1)))
	}
	reply, q := newReply(b, wire.TypeMX, 0, lines, nil, nil)
	x := newExchange(q, nil, 65535)
	b.SetBytes(int64(len(reply.Message)))
	for b.Loop() {
		a, err := new(scrubber).scrub(reply, q, false)
		if err != nil {
			b.Fatal(err)
		}
		x.Restart()
		if err := a.write(x); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScrub(b *testing.B) {
	reply, q := newReply(b, wire.TypeA, 0, []string{"@ CNAME a.example.", "a.example. A 192.0.2.1", "a.example. A 192.0.2.2"}, nil, nil)
	x := newExchange(q, nil, 512)
	b.ReportAllocs()
	for b.Loop() {
		a, err := new(scrubber).scrub(reply, q, false)
		if err != nil {
			b.Fatal(err)
		}
		x.Restart()
		if err := a.write(x); err != nil {
			b.Fatal(err)
		}
	}
}
