package fuzz

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/wire"
)

// The zones that are served: every corner we know, and example.com signed with
// NSEC in one server, with NSEC3 in the other.
const (
	cornerZones     = "interop/testdata/corner/*.zone"
	cornerQuestions = "interop/testdata/corner/corner.questions"
	signedZones     = "../authority/testdata/nsec*.zone"
)

var signedZone = wire.MustParseName("example.com.")

// zoneSets are the zones of the two servers.
var zoneSets = sync.OnceValues(func() ([]*authority.Set, error) {
	corners, err := loadZones(cornerZones, wire.Name{})
	if err != nil {
		return nil, err
	}
	signed, err := loadZones(signedZones, signedZone)
	if err != nil {
		return nil, err
	}
	var sets []*authority.Set
	for _, z := range signed {
		set := &authority.Set{}
		if err := set.SetZones(append([]*authority.Zone{z}, corners...)); err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	return sets, nil
})

// servers returns what is attacked.
func servers() ([]*listener.Edge, error) {
	sets, err := zoneSets()
	if err != nil {
		return nil, err
	}
	var edges []*listener.Edge
	for _, set := range sets {
		e, err := listener.NewEdge(listener.Config{
			NSID:            "fuzz",
			CookieSecrets:   [][16]byte{[16]byte([]byte("fuzz fuzz fuzz f"))},
			Resolver:        names.Chain{set, authority.Chaos{Version: "names", ID: "fuzz"}, faulty{}},
			ErrorsPerSecond: -1, // the fuzzer sends more than a client may
		})
		if err != nil {
			return nil, err
		}
		edges = append(edges, e)
	}
	return edges, nil
}

// loadZones loads the files that match pattern; a zero origin is found in each.
func loadZones(pattern string, origin wire.Name) ([]*authority.Zone, error) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		return nil, errors.Join(errors.New("no zones match "+pattern), err)
	}
	var zones []*authority.Zone
	for _, file := range files {
		s, err := authority.File{Path: file, Origin: origin}.Load(&diagnostic.List{})
		if err != nil {
			return nil, err
		}
		zones = append(zones, authority.NewZone(s))
	}
	return zones, nil
}

// faulty does below fault. what a resolver should not.
type faulty struct{}

var faultZone = wire.MustParseName("fault.")

func (faulty) TryResolve(x *names.Exchange) error {
	q := x.Question()
	if !q.Name.HasSuffix(faultZone) {
		return names.ErrPass
	}
	switch strings.ToLower(q.Name.FirstLabel()) {
	case "panic":
		x.Reply.Raw(q.Name, q.Type, q.Class, 0, []byte{1})
		panic("out of order")
	case "error":
		return errors.New("out of order")
	case "full":
		return wire.ErrNoSpace
	case "touch":
		x.Reply.Raw(q.Name, wire.TypeA, q.Class, 0, []byte{192, 0, 2, 1})
		return names.ErrPass
	}
	return names.ErrSlow
}

func (f faulty) Resolve(_ context.Context, x *names.Exchange) error {
	if err := f.TryResolve(x); err != names.ErrSlow {
		return err
	}
	x.AddOption(wire.OptionExtendedError, []byte("\x00\x03slow"))
	return x.Reply.Raw(x.Question().Name, wire.TypeTXT, wire.ClassIN, 0, bytes.Repeat([]byte("\xff"+strings.Repeat("s", 255)), 3))
}

