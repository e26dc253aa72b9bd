//go:build interop

package interop

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/authority/zonemd"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec/ed448"
)

// cornerZone has names of every kind.
const cornerZone = `$ORIGIN example.com.
$TTL 3600
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
@ MX 10 mail
ns A 192.0.2.1
mail A 192.0.2.2
Mixed.CASE TXT "x"
*.w TXT "wildcard"
a.b.c AAAA 2001:db8::1
old DNAME new
alias CNAME mail
sub NS ns.sub
ns.sub A 192.0.2.9
deep.er.insecure NS ns
safe NS ns
safe DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
\000\255 A 192.0.2.3
`

// edits is after how many edits at random each signed zone is looked at.
var edits = flag.Int("edits", 3, "how many times at random TestSigned edits each zone that others verify")

// TestSigned: what we sign, with keys that we, BIND and ldns made, is right for
// ldns-verify-zone, dnssec-verify, kzonecheck and us, also after edits.
func TestSigned(t *testing.T) {
	ldns, bind := need(t, "ldns-verify-zone"), need(t, "dnssec-verify")
	knot, err := exec.LookPath("kzonecheck")
	if err != nil {
		t.Logf("without Knot DNS, which is not needed: %v", err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "example.com")
	write(t, file, []byte(cornerZone))
	origin := wire.MustParseName("example.com.")
	policies := map[string]sign.Policy{"NSEC": {CDS: true, ZONEMD: zonemd.SHA384}, "NSEC3": {NSEC3: true}, "opt-out": {NSEC3: true, OptOut: true}}
	for from, make := range keyMakers() {
		keys := make(t, t.TempDir(), origin)
		for name, policy := range policies {
			t.Run(from+" "+name, func(t *testing.T) {
				z := signedWith(t, policy, keys, file, origin)
				random := rand.New(rand.NewPCG(1, uint64(len(from+name))))
				for range *edits + 1 {
					if r := (sign.Verification{Now: time.Now()}).Run(z.Snapshot()); r.Count > 0 {
						t.Fatalf("%d faults, the first %v", r.Count, r.Faults)
					}
					out := filepath.Join(t.TempDir(), "signed")
					write(t, out, zoneText(z.Snapshot()))
					run(t, dir, ldns, "-V", "1", out)
					run(t, dir, bind, "-q", "-o", "example.com", out)
					if knot != "" {
						run(t, dir, knot, "-d", "on", "-o", "example.com", out)
					}
					if _, err := z.Update(authority.FromUpdate, func(txn *authority.Txn) error { return editAtRandom(txn, random) }); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

// signedWith is the zone of a file, signed by a policy with keys.
func signedWith(t *testing.T, policy sign.Policy, keys []*sign.Key, file string, origin wire.Name) *authority.Zone {
	t.Helper()
	s, err := sign.New(policy, keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	contents, err := authority.File{Path: file, Origin: origin}.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	z := authority.NewEmptyZone(origin, wire.ClassIN)
	z.SetPipeline(&authority.Pipeline{Sign: []authority.Stage{s.Stage}})
	if err := z.Replace(authority.FromFile, contents); err != nil {
		t.Fatal(err)
	}
	return z
}

// keyMakers make the keys of a zone: with each algorithm, by each program.
func keyMakers() map[string]func(t *testing.T, dir string, zone wire.Name) []*sign.Key {
	makers := map[string]func(t *testing.T, dir string, zone wire.Name) []*sign.Key{}
	read := func(t *testing.T, dir string, zone wire.Name) []*sign.Key {
		keys, err := sign.ReadKeys(dir, zone)
		if err != nil || len(keys) != 2 {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		return keys
	}
	for _, algorithm := range [...]wire.Algorithm{
		wire.AlgorithmRSASHA256, wire.AlgorithmRSASHA512, wire.AlgorithmECDSAP256SHA256, wire.AlgorithmECDSAP384SHA384, wire.AlgorithmED25519, wire.AlgorithmED448,
	} {
		makers[fmt.Sprintf("ours %v", algorithm)] = func(t *testing.T, dir string, zone wire.Name) []*sign.Key {
			for _, flags := range [...]uint16{wire.FlagZoneKey, wire.FlagZoneKey | wire.FlagSecureEntry} {
				k, err := sign.GenerateKey(algorithm, flags, 0, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				if err := k.Write(dir, zone); err != nil {
					t.Fatal(err)
				}
			}
			return read(t, dir, zone)
		}
		makers[fmt.Sprintf("BIND %v", algorithm)] = func(t *testing.T, dir string, zone wire.Name) []*sign.Key {
			keygen := need(t, "dnssec-keygen")
			run(t, dir, keygen, "-q", "-a", algorithm.String(), zone.String())
			run(t, dir, keygen, "-q", "-a", algorithm.String(), "-f", "KSK", zone.String())
			return read(t, dir, zone)
		}
		makers[fmt.Sprintf("ldns %v", algorithm)] = func(t *testing.T, dir string, zone wire.Name) []*sign.Key {
			keygen := need(t, "ldns-keygen")
			run(t, dir, keygen, "-a", algorithm.String(), zone.String())
			run(t, dir, keygen, "-a", algorithm.String(), "-k", zone.String())
			return read(t, dir, zone)
		}
	}
	return makers
}

// TestKeysForOthers: BIND signs with keys that we made.
func TestKeysForOthers(t *testing.T) {
	dir := t.TempDir()
	zone := wire.MustParseName("example.com.")
	var bases []string
	for _, flags := range [...]uint16{wire.FlagZoneKey | wire.FlagSecureEntry, wire.FlagZoneKey} {
		for _, algorithm := range [...]wire.Algorithm{wire.AlgorithmRSASHA256, wire.AlgorithmECDSAP256SHA256, wire.AlgorithmECDSAP384SHA384, wire.AlgorithmED25519, wire.AlgorithmED448} {
			k, err := sign.GenerateKey(algorithm, flags, 0, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if err := k.Write(dir, zone); err != nil {
				t.Fatal(err)
			}
			bases = append(bases, k.FileName(zone))
		}
	}
	text := []byte("$TTL 300\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n")
	for _, base := range bases {
		public, err := os.ReadFile(filepath.Join(dir, base+".key"))
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, public...)
	}
	write(t, filepath.Join(dir, "zone"), text)
	run(t, dir, need(t, "dnssec-signzone"), append([]string{"-q", "-o", "example.com", "-f", "signed", "-x", "zone"}, bases...)...)
	run(t, dir, need(t, "ldns-verify-zone"), "-V", "1", "signed")
}

// TestTwoSigners: BIND and we sign one zone, each with keys of its own and the DNSKEY
// records of both (RFC 8901, model 2). Each result is right for ldns-verify-zone,
// dnssec-verify and us.
func TestTwoSigners(t *testing.T) {
	dir := t.TempDir()
	zone := wire.MustParseName("example.com.")
	keygen := need(t, "dnssec-keygen")
	theirs := []string{run(t, dir, keygen, "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "example.com."), run(t, dir, keygen, "-q", "-a", "ECDSAP256SHA256", "example.com.")}
	var ours []*sign.Key
	var ourKeys, theirKeys []byte
	for _, flags := range [...]uint16{wire.FlagZoneKey | wire.FlagSecureEntry, wire.FlagZoneKey} {
		k, err := sign.GenerateKey(wire.AlgorithmECDSAP256SHA256, flags, 0, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		ours = append(ours, k)
		ourKeys = fmt.Appendf(ourKeys, "example.com. 3600 DNSKEY %s\n", k.Record.String())
	}
	for _, base := range theirs {
		text, err := os.ReadFile(filepath.Join(dir, strings.TrimSpace(base)+".key"))
		if err != nil {
			t.Fatal(err)
		}
		theirKeys = append(theirKeys, text...)
	}
	s, err := sign.New(sign.Policy{ForeignKeys: true, CDS: true}, ours, nil)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "example.com")
	write(t, file, append([]byte(cornerZone), theirKeys...))
	contents, err := authority.File{Path: file, Origin: zone}.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	z := authority.NewEmptyZone(zone, wire.ClassIN)
	z.SetPipeline(&authority.Pipeline{Sign: []authority.Stage{s.Stage}})
	if err := z.Replace(authority.FromFile, contents); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "by-us"), zoneText(z.Snapshot()))
	write(t, file, append(append([]byte(cornerZone), theirKeys...), ourKeys...))
	run(t, dir, need(t, "dnssec-signzone"), "-q", "-o", "example.com", "-f", "by-bind", "-k", strings.TrimSpace(theirs[0]), file, strings.TrimSpace(theirs[1]))
	for _, signed := range [...]string{"by-us", "by-bind"} {
		text, err := os.ReadFile(filepath.Join(dir, signed))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "DNSKEY\t25"); n < 4 && signed == "by-us" {
			t.Errorf("%s: %d keys", signed, n)
		}
		run(t, dir, need(t, "ldns-verify-zone"), "-V", "1", signed)
		run(t, dir, need(t, "dnssec-verify"), "-q", "-o", "example.com", signed)
		if s, err := (authority.File{Path: filepath.Join(dir, signed), Origin: zone}).Load(nil); err != nil {
			t.Error(err)
		} else if r := (sign.Verification{Now: time.Now()}).Run(s); r.Count > 0 {
			t.Errorf("%s: %d faults, the first %v", signed, r.Count, r.Faults)
		}
	}
}

func zoneText(s *authority.Snapshot) (text []byte) {
	for r := range s.All() {
		text = zonefile.AppendRecord(text, &r)
	}
	return text
}

// editAtRandom adds and removes addresses, text and delegations.
func editAtRandom(t *authority.Txn, random *rand.Rand) error {
	labels := [...]string{"a", "b", "c", "sub", "*"}
	for range 3 {
		name := t.Origin()
		for range 1 + random.IntN(3) {
			var err error
			if name, err = name.Prepend(labels[random.IntN(len(labels))]); err != nil {
				return err
			}
		}
		r := wire.Record{Name: name, Class: wire.ClassIN, TTL: 300}
		switch random.IntN(6) {
		case 0:
			t.RemoveName(name)
			continue
		case 1:
			if name.IsWildcard() || len(t.RRset(name, wire.TypeA)) > 0 {
				continue
			}
			r.Type, r.Data = wire.TypeNS, wire.MustParseName("ns.example.com.").AppendTo(nil)
			if random.IntN(2) == 0 {
				if err := t.Add(r); err != nil {
					return err
				}
				r.Type, r.Data = wire.TypeDS, (&wire.DS{KeyTag: 1, Algorithm: wire.AlgorithmECDSAP256SHA256, DigestType: 2, Digest: make([]byte, 32)}).AppendTo(nil, nil)
			}
		case 2:
			var err error
			if r.Name, err = name.Prepend("dname"); err != nil { // nothing else is at or below it
				return err
			}
			r.Type, r.Data = wire.TypeDNAME, wire.MustParseName("example.net.").AppendTo(nil)
		default:
			r.Type, r.Data = wire.TypeA, []byte{192, 0, 2, byte(random.IntN(250))}
		}
		if err := t.Add(r); err != nil {
			return err
		}
	}
	return nil
}

// TestZonesOfOthers: what ldns and BIND sign is right for us.
func TestZonesOfOthers(t *testing.T) {
	zone := zoneFile{Origin: "example.com.", File: filepath.Join(t.TempDir(), "example.com")}
	write(t, zone.File, []byte(cornerZone))
	for _, how := range signings[1:] {
		t.Run(how.Name, func(t *testing.T) {
			signed := how.sign(t, []zoneFile{zone})[0]
			s, err := authority.File{Path: signed.File, Origin: wire.MustParseName(signed.Origin)}.Load(nil)
			if err != nil {
				t.Fatal(err)
			}
			if r := (sign.Verification{Now: time.Now()}).Run(s); r.Count > 0 {
				t.Errorf("%d faults, the first %v", r.Count, r.Faults)
			}
		})
	}
}

func init() { sign.AddAlgorithms(ed448.Scheme()) }

// TestKeysOfOthers: keys of Knot and BIND are taken over as they are, those of BIND with
// what has become of them, and the zone that we sign then is valid with the DS record
// of before.
func TestKeysOfOthers(t *testing.T) {
	zone := wire.MustParseName("example.com.")
	for name, prepare := range map[string]func(t *testing.T, dir string){
		"Knot DNS ECDSAP256SHA256": fromKnot("ECDSAP256SHA256"),
		"Knot DNS ED448":           fromKnot("ED448"),
		"BIND": func(t *testing.T, dir string) {
			key := run(t, dir, need(t, "dnssec-keygen"), "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "example.com.")
			run(t, dir, need(t, "dnssec-settime"), "-s", "-g", "OMNIPRESENT", "-k", "OMNIPRESENT", "20260101000000", "-r", "OMNIPRESENT", "20260101000000",
				"-z", "OMNIPRESENT", "20260101000000", "-d", "OMNIPRESENT", "20260101000000", key)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			prepare(t, dir)
			file := filepath.Join(dir, "example.com")
			write(t, file, []byte(cornerZone))
			set, err := sign.OpenKeySet(dir, zone, time.Now())
			if err != nil || len(set.Keys) != 1 || set.Keys[0].Progress == nil {
				t.Fatal(set, err)
			}
			for part, state := range set.Keys[0].Progress.Parts[:3] {
				if state.State != sign.Omnipresent {
					t.Errorf("%v is %v", sign.Part(part), state.State)
				}
			}
			run(t, dir, built, "sign", file)
			run(t, dir, need(t, "ldns-verify-zone"), "-V", "1", file+".signed")
			run(t, dir, need(t, "dnssec-verify"), "-q", "-z", "-o", "example.com", file+".signed")
			if _, algorithm, ok := strings.Cut(name, "Knot DNS "); ok {
				exported := filepath.Join(dir, "exported.pem")
				write(t, exported, []byte(run(t, dir, built, "keys", "export", "--dir", dir, "example.com")+"\n"))
				run(t, dir, need(t, "keymgr"), "-D", t.TempDir(), "example.com.", "import-pem", exported, "algorithm="+algorithm, "ksk=yes")
			}
		})
	}
}

// fromKnot imports a key that keymgr makes.
func fromKnot(algorithm string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		store := t.TempDir()
		run(t, dir, need(t, "keymgr"), "-D", store, "example.com.", "generate", "algorithm="+algorithm, "ksk=yes", "zsk=yes")
		found, err := filepath.Glob(filepath.Join(store, "keys", "*.pem"))
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		run(t, dir, built, "keys", "import", "--dir", dir, "example.com", found[0])
	}
}

// TestExchangesForOthers: at each step of an exchange of the algorithm and of one key for
// two, the zone is right for ldns-verify-zone and dnssec-verify.
func TestExchangesForOthers(t *testing.T) {
	dir := t.TempDir()
	zone := wire.MustParseName("example.com.")
	file := filepath.Join(dir, "example.com")
	write(t, file, []byte(cornerZone))
	now := time.Now().Add(-12 * 24 * time.Hour) // signatures are valid for longer than that
	edit := func(change func(set *sign.KeySet) error) *sign.KeySet {
		t.Helper()
		set, err := sign.EditKeySet(dir, zone, now, change)
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	contents, err := authority.File{Path: file, Origin: zone}.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	z := authority.NewEmptyZone(zone, wire.ClassIN)
	policy, steps := sign.KeyPolicy{}, 0
	for end := now.Add(12 * 24 * time.Hour); now.Before(end); now = now.Add(time.Hour) {
		if steps == 3 { // the parent knows the first key
			policy = sign.KeyPolicy{Algorithm: wire.AlgorithmED25519, TwoKeys: true}
		}
		var done []sign.Transition
		set := edit(func(set *sign.KeySet) (err error) {
			set.SetPolicy(policy)
			set.ConfirmDS(now)
			done, err = set.Advance(now)
			return err
		})
		if len(done) == 0 {
			continue
		}
		steps++
		s, err := sign.New(sign.Policy{CDS: true, Validity: 90 * 24 * time.Hour, Refresh: 60 * 24 * time.Hour}, set.Keys, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		z.SetPipeline(&authority.Pipeline{Sign: []authority.Stage{s.Stage}})
		if z.Snapshot() == nil {
			err = z.Replace(authority.FromFile, contents)
		} else {
			_, err = s.Refresh(z)
		}
		if err != nil {
			t.Fatal(err)
		}
		edit(func(set *sign.KeySet) error { set.Published(now); return nil })
		out := filepath.Join(t.TempDir(), "signed")
		write(t, out, zoneText(z.Snapshot()))
		run(t, dir, need(t, "ldns-verify-zone"), "-V", "1", out)
		run(t, dir, need(t, "dnssec-verify"), "-q", "-z", "-o", "example.com", out)
	}
	set, err := sign.OpenKeySet(dir, zone, now)
	if err != nil || len(set.Keys) != 3 {
		t.Fatal(set, err)
	}
	for _, k := range set.Keys {
		if isOld := k.Record.Algorithm != wire.AlgorithmED25519; k.Progress.IsGone() != isOld {
			t.Errorf("%s, %v, is %s after %d steps", k, k.Record.Algorithm, k.Progress.Summary(), steps)
		}
	}
}
