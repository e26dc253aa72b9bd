package certificate

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// write writes a certificate for a name and its key, and returns their paths.
func write(t testing.TB, dir, name string) (certificate, key string, c *tls.Certificate) {
	t.Helper()
	c, err := MakeSelfSigned([]string{name}, nil)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	der, err := x509.MarshalECPrivateKey(c.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{
		certificate: {Type: "CERTIFICATE", Bytes: c.Certificate[0]},
		key:         {Type: "EC PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key, c
}

// shakeHands connects a client to a server, and returns what the client sees.
func shakeHands(t testing.TB, server, client *tls.Config) (state tls.ConnectionState, err error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	ended := make(chan error, 1)
	go func() {
		s := tls.Server(b, server)
		err := s.Handshake()
		if err == nil {
			s.Write([]byte("x")) // what a client learns of TLS 1.3 after its own last word
		}
		b.Close()
		ended <- err
	}()
	c := tls.Client(a, client)
	err = c.Handshake()
	if err == nil {
		_, err = c.Read(make([]byte, 1))
	}
	state = c.ConnectionState()
	a.Close()
	if errServer := <-ended; errServer != nil && err == nil {
		err = errServer
	}
	return state, err
}

// Clients get the certificate for the name they ask for, whatever the order of keys.
func TestStoreChoosesByName(t *testing.T) {
	dir := t.TempDir()
	c1, k1, _ := write(t, dir, "one.example")
	c2, k2, _ := write(t, dir, "two.example")
	s, err := Open(Files{Certificates: []string{c1, c2}, Keys: []string{k2, k1}})
	if err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[string]string{"one.example": "one.example", "two.example": "two.example", "other.example": "one.example", "": "one.example"} {
		state, err := shakeHands(t, &tls.Config{GetCertificate: s.Get}, &tls.Config{ServerName: asked, InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := state.PeerCertificates[0].DNSNames[0]; got != want {
			t.Errorf("asked for %q: certificate of %s", asked, got)
		}
	}
	if infos := s.Infos(); len(infos) != 2 || infos[1].Names[0] != "two.example" || infos[0].Pin == infos[1].Pin {
		t.Errorf("%+v", infos)
	}
}

// New files are in effect for the next client; broken ones are not.
// A name that no server has ends the handshake.
func TestStoreRefusesLongNames(t *testing.T) {
	c, err := MakeSelfSigned([]string{"a.example"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := &tls.Config{GetCertificate: Of(c).Get}
	for length, want := range map[int]bool{253: true, 254: false, 60000: false} {
		name := strings.Repeat("a.", length/2) + strings.Repeat("a", length%2)
		if length%2 == 0 {
			name = name[:length-2] + "aa"
		}
		_, err := shakeHands(t, server, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if (err == nil) != want {
			t.Errorf("a name of %d octets: %v", len(name), err)
		}
	}
}

func TestStoreReloads(t *testing.T) {
	dir := t.TempDir()
	c, k, _ := write(t, dir, "a.example")
	s, err := Open(Files{Certificates: []string{c}, Keys: []string{k}})
	if err != nil {
		t.Fatal(err)
	}
	before := s.Infos()[0].Pin
	if changed, err := s.Reload(); changed || err != nil {
		t.Errorf("nothing new: %v, %v", changed, err)
	}
	write(t, dir, "a.example")
	if changed, err := s.Reload(); !changed || err != nil {
		t.Errorf("new files: %v, %v", changed, err)
	}
	now := s.Infos()[0].Pin
	if now == before {
		t.Error("the certificate is the old one")
	}
	other, _, _ := write(t, dir, "b.example")
	os.Rename(other, c) // its key is not that of the file
	if _, err := s.Reload(); err == nil || !strings.Contains(err.Error(), "none of the keys") {
		t.Errorf("a certificate without its key: %v", err)
	}
	if got := s.Infos()[0].Pin; got != now {
		t.Error("a broken file has taken effect")
	}
}

// A response that has expired is not sent, though its file is still there.
func TestExpiredStaple(t *testing.T) {
	now := time.Now()
	e := entry{Certificate: new(tls.Certificate), stapled: &tls.Certificate{OCSPStaple: []byte("x")}, until: now.Add(time.Second)}
	if e.now(now) != e.stapled || e.now(e.until) != e.Certificate {
		t.Error("a response is not sent until it expires")
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	c, k, _ := write(t, dir, "a.example")
	empty := filepath.Join(dir, "empty")
	os.WriteFile(empty, []byte("nothing"), 0o600)
	broken := filepath.Join(dir, "broken")
	os.WriteFile(broken, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), 0o600)
	encrypted := filepath.Join(dir, "encrypted")
	os.WriteFile(encrypted, pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}), 0o600)
	for _, x := range []struct {
		files Files
		text  string
	}{
		{Files{Certificates: []string{c}, Keys: nil}, "none of the keys"},
		{Files{Certificates: []string{c}, Keys: []string{c}}, "no private key"},
		{Files{Certificates: []string{empty}, Keys: []string{k}}, "no certificate"},
		{Files{Certificates: []string{broken}, Keys: []string{k}}, "broken"},
		{Files{Certificates: []string{c}, Keys: []string{encrypted}}, "passphrase"},
		{Files{Certificates: []string{c}, Keys: []string{filepath.Join(dir, "missing")}}, "missing"},
	} {
		if _, err := Open(x.files); err == nil || !strings.Contains(err.Error(), x.text) {
			t.Errorf("%v: %v", x.files, err)
		}
	}
}

func TestSelfSigned(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tls.pem")
	s, made, err := OpenSelfSigned(path, []string{"ns.example"}, []netip.Addr{netip.MustParseAddr("192.0.2.1")})
	if err != nil || !made {
		t.Fatal(made, err)
	}
	again, made, err := OpenSelfSigned(path, nil, nil)
	if err != nil || made || again.Infos()[0].Pin != s.Infos()[0].Pin {
		t.Errorf("the second time: made %v, %v", made, err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if got := s.Infos()[0].Names; !slices.Equal(got, []string{"ns.example", "192.0.2.1"}) {
		t.Errorf("it is for %v", got)
	}
	if _, _, err := OpenSelfSigned(filepath.Join(path, "x"), nil, nil); err == nil {
		t.Error("a file below a file was made")
	}
}

func TestClients(t *testing.T) {
	dir := t.TempDir()
	_, _, server := write(t, dir, "server.example")
	path, _, good := write(t, dir, "good.example")
	_, _, bad := write(t, dir, "bad.example")
	pool, err := ReadAuthorities(path)
	if err != nil {
		t.Fatal(err)
	}
	pin := sha256.Sum256(good.Leaf.RawSubjectPublicKeyInfo)
	for _, c := range []struct {
		what    string
		clients Clients
		with    *tls.Certificate
		ok      bool
	}{
		{"all", Clients{}, nil, true},
		{"all, one", Clients{}, bad, true},
		{"pin", Clients{Pins: [][32]byte{pin}}, good, true},
		{"pin, another", Clients{Pins: [][32]byte{pin}}, bad, false},
		{"pin, none", Clients{Pins: [][32]byte{pin}}, nil, false},
		{"optional pin, none", Clients{Pins: [][32]byte{pin}, Optional: true}, nil, true},
		{"optional pin, another", Clients{Pins: [][32]byte{pin}, Optional: true}, bad, false},
		{"authority, none", Clients{Authorities: pool}, nil, false},
		{"authority, another", Clients{Authorities: pool}, bad, false},
		{"optional authority, none", Clients{Authorities: pool, Optional: true}, nil, true},
		{"optional authority, another", Clients{Authorities: pool, Optional: true}, bad, false},
	} {
		config := &tls.Config{Certificates: []tls.Certificate{*server}}
		c.clients.Apply(config)
		client := &tls.Config{InsecureSkipVerify: true}
		if c.with != nil {
			// Sent though the server names other authorities.
			client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.with, nil }
		}
		if _, err := shakeHands(t, config, client); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func FuzzCertificate(f *testing.F) {
	dir := f.TempDir()
	c, k, _ := write(f, dir, "a.example")
	for _, path := range []string{c, k} {
		text, _ := os.ReadFile(path)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		files := Files{Certificates: []string{"a"}, Keys: []string{"b"}}
		all, err := files.parse([][]byte{text, text})
		if err == nil && (len(all) != 1 || all[0].PrivateKey == nil || all[0].Leaf == nil) {
			t.Errorf("%v without an error", all)
		}
	})
}
