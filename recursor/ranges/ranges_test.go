package ranges

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// signed returns the signed zone of these records, given as "owner TYPE data".
func signed(t testing.TB, apex string, o signedtree.Options, lines ...string) *signedtree.Zone {
	t.Helper()
	name := wire.MustParseName(apex)
	key, err := signedtree.Key(name, "key", wire.AlgorithmED25519, wire.FlagZoneKey|wire.FlagSecureEntry)
	if err != nil {
		t.Fatal(err)
	}
	o.Keys = []*dnssec.SigningKey{key}
	var records []wire.Record
	for _, line := range append([]string{apex + " SOA ns.test. h.test. 1 2 3 4 300", apex + " NS ns.test."}, lines...) {
		words := strings.Fields(line)
		typ, err := wire.ParseType(words[1])
		if err != nil {
			t.Fatal(err)
		}
		var text []wire.Word
		for _, w := range words[2:] {
			text = append(text, wire.Word{Text: []byte(w)})
		}
		data, err := wire.AppendRdataFromText(nil, typ, text, wire.Root)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		records = append(records, wire.Record{Name: wire.MustParseName(words[0]), Type: typ, Class: wire.ClassIN, TTL: 600, Data: data})
	}
	all, err := signedtree.Sign(name, records, o)
	if err != nil {
		t.Fatal(err)
	}
	return &signedtree.Zone{Apex: name, Records: all}
}

// addAll adds what of a zone which wants.
func addAll(s *Store, z *signedtree.Zone, which func(wire.Record) bool) {
	for _, kind := range []wire.Type{wire.TypeSOA, wire.TypeNSEC, wire.TypeNSEC3} {
		for _, r := range z.Records {
			if r.Type == kind && which(r) {
				s.Add(z.Apex, &Set{Owner: r.Name, Type: r.Type, TTL: r.TTL, Data: r.Data, Signatures: [][]byte{make([]byte, 100)}})
			}
		}
	}
}

func all(wire.Record) bool { return true }

// truth is what the zone itself says, the slow way: NXDOMAIN, no data, a wildcard
// (the name), or that it cannot say.
func truth(z *signedtree.Zone, name wire.Name, t wire.Type) string {
	at := func(n wire.Name) (types []wire.Type) {
		for _, r := range z.Records {
			if r.Name.Equal(n) && r.Type != wire.TypeNSEC3 && r.Type != wire.TypeRRSIG && r.Type != wire.TypeNSEC {
				types = append(types, r.Type)
			}
		}
		return types
	}
	exists := func(n wire.Name) bool {
		return slices.ContainsFunc(z.Records, func(r wire.Record) bool {
			return r.Type != wire.TypeNSEC3 && r.Type != wire.TypeRRSIG && r.Name.HasSuffix(n)
		})
	}
	for n := name; n.LabelCount() > z.Apex.LabelCount(); n = n.Parent() {
		types := at(n)
		if slices.Contains(types, wire.TypeNS) && !(n.Equal(name) && t == wire.TypeDS) {
			return "other"
		}
		if slices.Contains(types, wire.TypeDNAME) && !n.Equal(name) {
			return "other"
		}
	}
	say := func(types []wire.Type, missing string) string {
		switch {
		case slices.Contains(types, t), slices.Contains(types, wire.TypeCNAME):
			return missing
		}
		return "no data"
	}
	if exists(name) {
		return say(at(name), "there")
	}
	encloser := name.Parent()
	for !exists(encloser) {
		encloser = encloser.Parent()
	}
	wildcard, err := encloser.Prepend("*")
	if err != nil || !exists(wildcard) {
		return "no name"
	}
	return say(at(wildcard), wildcard.String())
}

// found is what the store says.
func found(s *Store, name wire.Name, t wire.Type) string {
	var d Denial
	switch {
	case !s.Find(name, t, &d):
		return "nothing"
	case !d.Wildcard.IsZero():
		return d.Wildcard.String()
	case d.RCode == wire.RCodeNXDomain:
		return "no name"
	}
	return "no data"
}

