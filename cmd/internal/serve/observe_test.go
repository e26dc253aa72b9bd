package serve

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/cmd/internal/web"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// fixed answers everything with one address.
type fixed struct{}

func (fixed) Resolve(_ context.Context, x *names.Exchange) error { return fixed{}.TryResolve(x) }

func (fixed) TryResolve(x *names.Exchange) error {
	x.MarkAnswered("zone")
	return x.Reply.Raw(x.Query.Question.Name, wire.TypeA, wire.ClassIN, 60, []byte{192, 0, 2, 1})
}

// BenchmarkObservation is the way of a query through the listener, without its
// sockets: with nothing that observes it, and with each of what may.
func BenchmarkObservation(b *testing.B) {
	query := wire.AppendQuery(nil, 1, wire.FlagRD, wire.Question{Name: wire.MustParseName("www.example."), Type: wire.TypeA, Class: wire.ClassIN}, nil)
	peer := names.Peer{Remote: netip.MustParseAddrPort("192.0.2.7:4242"), Local: netip.MustParseAddrPort("192.0.2.53:53")}
	run := func(name string, s settings.Settings, more ...listener.Observer) {
		b.Run(name, func(b *testing.B) {
			edge, err := listener.NewEdge(listener.Config{Resolver: fixed{}})
			if err != nil {
				b.Fatal(err)
			}
			o := observation{log: slog.New(slog.DiscardHandler)}
			defer o.close()
			if err := o.set(&s); err != nil {
				b.Fatal(err)
			}
			for _, observer := range more {
				o.add(observer)
			}
			o.bind(edge)
			x, buf := new(names.Exchange), make([]byte, 0, 2048)
			b.ReportAllocs()
			for b.Loop() {
				edge.Answer(context.Background(), x, query, peer, buf)
			}
		})
	}
	dir := b.TempDir()
	run("off", settings.Settings{})
	run("page", settings.Settings{}, new(web.Sketches).Observe)
	run("query-log-1-percent", settings.Settings{QueryLog: settings.QueryLog{Which: settings.LogAll, OneIn: 100, To: filepath.Join(dir, "log")}})
	run("query-log-failures", settings.Settings{QueryLog: settings.QueryLog{Which: settings.LogFailures, To: filepath.Join(dir, "log")}})
	run("query-log-all", settings.Settings{QueryLog: settings.QueryLog{Which: settings.LogAll, To: filepath.Join(dir, "log")}})
	for name, reads := range map[string]bool{"dnstap": true, "dnstap-not-read": false} {
		path := filepath.Join(dir, name)
		l, err := net.Listen("unix", path)
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				if reads {
					go takeFrames(conn)
				}
			}
		}()
		run(name, settings.Settings{Dnstap: settings.Dnstap{Target: "unix:" + path}})
	}
}

// takeFrames accepts a Frame Stream and reads what comes.
func takeFrames(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, 512)
	if _, err := conn.Read(buf); err != nil { // READY
		return
	}
	conn.Write([]byte{0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1}) // ACCEPT
	io.Copy(io.Discard, conn)
}

// TestFollowing: what is followed matches by client or by name, and ends by
// itself.
func TestFollowing(t *testing.T) {
	x := new(names.Exchange)
	query := wire.AppendQuery(nil, 1, 0, wire.Question{Name: wire.MustParseName("www.example."), Type: wire.TypeA, Class: wire.ClassIN}, nil)
	if _, err := x.Read(query, names.Peer{Remote: netip.MustParseAddrPort("192.0.2.7:4242")}); err != nil {
		t.Fatal(err)
	}
	clients, err := names.ParsePeerSet("192.0.2.0/24")
	if err != nil {
		t.Fatal(err)
	}
	others, _ := names.ParsePeerSet("198.51.100.1")
	for _, test := range []struct {
		f    following
		want bool
	}{
		{following{client: clients}, true}, {following{client: others}, false},
		{following{subtree: wire.MustParseName("example.")}, true}, {following{subtree: wire.MustParseName("www.example.")}, true},
		{following{subtree: wire.MustParseName("a.www.example.")}, false}, {following{subtree: wire.MustParseName("EXAMPLE.")}, true},
	} {
		if got := test.f.matches(x); got != test.want {
			t.Errorf("%+v: %t", test.f, got)
		}
	}
	o := observation{log: slog.New(slog.DiscardHandler)}
	for range maxFollowing {
		if !o.followFor(following{client: clients, until: time.Now().Add(time.Hour)}) {
			t.Fatal("too much is followed early")
		}
	}
	if o.followFor(following{client: clients}) {
		t.Error("there is no bound")
	}
	o.followNothing()
	if len(o.followingNow()) != 0 {
		t.Error("it does not end")
	}
	o.close()
}

// TestSamplesOfUpstreams: queries over HTTPS and QUIC, whose IDs are all 0, are sampled as
// others are, and a reply is recorded with its query.
func TestSamplesOfUpstreams(t *testing.T) {
	sample := &tap{oneIn: 10, seed: maphash.MakeSeed()}
	for _, transport := range []names.Transport{names.UDP, names.HTTPS} {
		taken := 0
		const n = 10_000
		for i := range n {
			p := upstream.Packet{Transport: transport, Message: make([]byte, 12), Sent: time.Unix(1_800_000_000, int64(i)*1000)}
			if transport == names.UDP {
				binary.BigEndian.PutUint16(p.Message, uint16(i))
			}
			took := sample.takes(&p)
			p.IsReply, p.Received = true, p.Sent.Add(time.Second)
			if sample.takes(&p) != took {
				t.Fatalf("%v: a query without its reply, or the reverse", transport)
			}
			if took {
				taken++
			}
		}
		if taken < n/20 || taken > n/5 {
			t.Errorf("%v: %d of %d are recorded, not about one in 10", transport, taken, n)
		}
	}
}
