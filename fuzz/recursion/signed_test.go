//go:build interop

package recursion

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// signedZone is a zone of the signed internet. Its text has no SOA, NS and DNSKEY
// records; those are added.
type signedZone struct {
	name   string
	signer string   // "ldns-signzone", "dnssec-signzone", "kzonesign" or "": it is not signed
	key    string   // the algorithm, as the signers call it
	args   []string // of the signer; for kzonesign lines of its policy
	ds     string   // "": its parent has the DS record; "none", "wrong"
	text   string
}

// contents is what most zones have.
const contents = `www 300 A 192.0.2.1
www 300 TXT "text"
b.ent 300 A 192.0.2.2
*.wild 300 A 192.0.2.3
here.wild 300 A 192.0.2.4
alias 300 CNAME www
far 300 CNAME www.n3.
lost 300 CNAME www.bogus.
bare 300 CNAME www.plain.
*.any 300 CNAME www
tree 300 DNAME n3.
`

// signedZones are all zones, parents before their children.
var signedZones = []*signedZone{
	{name: ".", signer: "ldns-signzone", key: "ECDSAP256SHA256"},
	{name: "nsec.", signer: "dnssec-signzone", key: "ECDSAP256SHA256", text: contents},
	{name: "n3.", signer: "dnssec-signzone", key: "ECDSAP384SHA384", args: []string{"-3", "-", "-H", "0"}, text: contents},
	{name: "salt.", signer: "ldns-signzone", key: "RSASHA256", args: []string{"-n", "-s", "aabb", "-t", "5"}, text: contents},
	{name: "opt.", signer: "dnssec-signzone", key: "ED25519", args: []string{"-3", "aabbcc", "-A", "-H", "1"}, text: contents},
	{name: "rsa.", signer: "dnssec-signzone", key: "RSASHA512", text: contents},
	{name: "ed.", signer: "kzonesign", key: "ED25519", text: contents},
	{name: "knot.", signer: "kzonesign", key: "RSASHA256", args: []string{"nsec3: on", "nsec3-iterations: 0", "nsec3-salt-length: 8", "nsec3-opt-out: on"}, text: contents},
	{name: "plain.", text: contents},
	{name: "bogus.", signer: "dnssec-signzone", key: "ECDSAP256SHA256", ds: "wrong", text: contents},
	{name: "expired.", signer: "dnssec-signzone", key: "ECDSAP256SHA256", args: []string{"-P", "-s", "20200101000000", "-e", "20200201000000"}, text: contents},
	{name: "island.", signer: "dnssec-signzone", key: "ECDSAP256SHA256", ds: "none", text: contents},
	{name: "sec.nsec.", signer: "ldns-signzone", key: "ECDSAP256SHA256", text: contents},
	{name: "plain.nsec.", text: contents},
	{name: "sec.n3.", signer: "kzonesign", key: "ECDSAP256SHA256", args: []string{"nsec3: on", "nsec3-iterations: 0", "nsec3-salt-length: 0"}, text: contents},
	{name: "plain.knot.", text: contents},
	{name: "sec.knot.", signer: "dnssec-signzone", key: "ED25519", args: []string{"-3", "-"}, text: contents},
	{name: "plain.opt.", text: contents},
	{name: "sec.opt.", signer: "ldns-signzone", key: "ECDSAP256SHA256", text: contents},
}

// addressesOfSigned are those of the servers of the root, of the zones below it and of
// those below these, by labels.
var addressesOfSigned = [3]netip.Addr{netip.MustParseAddr("10.77.0.1"), netip.MustParseAddr("10.77.1.1"), netip.MustParseAddr("10.77.2.1")}

func (z *signedZone) level() int { return wire.MustParseName(z.name).LabelCount() }

func (z *signedZone) address() netip.Addr { return addressesOfSigned[z.level()] }

// isParent reports whether z is the zone right above other.
func (z *signedZone) isParent(other *signedZone) bool {
	return other.name != "." && wire.MustParseName(other.name).Parent().Equal(wire.MustParseName(z.name))
}

