//go:build interop

package interop

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestStapledResponse: an authority made with openssl says that our certificate, which asks
// for that, is good; openssl gets it with the certificate and believes it, over TLS and HTTPS.
func TestStapledResponse(t *testing.T) {
	openssl := need(t, "openssl")
	dir := t.TempDir()
	key := []string{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"}
	run(t, dir, openssl, append([]string{"req", "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=authority"}, key...)...)
	run(t, dir, openssl, append(strings.Fields("req -x509 -CA ca.pem -CAkey ca.key -keyout leaf.key -out leaf.pem -days 1 -subj /CN=ns.example -set_serial 4660"+
		" -addext tlsfeature=status_request -addext subjectAltName=DNS:ns.example -addext basicConstraints=critical,CA:FALSE"), key...)...)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	write("tls.pem", read("leaf.key")+read("leaf.pem")+read("ca.pem"))
	write("index.txt", "V\t350101000000Z\t\t1234\tunknown\t/CN=ns.example\n")
	run(t, dir, openssl, strings.Fields("ocsp -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -issuer ca.pem -cert leaf.pem -ndays 1 -no_nonce -respout tls.pem.ocsp")...)
	_, dot, https, _ := encryptedOurs(t, identity{file: filepath.Join(dir, "tls.pem")}, encryptedZones(t))
	for _, port := range []string{dot, https} {
		out := ask(t, openssl, "Q\n", "s_client", "-connect", "127.0.0.1:"+port, "-servername", "ns.example", "-status", "-CAfile", filepath.Join(dir, "ca.pem"), "-verify_return_error")
		for _, want := range []string{"OCSP Response Status: successful (0x0)", "Cert Status: good", "Verify return code: 0 (ok)"} {
			if !strings.Contains(out, want) {
				t.Errorf("port %s: no %q in\n%s", port, want, out)
			}
		}
	}
}

// ask runs a program of a conversation: what it reads stays open until it ends.
func ask(t *testing.T, binary, input string, args ...string) (output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, binary, args...)
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	c.Stdin = in
	if _, err := out.WriteString(input); err != nil {
		t.Fatal(err)
	}
	text, _ := c.CombinedOutput()
	if ctx.Err() != nil {
		t.Errorf("%s %s does not end:\n%s", filepath.Base(binary), strings.Join(args, " "), text)
	}
	return string(text)
}

// TestRenegotiation: a client of TLS 1.2 that wants another handshake on its connection loses
// the connection, each time, and others are answered.
func TestRenegotiation(t *testing.T) {
	openssl := need(t, "openssl")
	s, dot, https, _ := encryptedOurs(t, newIdentity(t), encryptedZones(t))
	for range 10 {
		for _, port := range []string{dot, https} {
			out := ask(t, openssl, "R\n", "s_client", "-connect", "127.0.0.1:"+port, "-tls1_2", "-legacy_renegotiation")
			if !strings.Contains(out, "RENEGOTIATING") || !strings.Contains(out, "alert") {
				t.Fatalf("port %s: the server has not refused it:\n%s", port, out)
			}
		}
	}
	if got := answerOf(t, s, "www.crypt.example"); got != "192.0.2.80" {
		t.Errorf("afterwards: %q", got)
	}
}
