package names

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

const hostsText = `# a hosts file
127.0.0.1	localhost
::1		localhost ip6-localhost
192.0.2.1	Host.Example host alias	# two aliases
192.0.2.2	host.example
2001:db8::1%eth0	six
not-an-address	broken
192.0.2.3
192.0.2.4	a..b fine
`

// askHosts returns what h answers, a record a line.
func askHosts(t *testing.T, h *Hosts, name string, qtype wire.Type) string {
	t.Helper()
	x := new(Exchange)
	q := wire.Question{Name: wire.MustParseName(name), Type: qtype, Class: wire.ClassIN}
	if _, err := x.Read(wire.AppendQuery(nil, 1, 0, q, nil), Peer{}); err != nil {
		t.Fatal(err)
	}
	x.Begin(nil, 1232)
	if err := h.TryResolve(x); err == ErrPass {
		if !x.Untouched() {
			t.Errorf("%s %s: passed, and the reply is not as it was", name, qtype)
		}
		return "pass"
	} else if err != nil {
		return err.Error()
	}
	m, err := wire.ParseMessage(x.Finish())
	if err != nil {
		t.Fatal(err)
	}
	if m.Flags.Has(wire.FlagTC) {
		return "TC"
	}
	var lines []string
	for _, r := range m.Answers {
		lines = append(lines, strings.ReplaceAll(r.String(), "\t", " "))
	}
	return strings.Join(lines, ", ")
}

func TestHosts(t *testing.T) {
	h := ParseHosts(hostsText)
	for _, test := range []struct{ question, want string }{
		{"localhost. A", "localhost. 3600 IN A 127.0.0.1"},
		{"localhost. AAAA", "localhost. 3600 IN AAAA ::1"},
		{"HOST.example. A", "HOST.example. 3600 IN A 192.0.2.1, HOST.example. 3600 IN A 192.0.2.2"},
		{"alias. A", "alias. 3600 IN A 192.0.2.1"},
		{"localhost. ANY", "localhost. 3600 IN A 127.0.0.1, localhost. 3600 IN AAAA ::1"},
		{"alias. AAAA", ""}, // exists, but not with this type: no other resolver is asked
		{"alias. MX", ""},
		{"six. AAAA", "six. 3600 IN AAAA 2001:db8::1"},
		{"fine. A", "fine. 3600 IN A 192.0.2.4"},
		{"broken. A", "pass"},
		{"elsewhere. A", "pass"},
		{"1.2.0.192.in-addr.arpa. PTR", "1.2.0.192.in-addr.arpa. 3600 IN PTR Host.Example., 1.2.0.192.in-addr.arpa. 3600 IN PTR host., 1.2.0.192.in-addr.arpa. 3600 IN PTR alias."},
		{"9.2.0.192.in-addr.arpa. PTR", "pass"},
		{"elsewhere. PTR", "pass"},
	} {
		name, qtype, _ := strings.Cut(test.question, " ")
		parsed, err := wire.ParseType(qtype)
		if err != nil {
			t.Fatal(err)
		}
		if got := askHosts(t, h, name, parsed); got != test.want {
			t.Errorf("%s: %q, want %q", test.question, got, test.want)
		}
	}
}

// The slow twin of the parser: what each line adds, in order.
func slowHosts(text string) (addresses map[wire.Key][]netip.Addr, names map[netip.Addr][]wire.Name) {
	addresses, names = map[wire.Key][]netip.Addr{}, map[netip.Addr][]wire.Name{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		address, err := netip.ParseAddr(words[0])
		if err != nil {
			continue
		}
		address = address.Unmap().WithZone("")
		for _, word := range words[1:] {
			name, err := wire.ParseName(word)
			if err != nil || name.IsRoot() {
				continue
			}
			if all := addresses[name.Key()]; !slices.Contains(all, address) && len(all) < maxHostsAddresses {
				addresses[name.Key()] = append(all, address)
				if !address.IsUnspecified() && len(names[address]) < MaxHostsNames {
					names[address] = append(names[address], name)
				}
			}
		}
	}
	return addresses, names
}

func checkHostsTwin(t *testing.T, text string) {
	t.Helper()
	h := ParseHosts(text)
	addresses, owners := slowHosts(text)
	if got := h.Report().Names; got != len(addresses) {
		t.Fatalf("%d names, want %d, of\n%s", got, len(addresses), text)
	}
	for key, want := range addresses {
		name, _, _ := wire.NameFromWire([]byte(key.Name().Wire()))
		if got := h.Addresses(name); !slices.Equal(got, want) {
			t.Fatalf("%v has %v, want %v, of\n%s", name, got, want, text)
		}
		if got := h.Addresses(must(name.Prepend("not"))); len(got) > 0 && addresses[must(name.Prepend("not")).Key()] == nil {
			t.Fatalf("not.%v has %v", name, got)
		}
	}
	for address, want := range owners {
		if got := h.Names(address); !slices.EqualFunc(got, want, func(a, b wire.Name) bool { return a.Wire() == b.Wire() }) {
			t.Fatalf("%v has %v, want %v, of\n%s", address, got, want, text)
		}
	}
}

