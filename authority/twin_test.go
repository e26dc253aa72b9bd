package authority

import (
	"bytes"
	"cmp"
	"encoding/base32"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/internal/cow"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// slowZone is the slow twin of a zone that is edited: a list of records, from
// which the zone is built anew for each comparison.
type slowZone struct {
	origin  wire.Name
	records []wire.Record
}

func (z *slowZone) clone() *slowZone {
	return &slowZone{z.origin, slices.Clone(z.records)}
}

func sameSet(a, b wire.Record) bool {
	return a.Name.Equal(b.Name) && a.Type == b.Type && covers(a.Type, a.Data) == covers(b.Type, b.Data)
}

func (z *slowZone) add(r wire.Record) {
	for _, o := range z.records {
		if o.Name.Equal(r.Name) && isInChain(o.Type, o.Data) == isInChain(r.Type, r.Data) {
			r.Name = o.Name // the spelling that is there
		}
	}
	z.removeIf(func(o wire.Record) bool {
		return sameSet(o, r) && (isSingleton(r.Type) || compareData(r.Type, o.Data, r.Data) == 0)
	})
	z.records = append(z.records, r)
	for i, o := range z.records {
		if sameSet(o, r) {
			z.records[i].TTL = r.TTL
		}
	}
}

func (z *slowZone) removeIf(which func(wire.Record) bool) {
	z.records = slices.DeleteFunc(slices.Clone(z.records), which)
}

// build builds the zone, if that can be.
func (z *slowZone) build() (*Snapshot, error) {
	var problems diagnostic.List
	b := NewBuilder(z.origin, wire.ClassIN, &problems)
	records := slices.Clone(z.records)
	slices.SortStableFunc(records, func(a, b wire.Record) int { return cmp.Compare(a.Name.LabelCount(), b.Name.LabelCount()) })
	for _, r := range records {
		b.Add(r, diagnostic.Position{})
	}
	return b.Freeze()
}

// lines is the records of a zone as text, sorted.
func lines(records []wire.Record) []string {
	list := make([]string, 0, len(records))
	for _, r := range records {
		list = append(list, r.String())
	}
	slices.Sort(list)
	return list
}

// apply is what a change set makes of a list of records.
func apply(t *testing.T, before []wire.Record, c ChangeSet) []wire.Record {
	t.Helper()
	after := slices.Clone(before)
	for _, r := range c.Removed {
		i := slices.IndexFunc(after, func(o wire.Record) bool {
			return o.Name.Equal(r.Name) && o.Type == r.Type && o.TTL == r.TTL && bytes.Equal(o.Data, r.Data)
		})
		if i < 0 {
			t.Fatalf("the change set removes what there was not: %v", r)
		}
		after = slices.Delete(after, i, i+1)
	}
	return append(after, c.Added...)
}

// editor makes edits of a zone and of its twin, choosing at random or as a
// fuzzer says.
type editor struct {
	choose func(n int) int // 0 … n-1
	zone   *Zone
	twin   *slowZone
	texts  []string // of the edits of this transaction

	commits, refusals int
	packed            int            // commits that packed the whole zone
	signed            map[string]int // commits by what the zone was signed with

	x       names.Exchange
	query   []byte
	replies [2][]byte
}

const editedOrigin = "example."

// name chooses a name: few labels, so that names meet.
func (e *editor) name() wire.Name {
	text := editedOrigin
	for range e.choose(4) {
		text = []string{"a", "b", "sub", "*", "A", "ns"}[e.choose(6)] + "." + text
	}
	return wire.MustParseName(text)
}

// owner chooses one of the names that there are, mostly.
func (e *editor) owner() wire.Name {
	if e.choose(3) == 0 || len(e.twin.records) == 0 {
		return e.name()
	}
	return e.twin.records[e.choose(len(e.twin.records))].Name
}

func target(n wire.Name, prefix ...byte) []byte { return n.AppendTo(prefix) }

// record chooses a record.
func (e *editor) record() wire.Record {
	r := wire.Record{Name: e.owner(), Class: wire.ClassIN, TTL: uint32(60 * (1 + e.choose(2)))}
	switch e.choose(20) {
	case 0, 1, 2:
		r.Type, r.Data = wire.TypeA, []byte{192, 0, 2, byte(e.choose(3))}
	case 3:
		r.Type, r.Data = wire.TypeAAAA, append(make([]byte, 15), byte(e.choose(2)))
	case 4, 5, 6:
		r.Type, r.Data = wire.TypeNS, target(e.name())
	case 7:
		r.Type, r.Data = wire.TypeCNAME, target(e.name())
	case 8:
		r.Type, r.Data = wire.TypeDNAME, target(e.name())
	case 9:
		r.Type, r.Data = wire.TypeMX, target(e.name(), 0, 10)
	case 10:
		r.Type, r.Data = wire.TypeHTTPS, target([]wire.Name{wire.Root, e.name()}[e.choose(2)], 0, byte(e.choose(2)))
	case 11:
		r.Type, r.Data = wire.TypeTXT, []byte{1, 'x' + byte(e.choose(3))}
	case 12:
		r.Type, r.Data = wire.TypeDS, []byte{0, byte(e.choose(2)), 13, 2, 1}
	case 13:
		r.Type, r.Data = wire.TypeNSEC, append(target(e.name()), 0, 1, 0x40)
	case 14, 15:
		r.Type = wire.TypeNSEC3
		r.Name = e.hashed(e.owner())
		r.Data = append([]byte{1, byte(e.choose(2)), 0, byte(e.choose(8) / 7), 0, 20}, make([]byte, 20)...)
		r.Data = append(r.Data, 0, 1, 0x40)
	case 16:
		if e.choose(4) > 0 {
			return e.record()
		}
		r.Type = wire.TypeNSEC3PARAM
		r.Name, r.Data = e.twin.origin, []byte{1, 0, 0, byte(e.choose(2)), 0}
	default:
		r.Type = wire.TypeRRSIG
		r.Data = []byte{0, byte([]wire.Type{wire.TypeA, wire.TypeNS, wire.TypeSOA, wire.TypeNSEC, wire.TypeNSEC3, wire.TypeDS}[e.choose(6)]),
			13, 2, 0, 0, 0, 60, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, byte(e.choose(2))}
		if covers(r.Type, r.Data) == wire.TypeNSEC3 {
			r.Name = e.hashed(r.Name)
		} else if covers(r.Type, r.Data) == wire.TypeSOA {
			r.Name = e.twin.origin
		}
	}
	return r
}

// hashed is the owner of the NSEC3 record for a name, unsalted and hashed once.
func (e *editor) hashed(name wire.Name) wire.Name {
	var asked lookupName
	asked.set(name)
	sum := new(nsec3Chain).hash(asked.suffix(0))
	n, err := e.twin.origin.Prepend(base32.HexEncoding.EncodeToString(sum[:]))
	if err != nil {
		panic(err)
	}
	return n
}

// removable chooses a record that is there; what makes a zone a signed one is
// rarely chosen.
func (e *editor) removable(twin *slowZone) wire.Record {
	r := twin.records[e.choose(len(twin.records))]
	for range 4 {
		if !makesSigned(r) || e.choose(16) == 0 {
			break
		}
		r = twin.records[e.choose(len(twin.records))]
	}
	return r
}

func makesSigned(r wire.Record) bool {
	return covers(r.Type, r.Data) == wire.TypeSOA || r.Type == wire.TypeNSEC3PARAM
}

func (e *editor) note(format string, args ...any) {
	e.texts = append(e.texts, fmt.Sprintf(format, args...))
}

// edit makes one edit of both.
func (e *editor) edit(t *testing.T, txn *Txn, twin *slowZone) {
	switch e.choose(12) {
	case 0, 1, 2, 3, 4, 5:
		r := e.record()
		e.note("add %v", r)
		if err := txn.Add(r); err != nil {
			t.Fatal(err)
		}
		twin.add(r)
	case 6, 7:
		r := e.removable(twin)
		r.TTL = 1 // does not matter
		e.note("remove %v", r)
		if !txn.Remove(r) {
			t.Fatalf("%v is not there", r)
		}
		twin.removeIf(func(o wire.Record) bool {
			return sameSet(o, r) && compareData(r.Type, o.Data, r.Data) == 0
		})
	case 8:
		r := e.record()
		if makesSigned(r) && e.choose(8) > 0 {
			r = e.removable(twin)
		}
		e.note("remove %v, if it is there", r)
		had := len(twin.records)
		twin.removeIf(func(o wire.Record) bool {
			return sameSet(o, r) && compareData(r.Type, o.Data, r.Data) == 0
		})
		if txn.Remove(r) != (len(twin.records) < had) {
			t.Fatalf("whether %v was there", r)
		}
	case 9:
		r := e.removable(twin)
		if r.Name.Equal(twin.origin) && r.Type == wire.TypeRRSIG && e.choose(8) > 0 {
			r.Type = wire.TypeA
		}
		e.note("remove %v %v", r.Name, r.Type)
		txn.RemoveRRset(r.Name, r.Type)
		twin.removeIf(func(o wire.Record) bool { return o.Name.Equal(r.Name) && o.Type == r.Type })
	case 10:
		name := e.owner()
		if name.Equal(twin.origin) && e.choose(16) > 0 {
			name = e.name()
		}
		e.note("remove all of %v", name)
		txn.RemoveName(name)
		twin.removeIf(func(o wire.Record) bool {
			return o.Name.Equal(name) && !(name.Equal(twin.origin) && (o.Type == wire.TypeSOA || o.Type == wire.TypeNS))
		})
	case 11:
		r := e.record()
		e.note("replace by %v", r)
		if err := txn.Replace(r); err != nil {
			t.Fatal(err)
		}
		spelling := wire.Name{}
		for _, o := range twin.records {
			if o.Name.Equal(r.Name) && isInChain(o.Type, o.Data) == isInChain(r.Type, r.Data) && !sameSet(o, r) {
				spelling = o.Name
			}
		}
		twin.removeIf(func(o wire.Record) bool { return sameSet(o, r) })
		if !spelling.IsZero() {
			r.Name = spelling
		}
		twin.add(r)
	}
}

// step makes a transaction of a few edits, and compares.
func (e *editor) step(t *testing.T, thoroughly bool) {
	t.Helper()
	e.texts = nil
	before := e.zone.Snapshot()
	beforeLines := lines(slices.Collect(before.All()))
	twin := e.twin.clone()
	txn := begin(t, e.zone)
	defer txn.Rollback()
	if e.choose(4) == 0 {
		txn.KeepSerial()
	}
	for range 1 + e.choose(4) {
		if len(twin.records) > 0 {
			e.edit(t, txn, twin)
		}
	}
	for _, name := range []wire.Name{e.owner(), twin.origin} {
		var want []wire.Record
		for _, r := range twin.records {
			if r.Name.Equal(name) {
				want = append(want, r)
			}
		}
		if diff := gocmp.Diff(lower(lines(want)), lower(lines(slices.Collect(txn.Records(name))))); diff != "" {
			t.Fatalf("%q: what the transaction has of %v (-want +got):\n%s", e.texts, name, diff)
		}
	}
	changes, err := txn.Commit()
	if err != nil {
		if _, buildErr := twin.build(); buildErr == nil {
			t.Fatalf("%q\nis refused: %v\nThe zone that it makes is not.", e.texts, err)
		}
		if e.zone.Snapshot() != before {
			t.Fatalf("%q: a refused transaction shows", e.texts)
		}
		e.refusals++
		return
	}
	e.commits++
	for i, r := range twin.records {
		if r.Type == wire.TypeSOA {
			data := bytes.Clone(r.Data)
			copy(data[len(data)-20:], []byte{byte(changes.To >> 24), byte(changes.To >> 16), byte(changes.To >> 8), byte(changes.To)})
			twin.records[i].Data = data
		}
	}
	e.twin = twin
	built, err := twin.build()
	if err != nil {
		t.Fatalf("%q\nis taken. The zone that it makes is not: %v", e.texts, err)
	}
	now := e.zone.Snapshot()
	if diff := gocmp.Diff(lower(lines(slices.Collect(built.All()))), lower(lines(slices.Collect(now.All())))); diff != "" {
		t.Fatalf("%q (-built +edited):\n%s", e.texts, diff)
	}
	if diff := gocmp.Diff(lower(lines(apply(t, slices.Collect(before.All()), changes))), lower(lines(slices.Collect(now.All())))); diff != "" {
		t.Fatalf("%q: the change set makes something else (-change set +zone):\n%s", e.texts, diff)
	}
	if diff := gocmp.Diff(beforeLines, lines(slices.Collect(before.All()))); diff != "" {
		t.Fatalf("%q: the snapshot from before is another one (-before +after):\n%s", e.texts, diff)
	}
	if !now.pages.IsEdited() {
		e.packed++
	}
	e.signed[now.Signed()]++
	checkSnapshot(t, now)
	compareSnapshots(t, e, now, built, thoroughly)
}

func lower(list []string) []string {
	for i := range list {
		list[i] = strings.ToLower(list[i])
	}
	slices.Sort(list)
	return list
}

var askedTypes = []wire.Type{wire.TypeA, wire.TypeNS, wire.TypeMX, wire.TypeCNAME, wire.TypeDNAME, wire.TypeSOA, wire.TypeDS,
	wire.TypeHTTPS, wire.TypeNSEC, wire.TypeNSEC3, wire.TypeRRSIG, wire.TypeANY, wire.TypeNSEC3PARAM, wire.TypeSRV}

// compareSnapshots puts questions to the edited and to the built zone: all
// names, their ancestors, their neighbours, and names below them; all types,
// with signatures and without.
func compareSnapshots(t *testing.T, e *editor, edited, built *Snapshot, thoroughly bool) {
	t.Helper()
	if edited.Names() != built.Names() || edited.Records() != built.Records() || edited.Serial() != built.Serial() ||
		edited.Signed() != built.Signed() || edited.negativeTTL != built.negativeTTL {
		t.Fatalf("%q\n%d names, %d records, serial %v, signed %q, negative TTL %d; built anew %d, %d, %v, %q, %d", e.texts,
			edited.Names(), edited.Records(), edited.Serial(), edited.Signed(), edited.negativeTTL,
			built.Names(), built.Records(), built.Serial(), built.Signed(), built.negativeTTL)
	}
	asked := map[wire.Key]bool{}
	for _, r := range e.twin.records {
		for n := r.Name; n.HasSuffix(e.twin.origin); n = n.Parent() {
			asked[n.Key()] = true
			for _, label := range []string{"*", "a", "zz", "x.b"} {
				if below, err := wire.ParseName(label + "." + n.String()); err == nil {
					asked[below.Key()] = true
				}
			}
		}
	}
	a, b := new(Set), new(Set)
	for set, s := range map[*Set]*Snapshot{a: edited, b: built} {
		if err := set.SetZones([]*Zone{NewZone(s)}); err != nil {
			t.Fatal(err)
		}
	}
	keys := slices.SortedFunc(maps.Keys(asked), wire.Key.Compare)
	for k, key := range keys {
		for i, qtype := range askedTypes {
			if !thoroughly && (i+k+e.commits)%16 != 0 {
				continue
			}
			for _, edns := range []*wire.EDNS{nil, {UDPSize: 4096, Flags: wire.FlagDO}} {
				q := wire.Question{Name: key.Name(), Type: qtype, Class: wire.ClassIN}
				for transport := names.UDP; transport <= names.TCP; transport++ {
					if transport == names.TCP && qtype != wire.TypeANY {
						continue
					}
					got, want := e.replyTo(t, 0, a, q, edns, transport), e.replyTo(t, 1, b, q, edns, transport)
					if !bytes.Equal(got, want) && !bytes.Equal(bytes.ToLower(got), bytes.ToLower(want)) {
						t.Fatalf("%q\n%v, DO %v\n----\n%s\n---- built anew\n%s\n---- zone\n%s", e.texts, q, edns != nil,
							textOf(t, got), textOf(t, want), strings.Join(lines(slices.Collect(built.All())), "\n"))
					}
				}
			}
		}
	}
}

// replyTo asks one of the two sides.
func (e *editor) replyTo(t *testing.T, side int, set *Set, q wire.Question, edns *wire.EDNS, transport names.Transport) []byte {
	t.Helper()
	e.query = wire.AppendQuery(e.query[:0], 1, 0, q, edns)
	if e.replies[side] == nil {
		e.replies[side] = make([]byte, 0, 4096+wire.WriterSlack)
	}
	if rcode, err := e.x.Read(e.query, names.Peer{Transport: transport}); err != nil || rcode != wire.RCodeNoError {
		t.Fatalf("%v: %v, %v", q, rcode, err)
	}
	e.x.Begin(e.replies[side], 4096)
	if err := set.TryResolve(&e.x); err != nil {
		t.Fatalf("%v: %v", q, err)
	}
	return e.x.Finish()
}

func textOf(t *testing.T, reply []byte) string {
	m, err := wire.ParseMessage(reply)
	if err != nil {
		t.Fatal(err)
	}
	return describe(m)
}

// checkSnapshot checks what holds in every snapshot, whatever it came from.
func checkSnapshot(t *testing.T, s *Snapshot) {
	t.Helper()
	live := make([]uint32, len(s.pages.List()))
	leading := make([]uint32, s.refs.Len())
	var asked lookupName
	count := 0
	var offZone, children []idPair
	for n, ref := range s.nodes() {
		if s.node(n.id()).id() != n.id() || s.refs.At(n.id()) != ref {
			t.Fatalf("%v at %d has the number %d, whose node is at %d", n.name(), ref, n.id(), s.refs.At(n.id()))
		}
		live[ref>>cow.RefUnitBits] += uint32(len(n.octets()))
		for set := range n.all() {
			if set.has(flagLinks) {
				for i := range set.count() {
					leading[set.link(i)]++
				}
			}
		}
		asked.set(n.name())
		if id := n.denial(); id != 0 {
			other := s.node(id)
			name, owner := n, other
			if n.state() == nsec3Owner {
				name, owner = other, n
			}
			asked.set(name.name())
			hash := s.nsec3Chain.hash(asked.suffix(0))
			e, exact := s.nsec3Chain.atOrBefore(hash)
			if other.denial() != n.id() || !name.isAuthoritative() || !exact || s.at(e.ref).id() != owner.id() {
				t.Fatalf("%v and %v are not each other's", n.name(), other.name())
			}
			asked.set(n.name())
		}
		if n.state() != present {
			offZone = append(offZone, newIDPair(asked.hashes[0], n.id()))
			continue
		}
		count++
		if found, ok := s.find(&asked, 0); !ok || found.id() != n.id() {
			t.Fatalf("%v is not found", n.name())
		}
		if n.id() == apexID {
			continue
		}
		parent, ok := s.find(&asked, 1)
		if !ok {
			t.Fatalf("%v is there and its parent is not", n.name())
		}
		if parent.id() != apexID {
			children = append(children, newIDPair(parent.id(), n.id()))
		}
		if n.setCount() == 0 {
			s.checkHasChild(t, n)
		}
	}
	leading[0] = 0
	if count != s.names {
		t.Fatalf("%d names, counted as %d", count, s.names)
	}
	for id := s.free; id != 0; id = s.refCounts.At(id) {
		if s.refs.At(id) != 0 || leading[id] != 0 {
			t.Fatalf("number %d is free and in use", id)
		}
		leading[id] = s.refCounts.At(id)
	}
	for id := range leading {
		if leading[id] != s.refCounts.At(uint32(id)) {
			t.Fatalf("%d records lead to %d, counted as %d", leading[id], id, s.refCounts.At(uint32(id)))
		}
		if id > 0 && s.refs.At(uint32(id)) != 0 && s.node(uint32(id)).state() == absent && leading[id] == 0 {
			t.Fatalf("%v is kept although no record refers to it", s.node(uint32(id)).name())
		}
	}
	for i := range live {
		if live[i] != s.pages.Live(i) {
			t.Fatalf("page %d: %d octets needed, counted as %d", i, live[i], s.pages.Live(i))
		}
	}
	checkList(t, "offZone", s.offZone, offZone)
	checkList(t, "children", s.children, children)
	for _, leaf := range s.nsecOrder.Leaves() {
		for _, o := range leaf {
			n := s.node(o.id)
			if !n.provesWithNSEC() {
				t.Fatalf("%v does not prove", n.name())
			}
			if o != s.newOrderedName(n.name(), o.id) {
				t.Fatalf("the order has other octets of %v", n.name())
			}
		}
	}
	for _, leaf := range s.nsec3Chain.entries.Leaves() {
		for _, e := range leaf {
			if n := s.at(e.ref); s.refs.At(n.id()) != e.ref || n.state() != nsec3Owner {
				t.Fatalf("entry %x of the chain is not a node", e.hash)
			}
		}
	}
	near := s.inline
	if s.setInline(); !reflect.DeepEqual(near, s.inline) || unsafe.SliceData(near.page) != unsafe.SliceData(s.inline.page) {
		t.Fatal("what is near is not what the lists begin with")
	}
	inIndex := 0
	for slots := range s.index.Buckets {
		for _, slot := range slots {
			if slot != 0 {
				inIndex++
			}
		}
	}
	if inIndex != s.names {
		t.Fatalf("%d names, of which the index has %d", s.names, inIndex)
	}
}

func (s *Snapshot) checkHasChild(t *testing.T, n node) {
	t.Helper()
	has := false
	s.children.From(newIDPair(n.id(), 0).compare, func(c idPair) bool { has = c.by() == n.id(); return false })
	if !has {
		t.Fatalf("%v has neither records nor names below", n.name())
	}
}

func checkList(t *testing.T, what string, list cow.Sorted[idPair], want []idPair) {
	t.Helper()
	slices.Sort(want)
	got := slices.Concat(list.Leaves()...)
	if !slices.Equal(got, want) || list.Len() != len(want) {
		t.Fatalf("%s: %x, counted %d, want %x", what, got, list.Len(), want)
	}
	for i, leaf := range list.Leaves() {
		if len(leaf) == 0 || list.Firsts()[i] != leaf[0] {
			t.Fatalf("%s: leaf %d", what, i)
		}
	}
}

// editedZones are what the edits start from.
func editedZones() map[string]string {
	const plain = "@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n"
	const signed = plain + "@ 60 RRSIG SOA 13 1 60 20300101000000 20200101000000 1 @ AAAA\n"
	return map[string]string{
		"plain":   plain + "sub 60 NS ns.sub\nns.sub 60 A 192.0.2.2\n*.a 60 MX 10 ns\n",
		"NSEC":    signed + "@ 60 NSEC ns A\nns 60 NSEC @ A\n",
		"NSEC3":   signed + "@ 60 NSEC3PARAM 1 0 0 -\n3msev9usmd4br9s97v51r2tdvmr9iqo1 60 NSEC3 1 1 0 - 4msev9usmd4br9s97v51r2tdvmr9iqo1 SOA\n",
		"nothing": plain,
	}
}

func newEditor(t *testing.T, text string, choose func(int) int) *editor {
	s := mustZone(t, editedOrigin, text)
	return &editor{choose: choose, signed: map[string]int{}, zone: NewZone(s), twin: &slowZone{s.origin, slices.Collect(s.All())}}
}

// TestEditsAgainstSlowTwin makes random edits, and compares with a zone that is
// built from scratch after each.
func TestEditsAgainstSlowTwin(t *testing.T) {
	steps := 150
	if *many {
		steps = 2000
	}
	for name, text := range editedZones() {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(5, 6))
			e := newEditor(t, text, random.IntN)
			for i := range steps {
				e.step(t, i%50 == 0)
			}
			t.Logf("%d commits, of which %d packed the whole zone, %d refusals, signed with %v, %d records at the end", e.commits, e.packed, e.refusals, e.signed, len(e.twin.records))
			if e.commits < steps/4 || e.refusals < steps/50 {
				t.Errorf("%d commits, %d refusals", e.commits, e.refusals)
			}
		})
	}
}

// FuzzEdits lets a fuzzer choose the edits.
func FuzzEdits(f *testing.F) {
	f.Add("plain", []byte("some edits of a zone that is not signed"))
	f.Add("NSEC", []byte{4, 1, 1, 0, 9, 3, 7, 2, 0, 200, 6, 13, 5, 1})
	f.Add("NSEC3", []byte{14, 1, 14, 0, 3, 14, 8, 2, 7, 90, 10, 16, 5, 1})
	f.Fuzz(func(t *testing.T, start string, choices []byte) {
		text, ok := editedZones()[start]
		if !ok || len(choices) > 1000 {
			t.Skip("no zone to start from, or too much to do")
		}
		e := newEditor(t, text, func(n int) int {
			if len(choices) == 0 {
				return 0
			}
			c := int(choices[0]) % n
			choices = choices[1:]
			return c
		})
		for len(choices) > 0 {
			e.step(t, false)
		}
	})
}
