package fuzz

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
)

var (
	computedZone = wire.MustParseName("example.")
	noon         = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
)

// computed answers for hosts that are numbered, for aliases of them, and says of other
// names that they are not there.
type computed struct{}

func (c computed) Resolve(_ context.Context, x *names.Exchange) error { return c.TryResolve(x) }

func (computed) TryResolve(x *names.Exchange) error {
	q := x.Question()
	if !q.Name.HasSuffix(computedZone) {
		return x.Reply.Raw(q.Name, wire.TypeA, wire.ClassIN, 60, []byte{192, 0, 2, 99})
	}
	address := wire.A{Addr: netip.AddrFrom4([4]byte{192, 0, 2, 1})}
	switch label := strings.ToLower(q.Name.FirstLabel()); {
	case strings.HasPrefix(label, "host") && q.Type == wire.TypeA:
		return x.Reply.Record(q.Name, wire.ClassIN, 60, &address)
	case strings.HasPrefix(label, "host"):
		return names.ErrPass // it knows of no other type
	case label == "alias" || label == "loose":
		target := wire.MustParseName("host1.example.")
		if err := x.Reply.Record(q.Name, wire.ClassIN, 60, &wire.CNAME{Target: target}); err != nil || q.Type != wire.TypeA || label == "loose" {
			return err
		}
		return x.Reply.Record(target, wire.ClassIN, 60, &address)
	case label == "dangling":
		x.RCode = wire.RCodeNXDomain
		return x.Reply.Record(q.Name, wire.ClassIN, 60, &wire.CNAME{Target: wire.MustParseName("gone.example.")})
	case label == "away":
		return x.Reply.Record(q.Name, wire.ClassIN, 60, &wire.CNAME{Target: wire.MustParseName("www.example.net.")})
	case label == "empty":
		return nil
	case label == "cut":
		x.Reply.SetSection(wire.SectionAuthority)
		return x.Reply.Record(q.Name, wire.ClassIN, 60, &wire.NS{Host: wire.MustParseName("ns.example.net.")})
	case label == "broken":
		x.RCode = wire.RCodeServFail
		return nil
	}
	x.RCode = wire.RCodeNXDomain
	return nil
}