// TestTwin compares the store with what random zones say themselves: with all
// records everything that is not there is denied, and with some nothing that is.
func TestTwin(t *testing.T) {
	labels := []string{"a", "b", "c", "w", "z", "*", "\\000", "A"}
	counts := map[string]int{}
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 1))
		random := func(most int) string {
			name := "test."
			for range 1 + r.IntN(most) {
				name = labels[r.IntN(len(labels))] + "." + name
			}
			return name
		}
		var lines []string
		used := map[string]bool{}
		for range 1 + r.IntN(12) {
			name := random(3)
			if used[strings.ToLower(name)] {
				continue
			}
			kind := []string{"A 192.0.2.1", "A 192.0.2.1", "TXT x", "CNAME a.", "NS ns.", "DNAME b."}[r.IntN(6)]
			if strings.HasPrefix(name, "*.") { // RFC 4592 4.2 and 4.4 leave others open
				kind = "A 192.0.2.1"
			}
			isHidden := false // below a cut, or one that would hide others
			for other, cuts := range used {
				isHidden = isHidden || cuts && strings.HasSuffix(strings.ToLower(name), "."+other) ||
					strings.HasSuffix(other, "."+strings.ToLower(name))
			}
			if isHidden {
				continue
			}
			used[strings.ToLower(name)] = strings.HasPrefix(kind, "NS") || strings.HasPrefix(kind, "DNAME")
			lines = append(lines, name+" "+kind)
			if strings.HasPrefix(kind, "NS") && r.IntN(2) == 0 {
				lines = append(lines, name+" DS 1 13 2 "+strings.Repeat("00", 32))
			}
		}
		o := signedtree.Options{Denial: signedtree.NSEC}
		if seed%2 == 1 {
			o = signedtree.Options{Denial: signedtree.NSEC3, Iterations: uint16(r.IntN(3)), Salt: []byte("x")[:r.IntN(2)]}
		}
		z := signed(t, "test.", o, lines...)
		whole, part := New(1<<20), New(1<<20)
		addAll(whole, z, all)
		addAll(part, z, func(record wire.Record) bool { return record.Type == wire.TypeSOA || r.IntN(3) > 0 })
		for range 60 {
			name := wire.MustParseName(random(4))
			kind := []wire.Type{wire.TypeA, wire.TypeTXT, wire.TypeDS, wire.TypeNS}[r.IntN(4)]
			want, got := truth(z, name, kind), found(whole, name, kind)
			counts[want]++
			isDenied := want != "there" && want != "other"
			if isDenied && got != want || !isDenied && got != "nothing" {
				t.Errorf("seed %d: %v %v is %q, not %q; zone:\n%s", seed, name, kind, got, want, strings.Join(lines, "\n"))
			}
			if got := found(part, name, kind); got != want && got != "nothing" {
				t.Errorf("seed %d: %v %v with some records is %q, not %q; zone:\n%s", seed, name, kind, got, want, strings.Join(lines, "\n"))
			}
		}
	}
	for _, what := range []string{"no name", "no data", "there", "other"} {
		if counts[what] < 100 {
			t.Errorf("only %d questions whose answer is %q", counts[what], what)
		}
	}
}

