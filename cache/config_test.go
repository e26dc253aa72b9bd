package cache

import (
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

func TestBadConfig(t *testing.T) {
	for _, test := range []struct {
		config Config
		want   string // in the error
	}{
		{Config{Size: -1}, "Size is -1"},
		{Config{Size: 1000}, "Size is 1000 octets, not between 65536 and"},
		{Config{Shards: -1}, "Shards is -1"},
		{Config{Shards: 3}, "Shards is 3, which is not a power of two"},
		{Config{Size: 1 << 20, Shards: 32}, "for each of 32 shards"},
		{Config{Size: 1 << 40, Shards: 1}, "for each of 1 shards"},
		{Config{MinTTL: -time.Second}, "MinTTL is -1s"},
		{Config{MaxTTL: 1 << 62}, "MaxTTL is"},
		{Config{MinTTL: time.Hour, MaxTTL: time.Minute}, "MinTTL is above MaxTTL"},
		{Config{MinTTL: 48 * time.Hour}, "MinTTL is above MaxTTL"}, // the default
		{Config{MinNegativeTTL: time.Hour, MaxNegativeTTL: time.Minute}, "MinNegativeTTL is above MaxNegativeTTL"},
		{Config{FailureTTL: time.Millisecond}, "FailureTTL is 1ms"},
		{Config{FailureTTL: time.Hour}, "FailureTTL is 1h0m0s"},
		{Config{ServeStale: -1}, "ServeStale is -1ns"},
		{Config{Timeout: -1}, "Timeout is -1ns"},
		{Config{MaxInFlight: -1}, "MaxInFlight is -1"},
		{Config{MaxPrefetch: -1}, "MaxPrefetch is -1"},
		{Config{MaxWaiting: -1}, "MaxWaiting is -1"},
	} {
		_, err := New(test.config)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v does not say %q", test.config, err, test.want)
		}
	}
}

func TestEvents(t *testing.T) {
	var heard []string
	f := newCache(t, Config{Events: Events{
		Hit:  func(q wire.Question) { heard = append(heard, "hit "+q.Name.String()) },
		Miss: func(q wire.Question) { heard = append(heard, "miss "+q.Name.String()) },
		Stored: func(q wire.Question, life time.Duration) {
			heard = append(heard, "stored "+q.Name.String()+" "+life.String())
		},
	}}).Resolver(&scripted{answer: oneAddress})
	defer f.Close()
	for range 2 {
		if err := f.TryResolve(ask{name: "a.test."}.exchange(t)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := strings.Join(heard, ", "), "miss a.test., stored a.test. 5m0s, hit a.test."; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

var _ names.TryResolver = (*scripted)(nil)
