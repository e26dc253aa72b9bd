// Command treegen writes a tree of zones to resolve names in, as NSD serves it,
// and a question about each domain. The same arguments give the same files.
//
//	go run ./recursion/treegen -tlds 20 -domains 20000 -o directory
//
// The root delegates the TLDs, each TLD its share of the domains, all to name
// servers in the delegated zone, with glue. Every domain is a zone and has an
// address at www. The directory gets root.zone, a zone file for each TLD and
// one for all domains; root.zones, tld.zones and domain.zones, which say in
// NSD's words which zones a server of that tier has; hints; addresses, those of
// the servers with their tiers; and queries, for dnsperf.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// tier is one of the three levels of the tree and its servers: their addresses
// are 198.18.TIER.N or, of those that are dead, 198.18.TIER.128+N (RFC 2544).
type tier struct {
	name    string
	number  byte
	servers int // addresses that answer
	perZone int // how many of them a zone has
}

var tiers = [...]tier{
	{"root", 0, 3, 3},
	{"tld", 1, 8, 3},
	{"domain", 2, 64, 2},
}

// address is that of the n-th server.
func (t tier) address(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{198, 18, t.number, byte(n%t.servers + 1)})
}

// dead is that of the n-th server that does not answer.
func (t tier) dead(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{198, 18, t.number, byte(n%t.servers + 129)})
}

// plan is what the tree looks like.
type plan struct {
	tlds    int
	domains int
	dead    bool // each zone has one name server more, which does not answer
	signed  bool // every zone is, and the domains have a file each
}

func (p plan) tld(i int) string    { return fmt.Sprintf("tld%d.", i) }
func (p plan) domain(i int) string { return fmt.Sprintf("domain%d.%s", i, p.tld(i%p.tlds)) }

func main() {
	log.SetFlags(0)
	log.SetPrefix("treegen: ")
	var p plan
	flag.IntVar(&p.tlds, "tlds", 20, "how many TLDs")
	flag.IntVar(&p.domains, "domains", 20000, "how many domains below them")
	flag.BoolVar(&p.dead, "dead", false, "each zone has one name server more, which does not answer")
	flag.BoolVar(&p.signed, "signed", false, "all zones are signed; the trust anchor is in the file anchor")
	dir := flag.String("o", ".", "the directory to write to")
	seed := flag.Uint64("seed", 1, "another seed, another order of questions")
	flag.Parse()
	switch {
	case flag.NArg() > 0:
		log.Fatalf("%s: there are no arguments but options", flag.Arg(0))
	case p.tlds < 1 || p.tlds > 1000:
		log.Fatal("-tlds is from 1 to 1000")
	case p.domains < p.tlds || p.domains > 1000000:
		log.Fatalf("-domains is from %d, one for each TLD, to 1000000", p.tlds)
	}
	if err := p.write(*dir, *seed); err != nil {
		log.Fatal(err)
	}
}

// write writes all files.
func (p plan) write(dir string, seed uint64) error {
	zones := map[string]func(io.Writer){".": p.writeRoot}
	files := map[string]func(io.Writer){
		"root.zones":   func(w io.Writer) { zoneEntry(w, ".", "root.zone") },
		"tld.zones":    p.writeTLDEntries,
		"domain.zones": p.writeDomainEntries,
		"hints":        p.writeHints,
		"addresses":    writeAddresses,
		"queries":      func(w io.Writer) { p.writeQueries(w, seed) },
	}
	for i := range p.tlds {
		zones[p.tld(i)] = func(w io.Writer) { p.writeTLD(w, i) }
	}
	all := map[string]func(io.Writer) error{}
	if !p.signed {
		files["domain.zone"] = p.writeDomain
	}
	for i := 0; p.signed && i < p.domains; i++ {
		zones[p.domain(i)] = p.writeDomain
	}
	for name, content := range files {
		all[name] = unsigned(content)
	}
	for zone, content := range zones {
		all[zoneFile(zone)] = unsigned(content)
		if p.signed {
			all[zoneFile(zone)] = signed(zone, content)
		}
	}
	if p.signed {
		all["anchor"] = writeAnchor
	}
	for name, content := range all {
		if err := writeFile(filepath.Join(dir, name), content); err != nil {
			return err
		}
	}
	return nil
}

