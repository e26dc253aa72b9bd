package update

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/names-dns/names/authority/update"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/wire"
)

const testKey = "hmac-sha256:k:c2VjcmV0IG9mIHRoZSB0ZXN0"

// server answers requests over TCP with rcode, and keeps what they say. For SOA
// queries over UDP it says that the zone is example.
type server struct {
	address  netip.AddrPort
	rcode    wire.RCode
	mu       sync.Mutex
	requests []string
}

func startServer(t *testing.T, rcode wire.RCode) *server {
	t.Helper()
	s := &server{rcode: rcode}
	var l net.Listener
	var u net.PacketConn
	for range 100 {
		var err error
		if l, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if u, err = net.ListenPacket("udp4", l.Addr().String()); err == nil {
			break
		}
		l.Close()
	}
	if u == nil {
		t.Fatal("no port is free for both UDP and TCP")
	}
	t.Cleanup(func() { l.Close(); u.Close() })
	s.address = l.Addr().(*net.TCPAddr).AddrPort()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.answer(t, conn)
			conn.Close()
		}
	}()
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := u.ReadFrom(buf)
			if err != nil {
				return
			}
			m, err := wire.ParseMessage(buf[:n])
			if err != nil {
				t.Error(err)
				return
			}
			soa := wire.SOA{Primary: wire.MustParseName("localhost."), Mailbox: wire.Root}
			reply := wire.Message{ID: m.ID, Flags: wire.FlagQR | wire.FlagAA, Questions: m.Questions, Authority: []wire.Record{
				{Name: wire.MustParseName("example."), Type: wire.TypeSOA, Class: wire.ClassIN, Data: soa.AppendTo(nil, nil)}}}
			b, err := reply.AppendTo(nil)
			if err != nil {
				t.Error(err)
			}
			u.WriteTo(b, from)
		}
	}()
	return s
}

func (s *server) answer(t *testing.T, conn net.Conn) {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return
	}
	message := make([]byte, binary.BigEndian.Uint16(size[:]))
	io.ReadFull(conn, message)
	var q wire.Query
	q.Parse(message)
	var session *wire.TSIGSession
	text := ""
	if q.TSIG != 0 {
		key, _ := wire.ParseTSIGKey(testKey)
		keys := new(wire.TSIGKeys)
		keys.Add(key)
		var err error
		if session, err = keys.Verify(message, q.TSIG, time.Now()); err != nil {
			t.Error(err)
		}
		text = "signed "
	}
	r, err := update.ParseRequest(message)
	if err != nil {
		t.Error(err)
		return
	}
	text += r.Zone.String()
	for _, record := range append(r.Prerequisites, r.Updates...) {
		text += ", " + strings.ReplaceAll(record.String(), "\t", " ")
	}
	s.mu.Lock()
	s.requests = append(s.requests, text)
	s.mu.Unlock()
	reply := wire.Message{ID: q.Header.ID, Flags: wire.FlagQR.WithOpcode(wire.OpcodeUpdate), RCode: s.rcode}
	b, _ := reply.AppendTo(nil)
	if session != nil {
		b = session.Sign(b, time.Now())
	}
	conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
}

