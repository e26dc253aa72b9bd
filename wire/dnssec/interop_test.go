package dnssec

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/wire"
)

// zoneText is a zone with what canonical form can get wrong: letters of both
// cases in owners and data, wildcards, a delegation, types with names, unknown
// types, several records of a set.
const zoneText = `Example. 3600 IN SOA NS.Example. Host.example. 1 3600 600 86400 60
example. 3600 IN NS NS.Example.
NS.example. 3600 IN A 192.0.2.1
ns.example. 3600 IN A 192.0.2.200
ns.example. 3600 IN A 192.0.2.3
ns.example. 3600 IN AAAA 2001:db8::1
*.Wild.example. 300 IN MX 10 Mail.EXAMPLE.
*.wild.example. 300 IN MX 5 a.EXAMPLE.
srv.example. 300 IN SRV 1 2 3 Target.Example.
txt.example. 300 IN TXT Ab
txt.example. 300 IN TXT A
txt.example. 300 IN TXT Ab C
odd.example. 300 IN TYPE65280 \# 3 AbCdEf
svcb.example. 300 IN SVCB 1 Target.Example. port=53
naptr.example. 300 IN NAPTR 1 2 S SIP+D2U !a!b! Target.Example.
rp.example. 300 IN RP Box.Example. Txt.Example.
d.example. 300 IN DNAME Elsewhere.Example.
a.b.c.example. 300 IN CNAME Target.Example.
cut.example. 300 IN NS ns.cut.example.
ns.cut.example. 300 IN A 192.0.2.9
`

func tool(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: %v", name, err)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		text := ""
		if exit, ok := err.(*exec.ExitError); ok {
			text = string(exit.Stderr)
		}
		t.Fatalf("%s %v: %v\n%s%s", name, args, err, text, out)
	}
	return strings.TrimSpace(string(out))
}

// TestZonesOfBIND: every signature that dnssec-signzone makes verifies, for each
// algorithm and with NSEC and NSEC3.
func TestZonesOfBIND(t *testing.T) {
	for i, algorithm := range []string{"RSASHA1", "NSEC3RSASHA1", "RSASHA256", "RSASHA512", "ECDSAP256SHA256", "ECDSAP384SHA384", "ED25519"} {
		t.Run(algorithm, func(t *testing.T) {
			dir := t.TempDir()
			args := []string{"-q", "-a", algorithm, "-n", "ZONE"}
			if strings.HasPrefix(algorithm, "RSA") || strings.HasPrefix(algorithm, "NSEC3RSA") {
				args = append(args, "-b", "1280")
			}
			key := tool(t, dir, "dnssec-keygen", append(args, "example.")...)
			public, err := os.ReadFile(filepath.Join(dir, key+".key"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "zone"), append([]byte(zoneText), public...), 0o600); err != nil {
				t.Fatal(err)
			}
			sign := []string{"-q", "-z", "-o", "example.", "-O", "full", "-f", "signed"}
			if i%2 == 1 {
				sign = append(sign, "-3", "AABB", "-H", "3")
			}
			tool(t, dir, "dnssec-signzone", append(sign, "zone", key)...)
			text, err := os.ReadFile(filepath.Join(dir, "signed"))
			if err != nil {
				t.Fatal(err)
			}
			checkZone(t, string(text), i%2 == 1)
		})
	}
}

