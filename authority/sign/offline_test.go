package sign

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// offlineLife is a zone whose key of the keys is on another machine.
type offlineLife struct {
	t           *testing.T
	zone        wire.Name
	here, vault string // folders of keys
	now         time.Time
	policy      KeyPolicy
	ksk         *Key
	transitions []Transition
}

func newOfflineLife(t *testing.T, policy KeyPolicy) *offlineLife {
	t.Helper()
	l := &offlineLife{t: t, zone: wire.MustParseName("example."), here: t.TempDir(), vault: t.TempDir(), now: start, policy: policy}
	l.ksk = l.newKey()
	l.edit(func(s *KeySet) error { s.SetPolicy(policy); return nil })
	return l
}

// newKey makes a key on the other machine, and brings its public half here.
func (l *offlineLife) newKey() *Key {
	l.t.Helper()
	k, err := GenerateKey(wire.AlgorithmECDSAP256SHA256, RoleKeys.flags(), 0, l.now)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := k.Write(l.vault, l.zone); err != nil {
		l.t.Fatal(err)
	}
	zone, half, err := ImportOffline(filepath.Join(l.vault, k.FileName(l.zone)+".key"), l.now)
	if err != nil || !zone.Equal(l.zone) || half.Tag != k.Tag {
		l.t.Fatalf("%v %v %v", zone, half, err)
	}
	if err := half.Write(l.here, l.zone); err != nil {
		l.t.Fatal(err)
	}
	return k
}

