package verifyzone

import (
	"bytes"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/keys"
	"github.com/names-dns/names/cmd/internal/sign"
)

// TestEd448: a key of Ed448 is made, exported and imported, and signs a zone that is valid;
// there are none of SHA-1, and none of ML-DSA-44, whose signatures are verified all the same.
func TestEd448(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	file := filepath.Join(dir, "example.com")
	zone := "$ORIGIN example.com.\n$TTL 300\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
	write := func(name, text string) string {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	write(file, zone)
	var out, errs bytes.Buffer
	do := func(want int, command func([]string, io.Writer, io.Writer) int, args ...string) string {
		t.Helper()
		out.Reset()
		errs.Reset()
		if code := command(args, &out, &errs); code != want {
			t.Fatalf("%q: exit code %d, not %d: %s%s", args, code, want, out.String(), errs.String())
		}
		return out.String() + errs.String()
	}
	name := do(0, keys.Run, "generate", "--algorithm", "ED448", "--dir", dir, "example.com")
	if !strings.HasPrefix(name, "Kexample.com.+016+") {
		t.Error(name)
	}
	do(0, sign.Run, file)
	do(0, Run, file+".signed")
	exported := write(filepath.Join(other, "pem"), do(0, keys.Run, "export", "--dir", dir, "example.com"))
	if again := do(0, keys.Run, "import", "--dir", other, "example.com", exported); again != name {
		t.Errorf("%s, not %s", again, name)
	}
	if plan := do(0, keys.Run, "plan", "--dir", dir, "example.com"); !strings.Contains(plan, "every resolver can validate all the time") {
		t.Error(plan)
	}
	for algorithm, want := range map[string]string{"RSASHA1": "RFC 9905", "7": "RFC 9905", "MLDSA44": "ED25519 and ED448 do"} {
		for _, verb := range []string{"generate", "roll"} {
			if said := do(2, keys.Run, verb, "--algorithm", algorithm, "--dir", dir, "example.com"); !strings.Contains(said, want) {
				t.Error(said)
			}
		}
	}
	write(file+".18", zone+"@ DNSKEY 257 3 18 "+base64.StdEncoding.EncodeToString(make([]byte, 1312))+"\n")
	if said := do(1, Run, file+".18"); strings.Contains(said, "not supported") || !strings.Contains(said, "DNSKEY: no signature") {
		t.Error(said)
	}
}

// TestVerifyZone: a file that we sign is valid, and not after each damage.
func TestVerifyZone(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "example.com")
	if err := os.WriteFile(file, []byte("$ORIGIN example.com.\n$TTL 300\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\na.b TXT x\nsub NS ns\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := keys.Run([]string{"generate", "--dir", dir, "example.com"}, &out, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	verify := func(want int, args ...string) string {
		t.Helper()
		out.Reset()
		errs.Reset()
		if code := Run(args, &out, &errs); code != want {
			t.Fatalf("%q: exit code %d, not %d: %s%s", args, code, want, out.String(), errs.String())
		}
		return out.String() + errs.String()
	}
	for _, how := range []string{"--nsec3=false", "--nsec3"} {
		if code := sign.Run([]string{how, file}, &out, &errs); code != 0 {
			t.Fatal(errs.String())
		}
		signed := file + ".signed"
		if said := verify(0, "--progress", signed); !strings.Contains(said, "is valid") {
			t.Error(said)
		}
		if said := verify(1, "--now", "2050-01-01T00:00:00Z", "--most", "1", signed); !strings.Contains(said, "faults; 0 valid signatures") {
			t.Error(said)
		}
		text, err := os.ReadFile(signed)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(signed, bytes.Replace(text, []byte("192.0.2.1"), []byte("192.0.2.2"), 1), 0o644); err != nil {
			t.Fatal(err)
		}
		if said := verify(1, signed); !strings.Contains(said, "ns.example.com. A: a signature does not verify") {
			t.Error(said)
		}
	}
	if said := verify(1, file); !strings.Contains(said, "1 fault; 0 valid signatures") {
		t.Error(said)
	}
	if said := verify(1, file+".missing"); !strings.HasPrefix(said, "names verify-zone: ") {
		t.Error(said)
	}
	broken := file + ".broken"
	if err := os.WriteFile(broken, []byte("@ SOA\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if said := verify(1, broken); strings.Count(said, ".broken:1:") != 1 {
		t.Errorf("each error is said once, with its place: %s", said)
	}
	verify(2)
	verify(2, "--now", "today", file)
	verify(2, "--origin", "a..b", file)
	verify(2, "--most", "0", file)
}
