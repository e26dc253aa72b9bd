//go:build interop

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// exportedZone is a zone of PowerDNS.
const exportedZone = `$ORIGIN example.com.
$TTL 3600
@ SOA ns.example.com. hostmaster.example.com. 7 7200 3600 1209600 300
@ NS ns
@ ALIAS lb.example.net.
@ MX 10 mail
ns A 192.0.2.1
mail A 192.0.2.2
*.w TXT "wildcard"
sub NS ns.sub
ns.sub A 192.0.2.9
`

// TestMoveFromPowerDNS: a zone that PowerDNS has signed goes on here with its records and its
// keys: the DS record and the DNSKEY records are the same, so that what is cached of the one
// server fits to what the other one says.
func TestMoveFromPowerDNS(t *testing.T) {
	pdnsutil, err := exec.LookPath("pdnsutil")
	if err != nil {
		t.Skipf("PowerDNS is not installed (Debian: pdns-server, pdns-backend-bind): %v", err)
	}
	for name, secure := range map[string][][]string{
		"one key":  {{"secure-zone", "example.com"}},
		"two keys": {{"add-zone-key", "example.com", "ksk", "active", "published", "ecdsa256"}, {"add-zone-key", "example.com", "zsk", "active", "published", "ecdsa256"}},
		"RSA":      {{"add-zone-key", "example.com", "ksk", "2048", "active", "published", "rsasha256"}, {"add-zone-key", "example.com", "zsk", "2048", "active", "published", "rsasha256"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "db.example.com"), []byte(exportedZone))
			write(t, filepath.Join(dir, "named.conf"), fmt.Appendf(nil, "zone \"example.com\" { type master; file %q; };\n", filepath.Join(dir, "db.example.com")))
			database := filepath.Join(dir, "dnssec.db")
			write(t, filepath.Join(dir, "pdns.conf"), fmt.Appendf(nil, "launch=bind\nbind-config=%s\nbind-dnssec-db=%s\n", filepath.Join(dir, "named.conf"), database))
			pdns := func(args ...string) string {
				t.Helper()
				return run(t, dir, pdnsutil, append([]string{"--config-dir=" + dir}, args...)...)
			}
			pdns("create-bind-db", database)
			for _, args := range secure {
				pdns(args...)
			}
			keys := t.TempDir()
			var theirs []string
			for line := range strings.Lines(pdns("show-zone", "example.com")) {
				var id int
				if _, err := fmt.Sscanf(line, "ID = %d", &id); err != nil {
					continue
				}
				file := filepath.Join(dir, fmt.Sprintf("key.%d", id))
				write(t, file, []byte(pdns("export-zone-key", "example.com", fmt.Sprint(id))+"\n"))
				theirs = append(theirs, keyOf(t, pdns("export-zone-dnskey", "example.com", fmt.Sprint(id))))
				args := []string{"keys", "import", "--dir", keys}
				if strings.Contains(line, "ZSK") {
					args = append(args, "--zsk")
				}
				run(t, dir, built, append(args, "example.com", file)...)
			}
			file := filepath.Join(dir, "example.com")
			write(t, file, []byte(pdns("list-zone", "example.com")+"\n"))
			run(t, dir, built, "sign", "--key-dir", keys, file)
			signed, err := os.ReadFile(file + ".signed")
			if err != nil {
				t.Fatal(err)
			}
			forOthers := filepath.Join(dir, "unknown") // which do not know the type by its name
			generic := aliasLine.ReplaceAllString(string(signed), `TYPE65401 \# 16 026C62076578616D706C65036E657400`)
			write(t, forOthers, []byte(strings.ReplaceAll(generic, "ALIAS", "TYPE65401"))) // in NSEC and RRSIG records
			run(t, dir, need(t, "dnssec-verify"), "-q", "-z", "-o", "example.com", forOthers)
			run(t, dir, need(t, "ldns-verify-zone"), "-V", "1", forOthers)
			s, err := authority.File{Path: file + ".signed"}.Load(nil)
			if err != nil {
				t.Fatal(err)
			}
			var ours []string
			hasALIAS := false
			for r := range s.RecordsOf(wire.MustParseName("example.com.")) {
				switch r.Type {
				case wire.TypeDNSKEY:
					ours = append(ours, string(wire.AppendRdataText(nil, r.Type, r.Data)))
				case wire.TypeALIAS:
					hasALIAS = true
				}
			}
			for i := range ours {
				ours[i] = keyOf(t, "example.com. IN DNSKEY "+ours[i])
			}
			slices.Sort(ours)
			slices.Sort(theirs)
			if len(theirs) == 0 || !slices.Equal(ours, theirs) {
				t.Errorf("DNSKEY records %q, PowerDNS had %q", ours, theirs)
			}
			if !hasALIAS {
				t.Error("the ALIAS record is lost")
			}
			ds := strings.Fields(run(t, dir, built, "keys", "ds", "--dir", keys, "example.com"))
			if digest := ds[len(ds)-1]; !strings.Contains(strings.ToUpper(pdns("export-zone-ds", "example.com")), digest) {
				t.Errorf("PowerDNS does not have the DS record %q", ds)
			}
		})
	}
}

var aliasLine = regexp.MustCompile(`ALIAS\s+lb\.example\.net\.`)

// keyOf is the data of a line with a DNSKEY record, in one form.
func keyOf(t *testing.T, line string) string {
	t.Helper()
	_, data, ok := strings.Cut(line, "DNSKEY ")
	if !ok {
		t.Fatalf("no DNSKEY record: %s", line)
	}
	data, _, _ = strings.Cut(data, ";")
	f := strings.Fields(data)
	return strings.Join(append(f[:3], strings.Join(f[3:], "")), " ")
}
