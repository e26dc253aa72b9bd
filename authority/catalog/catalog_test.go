package catalog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/internal/zonetest"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/wire"
)

// catalogOf is a catalog zone of that name with these lines and a version, unless
// there is one.
func catalogOf(t testing.TB, name, lines string) *authority.Snapshot {
	t.Helper()
	if !strings.Contains(lines, "version") {
		lines += "\nversion TXT 2"
	}
	origin := wire.MustParseName(name)
	return zonetest.Snapshot(t, origin, "$TTL 0\n@ SOA invalid. invalid. 1 3600 600 2147483646 0\n@ NS invalid.\n"+lines+"\n")
}

// say is changes as text: "+zone", "-zone", "=zone" for other properties, "!zone" for
// a reset, each with the catalog and the groups.
func say(changes []Change) string {
	var words []string
	for _, c := range changes {
		sign := "="
		switch {
		case c.From.IsZero():
			sign = "+"
		case c.To.IsZero():
			sign = "-"
		case c.Reset:
			sign = "!"
		}
		word := sign + c.Zone.String()
		if !c.To.IsZero() && !c.From.IsZero() && !c.To.Equal(c.From) {
			word += " from " + c.From.String() + " to " + c.To.String()
		}
		if len(c.Member.Groups) > 0 {
			word += " " + strings.Join(c.Member.Groups, "+")
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

// TestConsumer: versions of catalogs, one after the other, and what follows.
func TestConsumer(t *testing.T) {
	ignored := ""
	c := NewConsumer(ConsumerConfig{
		IsTaken: func(zone wire.Name) bool { return zone.Equal(wire.MustParseName("ours.example.")) },
		Ignored: func(catalog, zone wire.Name, reason string) {
			ignored += fmt.Sprintf("%v %v: %s;", catalog, zone, reason)
		},
		MaxMembers: 6,
	})
	const two = "m1.zones PTR a.example.\nm2.zones PTR b.example.\n"
	for i, test := range []struct {
		catalog, lines string
		want           string
		err            error
		ignored        string
	}{
		{"one.", two, "+a.example., +b.example.", nil, ""},
		{"one.", two, "", nil, ""},
		{"one.", two + "m3.zones PTR C.Example.\n", "+C.Example.", nil, ""},
		{"one.", two + "m3.zones PTR c.example.\ngroup.m1.zones TXT x\nGROUP.M2.zones TXT y\ngroup.m2.zones TXT z\n", "=a.example. x, =b.example. y+z", nil, ""},
		// what is not known is ignored
		{"one.", two + "m3.zones PTR c.example.\ngroup.m1.zones TXT x\ngroup.m2.zones TXT y\ngroup.m2.zones TXT z\nx.ext.m1.zones TXT a\nfoo.m1.zones TXT b\nm1.zones TXT c\nzones PTR d.\nother PTR d.\n", "", nil, ""},
		// malformed groups are none
		{"one.", two + "m3.zones PTR c.example.\ngroup.m1.zones TXT x y\ngroup.m2.zones PTR a.\n", "=a.example., =b.example.", nil, ""},
		// broken versions change nothing
		{"one.", "m1.zones PTR a.example.\nversion TXT 1\n", "", ErrVersion, ""},
		{"one.", "m1.zones PTR a.example.\nversion TXT 2\nversion TXT 3\n", "", ErrVersion, ""},
		{"one.", "m1.zones PTR a.example.\nversion TXT 2 2\n", "", ErrVersion, ""},
		{"one.", "m1.zones PTR a.example.\nversion A 192.0.2.1\n", "", ErrVersion, ""},
		{"one.", "m1.zones PTR a.example.\nm1.zones PTR b.example.\n", "", ErrBroken, ""},
		// and the next good one does, all since the last
		{"one.", "m1.zones PTR a.example.\n", "-b.example., -c.example.", nil, ""},
		// another ID is another zone
		{"one.", "m9.zones PTR a.example.\n", "!a.example.", nil, ""},
		{"one.", "m9.zones PTR a.example.\nm1.zones PTR a.example.\n", "", nil, ""},
		{"one.", "m1.zones PTR a.example.\n", "!a.example.", nil, ""},
		// another zone at the same node
		{"one.", "m1.zones PTR b.example.\n", "-a.example., +b.example.", nil, ""},
		{"one.", "m1.zones PTR a.example.\n", "-b.example., +a.example.", nil, ""},
		// names that are taken
		{"one.", "m1.zones PTR a.example.\nm2.zones PTR ours.example.\nm3.zones PTR one.\n", "", nil, "one. ours.example.: a zone of that name is configured otherwise;one. one.: it is the catalog itself;"},
		{"two.", "m1.zones PTR a.example.\nm2.zones PTR d.example.\n", "+d.example.", nil, "two. a.example.: it is a member of one.;"},
		// change of ownership, with the ID and without
		{"one.", "m1.zones PTR a.example.\nm5.zones PTR e.example.\ncoo.m1.zones PTR two.\ncoo.m5.zones PTR two.\n", "=a.example. from one. to two., +e.example.", nil, ""},
		{"two.", "m1.zones PTR a.example.\nm2.zones PTR d.example.\nm7.zones PTR e.example.\n", "!e.example. from one. to two.", nil, ""},
		{"one.", "", "", nil, ""},
		// not without the property: removed from one, taken by the other
		{"one.", "m1.zones PTR f.example.\n", "+f.example.", nil, ""},
		{"two.", "m1.zones PTR a.example.\nm2.zones PTR d.example.\nm8.zones PTR f.example.\n", "-e.example.", nil, "two. f.example.: it is a member of one.;"},
		{"one.", "", "!f.example. from one. to two.", nil, ""},
		// nor to a catalog that it does not name
		{"one.", "m1.zones PTR d.example.\n", "", nil, "one. d.example.: it is a member of two.;"},
		{"two.", "m1.zones PTR a.example.\nm2.zones PTR d.example.\ncoo.m2.zones PTR three.\n", "-f.example.", nil, ""},
		// too many
		{"one.", "b1.zones PTR b1.\nb2.zones PTR b2.\nb3.zones PTR b3.\nb4.zones PTR b4.\n", "+b1., +b2., +b3., +b4.", nil, ""},
		{"one.", "b1.zones PTR b1.\nb2.zones PTR b2.\nb3.zones PTR b3.\nb4.zones PTR b4.\nb5.zones PTR b5.\n", "", nil, "one. b5.: there are 6 members already;"},
	} {
		ignored = ""
		changes, err := c.Load(catalogOf(t, test.catalog, test.lines))
		if got := say(changes); got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%d, %s: %s, %v; want %s, %v", i, test.catalog, got, err, test.want, test.err)
		}
		want := strings.Split(test.ignored, ";")
		got := strings.Split(ignored, ";")
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%d, %s: ignored %q, want %q", i, test.catalog, got, want)
		}
	}
	if got := say(c.Remove(wire.MustParseName("two."))); got != "-a.example., -d.example." && got != "-d.example., -a.example." {
		t.Errorf("removed: %s", got)
	}
	if got := c.Remove(wire.MustParseName("three.")); got != nil {
		t.Errorf("a catalog that is not known: %v", got)
	}
	n := 0
	c.Members(func(catalog wire.Name, m Member) { n++ })
	if n != 4 {
		t.Errorf("%d members are left", n)
	}
}

// TestApply: the differences between versions say the same as the versions.
func TestApply(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	z := authority.NewZone(catalogOf(t, "one.", ""))
	members := func(c *Consumer) string {
		var all []string
		c.Members(func(_ wire.Name, m Member) { all = append(all, fmt.Sprint(m.Zone, m.ID, m.Groups, m.NewOwner)) })
		slices.Sort(all)
		return strings.Join(all, "\n")
	}
	apart := NewConsumer(ConsumerConfig{})
	if _, err := apart.Load(z.Snapshot()); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{} // the zones that the changes have led to
	for i := range 400 {
		changes, err := z.Update(authority.FromTransfer, func(txn *authority.Txn) error {
			for range 1 + random.IntN(4) {
				node := pick("m1", "m2", "m3", "m4") + ".zones.one."
				r := wire.Record{Class: wire.ClassIN}
				switch random.IntN(8) {
				case 0, 1, 2:
					target := wire.MustParseName(pick("a.", "b.", "c.", "A."))
					r.Name, r.Type, r.Data = wire.MustParseName(node), wire.TypePTR, target.AppendTo(nil)
				case 3:
					r.Name, r.Type, r.Data = wire.MustParseName("group."+node), wire.TypeTXT, []byte("\x01"+pick("x", "y"))
				case 4:
					r.Name, r.Type, r.Data = wire.MustParseName("version.one."), wire.TypeTXT, []byte("\x01"+pick("2", "2", "2", "3"))
				default:
					txn.RemoveName(wire.MustParseName(pick("m1", "m2", "m3", "m4", "group.m1", "group.m2", "version") + pick(".zones.one.", ".one.")))
					continue
				}
				if random.IntN(3) == 0 {
					txn.RemoveName(r.Name)
				}
				if err := txn.Add(r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		did, err := apart.Apply(z.Origin(), &changes)
		for _, c := range did {
			if name := c.Zone.Fold().String(); c.To.IsZero() {
				if !known[name] {
					t.Fatalf("%d: %s is removed and was not there", i, name)
				}
				delete(known, name)
			} else if known[name] != !c.From.IsZero() {
				t.Fatalf("%d: %+v; it was there: %v", i, c, known[name])
			} else {
				known[name] = true
			}
		}
		whole := NewConsumer(ConsumerConfig{})
		_, wholeErr := whole.Load(z.Snapshot())
		if (err == nil) != (wholeErr == nil) {
			t.Fatalf("%d: %v, in one piece %v", i, err, wholeErr)
		}
		if err != nil {
			continue
		}
		n := 0
		apart.Members(func(wire.Name, Member) { n++ })
		if n != len(known) {
			t.Fatalf("%d: %d members, %d by the changes", i, n, len(known))
		}
		// Which of two nodes a zone has depends on what was before; the zones do not.
		zonesOf := func(text string) (zones []string) {
			for line := range strings.Lines(text) {
				zones = append(zones, strings.ToLower(strings.Fields(line)[0][:2]))
			}
			return zones
		}
		if got, want := zonesOf(members(apart)), zonesOf(members(whole)); !slices.Equal(got, want) {
			t.Fatalf("%d: members\n%v\nin one piece\n%v", i, got, want)
		}
	}
}

// A producer keeps a catalog that a consumer follows.
func TestProducer(t *testing.T) {
	z := authority.NewEmptyZone(wire.MustParseName("catalog.example."), wire.ClassIN)
	p, err := NewProducer(z)
	if err != nil {
		t.Fatal(err)
	}
	c := NewConsumer(ConsumerConfig{})
	if _, err := c.Load(z.Snapshot()); err != nil {
		t.Fatal(err)
	}
	names := func(list ...string) (members []Member) {
		for _, name := range list {
			zone, group, _ := strings.Cut(name, "/")
			m := Member{Zone: wire.MustParseName(zone)}
			if group != "" {
				m.Groups = strings.Split(group, "+")
			}
			members = append(members, m)
		}
		return members
	}
	for _, test := range []struct {
		do   func() (authority.ChangeSet, error)
		want string
	}{
		{func() (authority.ChangeSet, error) { return p.Set(names("a.", "b./x")) }, "+a., +b. x"},
		{func() (authority.ChangeSet, error) { return p.Set(names("B./x", "A.")) }, ""},
		{func() (authority.ChangeSet, error) { return p.Set(names("b./y+x", "c.", "B./z")) }, "-a., =b. x+y, +c."},
		{func() (authority.ChangeSet, error) { return p.Put(names("d.")[0]) }, "+d."},
		{func() (authority.ChangeSet, error) { return p.Put(names("b.")[0]) }, "=b."},
		{func() (authority.ChangeSet, error) { return p.Put(Member{Zone: wire.MustParseName("b."), ID: "other"}) }, "!b."},
		{func() (authority.ChangeSet, error) { return p.Remove(wire.MustParseName("D.")) }, "-d."},
		{func() (authority.ChangeSet, error) { return p.Remove(wire.MustParseName("e.")) }, ""},
	} {
		before := z.Snapshot().Serial()
		changes, err := test.do()
		if err != nil {
			t.Fatal(err)
		}
		did, err := c.Apply(z.Origin(), &changes)
		if got := say(did); err != nil || got != test.want {
			t.Errorf("%s, %v; want %s", got, err, test.want)
		}
		if grown := z.Snapshot().Serial() != before; grown != (test.want != "") {
			t.Errorf("%s: serial %v after %v", test.want, z.Snapshot().Serial(), before)
		}
	}
	again, err := NewProducer(z)
	if err != nil {
		t.Fatal(err)
	}
	if all := again.Members(); len(all) != 2 || again.Len() != 2 || all[0].ID != "other" || !all[1].Zone.Equal(wire.MustParseName("c.")) {
		t.Errorf("members after a restart: %v", all)
	}
	again.Serial = authority.SerialUnixTime
	if changes, err := again.Set(names("b.", "c.")); err != nil || !changes.IsEmpty() {
		t.Errorf("after a restart: %v, %v", changes, err)
	}
	if changes, err := again.Set(names("b.", "c.", "g.")); err != nil || changes.To < 1_000_000_000 {
		t.Errorf("serial number of the time: %v, %v", changes.To, err)
	}
	if _, err := p.Put(Member{Zone: wire.MustParseName("f."), Groups: []string{strings.Repeat("x", 256)}}); err == nil {
		t.Error("a group of 256 octets is accepted")
	}
	if _, err := NewProducer(authority.NewZone(catalogOf(t, "x.", "version TXT 1"))); !errors.Is(err, ErrVersion) {
		t.Errorf("a zone that is not a catalog: %v", err)
	}
}

// manyMembers are the lines of a catalog.
func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "m%d.zones PTR zone%d.example.\ngroup.m%[1]d.zones TXT g%d\n", i, i, i%5)
	}
	return b.String()
}

// BenchmarkLoad takes a catalog of 100,000 members with groups.
func BenchmarkLoad(b *testing.B) {
	s := catalogOf(b, "one.", manyMembers(100_000))
	for b.Loop() {
		c := NewConsumer(ConsumerConfig{})
		changes, err := c.Load(s)
		if err != nil || len(changes) != 100_000 {
			b.Fatal(len(changes), err)
		}
	}
}

// BenchmarkApply adds and removes one of 100,000 members.
func BenchmarkApply(b *testing.B) {
	c := NewConsumer(ConsumerConfig{})
	if _, err := c.Load(catalogOf(b, "one.", manyMembers(100_000))); err != nil {
		b.Fatal(err)
	}
	target := wire.MustParseName("new.example.")
	add := authority.ChangeSet{Added: []wire.Record{{Name: wire.MustParseName("new.zones.one."), Type: wire.TypePTR, Class: wire.ClassIN, Data: target.AppendTo(nil)}}}
	remove := add.Inverse()
	for b.Loop() {
		for _, changes := range []*authority.ChangeSet{&add, &remove} {
			if did, err := c.Apply(wire.MustParseName("one."), changes); err != nil || len(did) != 1 {
				b.Fatal(did, err)
			}
		}
	}
}

// FuzzCatalog reads zone files as catalogs.
func FuzzCatalog(f *testing.F) {
	f.Add("m1.zones PTR a.\ngroup.m1.zones TXT x\ncoo.m1.zones PTR b.\nversion TXT 2\n")
	f.Fuzz(func(t *testing.T, lines string) {
		if strings.Contains(lines, "$") {
			return
		}
		origin := wire.MustParseName("one.")
		var problems diagnostic.List
		b := authority.NewBuilder(origin, wire.ClassIN, &problems)
		err := zonefile.Read([]byte("$TTL 0\n@ SOA a. b. 1 1 1 1 1\n@ NS a.\n"+lines+"\n"), "catalog", zonefile.Options{Origin: origin}, &problems, func(r *zonefile.Record) error {
			b.Add(r.Record, r.Position)
			return nil
		})
		if err != nil || problems.Errors > 0 {
			return
		}
		s, err := b.Freeze()
		if err != nil {
			return
		}
		c := NewConsumer(ConsumerConfig{})
		changes, err := c.Load(s)
		if err != nil && len(changes) > 0 {
			t.Fatalf("%v, and %d changes", err, len(changes))
		}
		for _, change := range changes {
			if change.Zone.IsZero() || change.Member.ID == "" || change.To.IsZero() {
				t.Fatalf("%+v", change)
			}
		}
		if again, err := c.Load(s); err == nil && len(again) > 0 {
			t.Fatalf("the same version again: %v", again)
		}
	})
}

// BenchmarkSet has one member more, or less, of 100,000.
func BenchmarkSet(b *testing.B) {
	z := authority.NewEmptyZone(wire.MustParseName("catalog.example."), wire.ClassIN)
	p, err := NewProducer(z)
	if err != nil {
		b.Fatal(err)
	}
	var members []Member
	for i := range 100_001 {
		members = append(members, Member{Zone: wire.MustParseName(fmt.Sprintf("zone%d.example.", i)), Groups: []string{"x"}})
	}
	if _, err := p.Set(members[1:]); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if _, err := p.Set(members[i%2:]); err != nil {
			b.Fatal(err)
		}
	}
}