// checkZone verifies all signatures of a zone, one record a line.
func checkZone(t *testing.T, text string, hasNSEC3 bool) {
	t.Helper()
	type rrsetKey struct {
		name wire.Key
		typ  wire.Type
	}
	sets := map[rrsetKey]*RRset{}
	var sigs []wire.Record
	var keys []*Key
	hashes := map[Hash]bool{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || line[0] == ';' {
			continue
		}
		line, _, _ = strings.Cut(line, " ;")
		r := record(t, line)
		switch r.Type {
		case wire.TypeRRSIG:
			sigs = append(sigs, r)
			continue
		case wire.TypeDNSKEY:
			keys = append(keys, parseKey(t, r.Data))
		case wire.TypeNSEC3:
			n, err := ParseNSEC3(r.Name, r.Data)
			if err != nil {
				t.Fatal(err)
			}
			hashes[n.Owner] = true
		}
		k := rrsetKey{r.Name.Key(), r.Type}
		if sets[k] == nil {
			sets[k] = &RRset{Name: r.Name, Type: r.Type, Class: r.Class, TTL: r.TTL}
		}
		sets[k].Data = append(sets[k].Data, r.Data)
	}
	verified := 0
	for _, r := range sigs {
		var sig wire.RRSIG
		c := wire.CursorOver(r.Data)
		if err := sig.Parse(&c); err != nil {
			t.Fatal(err)
		}
		set := sets[rrsetKey{r.Name.Key(), sig.Covered}]
		if set == nil {
			t.Fatalf("no records for %v", r)
		}
		if err := CheckTime(&sig, time.Now(), 0, 0); err != nil {
			t.Errorf("%v: %v", r, err)
		}
		for _, key := range keys {
			if key.Tag != sig.KeyTag {
				continue
			}
			if verifies(t, key, set, &sig) {
				verified++
			} else {
				t.Errorf("signature of %v %v does not verify", set.Name, set.Type)
			}
		}
	}
	if verified != len(sigs) || verified < 20 {
		t.Errorf("%d of %d signatures verify", verified, len(sigs))
	}
	if !hasNSEC3 {
		return
	}
	for _, name := range []string{"example.", "b.c.example.", "*.wild.example.", "cut.example."} {
		h, err := HashName(wire.MustParseName(name), 3, []byte{0xAA, 0xBB})
		if err != nil || !hashes[h] {
			t.Errorf("no NSEC3 record with the hash of %s: %v", name, err)
		}
	}
}

// TestBINDVerifiesOurs: dnssec-verify takes a zone that was signed here.
func TestBINDVerifiesOurs(t *testing.T) {
	zone := wire.MustParseName("example.")
	for n, signer := range signers(t) {
		if n == wire.AlgorithmNSEC3RSASHA1 {
			continue // wants NSEC3, or is one of RSASHA1
		}
		t.Run(n.String(), func(t *testing.T) {
			k, err := all.NewSigningKey(n, wire.FlagZoneKey|wire.FlagSecureEntry, signer)
			if err != nil {
				t.Fatal(err)
			}
			lines := []string{
				"example. 3600 IN SOA NS.Example. Host.example. 1 3600 600 86400 60", "example. 3600 IN NS NS.Example.",
				"example. 3600 IN DNSKEY " + k.Record.String(), "example. 60 IN NSEC *.example. NS SOA RRSIG NSEC DNSKEY",
				"*.example. 300 IN MX 10 Mail.EXAMPLE.", "*.example. 300 IN MX 5 a.EXAMPLE.", "*.example. 60 IN NSEC NS.example. MX RRSIG NSEC",
				"NS.example. 300 IN A 192.0.2.200", "NS.example. 300 IN A 192.0.2.3", "NS.example. 60 IN NSEC example. A RRSIG NSEC",
			}
			var text strings.Builder
			now := time.Now()
			for i := 0; i < len(lines); {
				set := rrset(t, lines[i])
				text.WriteString(lines[i] + "\n")
				for i++; i < len(lines); i++ {
					if r := record(t, lines[i]); !r.Name.Equal(set.Name) || r.Type != set.Type {
						break
					}
					set.Data = append(set.Data, record(t, lines[i]).Data)
					text.WriteString(lines[i] + "\n")
				}
				sig, err := k.Sign(set, zone, wire.SerialFromTime(now.Add(-time.Hour)), wire.SerialFromTime(now.Add(time.Hour)))
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&text, "%v %d IN RRSIG %v\n", set.Name, set.TTL, sig)
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "zone"), []byte(text.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			tool(t, dir, "dnssec-verify", "-q", "-z", "-o", "example.", "zone")
		})
	}
}
