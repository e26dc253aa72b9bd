package howto

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/listenertest"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/wire"
)

// show asks r as a server would and prints the answer.
func show(r names.Resolver, name string, kind wire.Type) {
	question := wire.Question{Name: wire.MustParseName(name), Type: kind, Class: wire.ClassIN}
	query := wire.AppendQuery(nil, 1, wire.FlagRD, question, &wire.EDNS{UDPSize: 1232})
	packet := listenertest.Ask(r, query, names.UDP)
	if packet == nil {
		fmt.Println(name, "gets no reply")
		return
	}
	reply, err := wire.ParseMessage(packet)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(name, reply.RCode)
	for _, record := range reply.Answers {
		fmt.Println(" ", record.Type, string(wire.AppendRdataText(nil, record.Type, record.Data)))
	}
	if reply.EDNS == nil {
		return
	}
	for code, data, rest, ok := reply.EDNS.Options.Next(); ok; code, data, rest, ok = rest.Next() {
		var e wire.ExtendedError
		if code == wire.OptionExtendedError && e.Parse(data) == nil && e.Text != "" {
			fmt.Println("  because:", e.Text)
		}
	}
}

func zonesFrom(path string) (*authority.Set, error) {
	snapshot, err := authority.File{Path: path}.Load(new(diagnostic.List))
	if err != nil {
		return nil, err // with file, line and column
	}
	zones := new(authority.Set)
	return zones, zones.SetZones([]*authority.Zone{authority.NewZone(snapshot)})
}

func Example_serveAZone() {
	ctx, stop := context.WithCancel(context.Background())
	address := netip.MustParseAddrPort("127.0.0.1:0")

	zones, err := zonesFrom("../zones/example.com")
	if err != nil {
		log.Fatal(err)
	}
	server, err := listener.Listen(listener.Config{
		Endpoints: listener.Plain(address),
		Resolver:  zones,
	})
	if err != nil {
		log.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- server.Serve(ctx) }()

	client, err := names.NewClient(names.ClientConfig{Servers: server.Addresses(), NoHosts: true})
	if err != nil {
		log.Fatal(err)
	}
	addresses, err := client.LookupHost(ctx, "www.example.com")
	fmt.Println(addresses, err)

	stop()
	fmt.Println(<-ended)
	// Output:
	// [2001:db8::10 192.0.2.10] <nil>
	// <nil>
}

// clock tells the time as a TXT record.
type clock struct {
	name wire.Name
	now  func() time.Time
}

func (c clock) Resolve(_ context.Context, x *names.Exchange) error {
	q := x.Question()
	if !q.Name.Equal(c.name) || q.Class != wire.ClassIN {
		return names.ErrPass // not mine
	}
	x.Reply.Flags |= wire.FlagAA // the answer is mine to give
	if q.Type != wire.TypeTXT {
		return nil // the name exists, other types of it do not: NODATA
	}
	var text wire.TXT
	text.Strings = text.Strings.Append(c.now().Format(time.TimeOnly))
	return x.Reply.Record(q.Name, wire.ClassIN, 0, &text)
}

func noon() time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) }

func Example_calculate() {
	teatime := clock{wire.MustParseName("time.example."), noon}
	show(teatime, "time.example.", wire.TypeTXT)
	show(teatime, "time.example.", wire.TypeA)
	show(teatime, "elsewhere.example.", wire.TypeTXT)
	// Output:
	// time.example. NOERROR
	//   TXT "12:00:00"
	// time.example. NOERROR
	// elsewhere.example. REFUSED
}

