package recursor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

func TestForwarderKeepsTheContract(t *testing.T) {
	addr := upstreamtest.Listen(t, func(q *upstreamtest.Query) {
		switch q.Questions[0].Name.FirstLabel()[0] | 0x20 {
		case 'n':
			m := q.Reply()
			m.RCode = wire.RCodeNXDomain
			m.Authority = upstreamtest.Records(wire.Root, "example. SOA ns.example. root.example. 1 2 3 4 5")
			q.SendMessage(m)
		case 'b':
			var lines []string
			for i := range 60 {
				lines = append(lines, fmt.Sprintf("@ AAAA 2001:db8::%d", i))
			}
			q.Answer(lines...)
		default:
			right(q)
		}
	}, nil)
	f, err := NewForwarder(ForwardConfig{Servers: []netip.AddrPort{addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	question := func(name string, class wire.Class, kind wire.Type) wire.Question {
		return wire.Question{Name: wire.MustParseName(name), Type: kind, Class: class}
	}
	namestest.CheckResolver(t, f,
		question("www.example.", wire.ClassIN, wire.TypeA),
		question("nowhere.example.", wire.ClassIN, wire.TypeA),
		question("big.example.", wire.ClassIN, wire.TypeAAAA),
		question("version.bind.", wire.ClassCH, wire.TypeTXT),
		question("example.", wire.ClassIN, wire.TypeAXFR),
	)
}

func TestForwardConfigIsChecked(t *testing.T) {
	zone := wire.MustParseName("corp.example.")
	some := []netip.AddrPort{serverA}
	for _, c := range []struct {
		config ForwardConfig
		want   string
	}{
		{ForwardConfig{}, "no servers to forward to"},
		{ForwardConfig{Servers: []netip.AddrPort{{}}}, "is not the address and port of a server"},
		{ForwardConfig{Servers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:0")}}, "192.0.2.1:0 is not the address and port"},
		{ForwardConfig{Servers: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:53")}}, "0.0.0.0:53 is not"},
		{ForwardConfig{Servers: []netip.AddrPort{netip.MustParseAddrPort("224.0.0.251:53")}}, "224.0.0.251:53 is not"},
		{ForwardConfig{Zones: []ForwardZone{{Zone: zone}}}, "corp.example.: no servers to forward to"},
		{ForwardConfig{Zones: []ForwardZone{{Servers: some}}}, "has no name"},
		{ForwardConfig{Zones: []ForwardZone{{zone, some}, {wire.MustParseName("CORP.example."), some}}}, "CORP.example.: forward servers are given twice"},
		{ForwardConfig{Servers: some, Timeout: -1}, "timeout is negative"},
		{ForwardConfig{Servers: some, Attempts: -1}, "number of attempts is negative: -1"},
		{ForwardConfig{Servers: some, ServerRate: -1}, "limit of queries to a server is negative: -1"},
		{ForwardConfig{Servers: some, UDPSize: 511}, "511 octets"},
		{ForwardConfig{Servers: some, OwnAddresses: some}, "192.0.2.53:53 is this server itself"},
		{ForwardConfig{Servers: []netip.AddrPort{netip.MustParseAddrPort("[::ffff:192.0.2.53]:53")}, OwnAddresses: some}, "itself"},
		{ForwardConfig{Servers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.53:53")},
			OwnAddresses: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:53")}}, "itself"},
		{ForwardConfig{Zones: []ForwardZone{{zone, some}}, OwnAddresses: some}, "zone corp.example.: 192.0.2.53:53 is this server itself"},
	} {
		f, err := NewForwarder(c.config)
		if err == nil {
			f.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got error %v, want one with %q", err, c.want)
		}
	}
	other := ForwardConfig{
		Servers:      []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:5353"), netip.MustParseAddrPort("[::1]:53")},
		OwnAddresses: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:53")},
	}
	if f, err := NewForwarder(other); err != nil {
		t.Errorf("another port and another family: %v", err)
	} else {
		f.Close()
	}
}

// The servers of the longest zone are asked; the DS record of a zone is its
// parent's.
func TestForwardZones(t *testing.T) {
	all, corp, lab := netip.MustParseAddrPort("192.0.2.1:53"), netip.MustParseAddrPort("192.0.2.2:53"), netip.MustParseAddrPort("192.0.2.3:53")
	zones := []ForwardZone{
		{wire.MustParseName("Corp.example."), []netip.AddrPort{corp}},
		{wire.MustParseName("lab.corp.EXAMPLE."), []netip.AddrPort{lab}},
	}
	type asked struct {
		name string
		kind wire.Type
		want string
	}
	for _, c := range []struct {
		servers []netip.AddrPort
		asked   []asked
	}{
		{[]netip.AddrPort{all}, []asked{
			{"example.", wire.TypeA, "192.0.2.1"},
			{"xcorp.example.", wire.TypeA, "192.0.2.1"},
			{"corp.example.", wire.TypeA, "192.0.2.2"},
			{"www.CORP.example.", wire.TypeA, "192.0.2.2"},
			{"a.b.lab.corp.example.", wire.TypeA, "192.0.2.3"},
			{"corp.example.", wire.TypeDS, "192.0.2.1"},
			{"lab.corp.example.", wire.TypeDS, "192.0.2.2"},
			{"www.lab.corp.example.", wire.TypeDS, "192.0.2.3"},
			{".", wire.TypeDS, "192.0.2.1"},
		}},
		{nil, []asked{
			{"example.", wire.TypeA, "pass"},
			{".", wire.TypeNS, "pass"},
			{"www.corp.example.", wire.TypeA, "192.0.2.2"},
			{"corp.example.", wire.TypeDS, "192.0.2.2"}, // there is no other server
		}},
	} {
		play(t, ForwardConfig{Servers: c.servers, Zones: zones}, func(s *scene) {
			for _, a := range []netip.AddrPort{all, corp, lab} {
				s.serve(a, func(q *upstreamtest.Query) {
					m := q.Reply()
					m.EDNS.Options = m.EDNS.Options.AppendOption(wire.OptionExtendedError, append([]byte{0, 0}, a.Addr().String()...))
					q.SendMessage(m)
				}, nil)
			}
			for _, q := range c.asked {
				got := "pass"
				m, err := namestest.Try(t, s.f, q.name, q.kind, namestest.WithEDNS(wire.EDNS{UDPSize: 1232}))
				if err == nil {
					got = extendedError(m.EDNS.Options).Text
				} else if err != names.ErrPass {
					got = err.Error()
				}
				if got != q.want {
					t.Errorf("%s %v: got %s, want %s", q.name, q.kind, got, q.want)
				}
			}
		})
	}
}

func TestWhatIsNotForwarded(t *testing.T) {
	play(t, onlyA, func(s *scene) {
		for _, kind := range []wire.Type{wire.TypeAXFR, wire.TypeIXFR, 253, 254, wire.TypeTSIG, wire.TypeTKEY, wire.TypeNXNAME, wire.TypeOPT} {
			m := namestest.Ask(t, s.f, "example.", kind, namestest.WithEDNS(wire.EDNS{UDPSize: 1232}))
			if e := extendedError(m.EDNS.Options); m.RCode != wire.RCodeRefused || e == nil || e.Code != wire.ExtendedErrorInvalidQueryType {
				t.Errorf("%v: got\n%v", kind, m)
			}
		}
		for _, class := range []wire.Class{wire.ClassCH, wire.ClassHS, wire.ClassAny, wire.ClassNone, 4242} {
			if _, err := namestest.Try(t, s.f, "example.", wire.TypeA, namestest.InClass(class)); err != names.ErrPass {
				t.Errorf("class %v: got %v", class, err)
			}
		}
		if opened, _, _ := s.network.Sockets(); opened != 0 {
			t.Errorf("%d sockets were opened for that", opened)
		}
	})
}

// What the client says about DNSSEC reaches the server, and what the server
// says about it reaches the clients that ask, if it is believed.
func TestDNSSECFlags(t *testing.T) {
	trusting := onlyA
	trusting.TrustAD = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom16(serverA.Addr().As16()), serverA.Port())}
	play(t, trusting, func(s *scene) {
		var got wire.Flags
		var gotDO bool
		s.serve(serverA, func(q *upstreamtest.Query) {
			got, gotDO = q.Flags, q.EDNS.DO()
			m := q.Reply()
			m.Flags |= wire.FlagAD | wire.FlagAA
			m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 192.0.2.7")
			q.SendMessage(m)
		}, nil)
		for _, c := range []struct {
			options []namestest.Option
			do, cd  bool
			ad      bool // in the reply
		}{
			{nil, false, false, false},
			{[]namestest.Option{namestest.WithFlags(wire.FlagAD)}, false, false, true},
			{[]namestest.Option{namestest.WithDO()}, true, false, true},
			{[]namestest.Option{namestest.WithDO(), namestest.WithFlags(wire.FlagCD)}, true, true, true},
			{[]namestest.Option{namestest.WithFlags(wire.FlagCD)}, false, true, false},
		} {
			m := namestest.Ask(t, s.f, "www.example.com.", wire.TypeA, c.options...)
			if gotDO != c.do || got.Has(wire.FlagCD) != c.cd || !got.Has(wire.FlagRD|wire.FlagAD) {
				t.Errorf("%+v: the server was sent flags %x, DO %v", c, got, gotDO)
			}
			if m.Flags.Has(wire.FlagAD) != c.ad || m.Flags.Has(wire.FlagAA) {
				t.Errorf("%+v: the reply has flags %x", c, m.Flags)
			}
		}
	})
}

// AD of a server that is not believed is dropped, and so is AD of the others that a
// zone has.
func TestTrustAD(t *testing.T) {
	c := ForwardConfig{
		Servers: []netip.AddrPort{serverA}, TrustAD: []netip.AddrPort{serverC},
		Zones: []ForwardZone{{wire.MustParseName("corp.example."), []netip.AddrPort{serverC}}, {wire.MustParseName("mixed.example."), []netip.AddrPort{serverB, serverC}}},
	}
	play(t, c, func(s *scene) {
		authentic := func(q *upstreamtest.Query) {
			m := q.Reply()
			m.Flags |= wire.FlagAD
			m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 192.0.2.7")
			q.SendMessage(m)
		}
		for _, a := range []netip.AddrPort{serverA, serverB, serverC} {
			s.serve(a, authentic, nil)
		}
		ask := func(name string) bool {
			return namestest.Ask(t, s.f, name, wire.TypeA, namestest.WithDO()).Flags.Has(wire.FlagAD)
		}
		question := func(name string) wire.Question {
			return wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}
		}
		if ask("www.example.com.") || s.f.TrustsAD(question("www.example.com.")) {
			t.Error("AD of a server that is not believed")
		}
		if !ask("www.corp.example.") || !s.f.TrustsAD(question("www.corp.example.")) || !s.f.TrustsAD(question("www.mixed.example.")) {
			t.Error("no AD of a server that is believed")
		}
		s.network.Serve(serverC, silent, nil)
		if ask("www.mixed.example.") {
			t.Error("AD of the other server of a zone")
		}
	})
}

// Another server is asked if what one says has turned out bogus, and none if all
// were tried.
func TestResolveExcept(t *testing.T) {
	play(t, ForwardConfig{Zones: []ForwardZone{{wire.MustParseName("corp.example."), []netip.AddrPort{serverC}}}, Servers: []netip.AddrPort{serverA, serverB}}, func(s *scene) {
		for _, a := range []netip.AddrPort{serverA, serverB} {
			s.serve(a, right, nil)
		}
		var tried []netip.AddrPort
		ask := func() error {
			_, err := namestest.Try(t, names.ResolverFunc(func(ctx context.Context, x *names.Exchange) error {
				return s.f.ResolveExcept(ctx, x, &tried)
			}), "www.example.com.", wire.TypeA)
			return err
		}
		for range 2 {
			if err := ask(); err != nil {
				t.Error(err)
			}
		}
		if len(tried) != 2 || tried[0] == tried[1] {
			t.Errorf("servers %v have answered", tried)
		}
		if err := ask(); err != names.ErrPass {
			t.Errorf("all were tried: %v", err)
		}
		for _, c := range []struct {
			zone, name string
			want       bool
		}{
			{"example.", "www.Corp.example.", true}, {"example.", "corp.example.", true}, {"example.", "www.example.", false},
			{"corp.example.", "www.corp.example.", false}, {".", "www.corp.example.", true},
		} {
			if got := s.f.HasServersBelow(wire.MustParseName(c.zone), wire.MustParseName(c.name)); got != c.want {
				t.Errorf("%s below %s: %v", c.name, c.zone, got)
			}
		}
	})
}

// Equal questions are asked once, whatever their case; each client has the
// answer with the name as he wrote it.
func TestEqualQuestionsAreAskedOnce(t *testing.T) {
	play(t, onlyA, func(s *scene) {
		var asked counter
		s.serve(serverA, asked.count(after(100*time.Millisecond, right)), nil)
		var asking sync.WaitGroup
		for _, name := range []string{"www.example.com.", "WWW.example.com.", "www.EXAMPLE.com.", "www.example.com."} {
			asking.Go(func() {
				m := namestest.Ask(t, s.f, name, wire.TypeA)
				if got := m.Answers[0].Name.String(); got != name {
					t.Errorf("asked for %s, got %s", name, got)
				}
			})
		}
		asking.Wait()
		if n := asked.take(); n != 1 {
			t.Errorf("the server was asked %d times", n)
		}
		namestest.Ask(t, s.f, "www.example.com.", wire.TypeA)
		if n := asked.take(); n != 1 {
			t.Errorf("later, the server was asked %d times", n)
		}
		for _, options := range [][]namestest.Option{nil, {namestest.WithDO()}, {namestest.WithFlags(wire.FlagCD)}} {
			asking.Go(func() { namestest.Ask(t, s.f, "www.example.com.", wire.TypeA, options...) })
		}
		asking.Go(func() { namestest.Ask(t, s.f, "www.example.com.", wire.TypeAAAA) })
		asking.Wait()
		if n := asked.take(); n != 4 {
			t.Errorf("4 different questions were asked %d times", n)
		}
	})
}

// Each client has a deadline of its own, and the query goes on while any of them
// waits.
func TestAskersComeAndGo(t *testing.T) {
	play(t, onlyA, func(s *scene) {
		s.serve(serverA, after(100*time.Millisecond, right), nil)
		ask := func(patience time.Duration) error {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			var x names.Exchange
			x.Read(wire.AppendQuery(nil, 1, wire.FlagRD, wire.Question{Name: wire.MustParseName("www.example."), Type: wire.TypeA, Class: wire.ClassIN}, nil), names.Peer{})
			x.Begin(nil, 512)
			return s.f.Resolve(ctx, &x)
		}
		var asking sync.WaitGroup
		asking.Go(func() {
			var failure *Failure
			if err := ask(10 * time.Millisecond); !errors.As(err, &failure) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the impatient one got %v", err)
			}
		})
		asking.Go(func() {
			if err := ask(time.Second); err != nil {
				t.Errorf("the patient one got %v", err)
			}
		})
		asking.Wait()
		opened, _, _ := s.network.Sockets()
		if err := ask(time.Millisecond); err == nil {
			t.Error("an answer before its time")
		}
		synctest.Wait()
		if _, open, _ := s.network.Sockets(); open != 0 {
			t.Error("a query is sent although no client waits")
		}
		if err := ask(time.Second); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		if now, _, _ := s.network.Sockets(); now != opened+2 {
			t.Errorf("the question was asked %d times", now-opened)
		}
	})
}

// More questions than may be in flight wait for their turn.
func TestQueue(t *testing.T) {
	c := onlyA
	c.MaxInFlight, c.MaxWaiting = 2, 5
	play(t, c, func(s *scene) {
		s.serve(serverA, after(100*time.Millisecond, right), nil)
		s.mustAnswer(100 * time.Millisecond) // and the server is known now
		start := time.Now()
		var mu sync.Mutex
		var took []time.Duration
		var refused int
		var asking sync.WaitGroup
		for i := range 7 {
			asking.Go(func() {
				_, err := namestest.Try(t, s.f, fmt.Sprintf("host%d.example.", i), wire.TypeA)
				mu.Lock()
				defer mu.Unlock()
				if err == errTooMany {
					refused++
				} else if err != nil {
					t.Error(err)
				} else {
					took = append(took, time.Since(start))
				}
			})
		}
		asking.Wait()
		if refused != 2 || len(took) != 5 || took[4] != 300*time.Millisecond || took[1] != 100*time.Millisecond {
			t.Errorf("%d refused, the others took %v", refused, took)
		}
	})
}

// A failure of one server is another's chance, whatever it is.
func TestFailuresAreRetriedElsewhere(t *testing.T) {
	for name, h := range map[string]upstreamtest.Handler{
		"SERVFAIL": failing(wire.RCodeServFail),
		"REFUSED":  failing(wire.RCodeRefused),
		"NOTIMP":   failing(wire.RCodeNotImp),
		"FORMERR":  failing(wire.RCodeFormErr),
		"NOTAUTH":  failing(wire.RCodeNotAuth),
		"a referral": func(q *upstreamtest.Query) {
			m := q.Reply()
			m.Flags &^= wire.FlagRA
			m.Authority = upstreamtest.Records(wire.Root, "com. NS a.gtld-servers.net.")
			q.SendMessage(m)
		},
		"NXDOMAIN with the records": func(q *upstreamtest.Query) {
			m := q.Reply()
			m.RCode = wire.RCodeNXDomain
			m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 192.0.2.7")
			q.SendMessage(m)
		},
		"nonsense": func(q *upstreamtest.Query) {
			m := q.Reply()
			b, err := m.AppendTo(nil)
			if err != nil {
				t.Error(err)
			}
			q.Send(b[:len(b)-3])
		},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, ForwardConfig{}, func(s *scene) {
				s.serve(serverA, h, nil)
				s.serve(serverB, right, nil)
				for range 30 {
					s.mustAnswer(0)
				}
				if s.f.Servers()[0].Dead {
					t.Error("a server that answers was declared dead")
				}
			})
		})
	}
}

// What everybody fails at is a failure, and never "there is no such name".
func TestFailuresAreNotAnswers(t *testing.T) {
	explained := func(q *upstreamtest.Query) {
		m := q.Reply()
		m.RCode = wire.RCodeServFail
		m.EDNS.Options = m.EDNS.Options.AppendOption(wire.OptionExtendedError, append([]byte{0, byte(wire.ExtendedErrorBogus)}, "signature of www.example.com expired"...))
		q.SendMessage(m)
	}
	for _, c := range []struct {
		a, b upstreamtest.Handler
		code wire.ExtendedErrorCode
		text string
		err  string
	}{
		{failing(wire.RCodeServFail), failing(wire.RCodeServFail), noReach, "the upstream server answers SERVFAIL", "192.0.2.53:53: answered SERVFAIL; [2001:db8::53]:53: answered SERVFAIL"},
		{failing(wire.RCodeRefused), failing(wire.RCodeRefused), noReach, "the upstream server answers REFUSED", "192.0.2.53:53: answered REFUSED"},
		{failing(wire.RCodeRefused), explained, wire.ExtendedErrorBogus, "signature of www.example.com expired", "6 (DNSSEC Bogus): (signature of www.example.com expired)"},
		{explained, nil, wire.ExtendedErrorBogus, "signature of www.example.com expired", "192.0.2.53:53: answered SERVFAIL"},
		{nil, nil, netError, "the upstream server cannot be reached", "connection refused"},
	} {
		play(t, ForwardConfig{}, func(s *scene) {
			s.serve(serverA, c.a, nil)
			s.serve(serverB, c.b, nil)
			if failure := s.mustFail(0, c.code, c.text); !strings.Contains(failure.Error(), c.err) {
				t.Errorf("the error for the operator is %q, without %q", failure, c.err)
			}
		})
	}
}

// Questions that wait for the old servers go on with the new ones.
func TestSetServers(t *testing.T) {
	c := ForwardConfig{
		Servers:      []netip.AddrPort{serverA},
		Zones:        []ForwardZone{{wire.MustParseName("corp.example."), []netip.AddrPort{serverC}}},
		OwnAddresses: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:53")},
	}
	play(t, c, func(s *scene) {
		s.serve(serverA, silent, nil)
		s.serve(serverB, right, nil)
		s.serve(serverC, right, nil)
		go func() {
			time.Sleep(time.Second)
			s.f.SetServers([]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:53"), serverB, serverB, {}})
		}()
		s.mustAnswer(2100 * time.Millisecond) // the question's third turn
		s.mustAnswer(0)
		if got := s.f.Servers(); len(got) != 2 || got[0].Addr != serverB || got[1].Addr != serverC {
			t.Errorf("the servers are %v", got)
		}
		if log := s.log.String(); !strings.Contains(log, "127.0.0.1:53 is this server itself") {
			t.Errorf("it was not logged what was left out:\n%s", log)
		}
		namestest.Ask(t, s.f, "www.corp.example.", wire.TypeA)
		known := s.f.Servers()[0]
		s.f.SetServers([]netip.AddrPort{serverA, serverB})
		if got := s.f.Servers()[1]; got.Heard != known.Heard || got.Heard.IsZero() {
			t.Errorf("what was known of %v is lost: %+v", serverB, got)
		}
		s.f.SetServers(nil)
		if _, err := namestest.Try(t, s.f, "www.example.", wire.TypeA); err != names.ErrPass {
			t.Errorf("without servers: got %v", err)
		}
	})
}

func TestSetServersWhileAsking(t *testing.T) {
	a, b := upstreamtest.Listen(t, right, nil), upstreamtest.Listen(t, right, nil)
	f, err := NewForwarder(ForwardConfig{Servers: []netip.AddrPort{a}})
	if err != nil {
		t.Fatal(err)
	}
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for i := range 200 {
				namestest.Ask(t, f, fmt.Sprintf("host%d.example.", i), wire.TypeA)
			}
		})
	}
	for i := range 200 {
		f.SetServers([][]netip.AddrPort{{a}, {b}, {a, b}}[i%3])
		f.Servers()
	}
	asking.Wait()
	f.Close()
	f.SetServers([]netip.AddrPort{a})
	if _, err := namestest.Try(t, f, "www.example.", wire.TypeA); err != errClosed {
		t.Errorf("after Close: got %v", err)
	}
}

