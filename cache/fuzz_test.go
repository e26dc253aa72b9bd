package cache

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// FuzzPut keeps whatever a server may send, and asks for it: what comes out must
// be what went in, the TTLs no higher.
func FuzzPut(f *testing.F) {
	for _, a := range []answer{
		{answers: []string{"a.test. 300 A 192.0.2.1", "a.test. 200 A 192.0.2.2"}},
		{answers: []string{"a.test. 300 CNAME b.test.", "b.test. 100 A 192.0.2.1"}, authority: []string{"test. 300 NS ns.test."}, additional: []string{"ns.test. 300 AAAA 2001:db8::1"}},
		{rcode: wire.RCodeNXDomain, authority: []string{"test. 300 SOA n.test. m.test. 1 2 3 4 200"}},
		{answers: []string{"test. 300 DNAME example.", "a.test. 300 CNAME a.example."}, authority: []string{"example. 300 SOA n.test. m.test. 1 2 3 4 200"}},
		{answers: []string{"a.test. 2147483648 A 192.0.2.1", "a.test. 1 MX 10 mail.a.test."}},
		{answers: []string{"a.test. 300 TYPE65280 \\# 3 c00c00", "A.TEST. 300 A 192.0.2.1"}},
	} {
		for _, do := range []bool{false, true} {
			x := ask{name: "a.test.", do: do}.exchange(f)
			if err := a.to(x); err != nil {
				f.Fatal(err)
			}
			f.Add(bytes.Clone(x.Finish()))
		}
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		c := newCache(t, Config{Size: 64 << 10, Shards: 1, MaxTTL: maxTTL * 1e9, MaxNegativeTTL: maxTTL * 1e9})
		before := bytes.Clone(packet)
		err := c.Put(packet)
		if !bytes.Equal(packet, before) {
			t.Fatal("the reply was written to")
		}
		if err != nil {
			if packetErr := (*wire.Error)(nil); !errors.Is(err, ErrNotKept) && !errors.As(err, &packetErr) {
				t.Fatalf("neither kept nor told why: %v", err)
			}
			return
		}
		sent, err := wire.ParseMessage(packet)
		if err != nil {
			t.Fatalf("kept what cannot be read: %v", err)
		}
		x := askAgain(t, sent)
		if !c.Get(x) {
			t.Fatal("not found")
		}
		got, err := wire.ParseMessage(x.Finish())
		if err != nil {
			t.Fatalf("what was kept cannot be read: %v", err)
		}
		if got.RCode != sent.RCode {
			t.Fatalf("RCODE %v, not %v", got.RCode, sent.RCode)
		}
		for section := wire.SectionAnswer; section <= wire.SectionAdditional; section++ {
			compareRecords(t, section, sent.Section(section), got.Section(section))
		}
	})
}

// askAgain is the query that sent answers.
func askAgain(t *testing.T, sent *wire.Message) *names.Exchange {
	var edns *wire.EDNS
	if sent.EDNS != nil {
		edns = &wire.EDNS{UDPSize: 1232, Flags: sent.EDNS.Flags}
	}
	query := wire.AppendQuery(nil, 1, sent.Flags&(wire.FlagRD|wire.FlagCD|wire.FlagAD), sent.Questions[0], edns)
	x := &names.Exchange{}
	if rcode, err := x.Read(query, names.Peer{}); rcode != wire.RCodeNoError || err != nil {
		t.Fatal(rcode, err)
	}
	x.Begin(nil, 65535)
	return x
}

func compareRecords(t *testing.T, section wire.Section, sent, got []wire.Record) {
	if len(sent) != len(got) {
		t.Fatalf("%s section: %d records, not %d", section, len(got), len(sent))
	}
	for i, r := range sent {
		g := got[i]
		if !g.Name.Equal(r.Name) || g.Type != r.Type || g.Class != r.Class || g.TTL > clampWire(r.TTL) || g.TTL == 0 {
			t.Fatalf("%s section: %v, not %v", section, g, r)
		}
		// Names take the case they have in the question.
		if !bytes.Equal(wire.AppendCanonicalRdata(nil, g.Type, g.Data), wire.AppendCanonicalRdata(nil, r.Type, r.Data)) {
			t.Fatalf("%s section: %v, not %v", section, g, r)
		}
	}
}