func onlineKeys(t testing.TB) []*sign.Key {
	t.Helper()
	var keys []*sign.Key
	for _, flags := range []uint16{wire.FlagZoneKey, wire.FlagZoneKey | wire.FlagSecureEntry} {
		key, err := sign.GenerateAnother(keys, wire.AlgorithmECDSAP256SHA256, flags, 0, noon)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return keys
}

func online(t testing.TB, change func(*sign.OnlineConfig)) *sign.Online {
	t.Helper()
	config := sign.OnlineConfig{
		Zone: computedZone, Servers: []wire.Name{wire.MustParseName("ns.example.net.")}, Keys: onlineKeys(t),
		Policy: sign.Policy{CDS: true}, Now: func() time.Time { return noon },
	}
	if change != nil {
		change(&config)
	}
	o, err := sign.NewOnline(computed{}, config)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// asked lets the validator ask a resolver.
type asked struct{ names.Resolver }

func (a asked) Exchange(ctx context.Context, m *wire.Message) (*wire.Message, error) {
	query, err := m.AppendTo(nil)
	if err != nil {
		return nil, err
	}
	var x names.Exchange
	if _, err := x.Read(query, names.Peer{Transport: names.TCP}); err != nil {
		return nil, err
	}
	x.Begin(nil, 65535)
	if err := a.Resolve(ctx, &x); err != nil {
		return nil, err
	}
	return wire.ParseMessage(x.Finish())
}

// validatorOf trusts the keys of a zone.
func validatorOf(t testing.TB, o *sign.Online, now func() time.Time) *validate.Validator {
	t.Helper()
	anchors := new(validate.Anchors)
	for _, r := range namestest.Ask(t, o, "example.", wire.TypeDNSKEY).Answers {
		var key wire.DNSKEY
		if c := wire.CursorOver(r.Data); key.Parse(&c) != nil {
			t.Fatal(r)
		}
		if key.Flags&wire.FlagSecureEntry == 0 {
			continue
		}
		if err := anchors.AddDNSKEY(computedZone, &key); err != nil {
			t.Fatal(err)
		}
	}
	return validate.New(validate.Config{Fetcher: validate.FetchFrom(asked{o}), Anchors: anchors, Now: now})
}

// TestOnlineAnswersValidate: whatever is asked, the validator says that it is secure.
func TestOnlineAnswersValidate(t *testing.T) {
	o := online(t, nil)
	v := validatorOf(t, o, func() time.Time { return noon })
	long := strings.Repeat(strings.Repeat("x", 61)+".", 4)[:245] + "."
	for _, c := range []struct {
		name          string
		kind          wire.Type
		answers       int // without signatures
		isNotThere    bool
		types, lacked string // of the NSEC record
	}{
		{"host1.example.", wire.TypeA, 1, false, "", ""},
		{"HOST2.a.b.Example.", wire.TypeA, 1, false, "", ""},
		{"host1.example.", wire.TypeAAAA, 0, false, "A MX", "AAAA NXNAME CNAME NS"},
		{"host1.example.", wire.TypeDS, 0, false, "A AAAA", "DS NS SOA"},
		{"host1.example.", wire.TypeCNAME, 0, false, "A", "CNAME"},
		{"empty.example.", wire.TypeTXT, 0, false, "A", "TXT"},
		{"gone.example.", wire.TypeA, 0, true, "NXNAME RRSIG NSEC", "A AAAA"},
		{"*.example.", wire.TypeA, 0, true, "NXNAME", "A"},
		{`\000.gone.example.`, wire.TypeA, 0, true, "NXNAME", "A"},
		{long + "example.", wire.TypeA, 0, true, "NXNAME", "A"},
		{"alias.example.", wire.TypeA, 2, false, "", ""},
		{"alias.example.", wire.TypeCNAME, 1, false, "", ""},
		{"dangling.example.", wire.TypeA, 1, true, "NXNAME", "A"},
		{"example.", wire.TypeSOA, 1, false, "", ""},
		{"example.", wire.TypeNS, 1, false, "", ""},
		{"example.", wire.TypeDNSKEY, 2, false, "", ""},
		{"example.", wire.TypeCDS, 1, false, "", ""},
		{"example.", wire.TypeCDNSKEY, 1, false, "", ""},
		{"example.", wire.TypeA, 0, false, "SOA NS DNSKEY CDS AAAA", "A DS NXNAME"},
		{"host1.example.", wire.TypeNSEC, 1, false, "", ""},
	} {
		q := wire.Question{Name: wire.MustParseName(c.name), Type: c.kind, Class: wire.ClassIN}
		m, err := asked{o}.Exchange(t.Context(), validate.Query(q))
		if err != nil {
			t.Fatalf("%s %v: %v", c.name, c.kind, err)
		}
		reply, err := validate.ReplyFromMessage(m)
		if err != nil {
			t.Fatal(err)
		}
		result := v.Check(t.Context(), reply, nil)
		if result.Verdict != validate.Secure || result.NoName != c.isNotThere || m.RCode != wire.RCodeNoError || !m.Flags.Has(wire.FlagAA) {
			t.Errorf("%s %v: %+v, %v", c.name, c.kind, result, m.RCode)
		}
		answers := slices.DeleteFunc(slices.Clone(m.Answers), func(r wire.Record) bool { return r.Type == wire.TypeRRSIG })
		if len(answers) != c.answers {
			t.Errorf("%s %v: %v", c.name, c.kind, answers)
		}
		for _, r := range m.Authority {
			if r.Type == wire.TypeNSEC {
				checkTypes(t, r, c.types, c.lacked)
			}
		}
		if hasProof := len(m.Authority) == 4; hasProof != (c.types != "") {
			t.Errorf("%s %v: authority %v", c.name, c.kind, m.Authority)
		}
	}
}

func checkTypes(t *testing.T, r wire.Record, has, lacks string) {
	t.Helper()
	var nsec wire.NSEC
	if c := wire.CursorOver(r.Data); nsec.Parse(&c) != nil || nsec.Next.Compare(r.Name) <= 0 {
		t.Errorf("%v", r)
	}
	var types []string
	for kind := range nsec.Types.All() {
		types = append(types, kind.String())
	}
	for _, kind := range strings.Fields(has) {
		if !slices.Contains(types, kind) {
			t.Errorf("%v lacks %s", r, kind)
		}
	}
	for _, kind := range strings.Fields(lacks) {
		if slices.Contains(types, kind) {
			t.Errorf("%v has %s", r, kind)
		}
	}
}

// TestOnlineLeavesWhatItCannotProve: an alias alone is signed, and the client asks for
// the rest itself.
func TestOnlineLeavesWhatItCannotProve(t *testing.T) {
	o := online(t, nil)
	for _, name := range []string{"away.example.", "loose.example."} {
		if m := namestest.Ask(t, o, name, wire.TypeA, namestest.WithDO()); len(m.Answers) != 2 || len(m.Authority) != 0 {
			t.Errorf("%s: %v", name, m)
		}
	}
	if m := namestest.Ask(t, o, "www.example.net.", wire.TypeA, namestest.WithDO()); len(m.Answers) != 1 || m.Flags.Has(wire.FlagAA) {
		t.Errorf("outside the zone: %v", m)
	}
	if m := namestest.Ask(t, o, "broken.example.", wire.TypeA, namestest.WithDO()); m.RCode != wire.RCodeServFail {
		t.Errorf("%v", m)
	}
	if _, err := namestest.Try(t, o, "cut.example.", wire.TypeA, namestest.WithDO()); err == nil {
		t.Error("a referral is an answer")
	}
}

// TestOnlineRCodes: NXDOMAIN is for clients that know what it is worth, and they learn
// that it was meant for them.
func TestOnlineRCodes(t *testing.T) {
	o := online(t, nil)
	for _, c := range []struct {
		name string
		kind wire.Type
		edns wire.EDNSFlags
		want wire.RCode
	}{
		{"gone.example.", wire.TypeA, 0, wire.RCodeNXDomain},
		{"gone.example.", wire.TypeA, wire.FlagCO, wire.RCodeNXDomain},
		{"gone.example.", wire.TypeA, wire.FlagDO, wire.RCodeNoError},
		{"gone.example.", wire.TypeA, wire.FlagDO | wire.FlagCO, wire.RCodeNXDomain},
		{"host1.example.", wire.TypeNXNAME, wire.FlagDO, wire.RCodeFormErr},
		{"host1.example.", wire.TypeRRSIG, wire.FlagDO, wire.RCodeRefused},
	} {
		if m := namestest.Ask(t, o, c.name, c.kind, namestest.WithEDNS(wire.EDNS{UDPSize: 1232, Flags: c.edns})); m.RCode != c.want || m.EDNS.Flags != c.edns {
			t.Errorf("%s %v %x: %v, %x", c.name, c.kind, c.edns, m.RCode, m.EDNS.Flags)
		}
	}
}

// TestOnlineThroughTime: signatures are made again before they end, and with the keys
// that are there.
func TestOnlineThroughTime(t *testing.T) {
	now := noon
	clock := func() time.Time { return now }
	o := online(t, func(c *sign.OnlineConfig) { c.Now, c.KeptSignatures = clock, 1 })
	for day := range 60 {
		if day == 30 {
			o.SetKeys(onlineKeys(t))
		}
		v := validatorOf(t, o, clock)
		for _, name := range []string{"host1.example.", "gone.example."} {
			m, err := asked{o}.Exchange(t.Context(), validate.Query(wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}))
			if err != nil {
				t.Fatal(err)
			}
			reply, err := validate.ReplyFromMessage(m)
			if err != nil {
				t.Fatal(err)
			}
			if result := v.Check(t.Context(), reply, nil); result.Verdict != validate.Secure {
				t.Errorf("day %d: %s: %+v", day, name, result)
			}
		}
		now = now.Add(24 * time.Hour)
	}
}

func TestOnlineKeepsItsWord(t *testing.T) {
	var questions []wire.Question
	for _, name := range []string{"host1.example.", "gone.example.", "alias.example.", "dangling.example.", "example.", "www.example.net.", "empty.example."} {
		for _, kind := range []wire.Type{wire.TypeA, wire.TypeDNSKEY, wire.TypeNXNAME} {
			questions = append(questions, wire.Question{Name: wire.MustParseName(name), Type: kind, Class: wire.ClassIN})
		}
	}
	namestest.CheckResolver(t, online(t, nil), questions...)
}
