//go:build interop

package recursion

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// rootFile is the root zone as it was on a day in 2018. It lies next to the repository;
// where it does not the test is skipped.
const rootFile = "../../../shared/data/root-2018-03-12.zone.gz"

// unsignedRoot returns the records of the root zone without those of DNSSEC, but for DS,
// and with one server of ours for the root; and the names of the zones below it.
func unsignedRoot(t *testing.T) (text string, zones []string) {
	t.Helper()
	file, err := os.Open(rootFile)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("%s is not there", rootFile)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	packed, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	lines := bufio.NewScanner(packed)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 5 || slices.Contains([]string{"RRSIG", "NSEC", "DNSKEY"}, words[3]) {
			continue
		}
		switch {
		case words[0] == "." && words[3] == "NS":
			continue
		case words[0] == "." && words[3] == "SOA":
			fmt.Fprintf(&b, "%s\n. 518400 IN NS ns.root-here.\nns.root-here. 518400 IN A %v\n", lines.Text(), addressesOfSigned[0])
			continue
		case words[3] == "NS" && (len(zones) == 0 || zones[len(zones)-1] != words[0]):
			zones = append(zones, words[0])
		}
		b.WriteString(lines.Text() + "\n")
	}
	if err := lines.Err(); err != nil || len(zones) < 1000 {
		t.Fatalf("%v, %d zones", err, len(zones))
	}
	return b.String(), zones
}

// withLocalRoot is names with a copy of the root zone, from a file.
func withLocalRoot(anchor, file string) resolver {
	return resolver{"names with the root zone", os.Getenv(inside), func(dir, hints string, at netip.AddrPort) ([]string, error) {
		nowhere := filepath.Join(dir, "nowhere")
		if err := os.WriteFile(nowhere, []byte(". 3600000 IN NS nowhere.\nnowhere. 3600000 IN A 10.77.9.9\n"), 0o644); err != nil {
			return nil, err
		}
		return []string{"serve", "-i", at.String(), "--from-root", "--root-hints", nowhere, "-c", "--trust-anchor", anchor, "--local-root-file", file}, nil
	}}
}

// TestSignedRoot signs the real root zone anew, and lets all validators prove with the
// key of that which top-level domains are signed, and which do not exist; names also
// from the file alone.
func TestSignedRoot(t *testing.T) {
	needNamespace(t)
	text, zones := unsignedRoot(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "root.zone")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	key := strings.TrimSpace(tool(t, dir, "ldns-keygen", "-k", "-a", "ECDSAP256SHA256", "."))
	anchor := filepath.Join(dir, "root.ds")
	if err := os.WriteFile(anchor, []byte(tool(t, dir, "ldns-key2ds", "-n", "-2", key+".key")), 0o644); err != nil {
		t.Fatal(err)
	}
	tool(t, dir, "ldns-signzone", "-z", "sha384", "-o", ".", "-f", file+".signed", file, key)
	addAddresses(t, addressesOfSigned[:1])
	root := &zone{Name: wire.Root}
	addrs := []netip.AddrPort{netip.AddrPortFrom(addressesOfSigned[0], 53)}
	served := start(t, "nsd", "nsd", addrs, func(dir string) ([]string, error) {
		return nsd(dir, addrs, map[*zone]string{root: file + ".signed"})
	})
	served.await(t, root)
	hints := filepath.Join(dir, "hints")
	if err := os.WriteFile(hints, fmt.Appendf(nil, ". 3600000 IN NS ns.root-here.\nns.root-here. 3600000 IN A %v\n", addressesOfSigned[0]), 0o644); err != nil {
		t.Fatal(err)
	}
	var processes []*process
	resolvers := append(validators(t, anchor), withLocalRoot(anchor, file+".signed"))
	for i, r := range resolvers {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(5500+i))
		p := start(t, r.Name, r.Binary, []netip.AddrPort{at}, func(dir string) ([]string, error) { return r.Configure(dir, hints, at) })
		p.await(t, root)
		processes = append(processes, p)
	}
	verdicts := map[string]int{}
	questions, faults := 0, 0
	ask := func(name string, kind wire.Type) {
		q := wire.Question{Name: wire.MustParseName(name), Type: kind, Class: wire.ClassIN}
		ours := verdictOf(processes[0], q)
		line, _, _ := strings.Cut(ours, "\n")
		verdicts[line]++
		questions++
		for _, other := range processes[1:] {
			if theirs := verdictOf(other, q); theirs != ours {
				if faults++; faults <= *shown {
					t.Errorf("%v %v:\n[names] %s\n[%s] %s", q.Name, q.Type, ours, other.Name, theirs)
				}
			}
		}
	}
	for i := range 500 {
		ask(zones[i*len(zones)/500], wire.TypeDS)
		ask(fmt.Sprintf("www.%s-not-there-%d.", strings.Trim(zones[i*7%len(zones)], "."), i), wire.TypeA)
	}
	ask(".", wire.TypeNS)
	ask(".", wire.TypeSOA)
	ask(".", wire.TypeDNSKEY)
	t.Logf("%d questions: %v", questions, verdicts)
	if faults > 0 || verdicts["NXDOMAIN AD"] < 400 || verdicts["NOERROR AD"] < 400 {
		t.Errorf("%d answers differ", faults)
	}
}