func (l *offlineLife) edit(do func(*KeySet) error) *KeySet {
	l.t.Helper()
	s, err := EditKeySet(l.here, l.zone, l.now, do)
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

// sign has the other machine sign for a while, and returns the response.
func (l *offlineLife) sign(span time.Duration) *Request {
	l.t.Helper()
	var r *Request
	l.edit(func(s *KeySet) (err error) {
		r, err = s.Request(l.now, l.now.Add(span), true)
		return err
	})
	keys, err := ReadKeys(l.vault, l.zone)
	if err != nil {
		l.t.Fatal(err)
	}
	done, err := readAgain(l.t, r).Sign(keys)
	if err != nil {
		l.t.Fatal(err)
	}
	return readAgain(l.t, done)
}

func (l *offlineLife) accept(r *Request) {
	l.t.Helper()
	l.edit(func(s *KeySet) error {
		if _, err := s.Accept(r, l.now); err != nil {
			return err
		}
		return s.SaveSignatures(l.here)
	})
}

// readAgain is a request as it comes out of its text.
func readAgain(t *testing.T, r *Request) *Request {
	t.Helper()
	text := r.AppendText(nil)
	again, err := ParseRequest(text, "test")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if back := again.AppendText(nil); string(back) != string(text) {
		t.Fatalf("read and written again:\n%s\nbefore:\n%s", back, text)
	}
	return again
}

// advance does what is next, and has the parent follow at once.
func (l *offlineLife) advance() *KeySet {
	l.t.Helper()
	return l.edit(func(s *KeySet) error {
		s.ConfirmDS(l.now)
		done, err := s.Advance(l.now)
		l.transitions = append(l.transitions, done...)
		return err
	})
}

func (l *offlineLife) published() {
	l.t.Helper()
	l.edit(func(s *KeySet) error { s.Published(l.now); return nil })
}

// wait lets time go by, does what is next then, and checks the zone that s signs.
func (l *offlineLife) wait(d time.Duration, s *Signer, z *authority.Zone) *KeySet {
	l.t.Helper()
	l.now = l.now.Add(d)
	set := l.advance()
	s.SetKeys(set.Keys)
	if _, err := s.Refresh(z); err != nil {
		l.t.Fatal(err)
	}
	l.published()
	verify(l.t, z.Snapshot(), l.now)
	return set
}

// TestOfflineKey: with what another machine has signed in advance, keys of the zone are
// exchanged, and the zone is valid on each day. When that runs out, nothing is exchanged
// and the zone stays as it is; with the next response it goes on. So does an exchange of
// the offline key itself.
func TestOfflineKey(t *testing.T) {
	l := newOfflineLife(t, KeyPolicy{ZoneLifetime: 30 * day})
	l.accept(l.sign(70 * day))
	first := l.advance()
	s, err := New(Policy{CDS: true}, first.Keys, func() time.Time { return l.now })
	if err != nil {
		t.Fatal(err)
	}
	z := signed(t, s, parse(t, zoneText))
	l.published()
	goOn := func(days int) (failed int) {
		t.Helper()
		for range days {
			l.now = l.now.Add(day)
			s.SetKeys(l.advance().Keys)
			if _, err := s.Refresh(z); err != nil {
				failed++
				if !errors.Is(err, errOffline) {
					t.Fatal(err)
				}
				continue
			}
			l.published()
			verify(t, z.Snapshot(), l.now)
		}
		return failed
	}
	rolled := func() (n int) {
		for _, transition := range l.transitions {
			if transition.Part == PartZoneSignature && transition.To == Rumoured {
				n++
			}
		}
		return n
	}
	if failed := goOn(70); failed > 0 || rolled() < 3 {
		t.Errorf("%d times not signed; %d keys of the zone in 70 days", failed, rolled())
	}
	cds := 0
	for r := range z.Snapshot().RecordsOf(z.Origin()) {
		if r.Type == wire.TypeCDS {
			cds++
		}
	}
	if cds != 1 {
		t.Errorf("%d CDS records", cds)
	}
	end, ok := l.advance().OfflineEnd(l.now)
	if !ok || !end.After(l.now) {
		t.Fatalf("signatures end at %s", end)
	}
	before := rolled()
	if failed := goOn(int(end.Sub(l.now) / day)); failed > 0 || rolled() > before+1 {
		t.Errorf("at the end of what was signed: failed %d times, %d keys", failed, rolled()-before)
	}
	l.now = end.Add(day)
	set := l.advance()
	s.SetKeys(set.Keys)
	if _, err := s.Refresh(z); !errors.Is(err, errOffline) {
		t.Errorf("after the end: %v", err)
	}
	if waits := set.Waits(l.now); !slices.ContainsFunc(waits, func(w Wait) bool {
		return strings.Contains(w.What, "signatures of the key on another machine are missing")
	}) {
		t.Error(waits)
	}
	l.accept(l.sign(100 * day))
	before = rolled()
	if failed := goOn(40); failed > 0 || rolled() < before+1 {
		t.Errorf("%d times not signed; %d keys of the zone in 40 days", failed, rolled()-before)
	}
	next := l.newKey()
	l.edit(func(s *KeySet) error { return s.Roll(RoleKeys) })
	l.accept(l.sign(60 * day))
	if failed := goOn(30); failed > 0 {
		t.Errorf("%d times not signed while the offline key is exchanged", failed)
	}
	for _, k := range l.advance().Keys {
		if k.IsOffline() && (k.Tag == next.Tag) != k.Progress.isAll(Omnipresent) {
			t.Errorf("%s is %s", k, k.Progress.Summary())
		}
	}
}

// TestResponsesThatAreWrong: a response is taken as a whole or not at all, and a machine
// with a key does not sign whatever it gets.
func TestResponsesThatAreWrong(t *testing.T) {
	l := newOfflineLife(t, KeyPolicy{})
	good := l.sign(50 * day)
	stranger, err := GenerateKey(wire.AlgorithmECDSAP256SHA256, RoleKeys.flags(), 0, start)
	if err != nil {
		t.Fatal(err)
	}
	copyOf := func() *Request { return readAgain(t, good) }
	for name, test := range map[string]struct {
		change func(*Request)
		want   string
	}{
		"another zone":          {func(r *Request) { r.Zone = wire.MustParseName("example.org.") }, "for zone example.org"},
		"not signed":            {func(r *Request) { r.IsDone = false }, "not signed yet"},
		"another TTL":           {func(r *Request) { r.Sets[0].TTL++ }, "not over the"},
		"a broken signature":    {func(r *Request) { r.Sets[0].Signatures[1].Signature[5] ^= 1 }, "does not verify"},
		"a longer signature":    {func(r *Request) { r.Sets[0].Signatures[1].Expiration += 1000 }, "does not verify"},
		"a key of a stranger":   {func(r *Request) { r.Sets[0].Data = append(r.Sets[0].Data, stranger.Data()) }, "not one of this machine"},
		"signed by a stranger":  {func(r *Request) { r.Sets[0].Signatures[0].KeyTag++ }, "not an offline key"},
		"of some other keys":    {func(r *Request) { r.Sets = r.Sets[1:] }, "no signature in it"},
		"without all of it":     {func(r *Request) { r.Sets = nil }, "no signature in it"},
		"of other record types": {func(r *Request) { r.Sets[0].Type = wire.TypeTXT }, "not signed in advance"},
	} {
		t.Run(name, func(t *testing.T) {
			r := copyOf()
			test.change(r)
			s, err := OpenKeySet(l.here, l.zone, l.now)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Accept(r, l.now); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v", err)
			}
			for _, k := range s.Keys {
				if k.IsOffline() && len(k.offline().signatures) > 0 {
					t.Error("a part of it was taken")
				}
			}
		})
	}
	keys, err := ReadKeys(l.vault, l.zone)
	if err != nil {
		t.Fatal(err)
	}
	ds, err := stranger.DS(l.zone, digestSHA256)
	if err != nil {
		t.Fatal(err)
	}
	wanted := []Wanted{{l.ksk.Tag, start, start.Add(day)}}
	for name, set := range map[string]RequestSet{
		"key that the parent would know": {OfflineSet{wire.TypeDNSKEY, 60, [][]byte{stranger.Data()}}, wanted, nil},
		"CDNSKEY":                        {OfflineSet{wire.TypeCDNSKEY, 60, [][]byte{stranger.Data()}}, wanted, nil},
		"CDS":                            {OfflineSet{wire.TypeCDS, 60, [][]byte{ds.AppendTo(nil, nil)}}, wanted, nil},
		"other type":                     {OfflineSet{wire.TypeA, 60, [][]byte{{192, 0, 2, 1}}}, wanted, nil},
		"long":                           {OfflineSet{wire.TypeDNSKEY, 60, [][]byte{l.ksk.Data()}}, []Wanted{{l.ksk.Tag, start, start.Add(50 * day)}}, nil},
		"other key":                      {OfflineSet{wire.TypeDNSKEY, 60, [][]byte{l.ksk.Data()}}, []Wanted{{l.ksk.Tag + 1, start, start.Add(day)}}, nil},
	} {
		if _, err := (&Request{Zone: l.zone, Sets: []RequestSet{set}}).Sign(keys); err == nil {
			t.Errorf("%s was signed", name)
		}
	}
	if _, err := good.Sign(keys); err == nil {
		t.Error("a response was signed")
	}
	text := string(good.AppendText(nil))
	for _, damaged := range []string{"", text[:len(text)/2], strings.Replace(text, "3600", "3601", 1), text[:len(text)-5] + "\n", "names" + text} {
		if _, err := ParseRequest([]byte(damaged), "test"); err == nil {
			t.Errorf("read:\n%.200s", damaged)
		}
	}
}

// TestOfflineKeyAlone: without a response nothing can be signed, and the error says what
// to do.
func TestOfflineKeyAlone(t *testing.T) {
	l := newOfflineLife(t, KeyPolicy{})
	set := l.advance()
	s, err := New(Policy{}, set.Keys, func() time.Time { return l.now })
	if err != nil {
		t.Fatal(err)
	}
	z := authority.NewEmptyZone(l.zone, wire.ClassIN)
	z.SetPipeline(&authority.Pipeline{Sign: []authority.Stage{s.Stage}})
	if err := z.Replace(authority.FromFile, parse(t, zoneText)); !errors.Is(err, errOffline) {
		t.Error(err)
	}
	if _, err := set.Request(l.now, l.now.Add(3*366*day), false); err == nil {
		t.Error("asked for three years")
	}
	if _, err := (&KeySet{Zone: l.zone}).Request(l.now, l.now.Add(day), false); err == nil {
		t.Error("asked without an offline key")
	}
}
