package sign

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// TestPEM: keys of all algorithms go out and come back.
func TestPEM(t *testing.T) {
	for _, algorithm := range []wire.Algorithm{wire.AlgorithmECDSAP256SHA256, wire.AlgorithmECDSAP384SHA384, wire.AlgorithmED25519, wire.AlgorithmED448, wire.AlgorithmRSASHA512} {
		k := key(t, algorithm, wire.FlagZoneKey)
		text, err := k.AppendPEM(nil)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "key.pem")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := ImportKey(path, algorithm, wire.FlagZoneKey, start)
		if err != nil || string(again.Data()) != string(k.Data()) {
			t.Errorf("%v: %v", algorithm, err)
		}
		_, err = ImportKey(path, 0, wire.FlagZoneKey, start)
		if isRSA := algorithm == wire.AlgorithmRSASHA512; (err != nil) != isRSA {
			t.Errorf("%v, not given: %v", algorithm, err)
		}
		if _, err := ImportKey(path, wire.AlgorithmRSASHA1, wire.FlagZoneKey, start); err == nil {
			t.Errorf("%v taken for another", algorithm)
		}
		private, err := k.privateText()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, private, 0o600); err != nil {
			t.Fatal(err)
		}
		if again, err := ImportKey(path, 0, wire.FlagZoneKey, start); err != nil || string(again.Data()) != string(k.Data()) {
			t.Errorf("%v, as BIND and PowerDNS write it: %v", algorithm, err)
		}
	}
	if _, err := (&Key{SigningKey: ksk(t).SigningKey}).AppendPEM(nil); !errors.Is(err, ErrNoPrivateHalf) {
		t.Error(err)
	}
}

const stateOfBIND = `; This is the state of key 12345, for example.
Algorithm: 13
Length: 256
KSK: yes
ZSK: no
Generated: 20261001000000 (Thu Oct  1 00:00:00 2026)
Published: 20261001000000 (Thu Oct  1 00:00:00 2026)
Active: 20261001000000 (Thu Oct  1 00:00:00 2026)
DNSKEYChange: 20261001030000 (Thu Oct  1 03:00:00 2026)
KRRSIGChange: 20261001030000 (Thu Oct  1 03:00:00 2026)
DSChange: 20261101110000 (Sun Nov  1 11:00:00 2026)
DNSKEYState: OMNIPRESENT
KRRSIGState: OMNIPRESENT
DSState: RUMOURED
GoalState: OMNIPRESENT
`

// TestStatesOfBIND: a key in the middle of an exchange goes on where it was.
func TestStatesOfBIND(t *testing.T) {
	dir := t.TempDir()
	zone := wire.MustParseName("example.")
	k := ksk(t)
	if err := k.Write(dir, zone); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, k.FileName(zone)+".state"), []byte(stateOfBIND), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := OpenKeySet(dir, zone, start)
	if err != nil {
		t.Fatal(err)
	}
	p := s.Keys[0].Progress
	if p.Role != RoleKeys || p.Goal != Omnipresent || s.Keys[0].state(PartDS) != Rumoured || s.Keys[0].state(PartDNSKEY) != Omnipresent || !s.Policy.TwoKeys {
		t.Errorf("%+v", p)
	}
	if p.Parts[PartDS].Since.Format(timeLayout) != "20261101110000" {
		t.Error(p.Parts[PartDS].Since)
	}
	for _, damage := range []string{"OMNIPRESENT", "20261001030000"} {
		if _, err := parseBINDState([]byte(strings.Replace(stateOfBIND, damage, "x", 1))); err == nil {
			t.Errorf("without %s: no error", damage)
		}
	}
}

func FuzzBINDState(f *testing.F) {
	f.Add([]byte(stateOfBIND))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := parseBINDState(text); err == nil && p.Role > RoleZone {
			t.Error(p.Role)
		}
	})
}