func unsigned(content func(io.Writer)) func(io.Writer) error {
	return func(w io.Writer) error {
		content(w)
		return nil
	}
}

// zoneFile is the name of the file of a zone.
func zoneFile(zone string) string {
	if zone == "." {
		return "root.zone"
	}
	return strings.TrimSuffix(zone, ".") + ".zone"
}

func writeFile(name string, content func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	if err := content(w); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func (p plan) writeRoot(w io.Writer) {
	fmt.Fprintln(w, "$TTL 86400\n. SOA ns1. hostmaster. 1 3600 600 86400 300")
	p.delegate(w, ".", tiers[0], 0)
	for i := range p.tlds {
		p.delegate(w, p.tld(i), tiers[1], i)
	}
}

func (p plan) writeTLD(w io.Writer, tld int) {
	fmt.Fprintf(w, "$TTL 86400\n%s SOA ns1.%[1]s hostmaster.%[1]s 1 3600 600 86400 300\n", p.tld(tld))
	p.delegate(w, p.tld(tld), tiers[1], tld)
	for i := tld; i < p.domains; i += p.tlds {
		p.delegate(w, p.domain(i), tiers[2], i)
	}
}

// writeDomain writes the zone of all domains: only the NS records at the apex
// have to be the same for all, and so they name servers of the first one.
func (p plan) writeDomain(w io.Writer) {
	fmt.Fprintln(w, "$TTL 86400\n@ SOA ns1 hostmaster 1 3600 600 86400 300")
	for i := range tiers[2].perZone {
		fmt.Fprintf(w, "@ NS ns%d\nns%[1]d A %s\n", i+1, tiers[2].address(i))
	}
	if p.dead {
		fmt.Fprintf(w, "@ NS dead\ndead A %s\n", tiers[2].dead(0))
	}
	fmt.Fprintln(w, "www A 203.0.113.1")
}

// delegate writes the NS RRset of a zone and the addresses: those of servers
// that zones share in many ways. The step from one to the next is odd, so that
// they differ: of a tier's servers there are three or a power of two.
func (p plan) delegate(w io.Writer, zone string, t tier, number int) {
	step := 1 + 2*(number/t.servers%(t.servers/2))
	below := zone
	if zone == "." {
		below = ""
	}
	for i := range t.perZone {
		fmt.Fprintf(w, "%s NS ns%d.%s\nns%[2]d.%[3]s A %[4]s\n", zone, i+1, below, t.address(number*7+i*step))
	}
	if p.dead {
		fmt.Fprintf(w, "%s NS dead.%s\ndead.%[2]s A %[3]s\n", zone, below, t.dead(number))
	}
}

func zoneEntry(w io.Writer, name, file string) {
	fmt.Fprintf(w, "zone:\n\tname: %q\n\tzonefile: %q\n", name, file)
}

func (p plan) writeTLDEntries(w io.Writer) {
	for i := range p.tlds {
		zoneEntry(w, p.tld(i), zoneFile(p.tld(i)))
	}
}

func (p plan) writeDomainEntries(w io.Writer) {
	for i := range p.domains {
		file := "domain.zone"
		if p.signed {
			file = zoneFile(p.domain(i))
		}
		zoneEntry(w, p.domain(i), file)
	}
}

func (p plan) writeHints(w io.Writer) {
	t := tiers[0]
	for i := range t.perZone {
		fmt.Fprintf(w, ". 86400 IN NS ns%d.\nns%[1]d. 86400 IN A %s\n", i+1, t.address(i))
	}
	if p.dead {
		fmt.Fprintf(w, ". 86400 IN NS dead.\ndead. 86400 IN A %s\n", t.dead(0))
	}
}

func writeAddresses(w io.Writer) {
	for _, t := range tiers {
		for i := range t.servers {
			fmt.Fprintln(w, t.name, t.address(i))
		}
	}
}

// writeQueries writes a question about every domain, in an order that says nothing.
func (p plan) writeQueries(w io.Writer, seed uint64) {
	order := rand.New(rand.NewPCG(seed, 0)).Perm(p.domains)
	for _, i := range order {
		fmt.Fprintf(w, "www.%s A\n", p.domain(i))
	}
}