// What waits when the forwarder is closed fails at once.
func TestClose(t *testing.T) {
	c := onlyA
	c.MaxInFlight = 1
	play(t, c, func(s *scene) {
		s.serve(serverA, silent, nil)
		var asking sync.WaitGroup
		start := time.Now()
		for i := range 3 { // one in flight, two in the queue
			asking.Go(func() {
				if _, err := namestest.Try(t, s.f, fmt.Sprintf("host%d.example.", i), wire.TypeA); err != errClosed {
					t.Errorf("got %v", err)
				}
			})
		}
		time.Sleep(time.Millisecond)
		s.f.Close()
		asking.Wait()
		if took := time.Since(start); took != time.Millisecond {
			t.Errorf("that took %v", took)
		}
	})
}

// A query that comes back to where it was sent from is noticed at once,
// directly and by way of another server; it does not go on for ever.
func TestLoops(t *testing.T) {
	for name, passOn := range map[string]func(q *upstreamtest.Query) (packet []byte, from netip.AddrPort){
		"directly": func(q *upstreamtest.Query) ([]byte, netip.AddrPort) { return q.Packet, q.From },
		"by another": func(q *upstreamtest.Query) ([]byte, netip.AddrPort) {
			m := *q.Message
			m.ID++
			b, err := m.AppendTo(nil)
			if err != nil {
				t.Error(err)
			}
			return b, netip.MustParseAddrPort("198.51.100.1:4242")
		},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, onlyA, func(s *scene) {
				var asked counter
				s.serve(serverA, asked.count(func(q *upstreamtest.Query) {
					packet, from := passOn(q)
					var x names.Exchange
					x.Read(packet, names.Peer{Remote: from})
					x.Begin(nil, 1232)
					ctx, cancel := background(3)
					defer cancel()
					err := s.f.Resolve(ctx, &x)
					if err != errLoop {
						t.Errorf("got %v", err)
					}
					q.Fail(wire.RCodeServFail)
				}), nil)
				s.mustFail(0, noReach, "the upstream server answers SERVFAIL")
				if n := asked.take(); n != 1 {
					t.Errorf("the server was asked %d times", n)
				}
			})
		})
	}
}