// TestOptOutAndDearChainsAreNotKept, nor records for one name.
func TestOptOutAndDearChainsAreNotKept(t *testing.T) {
	for _, o := range []signedtree.Options{
		{Denial: signedtree.NSEC3, OptOut: true},
		{Denial: signedtree.NSEC3, Iterations: dnssec.MaxIterations + 1},
	} {
		s := New(1 << 20)
		addAll(s, signed(t, "test.", o, "a.test. A 192.0.2.1"), all)
		if got := found(s, wire.MustParseName("b.test."), wire.TypeA); got != "nothing" || s.Stats().Records != 1 {
			t.Errorf("%+v: %s, %+v", o, got, s.Stats())
		}
	}
	s := New(1 << 20)
	z := signed(t, "test.", signedtree.Options{Denial: signedtree.NSEC}, "a.test. A 192.0.2.1")
	addAll(s, z, func(r wire.Record) bool { return r.Type == wire.TypeSOA })
	owner := wire.MustParseName("b.test.")
	next, _ := owner.Prepend("\x00")
	s.Add(z.Apex, &Set{Owner: owner, Type: wire.TypeNSEC, TTL: 300, Data: wire.AppendTypeBitmap(next.AppendTo(nil), []wire.Type{wire.TypeNSEC, wire.TypeRRSIG, wire.TypeNXNAME})})
	if s.Stats().Records != 1 {
		t.Errorf("a record of compact denial is kept: %+v", s.Stats())
	}
}

// TestDearNamesAreDeniedByTheirFirstLabel: with as many iterations as are done, a name of
// a hundred labels is denied if its first one below the apex is, and a name far below names
// that exist is not looked for.
func TestDearNamesAreDeniedByTheirFirstLabel(t *testing.T) {
	deep := strings.Repeat("d.", 20) + "test."
	z := signed(t, "test.", signedtree.Options{Denial: signedtree.NSEC3, Iterations: dnssec.MaxIterations}, "a.test. A 192.0.2.1", "*.w.test. A 192.0.2.1", deep+" A 192.0.2.1")
	s := New(1 << 20)
	addAll(s, z, all)
	long := strings.Repeat("a.", 100)
	for name, want := range map[string]string{
		long + "b.test.": "no name", long + "a.test.": "no name", "b.test.": "no name",
		"b.d.d.test.": "no name", "b." + deep: "nothing", strings.Repeat("d.", 3) + "test.": "no data",
	} {
		if got := found(s, wire.MustParseName(name), wire.TypeA); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
}

// TestTimesAreKept: a denial ends with the first of its records, and none lives
// longer than the SOA record says (RFC 9077 3).
func TestTimesAreKept(t *testing.T) {
	z := signed(t, "test.", signedtree.Options{Denial: signedtree.NSEC}, "a.test. A 192.0.2.1")
	synctest.Test(t, func(t *testing.T) {
		s := New(1 << 20)
		addAll(s, z, all)
		var d Denial
		passed := 0
		for _, step := range []struct {
			at   int
			want uint32
		}{{0, 300}, {100, 200}, {299, 1}, {300, 0}, {100000, 0}} {
			time.Sleep(time.Duration(step.at-passed) * time.Second)
			passed = step.at
			isFound := s.Find(wire.MustParseName("b.test."), wire.TypeA, &d)
			if isFound != (step.want > 0) || isFound && d.TTL != step.want {
				t.Errorf("after %d s: %v, TTL %d; want %d", passed, isFound, d.TTL, step.want)
			}
		}
	})
}

// TestBudgetIsKept: the store takes no more than it may, what is used stays, and
// zones that have nothing left go.
func TestBudgetIsKept(t *testing.T) {
	const size = 200 << 10
	s := New(size)
	addAll(s, signed(t, "used.", signedtree.Options{Denial: signedtree.NSEC}, "a.used. A 192.0.2.1"), all)
	for i := range 500 {
		apex := fmt.Sprintf("z%d.", i)
		addAll(s, signed(t, apex, signedtree.Options{Denial: signedtree.Denial(1 + i%2)}, "a."+apex+" A 192.0.2.1", "b."+apex+" A 192.0.2.1"), all)
		if got := found(s, wire.MustParseName("b.used."), wire.TypeA); got != "no name" {
			t.Fatalf("after %d zones what is used is gone: %s", i, got)
		}
		if st := s.Stats(); st.Octets > size || i > 300 && st.Octets < size/2 {
			t.Fatalf("after %d zones: %+v of %d", i, st, size)
		}
	}
	if got := found(s, wire.MustParseName("c.z1."), wire.TypeA); got != "nothing" {
		t.Errorf("the oldest zone is still there: %s", got)
	}
	zones := 0
	for i := range s.buckets {
		for z := s.buckets[i].Load(); z != nil; z = z.next.Load() {
			zones++
		}
	}
	if zones > 300 || len(s.queue) > 4096 {
		t.Errorf("%d zones, queue of %d", zones, len(s.queue))
	}
	s.Flush(wire.Root)
	if st := s.Stats(); st.Records != 0 || st.Octets != 0 {
		t.Errorf("after Flush: %+v", st)
	}
}

// TestReadersAndWriters: readers see whole records while they are replaced and
// dropped.
func TestReadersAndWriters(t *testing.T) {
	s := New(20 << 10)
	var zones []*signedtree.Zone
	for i := range 20 {
		apex := fmt.Sprintf("z%d.", i)
		zones = append(zones, signed(t, apex, signedtree.Options{Denial: signedtree.Denial(1 + i%2)}, "a."+apex+" A 192.0.2.1", "m."+apex+" A 192.0.2.1"))
	}
	done := make(chan struct{})
	for range 2 {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := range 4000 {
				name := wire.MustParseName(fmt.Sprintf("x%d.z%d.", i, i%20))
				if got := found(s, name, wire.TypeA); got != "nothing" && got != "no name" {
					t.Errorf("%v: %s", name, got)
				}
			}
		}()
	}
	for i := range 400 {
		addAll(s, zones[i%20], all)
	}
	<-done
	<-done
}

