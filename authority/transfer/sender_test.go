package transfer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// describeReply is a reply as the tables have it: RCODE, AA, the number of
// messages and of those without a question, and the serials of its SOA records.
func describeReply(t *testing.T, messages [][]byte) (text string, records []wire.Record) {
	t.Helper()
	aa, bare := true, 0
	var rcode wire.RCode
	for _, b := range messages {
		m, err := wire.ParseMessage(b)
		if err != nil {
			t.Fatal(err)
		}
		rcode, aa = m.RCode, aa && m.Flags.Has(wire.FlagAA)
		if len(m.Questions) == 0 {
			bare++
		}
		records = append(records, m.Answers...)
	}
	var serials []string
	for _, r := range records {
		if r.Type == wire.TypeSOA {
			serial, _ := serialOf(r)
			serials = append(serials, serial.String())
		}
	}
	return fmt.Sprintf("%v aa=%t messages=%d bare=%d records=%d serials=%s", rcode, aa, len(messages), bare, len(records), strings.Join(serials, ",")), records
}

func transferQuery(kind wire.Type, zone string, serial int) []byte {
	q := wire.Question{Name: wire.MustParseName(zone), Type: kind, Class: wire.ClassIN}
	m := wire.Message{ID: 9, Questions: []wire.Question{q}}
	if serial > 0 {
		soa, _ := wire.NewRecord(q.Name, q.Class, 0, &wire.SOA{Primary: wire.Root, Mailbox: wire.Root, Serial: wire.Serial(serial)})
		m.Authority = append(m.Authority, soa)
	}
	b, err := m.AppendTo(nil)
	if err != nil {
		panic(err)
	}
	return b
}

