package sign

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/internal/zonetest"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/authority/zonemd"
	"github.com/names-dns/names/wire"
)

const zoneText = `@ 3600 SOA ns hostmaster 1 7200 3600 1209600 300
@ 3600 NS ns
ns 3600 A 192.0.2.1
www 300 A 192.0.2.2
www 300 TXT "text"
*.wild 300 A 192.0.2.3
a.deep.down 300 AAAA 2001:db8::1
sub 3600 NS ns.sub
ns.sub 3600 A 192.0.2.4
safe 3600 NS ns
safe 3600 DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
old 300 DNAME new
alias 300 CNAME www
`

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func parse(t testing.TB, text string) *authority.Snapshot {
	t.Helper()
	return zonetest.Snapshot(t, wire.MustParseName("example."), text)
}

func key(t testing.TB, algorithm wire.Algorithm, flags uint16) *Key {
	t.Helper()
	k, err := GenerateKey(algorithm, flags, 0, start)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func csk(t testing.TB) []*Key {
	return []*Key{key(t, wire.AlgorithmECDSAP256SHA256, wire.FlagZoneKey|wire.FlagSecureEntry)}
}

// wantSignedAnew fails the test unless a zone is right, and as a first signing would make it.
func wantSignedAnew(t testing.TB, z *authority.Zone, policy Policy, keys []*Key) {
	t.Helper()
	verify(t, z.Snapshot(), start)
	fresh, err := New(policy, keys, func() time.Time { return start })
	if err != nil {
		t.Fatal(err)
	}
	if got, want := text(z.Snapshot()), text(signed(t, fresh, unsigned(t, z.Snapshot())).Snapshot()); got != want {
		t.Error(differences(got, want))
	}
}

// signed returns a zone that a signer has signed.
func signed(t testing.TB, s *Signer, contents *authority.Snapshot) *authority.Zone {
	t.Helper()
	z := authority.NewEmptyZone(contents.Origin(), contents.Class())
	z.SetPipeline(&authority.Pipeline{Sign: []authority.Stage{s.Stage}})
	if err := z.Replace(authority.FromFile, contents); err != nil {
		t.Fatal(err)
	}
	return z
}

// text is the records of a version, a line each, sorted.
func text(s *authority.Snapshot) string {
	var lines []string
	for r := range s.All() {
		lines = append(lines, string(zonefile.AppendRecord(nil, &r)))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// unsigned is a version without what a signer made.
func unsigned(t testing.TB, s *authority.Snapshot) *authority.Snapshot {
	var b strings.Builder
	for r := range s.All() {
		if !isMade(&r, wire.MustParseName("example.")) {
			b.Write(zonefile.AppendRecord(nil, &r))
		}
	}
	return parse(t, b.String())
}

func policies() map[string]Policy {
	return map[string]Policy{
		"NSEC": {}, "NSEC3": {NSEC3: true}, "opt-out": {NSEC3: true, OptOut: true}, "CDS": {CDS: true},
		"ZONEMD": {ZONEMD: zonemd.SHA384},
	}
}

func verify(t testing.TB, s *authority.Snapshot, now time.Time) {
	t.Helper()
	if err := Verify(s, now); err != nil {
		t.Error(err)
	}
	if err := zonemd.Verify(s); err != nil && !errors.Is(err, zonemd.ErrMissing) {
		t.Error(err)
	}
}

// TestVerifyFindsDamage: a record that is changed, a signature that is missing, too
// old, left over or where none belongs.
func TestVerifyFindsDamage(t *testing.T) {
	s, err := New(Policy{}, csk(t), func() time.Time { return start })
	if err != nil {
		t.Fatal(err)
	}
	good := signed(t, s, parse(t, zoneText)).Snapshot()
	of := func(name string, kind wire.Type) (r wire.Record) {
		for r = range good.RecordsOf(wire.MustParseName(name)) {
			if r.Type == kind {
				break
			}
		}
		return r
	}
	address := of("ns.sub.example.", wire.TypeA)
	for name, test := range map[string]struct {
		damage func(t *authority.Txn) error
		now    time.Time
		want   error
	}{
		"changed": {func(t *authority.Txn) error {
			r := of("www.example.", wire.TypeTXT)
			r.Data = []byte("\x04TEXT")
			return t.Replace(r)
		}, start, errWrong},
		"missing": {func(t *authority.Txn) error {
			t.RemoveRRset(wire.MustParseName("www.example."), wire.TypeRRSIG)
			return nil
		}, start, errUnsigned},
		"left over": {func(t *authority.Txn) error {
			t.RemoveRRset(wire.MustParseName("www.example."), wire.TypeTXT)
			return nil
		}, start, errLeftOver},
		"below a delegation": {func(t *authority.Txn) error {
			r := of("ns.example.", wire.TypeRRSIG)
			r.Name = address.Name
			return t.Add(r)
		}, start, errUnwanted},
		"too old": {func(t *authority.Txn) error { return nil }, start.Add(30 * 24 * time.Hour), nil},
	} {
		z := authority.NewZone(good)
		if _, err := z.Update(authority.FromControl, func(t *authority.Txn) error {
			t.KeepSerial()
			return test.damage(t)
		}); err != nil {
			t.Fatal(err)
		}
		if err := Verify(z.Snapshot(), test.now); err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestVerifyFindsMissingAlgorithms: each RRset needs a signature of each algorithm that the
// DNSKEY records have (RFC 4035 2.2); one by another key of the algorithm does.
func TestVerifyFindsMissingAlgorithms(t *testing.T) {
	keys := csk(t)
	for range 2 {
		keys = append(keys, key(t, wire.AlgorithmED25519, wire.FlagZoneKey|wire.FlagSecureEntry))
	}
	s, err := New(Policy{}, keys, func() time.Time { return start })
	if err != nil {
		t.Fatal(err)
	}
	good := signed(t, s, parse(t, zoneText)).Snapshot()
	verify(t, good, start)
	for name, test := range map[string]struct {
		without func(sig *wire.RRSIG) bool
		want    string
	}{
		"one key of two": {func(sig *wire.RRSIG) bool { return sig.KeyTag == keys[1].Tag }, ""},
		"one of an RRset": {func(sig *wire.RRSIG) bool {
			return sig.Algorithm == wire.AlgorithmED25519 && sig.Covered == wire.TypeTXT
		}, "www.example. TXT: no valid signature by a key of the zone of algorithm ED25519"},
		"one of all": {func(sig *wire.RRSIG) bool { return sig.Algorithm == wire.AlgorithmED25519 }, "of algorithm ED25519"},
		"the other one of keys": {func(sig *wire.RRSIG) bool {
			return sig.Algorithm != wire.AlgorithmED25519 && sig.Covered == wire.TypeDNSKEY
		}, "example. DNSKEY: no valid signature by a key of the zone of algorithm ECDSAP256SHA256"},
	} {
		z := authority.NewZone(good)
		if _, err := z.Update(authority.FromControl, func(txn *authority.Txn) error {
			txn.KeepSerial()
			for _, r := range recordsOf(good, wire.TypeRRSIG) {
				var sig wire.RRSIG
				c := wire.CursorOver(r.Data)
				if err := sig.Parse(&c); err != nil {
					return err
				}
				if test.without(&sig) {
					txn.Remove(r)
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		err := Verify(z.Snapshot(), start)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestVerifyFindsBrokenChains: damage to each kind of proof, signed anew by the same key so
// that only the chain is wrong.
func TestVerifyFindsBrokenChains(t *testing.T) {
	for name, policy := range policies() {
		s, err := New(policy, csk(t), func() time.Time { return start })
		if err != nil {
			t.Fatal(err)
		}
		good := signed(t, s, parse(t, zoneText)).Snapshot()
		var proofs []wire.Record
		for r := range good.All() {
			if r.Type == wire.TypeNSEC || r.Type == wire.TypeNSEC3 {
				proofs = append(proofs, r)
			}
		}
		for i, r := range proofs {
			next := proofs[(i+2)%len(proofs)]
			r.Name = r.Name.Clone()
			for what, damage := range map[string]func(t *authority.Txn) error{
				"removed": func(t *authority.Txn) error { t.RemoveRRset(r.Name, r.Type); return nil },
				"that of another name": func(t *authority.Txn) error {
					r := r
					r.Data = next.Data
					return t.Replace(r)
				},
			} {
				z := authority.NewZone(good)
				_, err := z.Update(authority.FromControl, func(t *authority.Txn) error {
					t.KeepSerial()
					return damage(t)
				})
				if err != nil {
					continue // the zone itself refuses it
				}
				found := Verification{Now: start, MaxFaults: 1000}.Run(z.Snapshot())
				isFound := slices.ContainsFunc(found.Faults, func(f *Fault) bool {
					return errors.Is(f, errNoProof) || errors.Is(f, errWrongNext) || errors.Is(f, errWrongTypes) || errors.Is(f, errNeedlessly) || errors.Is(f, errNoDenial) || errors.Is(f, errTwice)
				})
				if !isFound {
					t.Errorf("%s: %s %s %s: %v", name, r.Name, r.Type, what, found.Faults)
				}
			}
		}
	}
}

// eachPolicy calls do with the zone of zoneText, signed at start, for each policy.
func eachPolicy(t *testing.T, do func(t *testing.T, s *Signer, z *authority.Zone)) {
	for name, policy := range policies() {
		t.Run(name, func(t *testing.T) {
			s, err := New(policy, csk(t), func() time.Time { return start })
			if err != nil {
				t.Fatal(err)
			}
			do(t, s, signed(t, s, parse(t, zoneText)))
		})
	}
}

func TestSign(t *testing.T) {
	eachPolicy(t, func(t *testing.T, s *Signer, z *authority.Zone) {
		verify(t, z.Snapshot(), start)
		if z.Snapshot().Serial() != 1 {
			t.Errorf("serial %s", z.Snapshot().Serial())
		}
	})
}

// TestEditsLikeAFirstSigning: after random edits the zone is, record by record,
// what signing the same contents at once makes.
func TestEditsLikeAFirstSigning(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 20
	}
	for name, policy := range policies() {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			now := start
			clock := func() time.Time { return now }
			keys := csk(t)
			s, err := New(policy, keys, clock)
			if err != nil {
				t.Fatal(err)
			}
			z := signed(t, s, parse(t, zoneText))
			for round := range rounds {
				if _, err := z.Update(authority.FromUpdate, func(txn *authority.Txn) error { return edit(txn, random) }); err != nil {
					t.Logf("round %d: %v", round, err) // not every edit makes a zone
				}
				if round%20 == 19 {
					now = now.Add(30 * time.Hour)
					if _, err := s.Refresh(z); err != nil {
						t.Fatal(err)
					}
				}
				at := z.Snapshot()
				fresh, err := New(policy, keys, clock)
				if err != nil {
					t.Fatal(err)
				}
				if want := text(signed(t, fresh, unsigned(t, at)).Snapshot()); round%20 == 19 || now.Equal(start) {
					if got := text(at); got != want {
						t.Fatalf("round %d:\n%s", round, differences(got, want))
					}
				}
				verify(t, at, now)
				if t.Failed() {
					t.FailNow()
				}
			}
		})
	}
}

// differences are the lines that only one of two texts has.
func differences(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	var out strings.Builder
	for _, l := range a {
		if !slices.Contains(b, l) {
			out.WriteString("got  " + l + "\n")
		}
	}
	for _, l := range b {
		if !slices.Contains(a, l) {
			out.WriteString("want " + l + "\n")
		}
	}
	return out.String()
}

// edit makes some edits with few names, so that they meet each other.
func edit(t *authority.Txn, random *rand.Rand) error {
	labels := []string{"a", "b", "c", "www", "sub", "*"}
	for range 1 + random.IntN(4) {
		name := t.Origin()
		for range 1 + random.IntN(3) {
			n, err := name.Prepend(labels[random.IntN(len(labels))])
			if err != nil {
				return err
			}
			name = n
		}
		r := wire.Record{Name: name, Class: t.Class(), TTL: 60 * uint32(1+random.IntN(3))}
		switch random.IntN(7) {
		case 0, 1:
			r.Type, r.Data = wire.TypeA, []byte{192, 0, 2, byte(random.IntN(4))}
		case 2:
			r.Type, r.Data = wire.TypeNS, wire.MustParseName("ns.example.").AppendTo(nil)
		case 3:
			r.Type, r.Data = wire.TypeDS, append([]byte{0, 1, 13, 2}, make([]byte, 32)...)
		case 4:
			t.RemoveName(name)
			continue
		default:
			for have := range t.Records(name) {
				if !isDerived(have.Type) {
					r = have.Clone()
				}
			}
			if r.Data != nil {
				t.Remove(r)
			}
			continue
		}
		if err := t.Add(r); err != nil {
			return err
		}
	}
	return nil
}

// TestRefresh: signatures are made again in small portions, and never end.
func TestRefresh(t *testing.T) {
	now := start
	s, err := New(Policy{}, csk(t), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(zoneText)
	for i := range 300 {
		fmt.Fprintf(&b, "host%d 300 A 192.0.2.%d\n", i, i%256)
	}
	z := signed(t, s, parse(t, b.String()))
	all, most := 0, 0
	step := s.Policy().Step()
	for range 2 * steps {
		now = now.Add(step)
		due, err := s.Refresh(z)
		if err != nil {
			t.Fatal(err)
		}
		all, most = all+due, max(most, due)
	}
	verify(t, z.Snapshot(), now)
	if all < 1200 || most > 30 {
		t.Errorf("%d signatures made again, at most %d at a time", all, most)
	}
	if due, err := s.Refresh(z); due != 0 || err != nil {
		t.Errorf("%d due at once again, %v", due, err)
	}
}

// TestReload: a file that is loaded again keeps the signatures of what did not
// change, and gets a serial number that secondaries fetch.
func TestReload(t *testing.T) {
	s, err := New(Policy{}, csk(t), func() time.Time { return start })
	if err != nil {
		t.Fatal(err)
	}
	z := signed(t, s, parse(t, zoneText))
	if _, err := z.Update(authority.FromUpdate, func(t *authority.Txn) error {
		return t.Add(wire.Record{Name: wire.MustParseName("new.example."), Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 9}})
	}); err != nil {
		t.Fatal(err)
	}
	before := z.Snapshot()
	changed := strings.Replace(zoneText, "192.0.2.2", "192.0.2.77", 1)
	if err := z.Replace(authority.FromFile, parse(t, changed)); err != nil {
		t.Fatal(err)
	}
	after := z.Snapshot()
	verify(t, after, start)
	if after.Serial() != before.Serial()+1 {
		t.Errorf("serial %s after %s", after.Serial(), before.Serial())
	}
	c := authority.Diff(before, after)
	for _, r := range c.Added {
		if name := r.Name.String(); name != "example." && name != "www.example." && name != "a.deep.down.example." { // the last before new.example.
			t.Errorf("added %s", r)
		}
	}
}

// TestEditedWithoutUs: a zone that was edited without its signer is signed anew.
func TestEditedWithoutUs(t *testing.T) {
	eachPolicy(t, func(t *testing.T, s *Signer, z *authority.Zone) {
		z.SetPipeline(nil)
		if _, err := z.Update(authority.FromJournal, func(t *authority.Txn) error {
			return t.Replace(wire.Record{Name: wire.MustParseName("www.example."), Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 9}})
		}); err != nil {
			t.Fatal(err)
		}
		z.SetPipeline(&authority.Pipeline{Sign: []authority.Stage{s.Stage}})
		if due, err := s.Refresh(z); due == 0 || err != nil {
			t.Fatal(due, err)
		}
		verify(t, z.Snapshot(), start)
	})
}

// TestRemove: what is left is the unsigned zone.
func TestRemove(t *testing.T) {
	eachPolicy(t, func(t *testing.T, s *Signer, z *authority.Zone) {
		z.SetPipeline(nil)
		if _, err := z.Update(authority.FromControl, func(t *authority.Txn) error {
			t.KeepSerial()
			Remove(t)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if got, want := text(z.Snapshot()), text(parse(t, zoneText)); got != want {
			t.Error(differences(got, want))
		}
	})
}

// TestForeignKeys: a zone that is signed already, with other keys, is refused.
func TestForeignKeys(t *testing.T) {
	s, _ := New(Policy{}, csk(t), func() time.Time { return start })
	other, _ := New(Policy{}, csk(t), func() time.Time { return start })
	z := signed(t, other, parse(t, zoneText))
	target := authority.NewEmptyZone(z.Origin(), z.Class())
	target.SetPipeline(&authority.Pipeline{Sign: []authority.Stage{s.Stage}})
	if err := target.Replace(authority.FromFile, z.Snapshot()); !errors.Is(err, ErrForeignKeys) {
		t.Errorf("%v", err)
	}
	if target.Snapshot() != nil {
		t.Error("it is served")
	}
}

// TestKeyTimes: keys come and go at their times, and each step is a whole zone
// that verifies.
func TestKeyTimes(t *testing.T) {
	for name, policy := range policies() {
		t.Run(name, func(t *testing.T) {
			now := start
			first, second := csk(t)[0], csk(t)[0]
			second.Publish, second.Activate = start.Add(time.Hour), start.Add(2*time.Hour)
			first.Inactive, first.Delete = start.Add(3*time.Hour), start.Add(4*time.Hour)
			s, err := New(policy, []*Key{first, second}, func() time.Time { return now })
			if err != nil {
				t.Fatal(err)
			}
			z := signed(t, s, parse(t, zoneText))
			for hour, want := range []string{"1 key, by first", "2 keys, by first", "2 keys, by both", "2 keys, by second", "1 key, by second"} {
				now = start.Add(time.Duration(hour) * time.Hour)
				if _, err := s.Refresh(z); err != nil {
					t.Fatal(err)
				}
				verify(t, z.Snapshot(), now)
				keys, by := 0, map[uint16]bool{}
				for r := range z.Snapshot().RecordsOf(z.Origin()) {
					switch r.Type {
					case wire.TypeDNSKEY:
						keys++
					case wire.TypeRRSIG:
						var sig wire.RRSIG
						c := wire.CursorOver(r.Data)
						if err := sig.Parse(&c); err != nil {
							t.Fatal(err)
						}
						by[sig.KeyTag] = true
					}
				}
				got := map[int]string{1: "1 key", 2: "2 keys"}[keys] + ", by "
				switch {
				case by[first.Tag] && by[second.Tag]:
					got += "both"
				case by[first.Tag]:
					got += "first"
				case by[second.Tag]:
					got += "second"
				}
				if got != want {
					t.Errorf("hour %d: %s, not %s", hour, got, want)
				}
			}
		})
	}
}

// TestSerialPolicy: the serial number of a signed zone goes on by the zone's policy when it is
// replaced with a number that is published already, and when signatures are made again.
func TestSerialPolicy(t *testing.T) {
	for policy, want := range map[authority.SerialPolicy]func(now time.Time, before wire.Serial) wire.Serial{
		authority.SerialIncrement: func(_ time.Time, before wire.Serial) wire.Serial { return before + 1 },
		authority.SerialUnixTime:  func(now time.Time, _ wire.Serial) wire.Serial { return wire.Serial(now.Unix()) },
		authority.SerialDate: func(now time.Time, _ wire.Serial) wire.Serial {
			day, _ := strconv.Atoi(now.UTC().Format("20060102"))
			return wire.Serial(day * 100)
		},
	} {
		now := start
		s, err := New(Policy{Serial: policy}, csk(t), func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		z := signed(t, s, parse(t, zoneText))
		for _, change := range []func() error{
			func() error { return z.Replace(authority.FromFile, parse(t, zoneText+"more 300 A 192.0.2.77\n")) },
			func() error { _, err := s.Refresh(z); return err },
		} {
			now = now.Add(10 * day)
			before := z.Snapshot().Serial()
			if err := change(); err != nil {
				t.Fatal(err)
			}
			if got, want := z.Snapshot().Serial(), want(now, before); got != want {
				t.Errorf("%s: serial number %s after %s, want %s", policy, got, before, want)
			}
			verify(t, z.Snapshot(), now)
		}
	}
}
