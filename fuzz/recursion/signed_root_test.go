//go:build interop

package recursion

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// rootFile is the root zone as it was on a day in 2018. It lies next to the repository;
// where it does not a zone is made up.
const rootFile = "../../../shared/data/root-2018-03-12.zone.gz"

// unsignedRoot returns the records of the root zone without those of DNSSEC, but for DS,
// and with one server of ours for the root; and the names of the zones below it.
func unsignedRoot(t *testing.T) (text string, zones []string) {
	t.Helper()
	file, err := os.Open(rootFile)
	if errors.Is(err, fs.ErrNotExist) {
		t.Logf("%s is not there: with a zone that is made up", rootFile)
		return madeRoot()
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
			b.WriteString(lines.Text() + "\n" + serverOfRoot())
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

// serverOfRoot is the records of the only server of the root.
func serverOfRoot() string {
	return fmt.Sprintf(". 518400 IN NS ns.root-here.\nns.root-here. 518400 IN A %v\n", addressesOfSigned[0])
}

// madeRoot is a root zone with 1,500 delegations: two in three have DS records, one in
// four has a server below itself.
func madeRoot() (text string, zones []string) {
	var b strings.Builder
	b.WriteString(". 86400 IN SOA ns.root-here. h.root-here. 1 1800 900 604800 86400\n" + serverOfRoot())
	for i := range 1500 {
		digest := sha256.Sum256([]byte(strconv.Itoa(i)))
		name := fmt.Sprintf("%x%d.", digest[:1+i%9], i)
		zones = append(zones, name)
		if i%4 == 0 {
			fmt.Fprintf(&b, "%s 172800 IN NS ns.%[1]s\nns.%[1]s 172800 IN A 192.0.2.1\n", name)
		} else {
			fmt.Fprintf(&b, "%s 172800 IN NS ns.%s\n", name, zones[i/4*4])
		}
		for tag := range digest[0] % 3 {
			fmt.Fprintf(&b, "%s 86400 IN DS %d 13 2 %X\n", name, i+int(tag), digest)
		}
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

// signedRoot is the root zone, signed anew and served.
type signedRoot struct {
	zones  []string // below it
	file   string   // the zone
	key    string   // the file of its key
	anchor string   // the file of the DS record of its key
	hints  string   // the file of its server
}

// serveSignedRoot signs the root zone, and serves it with NSD.
func serveSignedRoot(t *testing.T) *signedRoot {
	t.Helper()
	needNamespace(t)
	text, zones := unsignedRoot(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "root.zone")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	key := strings.TrimSpace(tool(t, dir, "ldns-keygen", "-k", "-a", "ECDSAP256SHA256", "."))
	r := &signedRoot{
		zones:  zones,
		file:   file + ".signed",
		key:    filepath.Join(dir, key+".key"),
		anchor: filepath.Join(dir, "root.ds"),
		hints:  filepath.Join(dir, "hints"),
	}
	if err := os.WriteFile(r.anchor, []byte(tool(t, dir, "ldns-key2ds", "-n", "-2", key+".key")), 0o644); err != nil {
		t.Fatal(err)
	}
	tool(t, dir, "ldns-signzone", "-z", "sha384", "-o", ".", "-f", r.file, file, key)
	if err := os.WriteFile(r.hints, fmt.Appendf(nil, ". 3600000 IN NS ns.root-here.\nns.root-here. 3600000 IN A %v\n", addressesOfSigned[0]), 0o644); err != nil {
		t.Fatal(err)
	}
	addAddresses(t, addressesOfSigned[:1])
	root := &zone{Name: wire.Root}
	addrs := []netip.AddrPort{netip.AddrPortFrom(addressesOfSigned[0], 53)}
	served := start(t, "nsd", "nsd", addrs, func(dir string) ([]string, error) {
		return nsd(dir, addrs, map[*zone]string{root: r.file})
	})
	served.await(t, root)
	return r
}

// start starts a resolver at a port of 127.0.0.1.
func (r *signedRoot) start(t *testing.T, by resolver, port int) *process {
	t.Helper()
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
	p := start(t, by.Name, by.Binary, []netip.AddrPort{at}, func(dir string) ([]string, error) { return by.Configure(dir, r.hints, at) })
	p.await(t, &zone{Name: wire.Root})
	return p
}

// questions are so many: half of them are for the DS records of a zone, and half
// for names that are not there.
func (r *signedRoot) questions(count int) (all []wire.Question) {
	for i := range count / 2 {
		all = append(all,
			wire.Question{Name: wire.MustParseName(r.zones[i*len(r.zones)/(count/2)]), Type: wire.TypeDS, Class: wire.ClassIN},
			wire.Question{Name: wire.MustParseName(fmt.Sprintf("www.%s-not-there-%d.", strings.Trim(r.zones[i*7%len(r.zones)], "."), i)), Type: wire.TypeA, Class: wire.ClassIN})
	}
	return all
}

// TestSignedRoot signs the real root zone anew, and lets all validators prove with the
// key of that which top-level domains are signed, and which do not exist; names also
// from the file alone.
func TestSignedRoot(t *testing.T) {
	root := serveSignedRoot(t)
	var processes []*process
	for i, r := range append(validators(t, root.anchor), withLocalRoot(root.anchor, root.file)) {
		processes = append(processes, root.start(t, r, 5500+i))
	}
	verdicts := map[string]int{}
	faults := 0
	questions := root.questions(1000)
	for _, kind := range []wire.Type{wire.TypeNS, wire.TypeSOA, wire.TypeDNSKEY} {
		questions = append(questions, wire.Question{Name: wire.Root, Type: kind, Class: wire.ClassIN})
	}
	for _, q := range questions {
		ours := verdictOf(processes[0], q)
		line, _, _ := strings.Cut(ours, "\n")
		verdicts[line]++
		for _, other := range processes[1:] {
			if theirs := verdictOf(other, q); theirs != ours {
				if faults++; faults <= *shown {
					t.Errorf("%v %v:\n[names] %s\n[%s] %s", q.Name, q.Type, ours, other.Name, theirs)
				}
			}
		}
	}
	t.Logf("%d questions: %v", len(questions), verdicts)
	if faults > 0 || verdicts["NXDOMAIN AD"] < 400 || verdicts["NOERROR AD"] < 400 {
		t.Errorf("%d answers differ", faults)
	}
}
