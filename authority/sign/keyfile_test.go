package sign

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/wire"
)

var allAlgorithms = []wire.Algorithm{
	wire.AlgorithmRSASHA256, wire.AlgorithmRSASHA512, wire.AlgorithmECDSAP256SHA256, wire.AlgorithmECDSAP384SHA384, wire.AlgorithmED25519, wire.AlgorithmED448,
}

func TestKeyFiles(t *testing.T) {
	for _, algorithm := range allAlgorithms {
		t.Run(algorithm.String(), func(t *testing.T) {
			dir := t.TempDir()
			zone := wire.MustParseName("Example.com.")
			k := key(t, algorithm, wire.FlagZoneKey|wire.FlagSecureEntry)
			k.Inactive, k.Delete = start.Add(time.Hour), start.Add(2*time.Hour)
			if err := k.Write(dir, zone); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(filepath.Join(dir, k.FileName(zone)+".private")); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v %v", info, err)
			}
			keys, err := ReadKeys(dir, zone)
			if err != nil || len(keys) != 1 {
				t.Fatalf("%d keys, %v", len(keys), err)
			}
			got := keys[0]
			if string(got.Data()) != string(k.Data()) || got.Tag != k.Tag {
				t.Error("another key")
			}
			for i, f := range got.timeFields() {
				if want := *k.timeFields()[i].at; !f.at.Equal(want) {
					t.Errorf("%s: %v, not %v", f.name, f.at, want)
				}
			}
			s, err := New(Policy{}, keys, func() time.Time { return start })
			if err != nil {
				t.Fatal(err)
			}
			verify(t, signed(t, s, parse(t, zoneText)).Snapshot(), start)
		})
	}
}

func TestKeyFilesThatAreWrong(t *testing.T) {
	zone := wire.MustParseName("example.com.")
	for name, test := range map[string]struct {
		damage func(public, private string) (string, string)
		mode   os.FileMode
		want   string
	}{
		"others can read it": {nil, 0o644, "can be read by others"},
		"another record":     {func(p, s string) (string, string) { return "example.com. A 192.0.2.1\n", s }, 0o600, "one DNSKEY record"},
		"two records":        {func(p, s string) (string, string) { return p + strings.Replace(p, "257", "256", 1), s }, 0o600, "one DNSKEY record, not 2"},
		"no record":          {func(p, s string) (string, string) { return "", s }, 0o600, "one DNSKEY record, not 0"},
		"another key's half": {func(p, s string) (string, string) {
			at := strings.Index(p, " 13 ") + 8
			return p[:at] + map[bool]string{true: "B", false: "A"}[p[at] == 'A'] + p[at+1:], s
		}, 0o600, "does not belong"},
		"no format":       {func(p, s string) (string, string) { return p, "Algorithm: 13\n" }, 0o600, "Private-key-format"},
		"no algorithm":    {func(p, s string) (string, string) { return p, "Private-key-format: v1.3\n" }, 0o600, "algorithm"},
		"no secret":       {func(p, s string) (string, string) { return p, "Private-key-format: v1.3\nAlgorithm: 13\n" }, 0o600, "PrivateKey is missing"},
		"a line of words": {func(p, s string) (string, string) { return p, s + "hello\n" }, 0o600, "not \"Name: value\""},
		"a field twice":   {func(p, s string) (string, string) { return p, s + s }, 0o600, "twice"},
		"a time":          {func(p, s string) (string, string) { return p, s + "Inactive: tomorrow\n" }, 0o600, "YYYYMMDDhhmmss"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			k := key(t, wire.AlgorithmECDSAP256SHA256, wire.FlagZoneKey|wire.FlagSecureEntry)
			if err := k.Write(dir, zone); err != nil {
				t.Fatal(err)
			}
			base := filepath.Join(dir, k.FileName(zone))
			public, _ := os.ReadFile(base + ".key")
			private, _ := os.ReadFile(base + ".private")
			if test.damage != nil {
				p, s := test.damage(string(public), string(private))
				public, private = []byte(p), []byte(s)
			}
			if err := os.WriteFile(base+".key", public, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(base+".private", private, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(base+".private", test.mode); err != nil {
				t.Fatal(err)
			}
			if _, err := ReadKeys(dir, zone); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), base) {
				t.Errorf("%v", err)
			}
		})
	}
}

// FuzzPrivateKey: what is read can sign.
func FuzzPrivateKey(f *testing.F) {
	for _, algorithm := range allAlgorithms {
		text, err := key(f, algorithm, wire.FlagZoneKey).privateText()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := ParsePrivateKey(text, "fuzz", wire.FlagZoneKey)
		if err != nil {
			return
		}
		if _, err := k.privateText(); err != nil {
			t.Error(err)
		}
	})
}