func Example_chain() {
	zones, err := zonesFrom("../zones/example.com")
	if err != nil {
		log.Fatal(err)
	}
	client := names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
		return x.Reply.Record(x.Question().Name, wire.ClassIN, 60, &wire.A{Addr: netip.MustParseAddr("203.0.113.1")})
	})

	hosts := names.ParseHosts("192.0.2.7 printer.home.arpa")
	store, err := cache.New(cache.Config{Size: 8 << 20})
	if err != nil {
		log.Fatal(err)
	}
	cached := store.Resolver(client)
	defer cached.Close()
	chain := names.Chain{zones, hosts, cached}

	show(chain, "mail.example.com.", wire.TypeA)
	show(chain, "printer.home.arpa.", wire.TypeA)
	show(chain, "www.example.net.", wire.TypeA)
	show(chain, "www.example.net.", wire.TypeA)
	fmt.Println(store.Stats().Hits, "hit")
	// Output:
	// mail.example.com. NOERROR
	//   A 192.0.2.25
	// printer.home.arpa. NOERROR
	//   A 192.0.2.7
	// www.example.net. NOERROR
	//   A 203.0.113.1
	// www.example.net. NOERROR
	//   A 203.0.113.1
	// 1 hit
}

func Example_mux() {
	office := names.ParseHosts("192.0.2.80 intranet.corp.example")
	internet := names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
		x.RCode = wire.RCodeNXDomain
		return nil
	})

	mux, err := names.NewMux(map[string]names.Resolver{
		"corp.example.": office,
		".":             internet,
	})
	if err != nil {
		log.Fatal(err)
	}

	show(mux, "intranet.corp.example.", wire.TypeA)
	show(mux, "www.example.net.", wire.TypeA)
	// Output:
	// intranet.corp.example. NOERROR
	//   A 192.0.2.80
	// www.example.net. NXDOMAIN
}

// quick answers at once what it has, and leaves the rest to Resolve.
type quick struct {
	known map[wire.Key]netip.Addr
	slow  names.Resolver
}

func (r quick) TryResolve(x *names.Exchange) error {
	q := x.Question()
	addr, ok := r.known[q.Name.Key()]
	if !ok || q.Type != wire.TypeA {
		return names.ErrSlow // ask again with Resolve, where waiting is allowed
	}
	return x.Reply.Record(q.Name, wire.ClassIN, 60, &wire.A{Addr: addr})
}

func (r quick) Resolve(ctx context.Context, x *names.Exchange) error {
	if err := r.TryResolve(x); err != names.ErrSlow {
		return err
	}
	return r.slow.Resolve(ctx, x)
}

func Example_tryResolve() {
	r := quick{
		known: map[wire.Key]netip.Addr{wire.MustParseName("here.example.").Key(): netip.MustParseAddr("192.0.2.1")},
		slow:  names.ResolverFunc(func(context.Context, *names.Exchange) error { return names.ErrPass }),
	}
	show(r, "here.example.", wire.TypeA)
	show(r, "there.example.", wire.TypeA)
	// Output:
	// here.example. NOERROR
	//   A 192.0.2.1
	// there.example. REFUSED
}

// observer hands questions to a goroutine that looks at them later.
type observer struct{ seen chan<- *names.Exchange }

func (o observer) Resolve(_ context.Context, x *names.Exchange) error {
	select {
	case o.seen <- x.Detach(): // a copy: x is lent until this method returns
	default: // the reader is busy
	}
	return names.ErrPass
}

func Example_detach() {
	seen := make(chan *names.Exchange, 10)
	show(names.Chain{observer{seen}, clock{wire.MustParseName("time.example."), noon}}, "time.example.", wire.TypeTXT)
	x := <-seen
	fmt.Println(x.Peer.Remote.Addr(), "asked for", x.Question().Name)
	// Output:
	// time.example. NOERROR
	//   TXT "12:00:00"
	// 192.0.2.1 asked for time.example.
}

// closed is a failure whose reason the client may know.
type closed struct{ until string }

func (c closed) Error() string { return "database is closed until " + c.until }

func (c closed) ExtendedError() (code uint16, text string) {
	return uint16(wire.ExtendedErrorNotReady), "come back after " + c.until
}

