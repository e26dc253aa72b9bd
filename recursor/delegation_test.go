package recursor

import (
	"fmt"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// TestReadDelegation: whom a referral to sub.example.com, sent by a server of
// example.com, names.
func TestReadDelegation(t *testing.T) {
	many, manyAddresses := "", ""
	for i := range 40 {
		many += fmt.Sprintf("sub.example.com. 60 IN NS ns%d.sub.example.com.\n", i)
		manyAddresses += fmt.Sprintf("ns0.sub.example.com. 60 IN A 192.0.2.%d\n", i)
	}
	for _, test := range []struct{ title, authority, additional, want string }{
		{"glue", "sub.example.com. 60 IN NS ns.sub.example.com.", "ns.sub.example.com. 60 IN A 192.0.2.1\nns.sub.example.com. 60 IN AAAA 2001:db8::1",
			"ns.sub.example.com. 192.0.2.1:53 [2001:db8::1]:53"},
		{"glue of a sibling", "sub.example.com. 60 IN NS ns.other.example.com.", "ns.other.example.com. 60 IN A 192.0.2.1", "ns.other.example.com. 192.0.2.1:53"},
		{"no glue", "sub.example.com. 60 IN NS ns.example.net.", "", "ns.example.net."},
		{"glue out of bailiwick", "sub.example.com. 60 IN NS ns.example.net.", "ns.example.net. 60 IN A 192.0.2.66", "ns.example.net."},
		{"addresses of other names", "sub.example.com. 60 IN NS ns.sub.example.com.", "www.example.com. 60 IN A 192.0.2.66", "ns.sub.example.com."},
		{"names in another case", "SUB.example.com. 60 IN NS NS.sub.example.com.\nsub.example.com. 60 IN NS ns.SUB.example.com.", "ns.sub.example.COM. 60 IN A 192.0.2.1", "NS.sub.example.com. 192.0.2.1:53"},
		{"an address twice", "sub.example.com. 60 IN NS ns.sub.example.com.", "ns.sub.example.com. 60 IN A 192.0.2.1\nns.sub.example.com. 60 IN A 192.0.2.1", "ns.sub.example.com. 192.0.2.1:53"},
		{"the servers of others", "other.example.com. 60 IN NS ns.other.example.com.", "ns.other.example.com. 60 IN A 192.0.2.1", ""},
		{"huge", many, manyAddresses, "ns0.sub.example.com. 192.0.2.0:53 192.0.2.1:53 192.0.2.2:53 192.0.2.3:53 192.0.2.4:53 192.0.2.5:53 ns1.sub.example.com. ns2.sub.example.com. " +
			"ns3.sub.example.com. ns4.sub.example.com. ns5.sub.example.com. ns6.sub.example.com. ns7.sub.example.com. ns8.sub.example.com. ns9.sub.example.com. ns10.sub.example.com. " +
			"ns11.sub.example.com. ns12.sub.example.com."},
	} {
		t.Run(test.title, func(t *testing.T) {
			reply := replyOf(t, "www.sub.example.com. A", "", "NOERROR", "", test.authority, test.additional)
			child, zone := wire.MustParseName("sub.example.com."), wire.MustParseName("example.com.")
			d, err := readDelegation(new(wire.Reader), reply.Message, child, zone, wire.SectionAuthority)
			if err != nil {
				t.Fatal(err)
			}
			if got := serversIn(&d); got != test.want {
				t.Errorf("servers %s, want %s", got, test.want)
			}
			// What is kept of it says the same.
			kept, err := new(partWriter).delegationMessage(&d, reply.Message, zone, wire.SectionAuthority)
			if err != nil {
				t.Fatal(err)
			}
			again, err := readDelegation(new(wire.Reader), kept, child, wire.Root, wire.SectionAuthority)
			if err != nil {
				t.Fatal(err)
			}
			if got := serversIn(&again); got != test.want {
				t.Errorf("servers in what is kept: %s, want %s", got, test.want)
			}
		})
	}
}

// serversIn lists names and addresses.
func serversIn(d *delegation) string {
	var words []string
	for _, s := range d.servers {
		words = append(words, s.name.String())
		for _, a := range s.addresses {
			words = append(words, a.String())
		}
	}
	return strings.Join(words, " ")
}

// TestDelegationMessage: what says whether a child is signed is kept with its
// name servers, and nothing else is.
func TestDelegationMessage(t *testing.T) {
	const (
		ns    = "sub.example.com. 60 IN NS ns.sub.example.com.\n"
		ds    = "sub.example.com. 60 IN DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\n"
		dsSig = "sub.example.com. 60 IN RRSIG DS 13 3 60 20300101000000 20200101000000 1 example.com. AAAA\n"
		nsSig = "sub.example.com. 60 IN RRSIG NS 13 3 60 20300101000000 20200101000000 1 example.com. AAAA\n"
		other = "other.example.com. 60 IN DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\n"
	)
	reply := replyOf(t, "www.sub.example.com. A", "", "NOERROR", "", ns+ds+dsSig+nsSig+other, "ns.sub.example.com. 60 IN A 192.0.2.1\nns.sub.example.com. 60 IN TXT x")
	zone := wire.MustParseName("example.com.")
	d, err := readDelegation(new(wire.Reader), reply.Message, wire.MustParseName("sub.example.com."), zone, wire.SectionAuthority)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := new(partWriter).delegationMessage(&d, reply.Message, zone, wire.SectionAuthority)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wire.ParseMessage(kept)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range append(m.Authority, m.Additional...) {
		got = append(got, r.Type.String())
	}
	if got, want := strings.Join(got, " "), "NS DS RRSIG A"; got != want {
		t.Errorf("kept: %s, want %s", got, want)
	}
	if q := m.Questions[0]; q.Name.String() != "sub.example.com." || q.Type != wire.TypeNS {
		t.Errorf("kept under %v", q)
	}
}

// TestRootHints: thirteen servers, each with an address of both families.
func TestRootHints(t *testing.T) {
	hints := RootHints()
	if len(hints) != 13 || hints[0].Name.String() != "a.root-servers.net." || hints[12].Name.String() != "m.root-servers.net." {
		t.Fatalf("hints %v", hints)
	}
	for _, h := range hints {
		if len(h.Addresses) != 2 || !h.Addresses[0].Addr().Is4() || !h.Addresses[1].Addr().Is6() || h.Addresses[0].Port() != 53 {
			t.Errorf("%v: %v", h.Name, h.Addresses)
		}
	}
}
