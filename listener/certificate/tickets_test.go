package certificate

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ticketKey is a line of a file of keys.
func ticketKey(n byte) string { return hex.EncodeToString(bytes.Repeat([]byte{n}, 32)) + "\n" }

func writeSecret(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A session of one server is resumed by another that knows its key, and not by one that
// does not.
func TestTicketKeysAreShared(t *testing.T) {
	c, err := MakeSelfSigned([]string{"a.example"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	serve := func(name, keys string) (*tls.Config, *TicketKeys) {
		path := filepath.Join(dir, name)
		writeSecret(t, path, keys)
		server := &tls.Config{GetCertificate: Of(c).Get}
		k, err := OpenTicketKeys(path, server)
		if err != nil {
			t.Fatal(err)
		}
		return server, k
	}
	a, _ := serve("a", "# today\n"+ticketKey(1)+"\n"+ticketKey(2))
	b, keys := serve("b", ticketKey(2)+ticketKey(1))
	other, _ := serve("c", ticketKey(3))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client := &tls.Config{ServerName: "a.example", InsecureSkipVerify: true, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		for i, step := range []struct {
			server *tls.Config
			want   bool
		}{{a, false}, {a, true}, {b, true}, {a, true}, {other, false}, {b, false}} {
			state, err := shakeHands(t, step.server, client)
			if err != nil || state.DidResume != step.want {
				t.Errorf("version %x, connection %d: resumed %v, %v; want %v", version, i, state.DidResume, err, step.want)
			}
		}
	}

	// The key that is gone from the file is gone from the server.
	client := &tls.Config{ServerName: "a.example", InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	if _, err := shakeHands(t, a, client); err != nil {
		t.Fatal(err)
	}
	writeSecret(t, keys.Path(), ticketKey(2))
	if changed, err := keys.Reload(); !changed || err != nil {
		t.Errorf("changed %v, %v", changed, err)
	}
	if changed, err := keys.Reload(); changed || err != nil {
		t.Errorf("the same again: changed %v, %v", changed, err)
	}
	if state, err := shakeHands(t, b, client); err != nil || state.DidResume {
		t.Errorf("resumed with a key that is gone: %v, %v", state.DidResume, err)
	}

	// What is wrong changes nothing.
	if err := os.Chmod(keys.Path(), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Reload(); err == nil || !strings.Contains(err.Error(), "mode 0640") {
		t.Errorf("a file that others may read: %v", err)
	}
	if err := os.Remove(keys.Path()); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Reload(); err == nil {
		t.Error("a file that is gone is accepted")
	}
	if state, err := shakeHands(t, b, client); err != nil || !state.DidResume {
		t.Errorf("after an error: resumed %v, %v", state.DidResume, err)
	}
	if none := (*TicketKeys)(nil); none.Path() != "" {
		t.Error("there is a file without keys")
	}
}

func TestParseTicketKeys(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     ": there is no key",
		"# only this\n\n":                      ": there is no key",
		"\n" + ticketKey(1)[:60]:               ":2: key has 60 characters",
		ticketKey(1) + "zz" + ticketKey(2)[2:]: ":2: key is not 64 hexadecimal digits",
		ticketKey(1) + "#\n" + ticketKey(1):    ":3: key is in a line before, too",
		"\xff\x00":                             ":1: key has 2 characters",
	} {
		if _, err := parseTicketKeys([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
	var many strings.Builder
	for i := range byte(maxTicketKeys + 1) {
		many.WriteString(ticketKey(i))
	}
	if _, err := parseTicketKeys([]byte(many.String())); err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf(":%d: there are more than", maxTicketKeys+1)) {
		t.Errorf("many keys: %v", err)
	}
	if keys, err := parseTicketKeys([]byte(" " + strings.ToUpper(ticketKey(0xab)) + "\r\n# x\n" + ticketKey(2))); err != nil || len(keys) != 2 || keys[0][0] != 0xab || keys[1][31] != 2 {
		t.Errorf("%x, %v", keys, err)
	}
}

func FuzzTicketKeys(f *testing.F) {
	f.Add([]byte(ticketKey(1) + "# x\n\n" + ticketKey(2)))
	f.Add([]byte(ticketKey(1)[1:]))
	f.Fuzz(func(t *testing.T, content []byte) {
		keys, err := parseTicketKeys(content)
		if err == nil == (len(keys) == 0) || len(keys) > maxTicketKeys {
			t.Errorf("%d keys, %v", len(keys), err)
		}
		if err != nil && (err.Error()[0] != ':' || len(err.Error()) > 100) {
			t.Errorf("error %v", err)
		}
	})
}
