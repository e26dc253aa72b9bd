package recursor

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// askMany asks for as many names, and returns how many have an answer. Those that do
// not have failed at once because the servers are asked too often.
func askMany(t *testing.T, r names.Resolver, from, count int) (answered int) {
	t.Helper()
	start := time.Now()
	for i := range count {
		_, err := namestest.Try(t, r, fmt.Sprintf("host%d.example.", from+i), wire.TypeA)
		failure, _ := errors.AsType[*Failure](err)
		switch {
		case err == nil:
			answered++
		case failure == nil || failure.Code != wire.ExtendedErrorRateLimited || !errors.Is(err, names.ErrBusy):
			t.Errorf("error %v", err)
		}
	}
	if took := time.Since(start); took != 0 {
		t.Errorf("it took %v", took)
	}
	return answered
}

// logsRate wants one line for the beginning and one for the end.
func logsRate(t *testing.T, log string, held int) {
	t.Helper()
	for _, line := range []string{
		`level=WARN msg="limit of queries to a server reached" server=192.0.2.53:53 queries_a_second=10`,
		fmt.Sprintf(`level=INFO msg="limit of queries to a server no longer reached" server=192.0.2.53:53 queries_a_second=10 held_back=%d`, held),
	} {
		if strings.Count(log, line) != 1 {
			t.Errorf("no line %s in\n%s", line, log)
		}
	}
}

// A server is sent so many queries a second and no more; a question that no other
// server is left for fails, which is not remembered.
func TestForwarderServerRate(t *testing.T) {
	play(t, ForwardConfig{Servers: []netip.AddrPort{serverA}, ServerRate: 10}, func(s *scene) {
		s.serve(serverA, right, nil)
		if n := askMany(s.T, s.f, 0, 30); n != 10 {
			t.Errorf("%d answered at once", n)
		}
		time.Sleep(300 * time.Millisecond)
		if n := askMany(s.T, s.f, 0, 30); n != 3 {
			t.Errorf("%d answered after 300 ms", n)
		}
		time.Sleep(time.Minute)
		if n := askMany(s.T, s.f, 0, 10); n != 10 {
			t.Errorf("%d answered after a minute", n)
		}
		stats := s.f.Stats()
		if stats.UpstreamSent != 23 || stats.Limits.ServerRate != 47 || stats.Failures.Overloaded != 47 {
			t.Errorf("%+v", stats)
		}
		logsRate(s.T, s.log.String(), 47)
	})
}

// What one server is not to be asked, another is.
func TestForwarderServerRateOfTwo(t *testing.T) {
	play(t, ForwardConfig{ServerRate: 10}, func(s *scene) {
		s.serve(serverA, right, nil)
		s.serve(serverB, right, nil)
		askMany(s.T, s.f, 0, 30)
		synctest.Wait() // for queries that only show how a server fares: they count
		if n := s.f.Stats().UpstreamSent; n != 20 {
			t.Errorf("%d queries were sent", n)
		}
	})
}

func TestRecursorServerRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network upstreamtest.Network
		network.Serve(serverA, func(q *upstreamtest.Query) {
			m := q.Reply()
			m.Flags |= wire.FlagAA
			m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 192.0.2.7")
			q.SendMessage(m)
		}, nil)
		c, err := cache.New(cache.Config{Size: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		var log logBook
		r, err := New(Config{
			Cache: c, Network: &network, ServerRate: 10, Log: slog.New(slog.NewTextHandler(&log, nil)),
			Zones: []ZoneServers{{Zone: wire.MustParseName("example."), Addresses: []netip.AddrPort{serverA}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := askMany(t, r, 0, 30); n != 10 {
			t.Errorf("%d answered at once", n)
		}
		time.Sleep(time.Minute)
		if n := askMany(t, r, 100, 10); n != 10 {
			t.Errorf("%d answered after a minute", n)
		}
		if stats := r.Stats(); stats.UpstreamSent != 20 || stats.Limits.ServerRate == 0 || stats.Failures.Overloaded != 20 {
			t.Errorf("%+v", stats)
		}
		r.Close()
		network.Wait()
		logsRate(t, log.String(), int(r.Stats().Limits.ServerRate))
	})
}