// tool runs a program in dir and returns what it prints.
func tool(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(need(t, program), args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// sign makes the file of each zone and the trust anchor of the root.
func sign(t *testing.T, dir string) (files map[*signedZone]string, anchor string) {
	t.Helper()
	files = map[*signedZone]string{}
	ds := map[*signedZone]string{}
	for _, z := range slices.Backward(signedZones) { // children first
		name := strings.Trim(strings.ReplaceAll(z.name, ".", "_"), "_")
		file := filepath.Join(dir, "zone-"+name)
		var text strings.Builder
		fmt.Fprintf(&text, "$ORIGIN %s\n@ 300 SOA ns h 1 3600 600 86400 300\n@ 300 NS ns\nns 300 A %v\n", z.name, z.address())
		if z.name == "." {
			fmt.Fprintf(&text, ". 300 NS ns.\n")
		}
		text.WriteString(z.text)
		for _, child := range signedZones {
			if !z.isParent(child) {
				continue
			}
			fmt.Fprintf(&text, "%s 300 NS ns.%[1]s\nns.%[1]s 300 A %v\n", child.name, child.address())
			switch {
			case child.ds == "none" || ds[child] == "":
			case child.ds == "wrong":
				text.WriteString(strings.Replace(ds[child], " 2 ", " 2 00", 1)[:len(ds[child])] + "\n")
			default:
				text.WriteString(ds[child] + "\n")
			}
		}
		key := ""
		switch z.signer {
		case "ldns-signzone":
			args := []string{"-k", "-a", z.key}
			if strings.HasPrefix(z.key, "RSA") {
				args = append(args, "-b", "2048")
			}
			key = strings.TrimSpace(tool(t, dir, "ldns-keygen", append(args, z.name)...))
			text := tool(t, dir, "ldns-key2ds", "-n", "-2", key+".key")
			ds[z] = strings.TrimSpace(text)
		case "dnssec-signzone":
			args := []string{"-a", z.key, "-f", "KSK"}
			if strings.HasPrefix(z.key, "RSA") {
				args = append(args, "-b", "2048")
			}
			key = strings.TrimSpace(tool(t, dir, "dnssec-keygen", append(args, z.name)...))
			public, err := os.ReadFile(filepath.Join(dir, key+".key"))
			if err != nil {
				t.Fatal(err)
			}
			text.Write(public)
			ds[z] = strings.TrimSpace(tool(t, dir, "dnssec-dsfromkey", "-2", key+".key"))
		}
		if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		files[z] = file
		switch z.signer {
		case "ldns-signzone":
			files[z] = file + ".signed"
			tool(t, dir, "ldns-signzone", append(append([]string{"-o", z.name, "-f", files[z]}, z.args...), file, key)...)
		case "dnssec-signzone":
			files[z] = file + ".signed"
			tool(t, dir, "dnssec-signzone", append(append([]string{"-z", "-o", z.name, "-f", files[z]}, z.args...), file, key)...)
		case "kzonesign":
			files[z], ds[z] = signWithKnot(t, dir, z, file)
		}
	}
	anchor = filepath.Join(dir, "root.ds")
	if err := os.WriteFile(anchor, []byte(ds[signedZones[0]]+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return files, anchor
}

// signWithKnot lets Knot DNS make the key of a zone and sign it.
func signWithKnot(t *testing.T, dir string, z *signedZone, file string) (signed, ds string) {
	t.Helper()
	own := file + "-knot"
	if err := os.Mkdir(own, 0o700); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(own, "knot.conf")
	var policy strings.Builder
	for _, line := range append([]string{"algorithm: " + z.key, "single-type-signing: on", "cds-cdnskey-publish: none"}, z.args...) {
		policy.WriteString("    " + line + "\n")
	}
	text := fmt.Sprintf(`database:
    storage: %q
policy:
  - id: own
%szone:
  - domain: %q
    file: %q
    dnssec-signing: on
    dnssec-policy: own
`, own, policy.String(), z.name, file)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	tool(t, own, "kzonesign", "-c", config, "-o", own, z.name)
	// The first line has the digest of type 2.
	ds, _, _ = strings.Cut(tool(t, own, "keymgr", "-c", config, z.name, "ds"), "\n")
	return filepath.Join(own, filepath.Base(file)), ds
}

// validators are the resolvers with validation.
func validators(t *testing.T, anchor string) []resolver {
	text, err := os.ReadFile(anchor)
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(text)) // . [TTL] IN DS tag algorithm type digest...
	at := slices.Index(words, "DS")
	ds := words[at+1:]
	return []resolver{
		{"names", os.Getenv(inside), func(dir, hints string, at netip.AddrPort) ([]string, error) {
			return []string{"serve", "-i", at.String(), "--from-root", "--root-hints", hints, "-c", "--trust-anchor", anchor}, nil
		}},
		{"unbound", "unbound", func(dir, hints string, at netip.AddrPort) ([]string, error) {
			args, err := unbound(dir, hints, at)
			if err != nil {
				return nil, err
			}
			return args, change(dir, `module-config: "iterator"`, fmt.Sprintf("module-config: \"validator iterator\"\n\ttrust-anchor-file: %q\n\taggressive-nsec: yes", anchor))
		}},
		{"kresd", "kresd", func(dir, hints string, at netip.AddrPort) ([]string, error) {
			args, err := kresd(dir, hints, at)
			if err != nil {
				return nil, err
			}
			return args, change(dir, "trust_anchors.remove('.')", fmt.Sprintf("trust_anchors.remove('.')\ntrust_anchors.add_file(%q, true)", anchor))
		}},
		{"bind", "named", func(dir, hints string, at netip.AddrPort) ([]string, error) {
			args, err := named(dir, hints, at)
			if err != nil {
				return nil, err
			}
			if err := change(dir, "dnssec-validation no;", "dnssec-validation yes;"); err != nil {
				return nil, err
			}
			return args, change(dir, "zone \".\"", fmt.Sprintf("trust-anchors { . static-ds %s %s %s %q; };\nzone \".\"", ds[0], ds[1], ds[2], strings.Join(ds[3:], "")))
		}},
	}
}

// change replaces a piece of a configuration.
func change(dir, old, new string) error {
	file := filepath.Join(dir, "server.conf")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !bytes.Contains(text, []byte(old)) {
		return fmt.Errorf("%s has no %q", file, old)
	}
	return os.WriteFile(file, bytes.Replace(text, []byte(old), []byte(new), 1), 0o600)
}

// signedQuestions are names that exist, that do not, and that come from wildcards,
// aliases and delegations, of each zone; and random ones until there are so many.
func signedQuestions(count int, random *rand.Rand) (all []wire.Question) {
	for _, z := range signedZones {
		for _, label := range []string{"", "www", "none", "a.none", "zz", "0", "ent", "b.ent", "c.ent", "x.wild", "y.x.wild", "here.wild", "z.here.wild", "*.wild", "wild",
			"alias", "far", "lost", "bare", "q.any", "www.tree", "none.tree", "tree", "ns", "sec", "plain"} {
			name := wire.MustParseName(z.name)
			if label != "" {
				name = wire.MustParseName(label + "." + strings.TrimPrefix(z.name, "."))
			}
			for _, kind := range []wire.Type{wire.TypeA, wire.TypeTXT, wire.TypeDS, wire.TypeNS} {
				all = append(all, wire.Question{Name: name, Type: kind, Class: wire.ClassIN})
			}
		}
	}
	// Unbound 1.17 answers SERVFAIL to what is not among these: CNAME records made from
	// a DNAME or a wildcard, aliases from wildcards for names that begin with an
	// asterisk, and a DNAME record that counts twice.
	words := []string{"www", "none", "ent", "b", "wild", "here", "any", "alias", "ns", "sec", "plain", "_tcp"}
	kinds := []wire.Type{wire.TypeA, wire.TypeAAAA, wire.TypeTXT, wire.TypeDS, wire.TypeNS, wire.TypeMX, wire.TypeSOA, wire.TypeDNSKEY}
	for len(all) < count {
		name := strings.TrimPrefix(signedZones[random.IntN(len(signedZones))].name, ".")
		for range 1 + random.IntN(3) {
			label := words[random.IntN(len(words))]
			if random.IntN(3) == 0 {
				label = fmt.Sprintf("%c%d", 'a'+random.IntN(26), random.IntN(1000))
			}
			name = label + "." + name
		}
		all = append(all, wire.Question{Name: wire.MustParseName(name), Type: kinds[random.IntN(len(kinds))], Class: wire.ClassIN})
	}
	return all
}

// verdictOf is what a resolver says: the RCODE, AD, and the records of the answer but
// for signatures.
func verdictOf(p *process, q wire.Question) string {
	query := wire.AppendQuery(nil, 7, wire.FlagRD, q, &wire.EDNS{UDPSize: 1232, Flags: wire.FlagDO})
	querier := names.Querier{Timeouts: []time.Duration{5 * time.Second, 5 * time.Second}}
	reply, err := querier.Query(context.Background(), query, p.Addrs[0])
	if err != nil {
		return err.Error()
	}
	m, err := wire.ParseMessage(reply.Message)
	if err != nil {
		return err.Error()
	}
	var lines []string
	for _, r := range m.Answers {
		if r.Type != wire.TypeRRSIG {
			r.TTL = 0
			lines = append(lines, strings.ToLower(r.String())) // what is made from a DNAME has the case of the query
		}
	}
	slices.Sort(lines)
	first := m.RCode.String()
	if m.Flags.Has(wire.FlagAD) {
		first += " AD"
	}
	return strings.Join(append([]string{first}, lines...), "\n  ")
}

// TestSignedRecursion lets names, Unbound, Knot Resolver and BIND validate the same
// signed internet, signed by ldns-signzone, dnssec-signzone and kzonesign and served by NSD,
// Knot and BIND: the same RCODE, AD and answer.
func TestSignedRecursion(t *testing.T) {
	needNamespace(t)
	dir := t.TempDir()
	files, anchor := sign(t, dir)
	addAddresses(t, addressesOfSigned[:])
	var started []*process
	levels := [3]map[*zone]string{{}, {}, {}}
	for _, z := range signedZones {
		levels[z.level()][&zone{Name: wire.MustParseName(z.name)}] = files[z]
	}
	for level, ofLevel := range levels {
		a := [3]authority{authorities[0], authorities[2], authorities[1]}[level]
		addrs := []netip.AddrPort{netip.AddrPortFrom(addressesOfSigned[level], 53)}
		p := start(t, a.Name, a.Binary, addrs, func(dir string) ([]string, error) { return a.Configure(dir, addrs, ofLevel) })
		started = append(started, p)
	}
	for level, p := range started {
		for z := range levels[level] {
			p.await(t, z)
		}
	}
	hints := filepath.Join(dir, "hints")
	if err := os.WriteFile(hints, fmt.Appendf(nil, ". 3600000 IN NS ns.\nns. 3600000 IN A %v\n", addressesOfSigned[0]), 0o644); err != nil {
		t.Fatal(err)
	}
	var processes []*process
	for i, r := range validators(t, anchor) {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(5400+i))
		p := start(t, r.Name, r.Binary, []netip.AddrPort{at}, func(dir string) ([]string, error) { return r.Configure(dir, hints, at) })
		p.await(t, &zone{Name: wire.Root})
		processes = append(processes, p)
	}
	questions := signedQuestions(*count, rand.New(rand.NewPCG(*seed, 0)))
	verdicts := map[string]int{}
	proved := map[string]int{} // answers at the top of a zone, by its signer
	faults := 0
	for _, q := range questions {
		ours := verdictOf(processes[0], q)
		line, _, _ := strings.Cut(ours, "\n")
		verdicts[line]++
		if i := slices.IndexFunc(signedZones, func(z *signedZone) bool { return q.Name.String() == z.name }); i >= 0 && strings.HasSuffix(line, " AD") {
			proved[signedZones[i].signer]++
		}
		for _, other := range processes[1:] {
			theirs := verdictOf(other, q)
			if theirs == ours {
				continue
			}
			if faults++; faults <= *shown {
				t.Errorf("%v %v:\n[names] %s\n[%s] %s", q.Name, q.Type, ours, other.Name, theirs)
			}
		}
	}
	t.Logf("%d questions: %v, by signer %v", len(questions), verdicts, proved)
	if faults > 0 {
		t.Errorf("%d answers differ", faults)
	}
	if verdicts["NOERROR AD"] < 200 || verdicts["NXDOMAIN AD"] < 100 || verdicts["SERVFAIL"] < 50 || verdicts["NOERROR"] < 50 {
		t.Errorf("too few of one kind: %v", verdicts)
	}
	for _, signer := range []string{"ldns-signzone", "dnssec-signzone", "kzonesign"} {
		if proved[signer] < 8 {
			t.Errorf("too few are proved of what %s signed: %v", signer, proved)
		}
	}
}
