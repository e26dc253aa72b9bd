package transfer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/internal/zonetest"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

var (
	origin        = wire.MustParseName("example.")
	clientAddress = netip.MustParseAddrPort("192.0.2.1:4000")
	keyText       = "hmac-sha256:key.:c2VjcmV0IG9mIHRoZSB0ZXN0"
)

func parseKey(t testing.TB) *wire.TSIGKey {
	t.Helper()
	k, err := wire.ParseTSIGKey(keyText)
	if err != nil {
		t.Fatal(err)
	}
	return &k
}

// zoneText is a zone with a serial number and as many other records as hosts,
// and its timers: refresh 100 s, retry 20 s, expire 500 s.
func zoneText(serial, hosts int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "$TTL 60\n@ SOA ns admin %d 100 20 500 60\n@ NS ns\nns A 192.0.2.53\n", serial)
	for i := range hosts {
		fmt.Fprintf(&b, "host%d A 192.0.2.%d\n", i, i%250)
	}
	return b.String()
}

func snapshotOf(t testing.TB, text string) *authority.Snapshot {
	t.Helper()
	return zonetest.Snapshot(t, origin, text)
}

// mustZone is a small zone of that name.
func mustZone(t testing.TB, name wire.Name) *authority.Snapshot {
	t.Helper()
	return zonetest.Snapshot(t, name, zoneText(7, 1))
}

// textOf is all records of a zone.
func textOf(s *authority.Snapshot) string {
	if s == nil {
		return "none"
	}
	var b []byte
	for r := range s.All() {
		b = zonefile.AppendRecord(b, &r)
	}
	return string(b)
}

// primary is a server in memory.
type primary struct {
	t        testing.TB
	set      authority.Set
	resolver names.Chain
	keys     wire.TSIGKeys
	limit    int // of a message; 0: as long as they may be
	// alter, if it is not nil, changes the messages of replies to AXFR before they
	// are sent.
	alter atomic.Pointer[func(messages [][]byte) [][]byte]
	// down refuses connections.
	down atomic.Bool
	// refuses is the RCODE of queries that are not answered; 0 for those that are.
	refuses func(q *wire.Query) wire.RCode

	dials, transfers atomic.Int32
}

func newPrimary(t testing.TB, zone *authority.Zone, access ...string) *primary {
	t.Helper()
	a, err := names.ParseAccess(access...)
	if err != nil {
		t.Fatal(err)
	}
	p := &primary{t: t}
	if err := p.set.SetZones([]*authority.Zone{zone}); err != nil {
		t.Fatal(err)
	}
	if err := p.keys.Add(*parseKey(t)); err != nil {
		t.Fatal(err)
	}
	p.resolver = names.Chain{&Sender{Zones: &p.set, Access: a}, &p.set}
	return p
}

func (p *primary) dial(context.Context, string, netip.Addr, netip.AddrPort) (net.Conn, error) {
	p.dials.Add(1)
	if p.down.Load() {
		return nil, errors.New("connection refused")
	}
	ours, theirs := net.Pipe()
	go p.serve(theirs)
	return ours, nil
}

func (p *primary) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		messages := p.answer(query, names.TCP)
		var q wire.Query
		q.Parse(query)
		if q.Question.Type == wire.TypeAXFR || q.Question.Type == wire.TypeIXFR {
			p.transfers.Add(1)
			if alter := p.alter.Load(); alter != nil {
				messages = (*alter)(messages)
			}
		}
		for _, m := range messages {
			if m == nil {
				return // the connection ends
			}
			if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...)); err != nil {
				return
			}
		}
	}
}

// answer returns the messages of the reply.
func (p *primary) answer(query []byte, transport names.Transport) (messages [][]byte) {
	var x names.Exchange
	rcode, err := x.Read(query, names.Peer{Transport: transport, Remote: clientAddress})
	if err != nil {
		p.t.Error(err)
		return nil
	}
	limit := p.limit
	if limit == 0 {
		limit = 65535
	}
	x.Begin(nil, limit)
	x.RCode = rcode
	if p.refuses != nil && x.RCode == 0 {
		x.RCode = p.refuses(&x.Query)
	}
	if x.Query.TSIG != 0 {
		session, err := p.keys.Verify(x.Query.Message, x.Query.TSIG, time.Now())
		if err != nil {
			x.RCode = wire.RCodeNotAuth
		}
		if session != nil {
			x.SetSigner(testSigner{session})
			x.Peer.Key = session.Key()
		}
	}
	sender := collector{}
	if x.RCode == 0 {
		if err = p.resolver.TryResolve(&x); err == names.ErrSlow {
			x.SetSender(&sender)
			err = p.resolver.Resolve(context.Background(), &x)
		}
	}
	if err != nil {
		x.Restart()
		x.RCode = wire.RCodeServFail
	}
	return append(sender.messages, append([]byte(nil), x.Finish()...))
}

type testSigner struct{ *wire.TSIGSession }

func (s testSigner) Sign(message []byte) []byte { return s.TSIGSession.Sign(message, time.Now()) }

// collector keeps the messages of a reply.
type collector struct{ messages [][]byte }

func (c *collector) SendMessage(x *names.Exchange) error {
	c.messages = append(c.messages, append([]byte(nil), x.Finish()...))
	return nil
}