// Who gets what: by zone, address, key, transport, and the version they have.
func TestSender(t *testing.T) {
	for _, test := range []struct {
		name      string
		access    string
		kind      wire.Type
		zone      string
		serial    int
		transport names.Transport
		signed    bool
		want      string
	}{
		{"closed", "", wire.TypeAXFR, "example.", 0, names.TCP, false, "REFUSED aa=false messages=1 bare=0 records=0 serials="},
		{"another address", "192.0.2.2", wire.TypeAXFR, "example.", 0, names.TCP, false, "REFUSED aa=false messages=1 bare=0 records=0 serials="},
		{"address", "192.0.2.1", wire.TypeAXFR, "example.", 0, names.TCP, false, "NOERROR aa=true messages=1 bare=0 records=7 serials=7,7"},
		{"upper case", "192.0.2.0/24", wire.TypeAXFR, "EXAMPLE.", 0, names.TLS, false, "NOERROR aa=true messages=1 bare=0 records=7 serials=7,7"},
		{"key", "key:KEY.", wire.TypeAXFR, "example.", 0, names.TCP, true, "NOERROR aa=true messages=1 bare=0 records=7 serials=7,7"},
		{"key is not used", "key:key.", wire.TypeAXFR, "example.", 0, names.TCP, false, "REFUSED aa=false messages=1 bare=0 records=0 serials="},
		{"another key", "key:other.", wire.TypeAXFR, "example.", 0, names.TCP, true, "REFUSED aa=false messages=1 bare=0 records=0 serials="},
		{"not a zone", "192.0.2.1", wire.TypeAXFR, "other.", 0, names.TCP, false, "NOTAUTH aa=false messages=1 bare=0 records=0 serials="},
		{"below the apex", "192.0.2.1", wire.TypeAXFR, "ns.example.", 0, names.TCP, false, "NOTAUTH aa=false messages=1 bare=0 records=0 serials="},
		{"over UDP", "192.0.2.1", wire.TypeAXFR, "example.", 0, names.UDP, false, "FORMERR aa=false messages=1 bare=0 records=0 serials="},
		{"IXFR of a version that is not known", "192.0.2.1", wire.TypeIXFR, "example.", 3, names.TCP, false, "NOERROR aa=true messages=1 bare=0 records=7 serials=7,7"},
		{"IXFR over UDP", "192.0.2.1", wire.TypeIXFR, "example.", 3, names.UDP, false, "NOERROR aa=true messages=1 bare=0 records=1 serials=7"},
		{"IXFR, up to date", "192.0.2.1", wire.TypeIXFR, "example.", 7, names.TCP, false, "NOERROR aa=true messages=1 bare=0 records=1 serials=7"},
		{"IXFR, ahead of us", "192.0.2.1", wire.TypeIXFR, "example.", 8, names.TCP, false, "NOERROR aa=true messages=1 bare=0 records=1 serials=7"},
		{"IXFR without a version", "192.0.2.1", wire.TypeIXFR, "example.", 0, names.TCP, false, "FORMERR aa=false messages=1 bare=0 records=0 serials="},
		{"not a transfer", "192.0.2.1", wire.TypeSOA, "example.", 0, names.TCP, false, "NOERROR aa=true messages=1 bare=0 records=1 serials=7"},
	} {
		p := newPrimary(t, authority.NewZone(snapshotOf(t, zoneText(7, 3))), strings.Fields(test.access)...)
		query := transferQuery(test.kind, test.zone, test.serial)
		if test.signed {
			var err error
			if query, _, err = parseKey(t).Sign(query, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if got, _ := describeReply(t, p.answer(query, test.transport)); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// A large zone goes out in messages as long as they may be, each signed, and is
// what it was.
func TestSendManyMessages(t *testing.T) {
	zone := snapshotOf(t, zoneText(7, 10000))
	p := newPrimary(t, authority.NewZone(zone), "key:key.")
	query, session, err := parseKey(t).Sign(transferQuery(wire.TypeAXFR, "example.", 0), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	messages := p.answer(query, names.TCP)
	for i, m := range messages {
		if err := session.Verify(m, time.Now()); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		if i < len(messages)-1 && len(m) < 65000 {
			t.Errorf("message %d has %d octets only", i, len(m))
		}
	}
	got, records := describeReply(t, messages)
	if want := fmt.Sprintf("NOERROR aa=true messages=%d bare=%d records=10004 serials=7,7", len(messages), len(messages)-1); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if len(messages) < 4 || len(records) != zone.Records()+1 {
		t.Errorf("%d messages, %d records", len(messages), len(records))
	}
}

func TestSendZoneWithoutContents(t *testing.T) {
	p := newPrimary(t, authority.NewEmptyZone(origin, wire.ClassIN), "any")
	if got, _ := describeReply(t, p.answer(transferQuery(wire.TypeAXFR, "example.", 0), names.TCP)); !strings.HasPrefix(got, "SERVFAIL aa=false messages=1 ") {
		t.Error(got)
	}
}

// IXFR of the changes that are kept: each lets the client make our version of its own.
func TestSendChanges(t *testing.T) {
	zone := authority.NewZone(snapshotOf(t, zoneText(7, 50)))
	p := newPrimary(t, zone, "any")
	history := new(History)
	p.resolver[0].(*Sender).History = history
	zone.SetPipeline(&authority.Pipeline{Tell: []authority.Subscriber{history.Receive}})
	versions := map[int]string{7: textOf(zone.Snapshot())}
	for i := range 3 {
		_, err := zone.Update(authority.FromControl, func(x *authority.Txn) error {
			x.RemoveName(wire.MustParseName(fmt.Sprintf("host%d.example.", i)))
			return x.Add(wire.Record{Name: wire.MustParseName(fmt.Sprintf("new%d.example.", i)), Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 1}})
		})
		if err != nil {
			t.Fatal(err)
		}
		versions[8+i] = textOf(zone.Snapshot())
	}
	for serial, want := range map[int]string{
		7: "NOERROR aa=true messages=1 bare=0 records=14 serials=10,7,8,8,9,9,10,10",
		8: "NOERROR aa=true messages=1 bare=0 records=10 serials=10,8,9,9,10,10",
		9: "NOERROR aa=true messages=1 bare=0 records=6 serials=10,9,10,10",
		6: "NOERROR aa=true messages=1 bare=0 records=54 serials=10,10",
	} {
		got, records := describeReply(t, p.answer(transferQuery(wire.TypeIXFR, "example.", serial), names.TCP))
		if got != want {
			t.Errorf("from %d: %s, want %s", serial, got, want)
		}
		if serial == 6 {
			continue
		}
		// The slow twin: lines that are removed and added.
		lines := map[string]bool{}
		for _, l := range strings.Split(versions[serial], "\n") {
			lines[l] = true
		}
		soas := 0
		for _, r := range records[1 : len(records)-1] {
			if r.Type == wire.TypeSOA {
				soas++
			}
			line := r.String()
			if soas%2 == 1 {
				delete(lines, line)
			} else {
				lines[line] = true
			}
		}
		for _, l := range strings.Split(versions[10], "\n") {
			if !lines[l] {
				t.Errorf("from %d: %q is missing", serial, l)
			}
			delete(lines, l)
		}
		if len(lines) > 0 {
			t.Errorf("from %d: left over: %v", serial, lines)
		}
	}
	if err := zone.Replace(authority.FromFile, snapshotOf(t, zoneText(20, 50))); err != nil {
		t.Fatal(err)
	}
	if got, _ := describeReply(t, p.answer(transferQuery(wire.TypeIXFR, "example.", 9), names.TCP)); !strings.HasSuffix(got, "serials=20,20") {
		t.Errorf("after the zone was replaced: %s", got)
	}
}

// Changes that are larger than the zone are not kept.
func TestHistoryIsBounded(t *testing.T) {
	zone := authority.NewZone(snapshotOf(t, zoneText(7, 20)))
	history := new(History)
	zone.SetPipeline(&authority.Pipeline{Tell: []authority.Subscriber{history.Receive}})
	for i := range 300 {
		if _, err := zone.Update(authority.FromControl, func(x *authority.Txn) error {
			return x.Replace(wire.Record{Name: origin, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, byte(i)}})
		}); err != nil {
			t.Fatal(err)
		}
	}
	kept := history.zones[zone]
	if n := recordsOf(kept); n > zone.Snapshot().Records() || len(kept) == 0 {
		t.Errorf("%d records in %d changes are kept", n, len(kept))
	}
	history.Prune(func(*authority.Zone) bool { return false })
	if len(history.zones) != 0 {
		t.Error("a zone that was forgotten is kept")
	}
}

// countedDifferences counts how often it is asked for differences.
type countedDifferences struct {
	Differences
	asked int
}

func (c *countedDifferences) Between(z *authority.Zone, from, to wire.Serial) []authority.ChangeSet {
	c.asked++
	return c.Differences.Between(z, from, to)
}

// Differences can take reading the disk: for one transfer they are asked for once, and not
// while the server decides whether the reply takes time.
func TestDifferencesAreReadOnce(t *testing.T) {
	zone, p, _ := edited(t, SecondaryConfig{})
	change(t, zone, 1)
	sender := p.resolver[0].(*Sender)
	counted := &countedDifferences{Differences: sender.History}
	sender.History = counted
	got, _ := describeReply(t, p.answer(transferQuery(wire.TypeIXFR, "example.", 7), names.TCP))
	if want := "NOERROR aa=true messages=1 bare=0 records=6 serials=8,7,8,8"; got != want || counted.asked != 1 {
		t.Errorf("%s, asked for %d times", got, counted.asked)
	}
}
