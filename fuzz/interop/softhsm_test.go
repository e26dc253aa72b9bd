//go:build interop

package interop

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/authority/sign/keyhelper"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/wire"
)

// softHSM makes a token, builds the key helper for PKCS#11, and runs it. It returns its
// socket, and the environment of programs that use the token.
func softHSM(t *testing.T) (socket, module string, start func() (stop func())) {
	t.Helper()
	util, compiler := need(t, "softhsm2-util"), need(t, "gcc")
	for _, path := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"} {
		if _, err := os.Stat(path); err == nil {
			module = path
		}
	}
	if module == "" {
		t.Skip("the library of SoftHSM is not where Debian has it")
	}
	dir := t.TempDir()
	helper := filepath.Join(dir, "names-pkcs11")
	build := exec.Command("go", "build", "-o", helper, ".")
	build.Dir = "../../packaging/pkcs11"
	build.Env = append(os.Environ(), "CGO_ENABLED=1", "CC="+compiler, "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		if strings.Contains(string(out), "dial tcp") || strings.Contains(string(out), "module lookup disabled") {
			t.Skipf("the PKCS#11 library of packaging/pkcs11 cannot be fetched: %s", out)
		}
		t.Fatalf("%v\n%s", err, out)
	}
	write(t, filepath.Join(dir, "softhsm2.conf"), []byte("directories.tokendir = "+dir+"/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"))
	t.Setenv("SOFTHSM2_CONF", filepath.Join(dir, "softhsm2.conf"))
	if err := os.Mkdir(filepath.Join(dir, "tokens"), 0o700); err != nil {
		t.Fatal(err)
	}
	run(t, dir, util, "--init-token", "--free", "--label", "names", "--so-pin", "87654321", "--pin", "1234")
	pin := filepath.Join(dir, "pin")
	write(t, pin, []byte("1234\n"))
	if err := os.Chmod(pin, 0o600); err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "socket")
	return socket, module, func() (stop func()) {
		t.Helper()
		var said strings.Builder
		c := exec.Command(helper, "--module", module, "--token", "names", "--pin-file", pin, "--socket", socket)
		c.Stderr = &said
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		var ended error
		done := make(chan struct{})
		go func() { ended = c.Wait(); close(done) }()
		stop = func() {
			c.Process.Signal(syscall.SIGTERM)
			<-done
		}
		t.Cleanup(stop)
		eventually.Succeed(t, func() error {
			select {
			case <-done:
				t.Fatalf("the key helper ended: %v\n%s", ended, said.String())
			default:
			}
			client := keyhelper.NewClient(socket)
			defer client.Close()
			if _, err := client.Public("no-such-key"); err == nil || !strings.Contains(err.Error(), "there is no such key") {
				return errors.Join(errors.New("the key helper does not reply"), err)
			}
			return nil
		})
		return stop
	}
}

// TestSoftHSM: keys are made in SoftHSM and sign there; ldns-verify-zone and dnssec-verify
// accept the zone. A key that pkcs11-tool made is taken over. While the helper is away the
// zone stays as it is.
func TestSoftHSM(t *testing.T) {
	ldns, bind, tool := need(t, "ldns-verify-zone"), need(t, "dnssec-verify"), need(t, "pkcs11-tool")
	socket, module, start := softHSM(t)
	stop := start()
	client := keyhelper.NewClient(socket)
	defer client.Close()
	run(t, filepath.Dir(socket), tool, "--module", module, "--token-label", "names", "--login", "--pin", "1234",
		"--keypairgen", "--key-type", "EC:prime256v1", "--label", "made-elsewhere", "--id", "01")
	origin, now := wire.MustParseName("example.com."), time.Now()
	file := filepath.Join(t.TempDir(), "example.com")
	write(t, file, []byte(cornerZone))
	made := map[string]func() (*sign.Key, error){
		"pkcs11-tool": func() (*sign.Key, error) { return sign.KeyInDevice(client, "made-elsewhere", 0, 257, now) },
	}
	for _, algorithm := range []wire.Algorithm{wire.AlgorithmECDSAP256SHA256, wire.AlgorithmECDSAP384SHA384, wire.AlgorithmRSASHA256, wire.AlgorithmRSASHA512, wire.AlgorithmED25519} {
		made[algorithm.String()] = func() (*sign.Key, error) {
			return sign.GenerateInDevice(client, origin, nil, algorithm, 257, 0, now)
		}
	}
	for from, make := range made {
		t.Run(from, func(t *testing.T) {
			k, err := make()
			if err != nil && from == "ED25519" && strings.Contains(err.Error(), "CKR_MECHANISM_INVALID") {
				t.Skipf("this SoftHSM was built without Ed25519: %v", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := k.Write(dir, origin); err != nil {
				t.Fatal(err)
			}
			keys, err := sign.ReadKeys(dir, origin)
			if err != nil {
				t.Fatal(err)
			}
			sign.UseDevice(keys, client)
			z := signedWith(t, sign.Policy{}, keys, file, origin)
			out := filepath.Join(dir, "signed")
			write(t, out, zoneText(z.Snapshot()))
			run(t, dir, ldns, "-V", "1", out)
			run(t, dir, bind, "-q", "-z", "-o", "example.com", out)
			if from != "pkcs11-tool" {
				return
			}
			stop()
			before := z.Snapshot()
			edit := func() error {
				_, err := z.Update(authority.FromUpdate, func(t *authority.Txn) error {
					return t.Add(wire.Record{Name: wire.MustParseName("new.example.com."), Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 9}})
				})
				return err
			}
			if err := edit(); err == nil || z.Snapshot() != before {
				t.Errorf("edited without the helper: %v", err)
			}
			stop = start()
			client.Resume()
			if err := edit(); err != nil {
				t.Error(err)
			}
			write(t, out, zoneText(z.Snapshot()))
			run(t, dir, ldns, "-V", "1", out)
		})
	}
}
