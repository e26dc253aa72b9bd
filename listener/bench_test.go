package listener

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

var (
	client = names.Peer{Transport: names.UDP, Remote: netip.MustParseAddrPort("192.0.2.7:4242")}
	plain  = Question(1, "www.example.", nil)
	modern = Question(1, "www.example.", &wire.EDNS{UDPSize: 1232, Flags: wire.FlagDO,
		Options: wire.Options{}.AppendOption(wire.OptionNSID, nil)})
)

// pure is an edge with all it needs to answer one query.
type pure struct {
	edge   *Edge
	x      names.Exchange
	space  []byte
	counts counts
}

func newPure(t testing.TB, c Config) *pure {
	t.Helper()
	if c.Resolver == nil {
		c.Resolver = Echo{}
	}
	e, err := NewEdge(c)
	if err != nil {
		t.Fatal(err)
	}
	return &pure{edge: e, space: make([]byte, 0, 1232+wire.WriterSlack)}
}

func (p *pure) try(query []byte, peer names.Peer) ([]byte, bool) {
	p.x.Peer = peer
	p.x.Query.Parse(query)
	return p.edge.try(&p.x, p.space, &p.counts)
}

func TestEdgeAllocatesNothing(t *testing.T) {
	p := newPure(t, Config{NSID: "here"})
	for what, query := range map[string][]byte{
		"plain":       plain,
		"with EDNS":   modern,
		"cookie":      Question(1, "www.example.", &wire.EDNS{Options: wire.Options{}.AppendOption(wire.OptionCookie, []byte("12345678"))}),
		"bad cookie":  Question(1, "www.example.", &wire.EDNS{Options: wire.Options{}.AppendOption(wire.OptionCookie, []byte("12345678\x01\x00\x00\x0012345678abcd"))}),
		"no cookie":   Question(1, "www.example.", &wire.EDNS{Options: wire.Options{}.AppendOption(wire.OptionCookie, []byte("1234567"))}),
		"refused":     Question(1, "pass.example.", &wire.EDNS{UDPSize: 512}),
		"truncated":   Question(1, "full.example.", nil),
		"malformed":   plain[:14],
		"response":    append([]byte{0, 0, 0x80}, plain[3:]...),
		"bad version": Question(1, "www.example.", &wire.EDNS{Version: 1}),
	} {
		if n := testing.AllocsPerRun(1000, func() { p.try(query, client) }); n > 0 {
			t.Errorf("%s: %v allocations per query", what, n)
		}
	}
}

func BenchmarkEdge(b *testing.B) {
	p := newPure(b, Config{NSID: "here"})
	for _, c := range []struct {
		name  string
		query []byte
	}{{"plain", plain}, {"edns", modern}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.try(c.query, client)
			}
		})
	}
}

// BenchmarkUDP measures server and client together, in bursts as large as a
// batch: compare the engines with each other and with nothing else.
func BenchmarkUDP(b *testing.B) {
	for _, engine := range []struct {
		name string
		Config
	}{{"portable", Config{portable: true}}, {"batches", Config{}}, {"dedicated", Config{DedicatedThreads: true}}} {
		b.Run(engine.name, func(b *testing.B) {
			engine.Workers = 1
			s := Serving(b, engine.Config)
			conn := Dial(b, s, "udp").(*net.UDPConn)
			buf := make([]byte, 2048)
			b.ReportAllocs()
			for b.Loop() {
				for range batchSize {
					if _, err := conn.Write(plain); err != nil {
						b.Fatal(err)
					}
				}
				for range batchSize {
					if _, err := conn.Read(buf); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.N)*batchSize/b.Elapsed().Seconds(), "queries/s")
		})
	}
}

// loop is a packetIO without a socket: every batch holds the same query.
type loop struct {
	slots []slot
	query []byte
	times int
}

func (l *loop) receive(yield func(n int) bool) {
	for ; l.times > 0; l.times-- {
		for i := range l.slots {
			s := &l.slots[i]
			s.data = append(s.buf[:0], l.query...)
			s.from = path{remote: client.Remote}
		}
		if !yield(len(l.slots)) {
			return
		}
	}
}

func (l *loop) rest(func(n int) bool) {}
func (l *loop) failure() error        { return net.ErrClosed }

func (l *loop) send(n int) int                 { return 0 }
func (l *loop) sendOne(_ []byte, _ path) error { return nil }
func (l *loop) stop()                          {}
func (l *loop) close()                         {}

func newLoop(t testing.TB) (*worker, *loop) {
	p := newPure(t, Config{})
	w := &worker{edge: p.edge, slots: newSlots(batchSize, 1232), pool: &slowPool{edge: p.edge, context: context.Background()}}
	l := &loop{slots: w.slots, query: modern}
	w.io = l
	return w, l
}

func TestWorkerAllocatesNothing(t *testing.T) {
	w, l := newLoop(t)
	few := testing.AllocsPerRun(10, func() { l.times = 1; w.run() })
	many := testing.AllocsPerRun(10, func() { l.times = 100; w.run() })
	if many > few {
		t.Errorf("%v allocations for a batch, %v for a hundred", few, many)
	}
}

func BenchmarkWorker(b *testing.B) {
	w, l := newLoop(b)
	b.ReportAllocs()
	l.times = b.N
	w.run()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batchSize, "ns/query")
}