func must(name wire.Name, err error) wire.Name { return name }

func TestHostsTwin(t *testing.T) {
	checkHostsTwin(t, hostsText)
	random := rand.New(rand.NewPCG(7, 8))
	words := []string{"a", "A", "b.example", "B.example.", "c", "a..b", ".", "#", "\t", "\r\n", "\n", "\n", "192.0.2.1", "::", "0.0.0.0", "::ffff:192.0.2.1", "2001:db8::1%x"}
	for range 2000 {
		var b strings.Builder
		for range random.IntN(60) {
			b.WriteString(words[random.IntN(len(words))])
			b.WriteString([]string{" ", " ", "\n"}[random.IntN(3)])
		}
		checkHostsTwin(t, b.String())
	}
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, "192.0.2.1 n%d x\n10.0.%d.%d host\n", i, i>>8, i&255)
	}
	checkHostsTwin(t, many.String())
}

func FuzzHosts(f *testing.F) {
	f.Add(hostsText)
	f.Add("0.0.0.0 a b c\n:: a\n\x00\xff\n1.2.3.4")
	f.Fuzz(func(t *testing.T, text string) { checkHostsTwin(t, text) })
}

// A block list, many names for one address, and its mirror image, many
// addresses for one name, cost work and memory in proportion to their length.
func TestHostsOfABlockList(t *testing.T) {
	const lines = 50000
	var list, mirrored strings.Builder
	octets := 0
	for i := range lines {
		name := fmt.Sprintf("ads%d.tracker.example", i)
		octets += len(name) + 2
		fmt.Fprintf(&list, "0.0.0.0 %s\n198.51.100.7 %s\n", name, name)
		fmt.Fprintf(&mirrored, "10.%d.%d.%d one.example\n", i>>16, i>>8&255, i&255)
	}
	h := ParseHosts(list.String())
	f := h.file.Load()
	if f.report != (HostsReport{Names: lines}) || len(f.names) != octets || cap(f.names) > octets+octets/8 || len(f.addresses) != 2 {
		t.Errorf("%+v, %d octets of names with room for %d, want %d, %d addresses", f.report, len(f.names), cap(f.names), octets, len(f.addresses))
	}
	if got := askHosts(t, h, "0.0.0.0.in-addr.arpa.", wire.TypePTR); got != "pass" {
		t.Errorf("the unspecified address has names: %s", got)
	}
	if got := askHosts(t, h, "ads49999.tracker.example.", wire.TypeA); !strings.Contains(got, "0.0.0.0") || !strings.Contains(got, "198.51.100.7") {
		t.Errorf("the last name: %s", got)
	}
	if got := h.Names(netip.MustParseAddr("198.51.100.7")); len(got) != MaxHostsNames {
		t.Errorf("%d names of the other address, want %d", len(got), MaxHostsNames)
	}
	if got := askHosts(t, h, "7.100.51.198.in-addr.arpa.", wire.TypePTR); got != "TC" {
		t.Errorf("what does not fit a message: %s", got)
	}
	h = ParseHosts(mirrored.String())
	if got := h.Report(); got.Names != 1 || got.Dropped != lines-maxHostsAddresses {
		t.Errorf("%+v", got)
	}
	if got := askHosts(t, h, "one.example.", wire.TypeA); got != "TC" {
		t.Errorf("what does not fit a message: %s", got)
	}
}

// Bad lines are counted, and the first of them is described.
func TestHostsReport(t *testing.T) {
	got := ParseHosts(hostsText).Report()
	if got.Names != 7 || got.BadLines != 3 || got.FirstBad != 7 || got.FirstErr == nil || got.FirstErr.Error() != `"not-an-address" is not an IP address` {
		t.Errorf("%+v", got)
	}
}

func TestReadHosts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	if _, err := ReadHosts(path); err == nil {
		t.Error("a missing file is read without an error")
	}
	if err := os.WriteFile(path, []byte("192.0.2.1 a\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	h, err := ReadHosts(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := h.Reload(); err == nil {
		t.Error("reloading a missing file succeeds")
	}
	if got := fmt.Sprint(h.Addresses(wire.MustParseName("a."))); got != "[192.0.2.1]" {
		t.Errorf("the old contents are gone: %s", got)
	}
}
