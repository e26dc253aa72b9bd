// Command zonegen writes large zones and the questions to ask about them, for
// load tests. The same arguments give the same files.
//
//	go run ./zonegen -names 1000000 -zone big.zone -queries big.queries
//	go run ./zonegen -zones 10000 -names 20 -zone directory -queries small.queries
//
// Of a hundred names sixty are hosts with A and AAAA, ten with A only, fifteen
// are delegations with their glue, and the rest MX, TXT, CNAME, SRV and
// wildcards: 2.3 records a name. One question in ten is for a name that does
// not exist.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// plan is what the zones look like: all alike but for their origin.
type plan struct {
	origin string // of the zone; with several, what they are below of
	zones  int
	names  int  // of each zone, below the apex
	flat   bool // hosts instead of delegations, so that one server knows every answer
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("zonegen: ")
	var p plan
	flag.IntVar(&p.names, "names", 1000, "how many names below the apex")
	flag.IntVar(&p.zones, "zones", 1, "how many zones; with several, their names are below that of -origin and -zone is a directory")
	flag.StringVar(&p.origin, "origin", "load.test.", "the zone")
	flag.BoolVar(&p.flat, "flat", false, "no delegations")
	zone := flag.String("zone", "load.zone", "where to write the zone")
	queries := flag.String("queries", "load.queries", "where to write the questions, as dnsperf reads them")
	count := flag.Int("count", 0, "how many questions; 0 for as many as names, but at least 100000")
	zipf := flag.Float64("zipf", 0, "exponent above 1: few names are asked for often, many seldom; 0: all alike")
	seed := flag.Uint64("seed", 1, "another seed, another order of questions")
	flag.Parse()
	switch {
	case flag.NArg() > 0:
		log.Fatalf("%s: there are no arguments but options", flag.Arg(0))
	case p.names < 20 || p.names > maxNames:
		log.Fatalf("-names is from 20 to %d", maxNames)
	case p.zones < 1 || p.zones > maxNames/p.names:
		log.Fatalf("-zones is from 1 to %d, for %d names in each", maxNames/p.names, p.names)
	case *zipf != 0 && !(*zipf > 1 && *zipf <= 10):
		log.Fatal("-zipf is above 1 and at most 10")
	case *count < 0:
		log.Fatal("-count is not below 0")
	}
	if *count == 0 {
		*count = max(p.zones*p.names, 100000)
	}

	if p.zones == 1 {
		write(*zone, func(w io.Writer) { p.writeZone(w, 0) })
	} else {
		for z := range p.zones {
			write(filepath.Join(*zone, strings.TrimSuffix(p.originOf(z), ".")), func(w io.Writer) { p.writeZone(w, z) })
		}
	}
	random := rand.New(rand.NewPCG(*seed, 0))
	pick := random.IntN
	if *zipf != 0 {
		distribution := rand.NewZipf(random, *zipf, 1, uint64(p.zones*p.names-1))
		pick = func(int) int { return int(distribution.Uint64()) }
	}
	write(*queries, func(w io.Writer) { p.writeQueries(w, *count, random, pick) })
}

