//go:build interop

package interop

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// rootFile is the root zone as it was on a day in 2018, signed. It lies beside
// the checkout and not in it; rootZone makes do without.
const rootFile = "../../../shared/data/root-2018-03-12.zone.gz"

// How many names of the root zone are asked about, and how many that are not
// in it.
const (
	rootNames  = 1000
	rootAbsent = 500
)

// rootTypes are asked for at each of them.
var rootTypes = []wire.Type{
	wire.TypeA, wire.TypeNS, wire.TypeDS, wire.TypeSOA, wire.TypeANY,
	wire.TypeMX, wire.TypeTXT, wire.TypeDNSKEY, wire.TypeNSEC, wire.TypeAAAA,
}

// TestRootZone asks everybody about the root zone: delegations, glue, DS, the
// apex, and names that do not exist.
func TestRootZone(t *testing.T) {
	asIs, withoutRepeat := rootZone(t)
	servers := startAll(t, []zoneFile{asIs}, ours{})
	zones := []zoneFile{withoutRepeat}
	servers = append(servers, startAll(t, zones, peers...)...)
	known, err := learn(servers[1], zones)
	if err != nil {
		t.Fatal(err)
	}
	owners := known.owners()
	if len(owners) < rootNames {
		t.Fatalf("the zone has only %d names", len(owners))
	}
	random := rand.New(rand.NewPCG(2018, 312)) // the same questions every time
	names := []string{"."}
	for _, i := range random.Perm(len(owners))[:rootNames] {
		names = append(names, owners[i])
	}
	for range rootAbsent {
		names = append(names, absent(random, owners))
	}
	var queries []query
	for i, text := range names {
		name, err := wire.ParseName(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, typ := range rootTypes {
			ways := manners(query{Name: name, Type: typ, Class: wire.ClassIN})
			if i%10 != 0 {
				ways = ways[:3] // TCP for every tenth name: a connection costs
			}
			queries = append(queries, ways...)
		}
	}
	judgeAll(t, servers, known, queries)
}

// absent makes up a name that is not in the zone, near one that is: a label of
// its own, one with a letter changed or added, one below a delegation, one
// below glue, in capitals.
func absent(random *rand.Rand, owners []string) string {
	near := owners[random.IntN(len(owners))]
	if near == "." {
		near = "arpa."
	}
	switch random.IntN(6) {
	case 0:
		return fmt.Sprintf("%x.", random.Uint64())
	case 1:
		labels := strings.Split(strings.TrimSuffix(near, "."), ".")
		return labels[len(labels)-1] + "0."
	case 2:
		return "a" + near
	case 3:
		return fmt.Sprintf("%x.%s", random.Uint32(), near)
	case 4:
		return strings.ToUpper("zz-" + near)
	default:
		return fmt.Sprintf("%x.no-such-%x.", random.Uint32(), random.Uint32())
	}
}

// rootZone unpacks the root zone. It came by a transfer and ends, as those do,
// with the SOA record it begins with, which NSD does not take a second time:
// the zone is returned as it is and without its last record. Where it is not
// to be had, rootZone makes one of a similar shape and signs it.
func rootZone(t *testing.T) (asIs, withoutRepeat zoneFile) {
	t.Helper()
	packed, err := os.Open(rootFile)
	if err != nil {
		t.Logf("%v: the test makes a zone of its own", err)
		made := zoneFile{Origin: ".", File: filepath.Join(t.TempDir(), "made.zone")}
		write(t, made.File, []byte(madeRoot()))
		made = signings[1].sign(t, []zoneFile{made})[0]
		return made, made
	}
	defer packed.Close()
	plain, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	last := 1 + bytes.LastIndexByte(bytes.TrimSpace(text), '\n')
	if !bytes.Contains(text[last:], []byte("SOA")) {
		t.Fatalf("%s does not end with an SOA record", rootFile)
	}
	dir := t.TempDir()
	asIs = zoneFile{Origin: ".", File: filepath.Join(dir, "root.zone")}
	withoutRepeat = zoneFile{Origin: ".", File: filepath.Join(dir, "once.zone")}
	write(t, asIs.File, text)
	write(t, withoutRepeat.File, text[:last])
	return asIs, withoutRepeat
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// madeRoot writes a zone shaped like the root: 1,500 delegations, most of them
// signed, to servers below themselves, below each other and elsewhere.
func madeRoot() string {
	random := rand.New(rand.NewPCG(2018, 312))
	var b strings.Builder
	b.WriteString(". 86400 IN SOA a.root-servers.net. nstld.example. 1 1800 900 604800 86400\n")
	for i := range 13 {
		fmt.Fprintf(&b, ". 518400 IN NS %c.root-servers.net.\n", 'a'+i)
		fmt.Fprintf(&b, "%c.root-servers.net. 518400 IN A 198.41.0.%d\n", 'a'+i, i+1)
		fmt.Fprintf(&b, "%c.root-servers.net. 518400 IN AAAA 2001:db8::%x\n", 'a'+i, i+1)
	}
	b.WriteString("net. 172800 IN NS a.gtld-servers.net.\na.gtld-servers.net. 172800 IN A 192.0.2.1\n")
	for i := range 1500 {
		for j := range 2 + random.IntN(12) {
			owner := fmt.Sprintf("t%04d", i)
			switch host := fmt.Sprintf("ns%d.nic.%s.", j, owner); random.IntN(4) {
			case 0:
				fmt.Fprintf(&b, "%s. 172800 IN NS ns%d.example.net.\n", owner, j)
			case 1:
				fmt.Fprintf(&b, "%s. 172800 IN NS ns0.nic.t%04d.\n", owner, random.IntN(1500))
			default:
				fmt.Fprintf(&b, "%s. 172800 IN NS %s\n", owner, host)
				fmt.Fprintf(&b, "%s 172800 IN A 192.0.2.%d\n", host, random.IntN(256))
				fmt.Fprintf(&b, "%s 172800 IN AAAA 2001:db8::%x\n", host, random.IntN(65536))
			}
		}
		if random.IntN(10) > 0 {
			fmt.Fprintf(&b, "t%04d. 86400 IN DS %d 8 2 %064x\n", i, random.IntN(65536), random.Uint64())
		}
	}
	return b.String()
}