// FuzzServeUDP sends octets to a server, over both kinds of transport, and
// looks at what comes out: never a panic; never a reply to a response, or to
// less than a header; always one to everything else that is not an error, which our own reader
// takes, which is not larger than the client allows, and which repeats what it
// must.
func FuzzServeUDP(f *testing.F) {
	for _, q := range serveSeeds(f) {
		f.Add(q)
	}
	edges, err := servers()
	if err != nil {
		f.Fatal(err)
	}
	sets, err := zoneSets()
	if err != nil {
		f.Fatal(err)
	}
	client := netip.MustParseAddrPort("192.0.2.1:5353")
	f.Fuzz(func(t *testing.T, query []byte) {
		announced := make([]wire.Query, 2) // the other is empty
		announced[0].Parse(query)
		for _, set := range sets {
			set.PrepareBatch(announced)
		}
		for _, edge := range edges {
			for _, transport := range []names.Transport{names.UDP, names.TCP} {
				if transport == names.TCP && len(query) > 65535 {
					continue // no frame holds it
				}
				peer := names.Peer{Transport: transport, Remote: client}
				sent := bytes.Clone(query)
				var x names.Exchange
				second := time.Now().Unix()
				reply := bytes.Clone(edge.Answer(t.Context(), &x, sent, peer, nil))
				if !bytes.Equal(sent, query) {
					t.Fatalf("the query was written to: %x", sent)
				}
				checkReply(t, query, reply, transport)
				// The same exchange and buffer serve the next query.
				again := edge.Answer(t.Context(), &x, sent, peer, x.Reply.Buffer())
				if !bytes.Equal(reply, again) && time.Now().Unix() == second { // cookies tell the time
					t.Fatalf("asked again over %v:\n%x\n%x", transport, reply, again)
				}
			}
		}
	})
}

// TestZonesKeepTheirWord holds the zones to what a resolver promises, with all
// the questions the target starts from.
func TestZonesKeepTheirWord(t *testing.T) {
	sets, err := zoneSets()
	if err != nil {
		t.Fatal(err)
	}
	var questions []wire.Question
	asked := map[wire.Question]bool{}
	for _, seed := range serveSeeds(t) {
		var x names.Exchange
		if rcode, err := x.Read(seed, names.Peer{}); rcode != 0 || err != nil || asked[x.Question()] {
			continue
		}
		asked[x.Question()] = true
		questions = append(questions, x.Question())
	}
	signed := slices.DeleteFunc(slices.Clone(questions), func(q wire.Question) bool { return !q.Name.HasSuffix(signedZone) })
	namestest.CheckResolver(t, sets[0], questions...)
	for _, set := range sets[1:] { // in which nothing else is new
		namestest.CheckResolver(t, set, signed...)
	}
}

// checkReply checks what holds for every reply, knowing nothing of zones.
func checkReply(t *testing.T, query, reply []byte, transport names.Transport) {
	h, err := wire.ParseHeader(query)
	if err != nil || h.Flags.Has(wire.FlagQR) {
		if reply != nil {
			t.Fatalf("a message that is not a query is answered: %x", reply)
		}
		return
	}
	if reply == nil && h.Flags.RCode() != 0 {
		return // an error is not answered with an error, which might go on for ever
	}
	m, err := wire.ParseMessage(reply)
	if err != nil {
		t.Fatalf("reply %x: %v", reply, err)
	}
	switch {
	case m.ID != h.ID,
		m.Flags.Opcode() != h.Flags.Opcode(),
		m.Flags.Has(wire.FlagRD) != h.Flags.Has(wire.FlagRD),
		m.Flags.Has(wire.FlagCD) && (!h.Flags.Has(wire.FlagCD) || m.Flags.Has(wire.FlagAA)), // RFC 4035 3.1.6
		!m.Flags.Has(wire.FlagQR),
		m.Flags&(wire.FlagZ|wire.FlagRA|wire.FlagAD) != 0:
		t.Fatalf("header of the reply: %+v", m)
	case len(m.Questions) > 1:
		t.Fatalf("%d questions in the reply", len(m.Questions))
	case len(reply) > allowed(query, transport):
		t.Fatalf("reply over %v has %d octets", transport, len(reply))
	case transport == names.TCP && m.Flags.Has(wire.FlagTC):
		t.Fatalf("reply over TCP is truncated: %v", m)
	}
	if q, err := wire.ParseMessage(query); err == nil && len(q.Questions) == 1 {
		if len(m.Questions) != 1 || m.Questions[0] != q.Questions[0] {
			t.Fatalf("question %v, in the reply %v", q.Questions, m.Questions)
		}
		if (q.EDNS != nil) != (m.EDNS != nil) {
			t.Fatalf("EDNS in the query: %v, in the reply: %v", q.EDNS, m.EDNS)
		}
		if m.EDNS != nil && (m.EDNS.Version != 0 || m.EDNS.DO() != q.EDNS.DO()) {
			t.Fatalf("OPT of the reply: %+v", m.EDNS)
		}
	}
	if unknown := h.Flags.Opcode() != wire.OpcodeQuery; unknown != (m.RCode == wire.RCodeNotImp) {
		t.Fatalf("opcode %v is answered %v", h.Flags.Opcode(), m.RCode)
	}
}