func (s *server) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// TestCommand: what lines send, what is printed, and with which exit code. PORT in
// the lines is that of the server.
func TestCommand(t *testing.T) {
	for _, test := range []struct {
		what, args, lines string
		rcode             wire.RCode
		sent              string // separated by |
		code              int
		stdout, stderr    string // parts
	}{
		{what: "a request", lines: "server 127.0.0.1 PORT\nzone example.\nupdate add a.example. 60 A 192.0.2.1\nsend\n", sent: "example., a.example. 60 IN A 192.0.2.1"},
		{what: "an empty line sends", args: "-p PORT", lines: "; a remark\nserver 127.0.0.1\nzone example\nttl 9\nadd a.example A 192.0.2.1\n\n\n", sent: "example., a.example. 9 IN A 192.0.2.1"},
		{what: "two requests", lines: "server 127.0.0.1 PORT\nzone example.\norigin example.\ndel a\nsend\nprereq nxdomain b\ndel c A\nsend\n",
			sent: "example., a.example. 0 ANY ANY|example., b.example. 0 NONE ANY, c.example. 0 ANY A"},
		{what: "the zone is found", lines: "server 127.0.0.1 PORT\ndel a.b.example.\nsend\n", sent: "example., a.b.example. 0 ANY ANY"},
		{what: "signed", args: "-y " + testKey, lines: "server 127.0.0.1 PORT\nzone example.\ndel a.example.\nsend\n", sent: "signed example., a.example. 0 ANY ANY"},
		{what: "signed by a line", lines: "server 127.0.0.1 PORT\nkey hmac-sha256:k c2VjcmV0IG9mIHRoZSB0ZXN0\nzone example.\ndel a.example.\nsend\n", sent: "signed example., a.example. 0 ANY ANY"},
		{what: "refused", lines: "server 127.0.0.1 PORT\nzone example.\ndel a.example.\nsend\nanswer\n", rcode: wire.RCodeRefused, sent: "example., a.example. 0 ANY ANY", code: 1,
			stderr: "update failed: REFUSED", stdout: "status: REFUSED"},
		{what: "not sent", lines: "server 127.0.0.1 PORT\nzone example.\ndel a.example.\n", code: 1, stderr: "standard input:3: the last request is not sent"},
		{what: "quit", lines: "zone example.\ndel a.example.\nquit\nnonsense\n"},
		{what: "show", lines: "zone example.\ndel a.example.\nshow\nquit\n", stdout: "a.example.\t0\tANY\tANY"},
		{what: "debug", args: "-d", lines: "server 127.0.0.1 PORT\nzone example.\ndel a.example.\nsend\n", sent: "example., a.example. 0 ANY ANY", stdout: "Reply from update query:"},
		{what: "a line that says nothing", lines: "zone example.\nupdat add a.example. 60 A 192.0.2.1\nsend\n", code: 1, stderr: "standard input:2: updat is not a command; did you mean update?"},
		{what: "data", lines: "zone example.\nadd a.example. 60 A 192.0.2\nsend\n", code: 1, stderr: "standard input:2: "},
		{what: "too many words", lines: "zone example. IN\n", code: 1, stderr: "write zone NAME"},
		{what: "no server", lines: "server 127.0.0.1 1\nzone example.\ndel a.example.\nsend\n", code: 1, stderr: "standard input:4: 127.0.0.1:1"},
		{what: "an option", args: "-p 0", code: 2, stderr: "is not a port"},
		{what: "two keys", args: "-y a:b -k c", code: 2, stderr: "one of the two"},
		{what: "a key that cannot be read", args: "-y x", code: 2, stderr: "not written as"},
	} {
		t.Run(test.what, func(t *testing.T) {
			s := startServer(t, test.rcode)
			_, port, _ := net.SplitHostPort(s.address.String())
			args := strings.Fields(strings.ReplaceAll(test.args, "PORT", port))
			var stdout, stderr bytes.Buffer
			code := Run(args, strings.NewReader(strings.ReplaceAll(test.lines, "PORT", port)), &stdout, &stderr)
			if code != test.code || !strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) || test.stderr == "" && stderr.Len() > 0 {
				t.Errorf("code %d\n%s%s", code, stdout.String(), stderr.String())
			}
			if got := strings.Join(s.taken(), "|"); got != test.sent {
				t.Errorf("sent %q, want %q", got, test.sent)
			}
		})
	}
}

// Without a server, that of the zone is asked for. The session has no other way to
// the test's server than the port.
func TestAddresses(t *testing.T) {
	s := &session{port: 5353}
	got, err := s.addresses(context.Background(), "192.0.2.1")
	if err != nil || len(got) != 1 || got[0].String() != "192.0.2.1:5353" {
		t.Errorf("%v, %v", got, err)
	}
}

// The primary of a zone that was set is asked for; the SOA record of another zone, which a
// resolver has that does not know it, is not believed.
func TestPrimaryOfTheZone(t *testing.T) {
	server := startServer(t, wire.RCodeNoError)
	for name, want := range map[string]string{
		"example.": "<nil>", "sub.example.": "zone sub.example.: no SOA record says which server is its primary: write server NAME",
	} {
		s := &session{zone: wire.MustParseName(name)}
		zone, primary, err := s.find(t.Context(), &update.Request{Class: wire.ClassIN}, []netip.AddrPort{server.address})
		if fmt.Sprint(err) != want || err == nil && (!zone.Equal(s.zone) || primary == "") {
			t.Errorf("%s: zone %v, primary %s, %v", name, zone, primary, err)
		}
	}
}

func TestKeyFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	for text, want := range map[string]string{
		"# ours\n" + testKey + "\n":                                  "hmac-sha256:k.",
		"key \"k\" { algorithm hmac-sha512; secret \"c2VjcmV0\"; };": "hmac-sha512:k.",
		"":         "",
		"nonsense": "",
		"key \"k\" { algorithm hmac-sha512; secret \"c2VjcmV0\"; };\nkey \"l\" { algorithm hmac-sha512; secret \"c2VjcmV0\"; };": "",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := cli.ReadTSIGKey(path)
		if want == "" && err == nil || want != "" && (err != nil || key.String() != want) {
			t.Errorf("%q: %v, %v", text, key, err)
		}
		if err != nil && strings.Contains(err.Error(), "c2VjcmV0") {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
	var stderr bytes.Buffer
	if code := Run([]string{"-k", path + "x"}, strings.NewReader(""), io.Discard, &stderr); code != cli.ExitFailed {
		t.Errorf("code %d, %s", code, stderr.String())
	}
}
