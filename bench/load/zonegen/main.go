// Command zonegen writes a large zone and the questions to ask about it, for
// load tests. The same arguments give the same files.
//
//	go run ./zonegen -names 1000000 -zone big.zone -queries big.queries
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
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("zonegen: ")
	names := flag.Int("names", 1000, "how many names below the apex")
	origin := flag.String("origin", "load.test.", "the zone")
	zone := flag.String("zone", "load.zone", "where to write the zone")
	queries := flag.String("queries", "load.queries", "where to write the questions, as dnsperf reads them")
	count := flag.Int("count", 0, "how many questions; 0 for as many as names, but at least 100000")
	seed := flag.Uint64("seed", 1, "another seed, another order of questions")
	flag.Parse()
	if *names < 100 || *names > maxNames || flag.NArg() > 0 {
		log.Fatalf("-names is from 100 to %d, and there are no other arguments", maxNames)
	}
	if *count == 0 {
		*count = max(*names, 100000)
	}
	random := rand.New(rand.NewPCG(*seed, 0))
	write(*zone, func(w io.Writer) { writeZone(w, *origin, *names) })
	write(*queries, func(w io.Writer) { writeQueries(w, *origin, *names, *count, random) })
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

func shapeOf(i int) shape {
	switch part := i % 100; {
	case part < 60:
		return dualHost
	case part < 70:
		return host
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

func writeZone(w io.Writer, origin string, names int) {
	fmt.Fprintf(w, `$ORIGIN %s
$TTL 3600
@ SOA ns1 hostmaster 1 3600 900 604800 300
@ NS ns1
@ NS ns2
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
ns2 A 192.0.2.2
`, origin)
	for i := range names {
		name, v4, v6 := label(i), address4(i), address6(i)
		switch shapeOf(i) {
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

func writeQueries(w io.Writer, origin string, names, count int, random *rand.Rand) {
	for range count {
		i := random.IntN(names)
		name := label(i) + "." + origin
		if random.IntN(10) == 0 {
			fmt.Fprintf(w, "no-%s A\n", name)
			continue
		}
		switch shapeOf(i) {
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
