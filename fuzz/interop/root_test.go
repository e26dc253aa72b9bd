//go:build interop

package interop

import (
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

// rootFile is the root zone as it was on a day in 2018. It lies next to the
// checkout and not in it; rootText makes do without.
const rootFile = "../../../shared/data/root-2018-03-12.zone.gz"

// rootTypes are asked for at each name.
var rootTypes = []wire.Type{
	wire.TypeA, wire.TypeNS, wire.TypeDS, wire.TypeSOA, wire.TypeANY,
	wire.TypeMX, wire.TypeTXT, wire.TypeDNSKEY, wire.TypeNSEC, wire.TypeAAAA,
}

// TestRootZone asks everybody about the root zone: delegations, glue, DS, the
// apex, and names that do not exist.
func TestRootZone(t *testing.T) {
	text := rootText(t)

	// As published: a zone whose signatures were taken away is an unsigned one.
	t.Run("published", func(t *testing.T) {
		whole := zoneFile{Origin: ".", File: filepath.Join(t.TempDir(), "root.zone")}
		write(t, whole.File, []byte(text))
		// It came by a transfer and ends, as those do, with the SOA record it
		// begins with. NSD does not take that, so the peers get it once.
		once := zoneFile{Origin: ".", File: filepath.Join(t.TempDir(), "root.zone")}
		write(t, once.File, []byte(withoutLastSOA(text)))
		servers := startAll(t, []zoneFile{whole}, ours{})
		servers = append(servers, startAll(t, []zoneFile{once}, peers...)...)
		askRoot(t, servers, once, 1000, 500)
	})

	// With signatures of our own.
	t.Run("signed", func(t *testing.T) {
		bare := zoneFile{Origin: ".", File: filepath.Join(t.TempDir(), "root.zone")}
		write(t, bare.File, []byte(withoutDNSSEC(withoutLastSOA(text))))
		zone := signings[1].sign(t, []zoneFile{bare})
		askRoot(t, startAll(t, zone, append([]program{ours{}}, peers...)...), zone[0], 500, 250)
	})
}

// askRoot asks about so many names of the zone, and about so many that are not
// in it: the same ones every time.
func askRoot(t *testing.T, servers []*server, zone zoneFile, present, missing int) {
	t.Helper()
	known, err := learn(servers[1], []zoneFile{zone})
	if err != nil {
		t.Fatal(err)
	}
	owners := known.owners()
	if len(owners) < present {
		t.Fatalf("the zone has only %d names", len(owners))
	}
	random := rand.New(rand.NewPCG(2018, 312))
	names := []string{"."}
	for _, i := range random.Perm(len(owners))[:present] {
		names = append(names, owners[i])
	}
	for range missing {
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
				ways = ways[:3] // TCP for every tenth name
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

// rootText is the root zone, or one of a similar shape where that is not to be had.
func rootText(t *testing.T) string {
	t.Helper()
	packed, err := os.Open(rootFile)
	if err != nil {
		t.Logf("%v: the test makes a zone of its own", err)
		return madeRoot()
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
	return string(text)
}

// withoutLastSOA takes away the SOA record that a transfer ends with.
func withoutLastSOA(text string) string {
	text = strings.TrimSpace(text)
	last := 1 + strings.LastIndexByte(text, '\n')
	if strings.Contains(text[last:], "SOA") {
		text = text[:last]
	}
	return text + "\n"
}

// withoutDNSSEC takes away what a signer adds.
func withoutDNSSEC(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 3 && (words[3] == "NSEC" || words[3] == "DNSKEY" || words[3] == "RRSIG") {
			continue
		}
		b.WriteString(line)
	}
	return b.String()
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// filesIn returns a function that writes a file of a folder, and returns its path.
func filesIn(t *testing.T, dir string) func(name, text string) string {
	return func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		write(t, path, []byte(text))
		return path
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