// Without cookies a query that another server sends anew joins the one that is
// waited for: it goes round once.
func TestLoopWithoutCookies(t *testing.T) {
	c := onlyA
	c.NoCookies = true
	play(t, c, func(s *scene) {
		var asked counter
		s.serve(serverA, asked.count(func(q *upstreamtest.Query) {
			namestest.Try(t, s.f, q.Questions[0].Name.String(), wire.TypeA)
			q.Fail(wire.RCodeServFail)
		}), nil)
		s.mustFail(4500*time.Millisecond, noReach, "no upstream server answers at present")
		if n := asked.take(); n != 4 {
			t.Errorf("the server was asked %d times", n)
		}
	})
}

// TestForwardMalformed: records whose data is not valid for their type are dropped.
// If the answer has no others, the next server is asked, and in the end the
// extended error says why there is no answer.
func TestForwardMalformed(t *testing.T) {
	malformed := func(q *upstreamtest.Query) {
		m := q.Reply()
		m.Answers = []wire.Record{{Name: q.Questions[0].Name, Type: wire.TypeA, Class: wire.ClassIN, TTL: 300, Data: []byte("short")}}
		q.SendMessage(m)
	}
	mixed := func(q *upstreamtest.Query) {
		m := q.Reply()
		m.Answers = append(upstreamtest.Records(q.Questions[0].Name, "@ A 192.0.2.7"),
			wire.Record{Name: q.Questions[0].Name, Type: wire.TypeA, Class: wire.ClassIN, TTL: 300, Data: []byte("short")})
		m.Authority = []wire.Record{{Name: q.Questions[0].Name.Parent(), Type: wire.TypeNSEC, Class: wire.ClassIN, Data: []byte{0x41}}}
		q.SendMessage(m)
	}
	for _, c := range []struct {
		name        string
		a, b        upstreamtest.Handler
		mustSucceed bool
	}{
		{"next to a good one", mixed, mixed, true},
		{"of one server", malformed, right, true},
		{"of all servers", malformed, malformed, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			play(t, ForwardConfig{}, func(s *scene) {
				s.serve(serverA, c.a, nil)
				s.serve(serverB, c.b, nil)
				if c.mustSucceed {
					s.mustAnswer(0)
				} else {
					s.mustFail(0, wire.ExtendedErrorInvalidData, "malformed records in the answer")
				}
			})
		})
	}
}
