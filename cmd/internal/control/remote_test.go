package control

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/cmd/internal/bound"
	"github.com/names-dns/names/internal/certificatetest"
	"github.com/names-dns/names/names"
)

// writeCertificate writes a certificate for 127.0.0.1 that signs itself, and its key.
func writeCertificate(t *testing.T, dir, name string) (certificate, key string) {
	t.Helper()
	made := certificatetest.New(t, &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{{127, 0, 0, 1}}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, nil)
	encoded, err := x509.MarshalPKCS8PrivateKey(made.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: made.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: encoded}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// TestRemote: who may do something from another machine, and who may not.
func TestRemote(t *testing.T) {
	dir := t.TempDir()
	cert, key := writeCertificate(t, dir, "server")
	clientCert, clientKey := writeCertificate(t, dir, "client")
	otherCert, otherKey := writeCertificate(t, dir, "other")
	token, wrong, open := filepath.Join(dir, "token"), filepath.Join(dir, "wrong"), filepath.Join(dir, "open")
	for path, text := range map[string]string{token: "0123456789abcdef0123\n", wrong: "0123456789abcdef0124\n", open: "0123456789abcdef0123\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	local := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	for _, test := range []struct {
		name    string
		remote  Remote
		options string
		code    int
		stderr  string
	}{
		{"token", Remote{TokenFile: token}, "--token-file " + token, 0, ""},
		{"wrong token", Remote{TokenFile: token}, "--token-file " + wrong, 1, "takes a certificate or the token"},
		{"no token", Remote{TokenFile: token}, "", 1, "takes a certificate or the token"},
		{"certificate", Remote{ClientCA: clientCert}, "--cert " + clientCert + " --key " + clientKey, 0, ""},
		{"foreign certificate", Remote{ClientCA: clientCert}, "--cert " + otherCert + " --key " + otherKey, 1, "does not answer"},
		{"no certificate", Remote{ClientCA: clientCert}, "", 1, "does not answer"},
		{"certificate where both do", Remote{ClientCA: clientCert, TokenFile: token}, "--cert " + clientCert + " --key " + clientKey, 0, ""},
		{"token where both do", Remote{ClientCA: clientCert, TokenFile: token}, "--token-file " + token, 0, ""},
		{"neither where both do", Remote{ClientCA: clientCert, TokenFile: token}, "", 1, "takes a certificate or the token"},
		{"a client that may", Remote{TokenFile: token, Allow: []string{"loopback"}}, "--token-file " + token, 0, ""},
		{"a client that may not", Remote{TokenFile: token, Allow: []string{"192.0.2.0/24"}}, "--token-file " + token, 1, "takes no orders"},
		{"token that others can read", Remote{TokenFile: token}, "--token-file " + open, 1, "chmod o="},
	} {
		test.remote.Listen, test.remote.Certificate, test.remote.Key = local, cert, key
		var allowed names.PeerMatcher
		if len(test.remote.Allow) > 0 {
			list, err := names.ParseAccess(test.remote.Allow...)
			if err != nil {
				t.Fatal(err)
			}
			allowed = list
		}
		config, handler, err := test.remote.Open(allowed, verbs, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		log := slog.New(slog.DiscardHandler)
		servers, err := bound.Serve(log, bound.AtAddress("control", test.remote.Listen[0].String(), handler, config, log))
		if err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		args := append([]string{"--server", servers.Addresses("control")[0].String(), "--ca", cert}, strings.Fields(test.options)...)
		code := Run(append(args, "list"), &stdout, &stderr)
		if code != test.code || !strings.Contains(stderr.String(), test.stderr) || strings.Contains(stdout.String(), "longer") != (code == 0) {
			t.Errorf("%s: %d %s%s", test.name, code, stdout.String(), stderr.String())
		}
		servers.Close()
	}
	for what, r := range map[string]Remote{
		"a key of others":   {Listen: local, Certificate: cert, Key: clientKey, TokenFile: token},
		"an open token":     {Listen: local, Certificate: cert, Key: key, TokenFile: open},
		"no certificate":    {Listen: local, Certificate: cert, Key: key, ClientCA: token},
		"a file that isn't": {Listen: local, Certificate: cert, Key: key, TokenFile: dir + "/none"},
	} {
		if r.CheckFiles() == nil {
			t.Errorf("%s is taken", what)
		}
	}
	for what, r := range map[string]Remote{
		"no permission at all": {Listen: local, Certificate: cert, Key: key}, "no TLS": {Listen: local, TokenFile: token}, "no address": {TokenFile: token},
	} {
		if r.Check() == nil {
			t.Errorf("%s is taken", what)
		}
	}
	var stderr bytes.Buffer
	if code := Run([]string{"--token-file", token, "list"}, &stderr, &stderr); code != 2 || !strings.Contains(stderr.String(), "go with --server") {
		t.Errorf("a token for the socket: %d %s", code, stderr.String())
	}
}

// TestGuesses: after some wrong guesses there is one a second.
func TestGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Guesses
		allowed := 0
		for range 1000 {
			if g.Allow() {
				g.Wrong()
				allowed++
			}
			time.Sleep(10 * time.Millisecond)
		}
		if allowed < 10 || allowed > freeGuesses+10 {
			t.Errorf("%d guesses in 10 s", allowed)
		}
		g.Good()
		for range 2 {
			if !g.Allow() {
				t.Error("a right one does not help")
			}
		}
	})
}

// TestWatch: what changes something is not repeated.
func TestWatch(t *testing.T) {
	socket, _ := listenForTest(t)
	for _, test := range []struct{ args, stderr string }{
		{"--watch=200ms flush all", "is not repeated"}, {"--watch=1ms list", "is not a time"},
	} {
		var stdout, stderr bytes.Buffer
		if code := Run(append([]string{"--socket", socket}, strings.Fields(test.args)...), &stdout, &stderr); code != 2 || !strings.Contains(stderr.String(), test.stderr) {
			t.Errorf("%s: %d %s", test.args, code, stderr.String())
		}
	}
	c, err := newClient(reach{socket: socket})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = c.repeat([]string{"list"}, time.Millisecond, func([]byte) error {
		if seen++; seen == 3 {
			return Usagef("enough")
		}
		return nil
	}, new(bytes.Buffer))
	if seen != 3 || !isUsage(err) {
		t.Errorf("%d times, %v", seen, err)
	}
}
