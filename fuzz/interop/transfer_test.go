//go:build interop

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	transferZone = "corner.test."
	tsigSecret   = "c2VjcmV0IG9mIHRoZSBpbnRlcm9wIHRlc3Rz"
)

// withArguments is a program with its configuration, or a part of it, from a test.
type withArguments struct {
	program
	change func(dir string, port uint16, args []string) ([]string, error)
}

func (p withArguments) Arguments(dir string, port uint16, zones []zoneFile) ([]string, error) {
	args, err := p.program.Arguments(dir, port, zones)
	if err != nil {
		return nil, err
	}
	return p.change(dir, port, args)
}

// more makes our server take more options, with a file of keys in the place of KEYS.
func more(options ...string) program {
	return withArguments{ours{}, func(dir string, _ uint16, args []string) ([]string, error) {
		keys := filepath.Join(dir, "keys")
		for _, o := range options {
			args = append(args, strings.ReplaceAll(o, "KEYS", keys))
		}
		return args, os.WriteFile(keys, []byte("hmac-sha256:mover:"+tsigSecret+"\n"), 0o600)
	}}
}

// replaceIn changes the configuration that a program has written.
func replaceIn(p program, file string, change func(text string) string) program {
	return withArguments{p, func(dir string, _ uint16, args []string) ([]string, error) {
		path := filepath.Join(dir, file)
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		return args, os.WriteFile(path, []byte(change(string(text))), 0o600)
	}}
}

// transferred is the zone as dig gets it from a server, in order.
func transferred(t *testing.T, s *server, options ...string) []string {
	t.Helper()
	args := append([]string{"-r", "@127.0.0.1", "-p", fmt.Sprint(s.Addr.Port()), transferZone, "AXFR", "+noall", "+answer", "+onesoa"}, options...)
	var lines []string
	for _, l := range strings.Split(run(t, t.TempDir(), need(t, "dig"), args...), "\n") {
		if l != "" && !strings.HasPrefix(l, ";") && !strings.Contains(l, "\tTSIG\t") {
			lines = append(lines, strings.Join(strings.Fields(strings.ToLower(l)), " "))
		}
	}
	slices.Sort(lines)
	return lines
}

func sameZone(t *testing.T, who string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s has\n%s\nnot\n%s", who, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestTransferToDig: dig gets the zone if it may, signed or from its address.
func TestTransferToDig(t *testing.T) {
	zones := []zoneFile{{Origin: transferZone, File: absolute(t, "testdata/corner/corner.test.zone")}}
	open := startAll(t, zones, more("--allow-transfer", "127.0.0.1"))[0]
	signed := startAll(t, zones, more("--tsig-key", "KEYS", "--allow-transfer", "key:mover"))[0]
	theirs := startAll(t, zones, nsd{})[0]
	want := transferred(t, theirs)
	if len(want) < 10 {
		t.Fatalf("nsd sends %d records", len(want))
	}
	sameZone(t, "dig", transferred(t, open), want)
	sameZone(t, "dig -y", transferred(t, signed, "-y", "hmac-sha256:mover:"+tsigSecret), want)
	if got := transferred(t, signed); len(got) != 0 {
		t.Errorf("without a key dig gets %d records", len(got))
	}
}

// TestTransferToOthers: NSD and Knot are our secondaries, with TSIG and without.
func TestTransferToOthers(t *testing.T) {
	zones := []zoneFile{{Origin: transferZone, File: absolute(t, "testdata/corner/corner.test.zone")}}
	open := startAll(t, zones, more("--allow-transfer", "127.0.0.1"))[0]
	signed := startAll(t, zones, more("--tsig-key", "KEYS", "--allow-transfer", "key:mover"))[0]
	want := transferred(t, open)
	for _, primary := range []*server{open, signed} {
		key := primary == signed
		nsdSecondary := replaceIn(nsd{}, "nsd.conf", func(text string) string {
			zone := strings.Index(text, "zone:\n")
			name := "NOKEY"
			if key {
				name = "mover"
				text = text[:zone] + "key:\n\tname: mover\n\talgorithm: hmac-sha256\n\tsecret: \"" + tsigSecret + "\"\n" + text[zone:]
			}
			lines := strings.Split(text, "\n")
			for i, l := range lines {
				if strings.HasPrefix(l, "\tzonefile:") {
					lines[i] = fmt.Sprintf("\tzonefile: \"\"\n\trequest-xfr: AXFR 127.0.0.1@%d %s", primary.Addr.Port(), name)
				}
			}
			return strings.Join(lines, "\n")
		})
		knotSecondary := replaceIn(knot{}, "knot.conf", func(text string) string {
			zone := strings.Index(text, "zone:\n")
			part, remoteKey := "", ""
			if key {
				part, remoteKey = "key:\n  - id: mover\n    algorithm: hmac-sha256\n    secret: "+tsigSecret+"\n", "    key: mover\n"
			}
			template := strings.Index(text, "template:\n")
			part += fmt.Sprintf("remote:\n  - id: primary\n    address: 127.0.0.1@%d\n%sacl:\n  - id: all\n    address: 127.0.0.1\n    action: transfer\n", primary.Addr.Port(), remoteKey)
			return text[:template] + part + text[template:zone] + fmt.Sprintf("zone:\n  - domain: %q\n    master: primary\n    acl: all\n", transferZone)
		})
		for _, s := range startAll(t, zones, nsdSecondary, knotSecondary) {
			sameZone(t, fmt.Sprintf("%s, signed %t", s.Name, key), transferred(t, s), want)
		}
	}
}

// TestTransferFromOthers: we are the secondary of NSD, Knot, and BIND; the last wants
// a key.
func TestTransferFromOthers(t *testing.T) {
	zones := []zoneFile{{Origin: transferZone, File: absolute(t, "testdata/corner/corner.test.zone")}}
	knotPrimary := replaceIn(knot{}, "knot.conf", func(text string) string {
		text = strings.Replace(text, "template:\n", "acl:\n  - id: all\n    address: 127.0.0.1\n    action: transfer\ntemplate:\n", 1)
		return strings.TrimRight(text, "\n") + "\n    acl: all\n"
	})
	bindPrimary := replaceIn(bind{}, "named.conf", func(text string) string {
		return "key mover { algorithm hmac-sha256; secret \"" + tsigSecret + "\"; };\n" +
			strings.Replace(text, "allow-transfer { none; };", "allow-transfer { key mover; };", 1)
	})
	primaries := startAll(t, zones, nsd{}, knotPrimary, bindPrimary)
	want := transferred(t, primaries[0])
	for _, p := range primaries {
		key := ""
		if p.Name == "bind" {
			key = "key:mover@"
		}
		s := start(t, more("--tsig-key", "KEYS", "--allow-transfer", "127.0.0.1", "--secondary", fmt.Sprintf("%s%v/%s", key, p.Addr, transferZone)), nil)
		if err := s.waitFor(zones); err != nil {
			t.Fatalf("from %s: %v\n%s", p.Name, err, s.printed())
		}
		sameZone(t, "ours, from "+p.Name, transferred(t, s), want)
	}
}