func TestFindAllocatesNothing(t *testing.T) {
	for _, denial := range []signedtree.Denial{signedtree.NSEC, signedtree.NSEC3} {
		s := New(1 << 20)
		addAll(s, signed(t, "test.", signedtree.Options{Denial: denial}, "a.test. A 192.0.2.1"), all)
		name := wire.MustParseName("random.test.")
		var d Denial
		if n := testing.AllocsPerRun(100, func() {
			if !s.Find(name, wire.TypeA, &d) {
				t.Fatal("no proof")
			}
		}); n != 0 {
			t.Errorf("%d: %v allocations", denial, n)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	for _, denial := range []signedtree.Denial{signedtree.NSEC, signedtree.NSEC3} {
		b.Run([]string{"", "NSEC", "NSEC3"}[denial], func(b *testing.B) {
			s := New(16 << 20)
			var lines []string
			for i := range 300 {
				lines = append(lines, fmt.Sprintf("n%d.test. A 192.0.2.1", i))
			}
			addAll(s, signed(b, "test.", signedtree.Options{Denial: denial}, lines...), all)
			var names []wire.Name
			for i := range 1000 {
				names = append(names, wire.MustParseName(fmt.Sprintf("random%d.test.", i*7919)))
			}
			var d Denial
			b.ReportAllocs()
			for i := range b.N {
				if !s.Find(names[i%len(names)], wire.TypeA, &d) {
					b.Fatal("no proof")
				}
			}
		})
	}
}

// TestSOARecordIsReplaced: a new SOA record takes the place of the old one, also where the
// zone has nothing else left.
func TestSOARecordIsReplaced(t *testing.T) {
	z := signed(t, "zone.test.", signedtree.Options{Denial: signedtree.NSEC}, "a.zone.test. A 192.0.2.1")
	isSOA := func(r wire.Record) bool { return r.Type == wire.TypeSOA }
	s := New(1 << 20)
	addAll(s, z, isSOA)
	addAll(s, z, isSOA)
	addAll(s, z, func(r wire.Record) bool { return !isSOA(r) })
	var d Denial
	if !s.Find(wire.MustParseName("b.zone.test."), wire.TypeA, &d) || d.RCode != wire.RCodeNXDomain {
		t.Error("nothing is denied after the SOA record was replaced")
	}
	if n := s.Stats().Records; n != 3 {
		t.Errorf("%d records are kept, not 3", n)
	}
	s.Flush(wire.Root)
	if got := s.Stats(); got != (Stats{}) {
		t.Errorf("left: %+v", got)
	}
}
