package authority

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// records reads lines of a master file of the zone "example.".
func records(t testing.TB, lines ...string) []wire.Record {
	t.Helper()
	var list []wire.Record
	o := zonefile.Options{Origin: wire.MustParseName("example.")}
	var problems diagnostic.List
	err := zonefile.Read([]byte("$TTL 60\n"+strings.Join(lines, "\n")+"\n"), "lines", o, &problems, func(r *zonefile.Record) error {
		list = append(list, r.Clone())
		return nil
	})
	if err = errors.Join(err, problems.Err()); err != nil {
		t.Fatal(err)
	}
	return list
}

var many = flag.Bool("many", false, "make a million edits of a zone, and compare thousands with the slow twin")

// TestManyEditsTakeNoMoreMemory: a zone that has seen a great many edits takes
// no more than twice what it takes when it is loaded.
func TestManyEditsTakeNoMoreMemory(t *testing.T) {
	for _, test := range []struct{ names, edits, each int }{{10_000, 1_000_000, 40}, {10_000, 100_000, 4}, {20, 20_000, 1}} {
		if !*many {
			test.edits /= 20
		}
		t.Run(strconv.Itoa(test.names)+" names", func(t *testing.T) {
			var text strings.Builder
			text.WriteString(checkedApex)
			for i := range test.names {
				text.WriteString("host" + strconv.Itoa(i) + " 60 A 192.0.2.1\nhost" + strconv.Itoa(i) + " 60 TXT some-text-about-it\n")
			}
			z := NewZone(mustZone(t, "example.", text.String()))
			random := rand.New(rand.NewPCG(7, 8))
			for left := test.edits; left > 0; {
				_, err := z.Update(FromControl, func(txn *Txn) error {
					for range min(left, 1+random.IntN(2*test.each-1)) {
						left--
						r := host(random.IntN(test.names*3/2), random.IntN(1<<24))
						switch random.IntN(4) {
						case 0:
							txn.RemoveName(r.Name)
						case 1:
							r.Type, r.Data = wire.TypeMX, append([]byte{0, 1}, target(host(random.IntN(test.names*3/2), 0).Name)...)
							fallthrough
						default:
							if err := txn.Replace(r); err != nil {
								return err
							}
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			edited := z.Snapshot()
			built, err := edited.rebuild(nil)
			if err != nil {
				t.Fatal(err)
			}
			got, want := edited.memory(nil), built.memory(nil)
			t.Logf("%d names, %d records in %v octets, built anew %v", edited.Names(), edited.Records(), got, want)
			const change = 4 << 10 // a small zone has room for the next edits
			if all, anew := got.pages+got.pieces+got.tables, want.pages+want.pieces+want.tables; all > 2*anew+change {
				t.Errorf("%d octets, built anew %d", all, anew)
			}
			checkSnapshot(t, edited)
		})
	}
}

// edit makes edits that are written as text:
//
//   - RECORD        add
//   - RECORD        remove
//     = RECORD        replace the RRset
//   - NAME TYPE     remove the RRset
//   - NAME          remove all of the name
//     serial N, keep  what becomes of the serial number
func edit(t testing.TB, txn *Txn, script string) error {
	t.Helper()
	for line := range strings.Lines(script) {
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		words := strings.Fields(rest)
		name := func() wire.Name { return wire.MustParseName(words[0]) }
		var err error
		switch {
		case verb == "keep":
			txn.KeepSerial()
		case verb == "serial":
			n, _ := strconv.ParseUint(rest, 10, 32)
			txn.SetSerial(wire.Serial(n))
		case verb == "+":
			err = txn.Add(records(t, rest)[0])
		case verb == "=":
			err = txn.Replace(records(t, rest)...)
		case verb == "-" && len(words) == 1:
			txn.RemoveName(name())
		case verb == "-" && len(words) == 2:
			kind, _ := wire.ParseType(words[1])
			txn.RemoveRRset(name(), kind)
		case verb == "-":
			txn.Remove(records(t, rest)[0])
		default:
			t.Fatalf("%q is not an edit", line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// begin begins a transaction of a zone that has contents.
func begin(t testing.TB, z *Zone) *Txn {
	t.Helper()
	txn, err := z.Begin(FromControl)
	if err != nil {
		t.Fatal(err)
	}
	return txn
}

// textOfChanges is a change set a record a line.
func textOfChanges(c ChangeSet) []string {
	var list []string
	for _, r := range c.Removed {
		list = append(list, "- "+strings.ReplaceAll(r.String(), "\t", " "))
	}
	for _, r := range c.Added {
		list = append(list, "+ "+strings.ReplaceAll(r.String(), "\t", " "))
	}
	return list
}

// TestEdits: what single edits do, and what is refused.
func TestEdits(t *testing.T) {
	const zone = checkedApex + `a 60 A 192.0.2.1
a 60 A 192.0.2.2
a 60 RRSIG A 13 2 60 20300101000000 20200101000000 1 @ AAAA
alias 60 CNAME a
dn 60 DNAME elsewhere.
sub 60 NS ns
Upper 60 TXT x
`
	const soaOut, soaIn = "- example. 60 IN SOA ns.example. h.example. 1 2 3 4 5", "+ example. 60 IN SOA ns.example. h.example. 2 2 3 4 5"
	for _, test := range []struct {
		name, script string
		want         []string // the change set without the SOA record that counts up
		err          string
	}{
		{"nothing", "", nil, ""},
		{"record added", "+ b A 192.0.2.1", []string{"+ b.example. 60 IN A 192.0.2.1"}, ""},
		{"record that is there", "+ a A 192.0.2.1", nil, ""},
		{"there and back", "+ b A 192.0.2.1\n- b.example.", nil, ""},
		{"another TTL", "+ a 90 A 192.0.2.1", []string{"- a.example. 60 IN A 192.0.2.1", "- a.example. 60 IN A 192.0.2.2",
			"+ a.example. 90 IN A 192.0.2.1", "+ a.example. 90 IN A 192.0.2.2"}, ""}, // RFC 2181 5.2
		{"record removed whatever its TTL", "- a 1 A 192.0.2.1", []string{"- a.example. 60 IN A 192.0.2.1"}, ""},
		{"record that is not there", "- a A 192.0.2.9\n- nowhere A 192.0.2.1\n- a.elsewhere. A 192.0.2.1\n- a.elsewhere. A\n- a.elsewhere.", nil, ""},
		{"RRset removed, not its signatures", "- a.example. A", []string{"- a.example. 60 IN A 192.0.2.1", "- a.example. 60 IN A 192.0.2.2"}, ""},
		{"signatures removed", "- a.example. RRSIG", []string{"- a.example. 60 IN RRSIG A 13 2 60 20300101000000 20200101000000 1 example. AAAA"}, ""},
		{"RRset replaced", "= a A 192.0.2.3\n", []string{"- a.example. 60 IN A 192.0.2.1", "- a.example. 60 IN A 192.0.2.2", "+ a.example. 60 IN A 192.0.2.3"}, ""},
		{"in another case", "+ ALIAS CNAME A", []string{"- alias.example. 60 IN CNAME a.example.", "+ alias.example. 60 IN CNAME A.example."}, ""},
		{"CNAME replaced", "+ alias CNAME b", []string{"- alias.example. 60 IN CNAME a.example.", "+ alias.example. 60 IN CNAME b.example."}, ""},
		{"DNAME replaced", "+ dn DNAME other.", []string{"- dn.example. 60 IN DNAME elsewhere.", "+ dn.example. 60 IN DNAME other."}, ""},
		{"alias made a host", "+ alias A 192.0.2.1\n- alias.example. CNAME", []string{"- alias.example. 60 IN CNAME a.example.", "+ alias.example. 60 IN A 192.0.2.1"}, ""},
		{"spelling of a name that is there", "+ UPPER TXT y", []string{`+ Upper.example. 60 IN TXT "y"`}, ""},
		{"apex emptied", "- example.", nil, ""}, // RFC 2136 3.4.2.3: SOA and NS stay
		{"servers of the zone replaced", "= @ NS ns2", []string{"- example. 60 IN NS ns.example.", "+ example. 60 IN NS ns2.example."}, ""},

		{"alias and other data", "+ alias A 192.0.2.1", nil, "zone example.: alias.example. has a CNAME record and other data: A"},
		{"other data and alias", "+ a CNAME b", nil, "zone example.: a.example. has a CNAME record and other data: A"},
		{"no SOA", "- example. SOA", nil, "zone example.: no SOA record is left at the apex"},
		{"no servers", "- example. NS", nil, "zone example.: no NS record is left at the apex"},
		{"SOA below", "+ a SOA . . 1 2 3 4 5", nil, "zone example.: SOA record of a.example. inside the zone"},
		{"below a DNAME", "+ x.y.dn A 192.0.2.1", nil, "zone example.: dn.example. has a DNAME record and names below it"},
		{"DNAME above", "+ @ DNAME elsewhere.", nil, "zone example.: example. has a DNAME record and names below it"},
		{"iterations", "+ @ NSEC3PARAM 1 0 2501 -", nil, "zone example.: NSEC3 with 2501 iterations: no more than 2500"},
		{"outside", "+ a.elsewhere. A 192.0.2.1", nil, "A record of a.elsewhere.: name is outside the zone example."},
	} {
		t.Run(test.name, func(t *testing.T) {
			z := NewZone(mustZone(t, "example.", zone))
			before := z.Snapshot()
			changes, err := z.Update(FromControl, func(txn *Txn) error { return edit(t, txn, test.script) })
			if test.err != "" || err != nil {
				if test.err == "" || err == nil || !strings.HasPrefix(err.Error(), test.err) || z.Snapshot() != before {
					t.Fatalf("error %v, want %s", err, test.err)
				}
				return
			}
			want := test.want
			if len(want) > 0 {
				i := slices.IndexFunc(want, func(l string) bool { return l[0] == '+' })
				if i < 0 {
					i = len(want)
				}
				want = slices.Concat([]string{soaOut}, want[:i], []string{soaIn}, want[i:])
			}
			if diff := gocmp.Diff(want, textOfChanges(changes)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if changed := len(want) > 0; (z.Snapshot() != before) != changed || (changes.To != changes.From) != changed || z.Snapshot().Serial() != changes.To {
				t.Errorf("serial %v, changes from %v to %v", z.Snapshot().Serial(), changes.From, changes.To)
			}
		})
	}
}

// TestBadRecords are refused by Add, whatever the zone.
func TestBadRecords(t *testing.T) {
	z := NewZone(mustZone(t, "example.", checkedApex))
	txn := begin(t, z)
	defer txn.Rollback()
	good := records(t, "a A 192.0.2.1")[0]
	for _, test := range []struct {
		change func(*wire.Record)
		want   string
	}{
		{func(r *wire.Record) { r.Name = wire.Name{} }, "name is outside the zone"},
		{func(r *wire.Record) { r.Class = wire.ClassCH }, "class CH in a zone of class IN"},
		{func(r *wire.Record) { r.Type = wire.TypeANY }, "ANY records do not belong in a zone"},
		{func(r *wire.Record) { r.Data = []byte{1} }, "A record of a.example.: "},
	} {
		bad := good
		test.change(&bad)
		for _, err := range []error{txn.Add(bad), txn.Replace(good, bad)} {
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
		}
	}
	if c := txn.Changes(); !c.IsEmpty() {
		t.Errorf("they changed %v", textOfChanges(c))
	}
	good.TTL = 1<<32 - 1 // RFC 2181 8
	if err := txn.Add(good); err != nil || txn.RRset(good.Name, good.Type)[0].TTL != 1<<31-1 {
		t.Errorf("TTL of 32 bits: %v, %v", txn.RRset(good.Name, good.Type), err)
	}
}

// TestSerial: what becomes of the serial number.
func TestSerial(t *testing.T) {
	const soa = "+ @ SOA ns h %d 2 3 4 5\n"
	for _, test := range []struct {
		name   string
		from   uint32
		script string
		want   uint32
		err    error
	}{
		{"counts up", 1, "+ a A 192.0.2.1", 2, nil},
		{"goes round", 1<<32 - 1, "+ a A 192.0.2.1", 0, nil},
		{"kept", 7, "keep\n+ a A 192.0.2.1", 7, nil},
		{"given", 7, "serial 2026010100\n+ a A 192.0.2.1", 2026010100, nil},
		{"given, and nothing else", 7, "serial 9", 9, nil},
		{"given, beyond the end of the circle", 1<<32 - 2, "serial 3", 3, nil},
		{"given, and not after", 7, "serial 6\n+ a A 192.0.2.1", 7, ErrSerial},
		{"given, and the same", 7, "serial 7\n+ a A 192.0.2.1", 7, ErrSerial},
		{"given, and half the circle on", 7, "serial 2147483655\n+ a A 192.0.2.1", 7, ErrSerial},
		{"of the SOA record", 7, fmt.Sprintf(soa, 9), 9, nil},
		{"of the SOA record, and not after", 7, fmt.Sprintf(soa, 6), 7, ErrSerial},
		{"of the SOA record, and not after, on purpose", 7, "keep\n" + fmt.Sprintf(soa, 6), 6, nil},
		{"SOA record with another number", 7, "+ @ SOA ns h 7 99 3 4 5", 8, nil},
		{"the last word counts", 7, "serial 20\nkeep\n+ a A 192.0.2.1", 7, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			z := NewZone(mustZone(t, "example.", strings.Replace(checkedApex, "h 1 2", fmt.Sprintf("h %d 2", test.from), 1)))
			_, err := z.Update(FromControl, func(txn *Txn) error { return edit(t, txn, test.script) })
			if !errors.Is(err, test.err) || z.Snapshot().Serial() != wire.Serial(test.want) {
				t.Errorf("serial %v, %v; want %d, %v", z.Snapshot().Serial(), err, test.want, test.err)
			}
		})
	}
}

// TestSpelling: a name is spelled as its first record is, also where it was
// there without records.
func TestSpelling(t *testing.T) {
	z := NewZone(mustZone(t, "example.", checkedApex+"x.ent 60 A 192.0.2.1\n"))
	for _, test := range []struct{ script, want string }{
		{"+ Ent NS ns", "Ent.example."},
		{"+ ENT NS ns2", "Ent.example."},
		{"- ent.example.\n+ enT NS ns", "enT.example."},
		{"- ent.example.", ""},
		{"+ ENT NS ns", "ENT.example."},
	} {
		if _, err := z.Update(FromControl, func(txn *Txn) error { return edit(t, txn, test.script) }); err != nil {
			t.Fatal(err)
		}
		got := ""
		for r := range z.Snapshot().All() {
			if r.Type == wire.TypeNS && !r.Name.Equal(z.Origin()) {
				got = r.Name.String()
			}
		}
		if got != test.want {
			t.Errorf("%q: %s, want %s", test.script, got, test.want)
		}
	}
}

// TestOwnEditsAreSeen: a transaction has what it has edited, others do not.
func TestOwnEditsAreSeen(t *testing.T) {
	z := NewZone(mustZone(t, "example.", checkedApex+"a 60 A 192.0.2.1\n"))
	set := new(Set)
	if err := set.SetZones([]*Zone{z}); err != nil {
		t.Fatal(err)
	}
	before := ask(t, set, "a.example.", "A")
	txn := begin(t, z)
	if err := edit(t, txn, "+ a A 192.0.2.2\n+ b A 192.0.2.3\n- ns.example."); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		kind wire.Type
		want []string
	}{
		{"A.example.", wire.TypeA, []string{"a.example.\t60\tIN\tA\t192.0.2.1", "a.example.\t60\tIN\tA\t192.0.2.2"}},
		{"b.example.", wire.TypeA, []string{"b.example.\t60\tIN\tA\t192.0.2.3"}},
		{"ns.example.", wire.TypeA, nil},
		{"a.example.", wire.TypeTXT, nil},
		{"elsewhere.", wire.TypeA, nil},
	} {
		var got []string
		for _, r := range txn.RRset(wire.MustParseName(test.name), test.kind) {
			got = append(got, r.String())
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s %v: %q, want %q", test.name, test.kind, got, test.want)
		}
	}
	if after := ask(t, set, "a.example.", "A"); after != before {
		t.Errorf("others see it before it is committed:\n%s", after)
	}
	txn.Rollback()
	txn.Rollback()
	if after := ask(t, set, "a.example.", "A"); after != before {
		t.Errorf("others see it though it was rolled back:\n%s", after)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a transaction goes on after its end")
			}
		}()
		txn.Remove(records(t, "a A 192.0.2.1")[0])
	}()
}

// TestStages: they see the edits, add to them, refuse them, in the order of the
// pipeline; the journal receives what will be visible, and subscribers what is.
func TestStages(t *testing.T) {
	z := NewZone(mustZone(t, "example.", checkedApex))
	var heard []string
	errRefused := errors.New("no")
	journal := &testJournal{t: t, zone: z}
	z.SetPipeline(&Pipeline{
		Tell: []Subscriber{func(p Publication) {
			if z.Snapshot() != p.After || p.Zone != z {
				t.Error("a subscriber is called before the version is visible")
			}
			heard = append(heard, fmt.Sprint(p.Source, " ", p.Before.Serial(), " ", p.After.Serial(), " ", p.Changes != nil))
		}},
		Journal: journal,
		Digest: []Stage{
			func(txn *Txn) error {
				if len(txn.RRset(wire.MustParseName("bad.example."), wire.TypeTXT)) > 0 {
					return errRefused
				}
				return nil
			},
		},
		Sign: []Stage{
			func(txn *Txn) error {
				for _, r := range txn.editChanges().Added {
					if r.Type == wire.TypeA && r.Name.FirstLabel() != "ns" {
						if err := txn.Add(records(t, r.Name.String()+" TXT signed")[0]); err != nil {
							return err
						}
					}
				}
				return nil
			},
		},
	})
	for _, test := range []struct {
		script string
		err    error
	}{
		{"+ a A 192.0.2.1", nil}, {"+ bad A 192.0.2.1", errRefused}, {"+ a A 192.0.2.1", nil}, {"+ b TXT x", nil},
	} {
		_, err := z.Update(FromUpdate, func(txn *Txn) error { return edit(t, txn, test.script) })
		if !errors.Is(err, test.err) || err == nil != (test.err == nil) {
			t.Errorf("%q: %v, want %v", test.script, err, test.err)
		}
		if r := new(Refusal); err != nil && (!errors.As(err, &r) || r.Stage != "digest" || r.Source != FromUpdate) {
			t.Errorf("refused with %#v", err)
		}
	}
	if err := z.Replace(FromFile, mustZone(t, "example.", checkedApex)); err != nil {
		t.Fatal(err)
	}
	// The SOA, the A and the TXT record; the SOA and the TXT record; the whole zone.
	if want := []string{"1 2 3", "2 3 2", "3 1 1"}; !slices.Equal(journal.lines, want) {
		t.Errorf("the journal has %q, want %q", journal.lines, want)
	}
	if want := []string{"update 1 2 true", "update 2 3 true", "file 3 1 true"}; !slices.Equal(heard, want) {
		t.Errorf("subscribers received %q, want %q", heard, want)
	}
	want := TransactionCounts{Transactions: 5, Loads: 1, Commits: 2, Unchanged: 1, Refusals: 1}
	if got := z.Stats().TransactionCounts; got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// testJournal notes what it accepts.
type testJournal struct {
	t     *testing.T
	zone  *Zone
	lines []string
}

func (j *testJournal) Append(txn *Txn, previous Receipt) (Receipt, error) {
	c := txn.Changes()
	j.lines = append(j.lines, fmt.Sprint(c.From, " ", c.To, " ", len(c.Added)))
	if j.zone.Snapshot().Serial() != c.From || txn.After().Serial() != c.To || previous != nil {
		j.t.Error("the version is visible before the journal has it")
	}
	return j, nil
}

func (j *testJournal) Wait() error { return nil }

// TestStageThatSpoilsTheZone: what a stage adds is checked, too; one that takes
// everything back leaves nothing to show.
func TestStageThatSpoilsTheZone(t *testing.T) {
	for _, test := range []struct{ script, err string }{
		{"- example. NS", "zone example.: no NS record is left at the apex"},
		{"- a.example.\n+ @ SOA ns h 1 2 3 4 5", ""},
	} {
		z := NewZone(mustZone(t, "example.", checkedApex))
		asked := 0
		z.SetPipeline(&Pipeline{Check: []Stage{func(txn *Txn) error { return edit(t, txn, test.script) }, func(*Txn) error { asked++; return nil }}})
		before := z.Snapshot()
		changes, err := z.Update(FromControl, func(txn *Txn) error { return edit(t, txn, "+ a A 192.0.2.1") })
		if got := fmt.Sprint(err); got != test.err && !(err == nil && test.err == "") || !changes.IsEmpty() || z.Snapshot() != before || asked > 0 {
			t.Errorf("%q: %v, changes %v, %d stages afterwards", test.script, err, textOfChanges(changes), asked)
		}
	}
}

// TestApply: change sets lead from version to version, and fit no other.
func TestApply(t *testing.T) {
	z, copied := NewZone(mustZone(t, "example.", checkedApex)), NewZone(mustZone(t, "example.", checkedApex))
	var changes []ChangeSet
	for _, script := range []string{"+ a 60 A 192.0.2.1", "+ a 90 A 192.0.2.2", "+ A 90 TXT x\n- a.example. A", "serial 9\n- a.example.", "= @ NS a.elsewhere."} {
		c, err := z.Update(FromControl, func(txn *Txn) error { return edit(t, txn, script) })
		if err != nil {
			t.Fatal(err)
		}
		changes = append(changes, c)
	}
	for _, c := range changes {
		got, err := copied.Update(FromControl, func(txn *Txn) error { return txn.Apply(c) })
		if err != nil || !slices.Equal(textOfChanges(got), textOfChanges(c)) || got.From != c.From || got.To != c.To {
			t.Fatalf("%v became %v, %v", textOfChanges(c), textOfChanges(got), err)
		}
	}
	if diff := gocmp.Diff(lines(slices.Collect(z.Snapshot().All())), lines(slices.Collect(copied.Snapshot().All()))); diff != "" {
		t.Error(diff)
	}
	if _, err := copied.Update(FromControl, func(txn *Txn) error { return txn.Apply(changes[0]) }); err == nil || !strings.HasPrefix(err.Error(), "change from serial 1 to 2 removes what zone example. does not have: ") {
		t.Errorf("a change set that does not fit: %v", err)
	}
	bad := ChangeSet{Added: []wire.Record{{Name: wire.Root}}}
	if _, err := copied.Update(FromControl, func(txn *Txn) error { return txn.Apply(bad) }); !errors.Is(err, ErrNotInZone) {
		t.Errorf("a change set of another zone: %v", err)
	}
}

// TestVersionsGoDifferentWays: two zones that begin with one snapshot, and a
// zone that goes back to an old one, do not write over each other's records.
func TestVersionsGoDifferentWays(t *testing.T) {
	first := mustZone(t, "example.", checkedApex)
	a := NewZone(first)
	var versions []*Snapshot
	var texts [][]string
	keep := func(s *Snapshot) {
		versions, texts = append(versions, s), append(texts, lines(slices.Collect(s.All())))
	}
	edits := 0
	change := func(z *Zone) {
		t.Helper()
		edits++
		if _, err := z.Update(FromControl, func(txn *Txn) error {
			return edit(t, txn, fmt.Sprintf("+ a%d A 192.0.2.1\n= same TXT %d", edits, edits))
		}); err != nil {
			t.Fatal(err)
		}
		keep(z.Snapshot())
	}
	refused := func(z *Zone) {
		t.Helper()
		z.SetPipeline(&Pipeline{Check: []Stage{func(*Txn) error { return errors.New("no") }}})
		if _, err := z.Update(FromControl, func(txn *Txn) error { return edit(t, txn, "+ b A 192.0.2.1") }); err == nil {
			t.Fatal("not refused")
		}
		z.SetPipeline(nil)
	}
	keep(first)
	change(a)
	b := NewZone(a.Snapshot())
	for range 20 {
		change(a)
		change(b)
		refused(b)
		change(b)
		if err := a.Replace(FromControl, versions[len(versions)-4]); err != nil {
			t.Fatal(err)
		}
		change(a)
	}
	for i, s := range versions {
		if diff := gocmp.Diff(texts[i], lines(slices.Collect(s.All()))); diff != "" {
			t.Fatalf("version %d is another one (-before +now):\n%s", i, diff)
		}
		checkSnapshot(t, s)
	}
}

// TestLargeEdits: so many edits that packing the whole zone costs less, and a
// zone that is nearly emptied, which gives its memory back.
func TestLargeEdits(t *testing.T) {
	z := NewZone(mustZone(t, "example.", checkedApex+"keep 60 MX 1 host1\n"))
	const n = 30_000
	for _, remove := range []bool{false, true} {
		changes, err := z.Update(FromControl, func(txn *Txn) error {
			for i := range n {
				if r := host(i, i); remove {
					txn.RemoveName(r.Name)
				} else if err := txn.Add(r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(changes.Added)+len(changes.Removed) != n+2 {
			t.Fatalf("%d and %d changes, %v", len(changes.Added), len(changes.Removed), err)
		}
		checkSnapshot(t, z.Snapshot())
	}
	if names, all := z.Snapshot().Names(), z.Snapshot().memory(nil); names != 3 || all.pages+all.pieces+all.tables > 2048 {
		t.Errorf("%d names in %v octets", names, all)
	}
	// The same little by little.
	z = NewZone(mustZone(t, "example.", checkedApex))
	for i := range 2 * n / 1000 {
		if _, err := z.Update(FromControl, func(txn *Txn) error {
			for k := range 1000 {
				if i < n/1000 {
					txn.Add(host(i*1000+k, 1))
				} else {
					txn.RemoveName(host((i-n/1000)*1000+k, 1).Name)
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	checkSnapshot(t, z.Snapshot())
	if names, all := z.Snapshot().Names(), z.Snapshot().memory(nil); names != 2 || all.pages+all.pieces+all.tables > 1<<20 {
		t.Errorf("%d names in %v octets", names, all)
	}
}

// TestReadersAreNotDisturbed: queries are answered while a zone is edited, and
// who has a snapshot has it as it was.
func TestReadersAreNotDisturbed(t *testing.T) {
	z := NewZone(mustZone(t, "example.", checkedApex+"counted 60 TXT 0\ncounted 60 RP 0 .\n"))
	set := new(Set)
	if err := set.SetZones([]*Zone{z}); err != nil {
		t.Fatal(err)
	}
	const commits = 2000
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			query := wire.Question{Name: wire.MustParseName("counted.example."), Type: wire.TypeANY, Class: wire.ClassIN}
			e := editor{}
			for last := uint32(0); last < commits; {
				s := z.Snapshot()
				before := lines(slices.Collect(s.All()))
				m, err := wire.ParseMessage(e.replyTo(t, 0, set, query, nil, names.TCP))
				if err != nil || len(m.Answers) != 2 {
					t.Errorf("%v, %v", m, err)
					return
				}
				if now := uint32(s.Serial()); now < last {
					t.Errorf("serial %d after %d", now, last)
				} else {
					last = now
				}
				if !slices.Equal(before, lines(slices.Collect(s.All()))) {
					t.Error("a snapshot is another one")
				}
			}
		})
	}
	for i := range commits {
		if _, err := z.Update(FromControl, func(txn *Txn) error {
			return edit(t, txn, fmt.Sprintf("= counted TXT %d\n= counted RP n%d .\n+ n%d A 192.0.2.1\n- n%d.example.", i, i, i, i-10))
		}); err != nil {
			t.Error(err)
			break
		}
	}
	readers.Wait()
}

// TestWritersTakeTurns: one transaction at a time.
func TestWritersTakeTurns(t *testing.T) {
	z := NewZone(mustZone(t, "example.", checkedApex+"counted 60 TXT 0\n"))
	name := wire.MustParseName("counted.example.")
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for range 50 {
				if _, err := z.Update(FromControl, func(txn *Txn) error {
					r := txn.RRset(name, wire.TypeTXT)[0]
					n, _ := strconv.Atoi(string(r.Data[1:]))
					text := strconv.Itoa(n + 1)
					r.Data = append([]byte{byte(len(text))}, text...)
					return txn.Replace(r)
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	txn := begin(t, z)
	defer txn.Rollback()
	if got := txn.RRset(name, wire.TypeTXT); len(got) != 1 || !bytes.Equal(got[0].Data, []byte("\x03200")) || z.Snapshot().Serial() != 201 {
		t.Errorf("%v, serial %v", got, z.Snapshot().Serial())
	}
}
