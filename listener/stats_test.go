package listener

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// checkSums checks what the comments of Stats and Limits say of a server that has
// nothing in progress.
func checkSums(t testing.TB, s Stats) {
	t.Helper()
	if s.Queries() != s.Replies+s.Silent {
		t.Errorf("%d queries are not %d replies and %d without: %+v", s.Queries(), s.Replies, s.Silent, s)
	}
	if sum := s.NotQueries + s.Strays + s.HeadersRefused + s.GateDrops + s.ResolverDrops + s.ErrorsLimited; s.Silent != sum {
		t.Errorf("%d queries without a reply are not %d: %+v", s.Silent, sum, s)
	}
	errors := s.Malformed + s.NotImp + s.BadVers + s.Rejected + s.Refused + s.Failed + s.Shed
	if errors > s.Replies+s.GateDrops+s.ErrorsLimited {
		t.Errorf("%d errors: %+v", errors, s)
	}
	if s.Shed > s.Slow || s.Limits.Slow != s.Shed || s.Limits.Errors != s.ErrorsLimited {
		t.Errorf("limits of queries: %+v", s)
	}
	if s.Limits.Connections+s.Limits.PerClient+s.Limits.ConnectionRate > s.ConnectionsRefused+s.ConnectionsEvicted {
		t.Errorf("limits of connections: %+v", s)
	}
}

// whims is a resolver that does what the first label of the name says.
type whims struct{}

func (whims) Resolve(_ context.Context, x *names.Exchange) error {
	label, _, _ := strings.Cut(x.Question().Name.String(), ".")
	switch label {
	case "pass":
		return names.ErrPass
	case "drop":
		return names.ErrDrop
	case "gone":
		return names.ErrGone
	case "fail":
		return errors.New("out of order")
	case "panic":
		panic("out of order")
	case "long":
		return wire.ErrNoSpace
	}
	return nil
}

// TestStatsAddUp: every query is counted once, whatever comes of it, and each event
// is called as often as its counter says.
func TestStatsAddUp(t *testing.T) {
	failed, limited := 0, map[Limit]uint64{}
	e, err := NewEdge(Config{
		Resolver:        whims{},
		ErrorsPerSecond: 1,
		Gates: []Gate{{
			Query: func(x *names.Exchange) Verdict {
				switch x.Question().Name.String() {
				case "gate-drop.":
					return Drop
				case "gate-answer.":
					return Answer
				case "gate-refuse.":
					x.RCode = wire.RCodeRefused
				case "gate-panic.":
					panic("out of order")
				}
				return Continue
			},
			Reply: func(x *names.Exchange) bool { return x.Question().Name.String() != "withhold." },
		}},
		Events: Events{
			Failed:  func(*names.Exchange, error) { failed++ },
			Limited: func(l Limit) { limited[l]++ },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	bare := func(name string) []byte { return Question(1, name, nil) }
	notify := bare("www.")
	notify[2] |= byte(wire.OpcodeNotify) << 3
	response := bare("www.")
	response[2] |= 0x80
	version := Question(1, "www.", &wire.EDNS{Version: 1})
	var x names.Exchange
	ask := func(query []byte, want string) {
		t.Helper()
		before := e.Stats()
		e.Answer(context.Background(), &x, query, client, nil)
		after := e.Stats()
		checkSums(t, after)
		if got := raised("", reflect.ValueOf(before), reflect.ValueOf(after)); got != want {
			t.Errorf("%x raises %s, not %s", query, got, want)
		}
	}
	ask(bare("www."), "UDPQueries Replies Slow")
	ask(bare("long."), "UDPQueries Replies Truncated Slow")
	ask(bare("pass."), "UDPQueries Replies Refused Slow")
	ask(bare("fail."), "UDPQueries Replies Failed Slow")
	ask(bare("panic."), "UDPQueries Replies Failed Slow Panics")
	ask(bare("drop."), "UDPQueries Silent ResolverDrops Slow")
	ask(bare("gone."), "UDPQueries Silent ResolverDrops Slow")
	ask(bare("withhold."), "UDPQueries Silent GateDrops Slow")
	ask(bare("gate-drop."), "UDPQueries Silent GateDrops")
	ask(bare("gate-answer."), "UDPQueries Replies")
	ask(bare("gate-refuse."), "UDPQueries Replies Rejected")
	ask(bare("gate-panic."), "UDPQueries Silent GateDrops Panics")
	ask(response, "UDPQueries Silent NotQueries")
	ask(nil, "UDPQueries Silent NotQueries")
	ask(notify, "UDPQueries Replies NotImp")
	ask(version, "UDPQueries Replies BadVers")
	for range errorBurst - 2 {
		ask(plain[:14], "UDPQueries Replies Malformed")
	}
	ask(plain[:14], "UDPQueries Silent ErrorsLimited Malformed Limits.Errors")
	e.waiting.shares.Limit = 0
	ask(bare("www."), "UDPQueries Replies Shed Slow Limits.Slow")
	if failed != 2 || limited[LimitErrors] != 1 || limited[LimitSlow] != 1 || len(limited) != 2 {
		t.Errorf("events: %d failed, limits %v", failed, limited)
	}
}

// raised names the counters that went up by one.
func raised(prefix string, before, after reflect.Value) string {
	var all []string
	for field, v := range after.Fields() {
		was := before.FieldByName(field.Name)
		switch {
		case v.Kind() == reflect.Struct:
			if sub := raised(field.Name+".", was, v); sub != "" {
				all = append(all, sub)
			}
		case v.Uint() == was.Uint()+1:
			all = append(all, prefix+field.Name)
		case v.Uint() != was.Uint():
			all = append(all, prefix+field.Name+"?")
		}
	}
	return strings.Join(all, " ")
}

// TestStatsInLogs: a key and a value for each that counted anything.
func TestStatsInLogs(t *testing.T) {
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("stopped", "counters", Stats{UDPQueries: 3, AcceptErrors: 1, Limits: Limits{Slow: 2}})
	if want := "msg=stopped counters.UDPQueries=3 counters.AcceptErrors=1 counters.Limits.Slow=2\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("%q does not end in %q", out.String(), want)
	}
}

// TestStatsHaveAllCounts: each count is in Stats, by itself or in a sum.
func TestStatsHaveAllCounts(t *testing.T) {
	var none Stats
	for i := range countEnd {
		var one counts
		one[i] = 1
		if s := one.stats(); s == none {
			t.Errorf("count %d is in no number", i)
		}
	}
	if len(limitTexts) != reflect.TypeFor[Limits]().NumField() {
		t.Error("a limit has no name or no counter")
	}
	var sum counts
	for i := range countEnd {
		sum[i] = uint64(i + 1)
	}
	var l sharedCounts
	l.take(&sum)
	if sum != (counts{}) {
		t.Errorf("%v is left after it was taken", sum)
	}
	l.sum(&sum)
	l.sum(&sum)
	for i := range countEnd {
		if sum[i] != 2*uint64(i+1) {
			t.Errorf("count %d is %d", i, sum[i])
		}
	}
}