// FuzzKeepPart keeps whatever a recursor may have been told, and looks for it.
func FuzzKeepPart(f *testing.F) {
	for q, a := range map[string]answer{
		"a.test. A":     {flags: wire.FlagAA, answers: []string{"a.test. 300 A 192.0.2.1", "a.test. 200 A 192.0.2.2", "a.test. 300 TYPE46 \\# 20 00010803000001f40000000000000000000100aa"}},
		"a.test. CNAME": {answers: []string{"test. 300 DNAME example.", "a.test. 300 CNAME a.example."}},
		"b.test. A":     {rcode: wire.RCodeNXDomain, authority: []string{"test. 300 SOA n.test. m.test. 1 2 3 4 200"}},
		"a.test. NS":    {authority: []string{"a.test. 300 NS ns.a.test."}, additional: []string{"ns.a.test. 300 AAAA 2001:db8::1"}},
	} {
		f.Add(a.message(f, q), false)
		f.Add(a.message(f, q), true)
	}
	f.Fuzz(func(t *testing.T, packet []byte, isDelegation bool) {
		c := newCache(t, Config{Size: 64 << 10, Shards: 1, MaxTTL: maxTTL * 1e9, MaxNegativeTTL: maxTTL * 1e9})
		part := PartAnswer
		if isDelegation {
			part = PartDelegation
		}
		before := bytes.Clone(packet)
		err := c.KeepPart(part, packet, Unchecked)
		if !bytes.Equal(packet, before) {
			t.Fatal("the message was written to")
		}
		if err != nil {
			if packetErr := (*wire.Error)(nil); !errors.Is(err, ErrNotKept) && !errors.As(err, &packetErr) {
				t.Fatalf("neither kept nor told why: %v", err)
			}
			return
		}
		sent, err := wire.ParseMessage(packet)
		if err != nil {
			t.Fatalf("kept what cannot be read: %v", err)
		}
		found, _, ok := c.FindPart(part, sent.Questions[0], nil)
		if !ok {
			t.Fatal("not found")
		}
		got, err := wire.ParseMessage(found)
		if err != nil {
			t.Fatalf("what was kept cannot be read: %v", err)
		}
		if got.RCode != sent.RCode || got.Flags&^0xF != wire.FlagQR|sent.Flags&wire.FlagAA {
			t.Fatalf("%v, flags %v", got.RCode, got.Flags)
		}
		for section := wire.SectionAnswer; section <= wire.SectionAdditional; section++ {
			compareRecords(t, section, sent.Section(section), got.Section(section))
		}
		if c.Get(askAgain(t, sent)) {
			t.Fatal("a client is given a part")
		}
		if _, _, _, ok := c.FindDelegation(sent.Questions[0].Name, sent.Questions[0].Class, nil); ok != isDelegation {
			t.Fatalf("a delegation is found: %v", ok)
		}
	})
}

// FuzzLoad loads whatever a file may hold. sealed says that data is a block, to
// which head, checksums and end are added.
func FuzzLoad(f *testing.F) {
	message := answer{answers: []string{"a.test. 300 A 192.0.2.1"}}.message(f, "a.test. A")
	gone := answer{rcode: wire.RCodeNXDomain, authority: []string{soa}}.message(f, "gone.test. A")
	zone := answer{authority: []string{"test. 300 NS ns.test."}}.message(f, "test. NS")
	never := time.Unix(1<<40, 0)
	entries := [][]byte{entryOf(0, 0, 300, never, message), entryOf(variantDO|variantCD, 3, 10, never, gone),
		entryOf(variantAnswer, 1, maxTTL, never, gone), entryOf(variantDelegation, 2, 0, never, zone)}
	f.Add(dumpOf(entries...), false)
	f.Add(bytes.Join(entries, nil), true)
	for _, e := range entries {
		f.Add(e, true)
	}
	f.Fuzz(func(t *testing.T, data []byte, sealed bool) {
		if sealed {
			data = dumpOf(data)
		}
		c := newCache(t, Config{Size: 128 << 10, Shards: 1, ServeStale: 1 << 62})
		n, err := c.Load(bytes.NewReader(data), "here")
		if where := (*LoadError)(nil); err != nil && err != ErrOtherSource && !(errors.As(err, &where) && where.Offset >= 0 && where.Offset <= int64(len(data))) {
			t.Fatalf("not told where: %v", err)
		}
		if n < 0 || c.Stats().Entries > int64(n) {
			t.Fatalf("%d entries are loaded, %d are there", n, c.Stats().Entries)
		}
		checkIndex(t, c)
		// What was loaded is sound: it can be saved, and loaded again.
		again := newCache(t, Config{Size: 128 << 10, Shards: 1, ServeStale: 1 << 62})
		dump := saved(t, c)
		if m, err := again.Load(bytes.NewReader(dump), "here"); err != nil || m > n {
			t.Fatalf("%d entries are loaded, of these %d again: %v", n, m, err)
		}
	})
}
