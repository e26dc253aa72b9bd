package recursor

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/internal/testnet"
	"github.com/names-dns/names/wire"
)

// checkSums checks what the comment of Stats says.
func checkSums(t *testing.T, s Stats) {
	t.Helper()
	if s.Queries != s.Answered+s.Refused+s.Failures.Total() {
		t.Errorf("%d queries are not %d answered, %d refused and %d failed", s.Queries, s.Answered, s.Refused, s.Failures.Total())
	}
	if sum := s.Usable + s.Declined + s.Invalid + s.Unreachable + s.TimedOut + s.Unused; s.UpstreamSent != sum {
		t.Errorf("%d queries were sent, %d have an outcome: %+v", s.UpstreamSent, sum, s)
	}
	if s.Waiting != 0 {
		t.Errorf("%d clients still wait", s.Waiting)
	}
}

// TestStatsOfARecursor: every query and what came of it is counted once, and
// each event is called as often as its counter says.
func TestStatsOfARecursor(t *testing.T) {
	const odd = `
server 192.0.2.53
  if name refused.example.: REFUSED
  if name silent.example.: silent
server 192.0.2.54
  if name refused.example.: SERVFAIL
  if name silent.example.: silent
  if name www.example.: delay 900ms
`
	j := &judge{}
	var before Stats
	var sent, received, failed, limited atomic.Uint64
	playSigned(t, signedWorld+odd, j, func(t *testing.T, r *Recursor, w *testnet.World) {
		r.counts.events = Events{
			Sent:     func(netip.AddrPort, wire.Question) { sent.Add(1) },
			Received: func(_ netip.AddrPort, _ wire.Question, reply []byte, _ time.Duration) { received.Add(1) },
			Failed:   func(wire.Question, error) { failed.Add(1) },
			Limited:  func(Limit) { limited.Add(1) },
		}
		for _, test := range []struct {
			name string
			kind wire.Type
			want string // the counters that go up, besides those of the servers
		}{
			{"www.example.", wire.TypeA, "Answered"},
			{"www.example.", wire.TypeA, "Answered"},
			{"none.example.", wire.TypeA, "Answered"},
			{"www.example.", wire.TypeIXFR, "Refused"},
			{"refused.example.", wire.TypeA, "Failures.Unreachable"},
			{"silent.example.", wire.TypeA, "Failures.Unreachable"},
			{"bad.example.", wire.TypeA, "Failures.Bogus"},
			{"dear.example.", wire.TypeA, "Failures.Limited Limits.Verifications"},
		} {
			namestest.Try(t, r, test.name, test.kind)
			s := r.Stats()
			checkSums(t, s)
			if got := raised("", reflect.ValueOf(before), reflect.ValueOf(s)); got != test.want {
				t.Errorf("%s %v raises %s, not %s", test.name, test.kind, got, test.want)
			}
			before = s
		}
		s := r.Stats()
		if s.Declined < 2 || s.Unused < 2 || s.Usable < 5 || s.RTTCount < 5 || s.RTT < time.Duration(s.RTTCount)*10*time.Millisecond {
			t.Errorf("%+v", s)
		}
		if sent.Load() != s.UpstreamSent || received.Load() != s.Usable+s.Declined+s.Invalid || failed.Load() != s.Failures.Total() || limited.Load() != 1 {
			t.Errorf("events: %d sent, %d received, %d failed, %d limited: %+v", sent.Load(), received.Load(), failed.Load(), limited.Load(), s)
		}
	})
}

// raised names the counters of clients' queries that went up.
func raised(prefix string, before, after reflect.Value) string {
	var all []string
	for i := range after.NumField() {
		field := after.Type().Field(i)
		switch v := after.Field(i); {
		case v.Kind() == reflect.Struct:
			if sub := raised(field.Name+".", before.Field(i), v); sub != "" {
				all = append(all, sub)
			}
		case prefix == "" && field.Name != "Answered" && field.Name != "Refused":
		case v.Uint() > before.Field(i).Uint():
			all = append(all, prefix+field.Name)
		}
	}
	return strings.Join(all, " ")
}

// TestStatsOfAForwarder is the same for a forwarder, with queries that are sent
// to see how a server fares among them.
func TestStatsOfAForwarder(t *testing.T) {
	var sent atomic.Uint64
	play(t, ForwardConfig{Events: Events{Sent: func(netip.AddrPort, wire.Question) { sent.Add(1) }}}, func(s *scene) {
		s.serve(serverA, right, nil)
		s.serve(serverB, after(200*time.Millisecond, right), nil)
		for range 50 {
			s.mustAnswerSometime()
		}
		s.serve(serverA, failing(wire.RCodeServFail), nil)
		s.serve(serverB, silent, nil)
		if _, err := namestest.Try(s, s.f, "www.example.com.", wire.TypeA); err == nil {
			s.Error("an answer")
		}
		namestest.Try(s, s.f, "www.example.com.", wire.TypeIXFR)
		pass(time.Minute)
		stats := s.f.Stats()
		checkSums(s.T, stats)
		if stats.Queries != 52 || stats.Answered != 50 || stats.Refused != 1 || stats.Failures.Total() != 1 || stats.Declined == 0 || sent.Load() != stats.UpstreamSent {
			s.Errorf("%+v, %d events", stats, sent.Load())
		}
	})
}

func (s *scene) mustAnswerSometime() {
	s.Helper()
	if m := namestest.Ask(s, s.f, "www.example.com.", wire.TypeA); len(m.Answers) != 1 {
		s.Fatal(m)
	}
}

// TestReasonsOfFailures: each failure has one reason.
func TestReasonsOfFailures(t *testing.T) {
	for err, want := range map[error]failureReason{
		errBogus: failedBogus, exhausted("x"): failedLimited, errDepth: failedLimited, errTooMany: failedOverloaded, errShare: failedOverloaded,
		errAllDead: failedUnreachable, errAliasCircle: failedLoop, errLoop: failedLoop, errClosed: failedCancelled, errPanic: failedOther,
		&Failure{Code: wire.ExtendedErrorInvalidData}: failedInvalid, errors.New("x"): failedOther,
	} {
		if got := failureOf(err); got != want {
			t.Errorf("%v: %d, not %d", err, got, want)
		}
	}
	if len(limitTexts) != int(limitCount) || reflect.TypeFor[Limits]().NumField() != int(limitCount) {
		t.Error("a limit has no name or no counter")
	}
}