func Example_errors() {
	says := func(err error) names.Resolver {
		return names.ResolverFunc(func(context.Context, *names.Exchange) error { return err })
	}
	show(says(names.ErrPass), "pass.example.", wire.TypeA)
	show(says(names.ErrDrop), "drop.example.", wire.TypeA)
	show(says(errors.New("disk is full")), "broken.example.", wire.TypeA)
	show(says(closed{"noon"}), "closed.example.", wire.TypeA)
	// Output:
	// pass.example. REFUSED
	// drop.example. gets no reply
	// broken.example. SERVFAIL
	// closed.example. SERVFAIL
	//   because: come back after noon
}

func Example_access() {
	zones, err := zonesFrom("../zones/example.com")
	if err != nil {
		log.Fatal(err)
	}
	client := names.ResolverFunc(func(context.Context, *names.Exchange) error { return errors.New("is never asked") })

	office, err := names.ParsePeerSet("loopback", "10.1.0.0/16")
	if err != nil {
		log.Fatal(err)
	}
	guarded := &recursor.Access{Public: zones, Allow: office, Next: client}

	show(guarded, "mail.example.com.", wire.TypeA)
	show(guarded, "www.example.net.", wire.TypeA)
	// Output:
	// mail.example.com. NOERROR
	//   A 192.0.2.25
	// www.example.net. REFUSED
	//   because: recursion is not offered to this client
}

// notified hears which zones have changed.
type notified struct{ changed chan wire.Name }

func (n notified) TryResolve(x *names.Exchange) error {
	select {
	case n.changed <- x.Question().Name.Clone():
	default: // it is known already
	}
	x.Reply.Flags |= wire.FlagAA
	return nil // NOERROR: understood
}

func (n notified) Resolve(_ context.Context, x *names.Exchange) error { return n.TryResolve(x) }

func Example_opcodes() {
	zones, err := zonesFrom("../zones/example.com")
	if err != nil {
		log.Fatal(err)
	}
	changed := make(chan wire.Name, 1)

	secondary := listener.Config{
		Resolver: zones,
		Opcodes:  map[wire.Opcode]names.Resolver{wire.OpcodeNotify: notified{changed}},
	}

	question := wire.Question{Name: wire.MustParseName("example.com."), Type: wire.TypeSOA, Class: wire.ClassIN}
	for _, opcode := range []wire.Opcode{wire.OpcodeNotify, wire.OpcodeUpdate} {
		message := wire.AppendQuery(nil, 1, wire.Flags(0).WithOpcode(opcode), question, nil)
		reply, err := wire.ParseMessage(listenertest.AskConfig(secondary, message, names.UDP))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(opcode, reply.RCode)
	}
	fmt.Println(<-changed, "has changed")
	// Output:
	// NOTIFY NOERROR
	// UPDATE NOTIMP
	// example.com. has changed
}

// numbers answers AXFR with more records than a message holds, and nothing else.
type numbers struct{ count int }