// write fills a file.
func write(file string, fill func(io.Writer)) {
	f, err := os.Create(file)
	if err != nil {
		log.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	fill(w)
	if err := w.Flush(); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}

// maxNames is how many labels label can tell apart.
const maxNames = 1 << 24

// label is the label of the i-th name. Neighbours in number are far apart in
// order, and labels are four to sixteen octets long.
func label(i int) string {
	const letters = "abcdefghijklmnop"
	const tail = "serverhouse"                   // begins with a letter that letters lacks
	x := uint32(i) * 0x9E3779B1 & (maxNames - 1) // odd factor: no two alike
	b := make([]byte, 0, 24)
	for ; x > 0 || len(b) < 4; x >>= 4 {
		b = append(b, letters[x&15])
	}
	return string(append(b, tail[:i%len(tail)]...))
}

// shape is what a name owns.
type shape int

const (
	dualHost   shape = iota // A and AAAA
	host                    // A
	delegation              // two NS, two A and one AAAA as glue
	mailDomain              // two MX and A
	text                    // TXT
	alias                   // CNAME to a host
	service                 // SRV
	wildcard                // A at the asterisk below it
)

// shapeOf tells what the i-th name of a zone owns. In a zone of fewer than a
// hundred names the shapes have the same shares, as far as that goes.
func (p plan) shapeOf(i int) shape {
	part := i % 100
	if p.names < 100 {
		part = i * 100 / p.names
	}
	switch {
	case part < 60:
		return dualHost
	case part < 70:
		return host
	case part < 85 && p.flat:
		return dualHost
	case part < 85:
		return delegation
	case part < 90:
		return mailDomain
	case part < 94:
		return text
	case part < 98:
		return alias
	case part < 99:
		return service
	}
	return wildcard
}

// originOf is the name of the z-th zone.
func (p plan) originOf(z int) string {
	if p.zones == 1 {
		return p.origin
	}
	return label(z) + "." + p.origin
}

func (p plan) writeZone(w io.Writer, z int) {
	fmt.Fprintf(w, `$ORIGIN %s
$TTL 3600
@ SOA ns1 hostmaster 1 3600 900 604800 300
@ NS ns1
@ NS ns2
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
ns2 A 192.0.2.2
`, p.originOf(z))
	for i := range p.names {
		name, v4, v6 := label(i), address4(i), address6(i)
		switch p.shapeOf(i) {
		case dualHost:
			fmt.Fprintf(w, "%s A %s\n%[1]s AAAA %[3]s\n", name, v4, v6)
		case host:
			fmt.Fprintf(w, "%s A %s\n", name, v4)
		case delegation:
			fmt.Fprintf(w, "%s NS ns1.%[1]s\n%[1]s NS ns2.%[1]s\nns1.%[1]s A %[2]s\nns1.%[1]s AAAA %[3]s\nns2.%[1]s A %[2]s\n", name, v4, v6)
		case mailDomain:
			fmt.Fprintf(w, "%s MX 10 %s\n%[1]s MX 20 %[3]s\n%[1]s A %[4]s\n", name, label(i-i%100), label(i-i%100+1), v4)
		case text:
			fmt.Fprintf(w, "%s TXT \"v=spf1 ip4:%s -all\"\n", name, v4)
		case alias:
			fmt.Fprintf(w, "%s CNAME %s\n", name, label(i-i%100+i%7))
		case service:
			fmt.Fprintf(w, "%s SRV 0 5 5060 %s\n", name, label(i-i%100))
		case wildcard:
			fmt.Fprintf(w, "*.%s A %s\n", name, v4)
		}
	}
}

func address4(i int) string { return fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255) }
func address6(i int) string { return fmt.Sprintf("2001:db8::%x:%x", i>>16, i&0xFFFF) }

// writeQueries asks for names that pick chooses from all zones.
func (p plan) writeQueries(w io.Writer, count int, random *rand.Rand, pick func(n int) int) {
	for range count {
		n := pick(p.zones * p.names)
		i := n / p.zones
		name := label(i) + "." + p.originOf(n%p.zones)
		if random.IntN(10) == 0 {
			fmt.Fprintf(w, "no-%s A\n", name)
			continue
		}
		switch p.shapeOf(i) {
		case dualHost:
			fmt.Fprintf(w, "%s %s\n", name, [...]string{"A", "A", "AAAA"}[random.IntN(3)])
		case host, alias:
			fmt.Fprintf(w, "%s A\n", name)
		case delegation:
			fmt.Fprintf(w, "www.%s A\n", name)
		case mailDomain:
			fmt.Fprintf(w, "%s MX\n", name)
		case text:
			fmt.Fprintf(w, "%s TXT\n", name)
		case service:
			fmt.Fprintf(w, "%s SRV\n", name)
		case wildcard:
			fmt.Fprintf(w, "x%d.%s A\n", random.IntN(1000), name)
		}
	}
}
