package serve

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/wire"
)

// The addresses of another server's name are those of our apex: at the first answer, after a
// change, signed, after a restart, and not any longer when the ALIAS record is gone.
func TestAliases(t *testing.T) {
	for _, sign := range []bool{false, true} {
		t.Run(fmt.Sprintf("sign=%t", sign), func(t *testing.T) {
			dir := t.TempDir()
			target := filepath.Join(dir, "example.net")
			targetZone := func(address string) string {
				return "$TTL 1\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\ncdn A " + address + "\n"
			}
			writeFile(t, target, targetZone("198.51.100.1"))
			cdn, reload, _ := startWhole(t, "--bindzone", target)
			zone, config := filepath.Join(dir, "example.org"), filepath.Join(dir, "names.toml")
			text := "[listen]\naddress = [\"127.0.0.1:0\"]\n[journal]\ndir = \"journal\"\n[signing]\nkey-dir = \"keys\"\n[alias]\nservers = [\"" +
				cdn.listener.Addresses()[0].String() + "\"]\nmin-refresh = \"1s\"\nmax-refresh = \"1s\"\nmax-ttl = \"30s\"\n[[zone]]\nname = \"example.org\"\nfile = \"example.org\"\n"
			if sign {
				text += "sign = \"default\"\n"
			}
			writeFile(t, config, text)
			writeFile(t, zone, smallZone+"@ ALIAS cdn.example.net.\n")
			has := func(s *Server, want ...string) error {
				m := askServer(t, "udp", s.listener.Addresses()[0], "example.org.", wire.TypeA, wire.ClassIN)
				var got []string
				for _, r := range m.Answers {
					got = append(got, string(wire.AppendRdataText(nil, r.Type, r.Data)))
				}
				if strings.Join(got, " ") != strings.Join(want, " ") {
					return fmt.Errorf("addresses %v, want %v", got, want)
				}
				return nil
			}
			check := func(s *Server) {
				t.Helper()
				if sign {
					rightAsSigned(t, s)
				}
			}
			t.Run("first", func(t *testing.T) {
				s, _ := startFromFile(t, config)
				if err := has(s, "198.51.100.1"); err != nil {
					t.Error(err)
				}
				check(s)
				writeFile(t, target, targetZone("198.51.100.2"))
				reload()
				eventually.Succeed(t, func() error { return has(s, "198.51.100.2") })
				check(s)
				writeFile(t, zone, smallZone+"@ ALIAS cdn.example.net.\nmore TXT x\n")
				if _, err := s.reload(); err != nil {
					t.Fatal(err)
				}
				if err := has(s, "198.51.100.2"); err != nil {
					t.Error(err)
				}
				check(s)
				replies, err := s.doAliases(t.Context(), nil)
				if r := replies.([]aliasReply); err != nil || len(r) != 1 || r[0].Target != "cdn.example.net." || r[0].Addresses != "198.51.100.2" {
					t.Errorf("%+v %v", replies, err)
				}
				if sign {
					return
				}
				addAddress(t, s, "edited.example.org")
				if _, err := s.doZoneSync(t.Context(), []string{"example.org"}); err != nil {
					t.Fatal(err)
				}
				written, err := os.ReadFile(zone)
				if err != nil || !strings.Contains(string(written), "ALIAS") || strings.Contains(string(written), "198.51.100") || !strings.Contains(string(written), "edited") {
					t.Errorf("%v:\n%s", err, written)
				}
				if _, err := s.reload(); err != nil {
					t.Fatal(err)
				}
				if err := has(s, "198.51.100.2"); err != nil {
					t.Error(err)
				}
			})
			t.Run("target out of reach", func(t *testing.T) {
				other := strings.Replace(text, cdn.listener.Addresses()[0].String(), "127.0.0.1:1", 1)
				writeFile(t, config, other)
				writeFile(t, zone, smallZone+"@ ALIAS cdn.example.net.\nnew ALIAS cdn.example.net.\n")
				s, _ := startFromFile(t, config)
				if err := has(s, "198.51.100.2"); err != nil {
					t.Error(err)
				}
				check(s)
				replies, err := s.doAliases(t.Context(), nil)
				if r := replies.([]aliasReply); err != nil || len(r) != 2 || r[0].Addresses != "as they were" || r[1].Addresses != "none" {
					t.Errorf("%+v %v", replies, err)
				}
			})
			t.Run("edited while stopped", func(t *testing.T) {
				writeFile(t, zone, smallZone+"@ A 192.0.2.7\n")
				s, log := startFromFile(t, config)
				if err := has(s, "192.0.2.7"); err != nil {
					t.Errorf("%v; log:\n%s", err, log())
				}
				check(s)
			})
		})
	}
}