func (r numbers) Resolve(_ context.Context, x *names.Exchange) error {
	q := x.Question()
	if q.Type != wire.TypeAXFR || !x.CanStream() {
		x.RCode = wire.RCodeRefused
		return nil
	}
	for i := range r.count {
		var text wire.TXT
		text.Strings = text.Strings.Append(fmt.Sprint(i))
		err := x.Reply.Record(q.Name, wire.ClassIN, 0, &text)
		if errors.Is(err, wire.ErrNoSpace) { // on to the next message
			if err = x.NextMessage(); err == nil {
				err = x.Reply.Record(q.Name, wire.ClassIN, 0, &text)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func Example_manyMessages() {
	edge, err := listener.NewEdge(listener.Config{Resolver: numbers{10000}})
	if err != nil {
		log.Fatal(err)
	}
	var x names.Exchange
	query := wire.AppendQuery(nil, 1, 0, wire.Question{Name: wire.MustParseName("n.example."), Type: wire.TypeAXFR, Class: wire.ClassIN}, nil)
	messages, records := 1, 0
	last := edge.AnswerEach(context.Background(), &x, query, names.Peer{Transport: names.QUIC}, nil, func(message []byte) error {
		h, err := wire.ParseHeader(message)
		messages, records = messages+1, records+int(h.Counts[wire.SectionAnswer])
		return err
	})
	h, err := wire.ParseHeader(last)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(messages, "messages", records+int(h.Counts[wire.SectionAnswer]), "records")
	// Output:
	// 3 messages 10000 records
}

func Example_gates() {
	zones, err := zonesFrom("../zones/example.com")
	if err != nil {
		log.Fatal(err)
	}
	office := netip.MustParsePrefix("192.0.2.0/24")

	guarded := listener.Config{
		Resolver: zones,
		Gates: []listener.Gate{{Query: func(x *names.Exchange) listener.Verdict {
			if !office.Contains(x.Peer.Remote.Addr()) && x.Peer.Key.IsZero() {
				x.RCode = wire.RCodeRefused
			}
			return listener.Continue
		}}},
	}

	query := wire.AppendQuery(nil, 1, 0, wire.Question{Name: wire.MustParseName("example.com."), Type: wire.TypeSOA, Class: wire.ClassIN}, nil)
	edge, err := listener.NewEdge(guarded)
	if err != nil {
		log.Fatal(err)
	}
	var x names.Exchange
	for _, client := range []string{"192.0.2.1:4242", "198.51.100.1:4242"} {
		reply, err := wire.ParseMessage(edge.Answer(context.Background(), &x, query, names.Peer{Remote: netip.MustParseAddrPort(client)}, nil))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(client, reply.RCode)
	}
	// Output:
	// 192.0.2.1:4242 NOERROR
	// 198.51.100.1:4242 REFUSED
}

func Example_endpoints() {
	certificates := new(tls.Config) // with a certificate, in earnest

	endpoints := listener.Plain(netip.MustParseAddrPort("0.0.0.0:53"), netip.MustParseAddrPort("[::]:53"))
	endpoints = append(endpoints, listener.Endpoint{
		Address:   netip.MustParseAddrPort("0.0.0.0:853"),
		Transport: names.TLS,
		TLS:       certificates,
	})

	for _, e := range endpoints {
		fmt.Println(e.Transport, e.Address)
	}
	// Output:
	// udp 0.0.0.0:53
	// tcp 0.0.0.0:53
	// udp [::]:53
	// tcp [::]:53
	// tls 0.0.0.0:853
}

func TestClock(t *testing.T) {
	r := clock{wire.MustParseName("time.example."), noon}

	reply := namestest.Ask(t, r, "TIME.example.", wire.TypeTXT)
	if len(reply.Answers) != 1 || reply.Answers[0].TTL != 0 {
		t.Errorf("answers: %v", reply.Answers)
	}
	if _, err := namestest.Try(t, r, "other.example.", wire.TypeTXT); err != names.ErrPass {
		t.Errorf("another's name: %v", err)
	}
	namestest.CheckResolver(t, r,
		wire.Question{Name: r.name, Type: wire.TypeTXT, Class: wire.ClassIN},
		wire.Question{Name: wire.Root, Type: wire.TypeA, Class: wire.ClassIN},
	)
}

func TestQuickKeepsItsWord(t *testing.T) {
	name := wire.MustParseName("here.example.")
	r := quick{map[wire.Key]netip.Addr{name.Key(): netip.MustParseAddr("192.0.2.1")}, clock{wire.MustParseName("time.example."), noon}}
	namestest.CheckResolver(t, r,
		wire.Question{Name: name, Type: wire.TypeA, Class: wire.ClassIN},
		wire.Question{Name: wire.MustParseName("time.example."), Type: wire.TypeTXT, Class: wire.ClassIN},
	)
}