// allowed is how long the reply to query may be.
func allowed(query []byte, transport names.Transport) int {
	if transport != names.UDP {
		return 65535
	}
	var q wire.Query
	q.Parse(query) // what was read before a fault counts
	if !q.HasEDNS {
		return 512
	}
	return min(max(512, int(q.EDNS.UDPSize)), 1232)
}

// serveSeeds are the questions of the corner cases, with and without EDNS, and
// packets that are wrong in one way each.
func serveSeeds(f testing.TB) [][]byte {
	text, err := os.ReadFile(cornerQuestions)
	if err != nil {
		f.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for _, name := range []string{"example.com", "a.example.com", "alias.example.com", "x.dn.example.com", "x.wild.example.com", "x.secure.example.com", "nothing.example.com", "ent.example.com",
		"panic.fault", "error.fault", "full.fault", "touch.fault", "slow.fault"} {
		lines = append(lines, name+" A", name+" ANY", name+" DS")
	}
	lines = append(lines, "version.bind TXT CH", "id.server TXT CH")
	var seeds [][]byte
	for _, line := range lines {
		words := strings.Fields(line)
		if len(words) < 2 || strings.HasPrefix(line, ";") {
			continue
		}
		name, err := wire.AppendNameFromText(nil, words[0], wire.Root)
		if err != nil {
			f.Fatalf("%s: %v", line, err)
		}
		kind, err := wire.ParseType(words[1])
		if err != nil {
			f.Fatalf("%s: %v", line, err)
		}
		q := wire.Question{Type: kind, Class: wire.ClassIN}
		if q.Name, _, err = wire.NameFromWire(name); err != nil {
			f.Fatalf("%s: %v", line, err)
		}
		if len(words) > 2 && words[2] == "CH" {
			q.Class = wire.ClassCH
		}
		seeds = append(seeds,
			wire.AppendQuery(nil, 1, wire.FlagRD, q, nil),
			wire.AppendQuery(nil, 2, 0, q, &wire.EDNS{UDPSize: 1232, Flags: wire.FlagDO}))
	}
	q := wire.Question{Name: wire.MustParseName("corner.test."), Type: wire.TypeANY, Class: wire.ClassIN}
	options := wire.Options{}.AppendOption(wire.OptionNSID, nil).AppendOption(wire.OptionKeepalive, nil).AppendOption(wire.OptionCookie, []byte("12345678"))
	whole := wire.AppendQuery(nil, 3, wire.FlagRD|wire.FlagCD|wire.FlagAD|wire.FlagZ, q, &wire.EDNS{UDPSize: 512, Options: options})
	seeds = append(seeds, nil, whole, whole[:len(whole)-1], whole[:20], whole[:12], whole[:11], append(bytes.Clone(whole), 0),
		wire.AppendQuery(nil, 4, wire.FlagQR, q, nil),
		wire.AppendQuery(nil, 5, 0, q, &wire.EDNS{Version: 1}))
	onlyCookie := wire.EDNS{UDPSize: 1232, Options: wire.Options{}.AppendOption(wire.OptionCookie, []byte("12345678\x01\x00\x00\x0012345678abcd"))}
	seeds = append(seeds, onlyCookie.AppendTo(wire.Header{ID: 7, Counts: [4]uint16{wire.SectionAdditional: 1}}.AppendTo(nil)))
	for opcode := range wire.Opcode(16) {
		seeds = append(seeds, wire.AppendQuery(nil, 6, wire.Flags(0).WithOpcode(opcode), q, nil))
	}
	return seeds
}
