package sign

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// followed is a zone of a primary and the signed one that follows it.
type followed struct {
	t              *testing.T
	kept, signed   *authority.Zone
	follower       *Follower
	signer         *Signer
	versions       []authority.ChangeSet // of the signed zone
	wholesOfSigned int
}

func newFollowed(t *testing.T, policy Policy, keys []*Key, published *authority.Snapshot) *followed {
	t.Helper()
	time.Sleep(time.Until(start)) // the keys are from then
	signer, err := New(policy, keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	name := wire.MustParseName("example.")
	f := &followed{t: t, signer: signer, kept: authority.NewEmptyZone(name, wire.ClassIN), signed: authority.NewEmptyZone(name, wire.ClassIN)}
	if published != nil {
		f.signed = authority.NewZone(published)
	}
	f.signed.SetPipeline(&authority.Pipeline{Sign: []authority.Stage{signer.Stage}, Tell: []authority.Subscriber{func(p authority.Publication) {
		if p.Changes == nil {
			f.wholesOfSigned++
		} else {
			f.versions = append(f.versions, *p.Changes)
		}
	}}})
	f.follower = NewFollower(f.signed)
	f.kept.SetPipeline(f.follower.Pipeline())
	return f
}

// sees checks that the signed zone is what the primary's is, and verifies.
func (f *followed) sees() {
	f.t.Helper()
	if err := Verify(f.signed.Snapshot(), time.Now()); err != nil {
		f.t.Fatal(err)
	}
	withSerial := func(s *authority.Snapshot) string {
		return strings.Replace(text(s), fmt.Sprintf(" %s ", f.kept.Snapshot().Serial()), fmt.Sprintf(" %s ", f.signed.Snapshot().Serial()), 1)
	}
	if got, want := text(unsigned(f.t, f.signed.Snapshot())), withSerial(f.kept.Snapshot()); got != want {
		f.t.Fatalf("signed zone is\n%s, the primary's is\n%s", got, want)
	}
}

// edit is an incremental transfer, up to a serial number.
func (f *followed) edit(to wire.Serial, edit func(t *authority.Txn)) error {
	_, err := f.kept.Update(authority.FromTransfer, func(t *authority.Txn) error {
		edit(t)
		t.SetSerial(to)
		return nil
	})
	return err
}

func (f *followed) serials(kept, signed wire.Serial) {
	f.t.Helper()
	if k, s := f.kept.Snapshot().Serial(), f.signed.Snapshot().Serial(); k != kept || s != signed {
		f.t.Fatalf("serial numbers are %s and %s, want %s and %s", k, s, kept, signed)
	}
}

func address(name string, last byte) wire.Record {
	return wire.Record{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN, TTL: 300, Data: []byte{192, 0, 2, last}}
}

// The published serial number rises whatever that of the primary does, the signed zone
// changes with the primary's and by itself, and goes on after a restart.
func TestFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := csk(t)
		f := newFollowed(t, Policy{}, keys, nil)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(f.kept.Replace(authority.FromTransfer, parse(t, zoneText)))
		f.serials(1, 2)
		must(f.edit(2, func(t *authority.Txn) { t.Add(address("new.example.", 9)) }))
		f.serials(2, 3)
		f.sees()

		time.Sleep(10 * 24 * time.Hour) // some signatures are due
		due, err := f.signer.Refresh(f.signed)
		must(err)
		if due == 0 {
			t.Fatal("no signature was due")
		}
		f.serials(2, 4)
		must(f.edit(3, func(t *authority.Txn) { t.RemoveName(wire.MustParseName("www.example.")) }))
		f.serials(3, 5)
		f.sees()
		must(f.edit(100, func(t *authority.Txn) { t.Add(address("new.example.", 10)) }))
		f.serials(100, 101)
		f.sees()
		if f.wholesOfSigned != 1 {
			t.Errorf("the signed zone was replaced %d times", f.wholesOfSigned)
		}

		// A whole transfer is a difference for those that transfer from us.
		before := len(f.versions)
		must(f.kept.Replace(authority.FromTransfer, parse(t, strings.Replace(zoneText, "hostmaster 1 ", "hostmaster 7 ", 1)+"more 300 A 192.0.2.77\n")))
		f.serials(7, 102)
		f.sees()
		if f.wholesOfSigned != 1 || len(f.versions) != before+1 {
			t.Errorf("the signed zone was replaced %d times, and has %d more versions", f.wholesOfSigned, len(f.versions)-before)
		}

		// A restart: both versions are read again, and nothing changes.
		again := newFollowed(t, Policy{}, keys, f.signed.Snapshot())
		again.kept.SetPipeline(nil)
		must(again.kept.Replace(authority.FromJournal, f.kept.Snapshot()))
		again.kept.SetPipeline(again.follower.Pipeline())
		must(again.follower.CatchUp(again.kept.Snapshot()))
		again.serials(7, 102)
		must(again.edit(8, func(t *authority.Txn) { t.Add(address("after.example.", 1)) }))
		again.serials(8, 103)
		again.sees()

		// A restart after the process ended between the two.
		last := newFollowed(t, Policy{}, keys, f.signed.Snapshot())
		must(last.follower.CatchUp(again.kept.Snapshot()))
		if got := last.signed.Snapshot().Serial(); got != 103 {
			t.Errorf("serial number %s after the restart", got)
		}

		again.kept.Expire()
		if got := again.signed.State(); got != authority.Expired {
			t.Errorf("the signed zone is %s when the primary's has expired", got)
		}
		must(again.kept.Replace(authority.FromTransfer, parse(t, zoneText)))
		again.serials(1, 104)
		again.sees()
	})
}

