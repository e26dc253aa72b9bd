package doq

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/quic-go/quic-go"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Clients that take queries back, or go while they wait, end these and no others: the resolver
// learns of it, memory of a query is not used for another before the resolver is done with it,
// and every stream ends.
func TestClientsThatLeave(t *testing.T) {
	var waiting, ended, mixed atomic.Int32
	e := edge(t, names.ResolverFunc(func(ctx context.Context, x *names.Exchange) error {
		name := x.Question().Name.String()
		if name == "www.example." {
			return zone(ctx, x)
		}
		waiting.Add(1)
		<-ctx.Done()
		if x.Question().Name.String() != name {
			mixed.Add(1)
		}
		ended.Add(1)
		return ctx.Err()
	}))
	s, address := start(t, Config{Edge: e, DoQ: true})
	reach := func(what string, n *atomic.Int32, want int32) {
		t.Helper()
		eventually.Succeed(t, func() error {
			if got := n.Load(); got != want {
				return fmt.Errorf("%s: %d queries, not %d", what, got, want)
			}
			return nil
		})
	}
	send := func(conn *quic.Conn, i int) *quic.Stream {
		t.Helper()
		stream, err := conn.OpenStreamSync(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Write(framed(query(0, fmt.Sprintf("slow%d.example.", i), wire.TypeA))); err != nil {
			t.Fatal(err)
		}
		stream.Close()
		return stream
	}
	good := func(conn *quic.Conn) {
		t.Helper()
		for range 50 {
			if _, err := ask(t, conn, framed(query(0, "www.example.", wire.TypeA))); err != nil {
				t.Fatal(err)
			}
		}
	}
	const queries = 40
	conn, other := dial(t, address), dial(t, address)
	var streams []*quic.Stream
	for i := range queries {
		streams = append(streams, send(conn, i))
	}
	reach("waiting", &waiting, queries)
	for _, stream := range streams {
		stream.CancelRead(3) // DOQ_REQUEST_CANCELLED
	}
	good(conn)
	reach("taken back", &ended, queries)
	for i := range queries {
		send(conn, i)
	}
	reach("waiting again", &waiting, 2*queries)
	conn.CloseWithError(noError, "")
	good(other)
	reach("the client is gone", &ended, 2*queries)
	eventually.Succeed(t, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.open != 1 {
			return errors.New("the connection is still counted")
		}
		return nil
	})
	if n := mixed.Load(); n != 0 {
		t.Errorf("%d queries have become others", n)
	}
}