// What cannot be signed is not taken: both zones stay as they were, and the next
// transfer that can be is.
func TestFollowerRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollowed(t, Policy{}, csk(t), nil)
		foreign := csk(t)[0]
		record := wire.Record{Name: wire.MustParseName("example."), Type: wire.TypeDNSKEY, Class: wire.ClassIN, TTL: 60, Data: foreign.Data()}
		if err := f.kept.Replace(authority.FromTransfer, parse(t, zoneText)); err != nil {
			t.Fatal(err)
		}
		err := f.edit(2, func(t *authority.Txn) { t.Add(record) })
		if !errors.Is(err, ErrForeignKeys) {
			t.Fatalf("a DNSKEY record of another key: %v", err)
		}
		f.serials(1, 2)
		f.sees()
		if err := f.edit(3, func(t *authority.Txn) { t.Add(address("next.example.", 3)) }); err != nil {
			t.Fatal(err)
		}
		f.serials(3, 4)
		f.sees()
	})
}

// Random edits of the primary's zone, some of them whole transfers, between refreshes.
func TestFollowerTwin(t *testing.T) {
	for name, policy := range policies() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(1, 2))
				f := newFollowed(t, policy, csk(t), nil)
				if err := f.kept.Replace(authority.FromTransfer, parse(t, zoneText)); err != nil {
					t.Fatal(err)
				}
				for range 30 {
					serial := f.kept.Snapshot().Serial()
					edit := func(t *authority.Txn) {
						for range 1 + random.IntN(3) {
							r := address(fmt.Sprintf("h%d.example.", random.IntN(8)), byte(random.IntN(3)))
							if random.IntN(3) == 0 {
								t.RemoveName(r.Name)
							} else {
								t.Add(r)
							}
						}
					}
					var err error
					switch random.IntN(4) {
					case 0:
						other := authority.NewZone(f.kept.Snapshot())
						other.Update(authority.FromFile, func(t *authority.Txn) error { edit(t); return nil })
						err = f.kept.Replace(authority.FromTransfer, other.Snapshot())
					case 1:
						time.Sleep(24 * time.Hour)
						_, err = f.signer.Refresh(f.signed)
					default:
						err = f.edit(serial+1+wire.Serial(random.IntN(3)), edit)
					}
					if err != nil {
						t.Fatal(err)
					}
					f.sees()
				}
				for i := 1; i < len(f.versions); i++ {
					if f.versions[i-1].To != f.versions[i].From || !f.versions[i].From.Less(f.versions[i].To) {
						t.Errorf("versions lead from %s to %s, then from %s to %s", f.versions[i-1].From, f.versions[i-1].To, f.versions[i].From, f.versions[i].To)
					}
				}
			})
		})
	}
}
