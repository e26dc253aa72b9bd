package recursor

import (
	"net/netip"
	"testing"
	"time"

	"github.com/names-dns/names/recursor/upstream"
)

// TestChoose: fast before slow, those that were not asked before those that
// were, never those that have said that they do not know, and dead ones apart.
func TestChoose(t *testing.T) {
	now := time.Now()
	client := upstream.NewClient(upstream.Config{})
	newOne := func(rtt time.Duration) *server {
		s := newServer(client.Server(netip.MustParseAddrPort("192.0.2.1:53")), 8*time.Second, nil, quiet)
		s.heard(now, rtt)
		return s
	}
	fast, slow, dead := newOne(10*time.Millisecond), newOne(80*time.Millisecond), newOne(time.Millisecond)
	dead.failed(now.Add(-time.Minute), errSilent)
	all := []*server{slow, dead, fast}
	for _, test := range []struct {
		title    string
		servers  []*server
		attempts []*attempt
		best     *server
		tries    int
		fresh    int
		due      *server
	}{
		{"none was asked", all, nil, fast, 0, 2, dead},
		{"the best was asked", all, []*attempt{{server: fast}}, slow, 0, 1, dead},
		{"all were asked", all, []*attempt{{server: fast}, {server: slow}}, fast, 1, 0, dead},
		{"the best has failed", all, []*attempt{{server: fast, isOver: true}, {server: slow}}, slow, 1, 0, dead},
		{"all have failed", all, []*attempt{{server: fast, isOver: true}, {server: slow, isOver: true}, {server: dead, isOver: true}}, nil, 0, 0, nil},
		{"all are dead", []*server{dead}, nil, nil, 0, 0, dead},
	} {
		c := choose(test.servers, test.attempts, now, chooser{})
		if c.best != test.best || c.tries != test.tries || c.fresh != test.fresh || c.due != test.due {
			t.Errorf("%s: %+v", test.title, c)
		}
	}
	if c := (&choice{best: fast, fresh: 2}); c.patience(0) != fast.patience() {
		t.Errorf("another server is asked after %v", c.patience(0))
	}
	if c := (&choice{best: fast, fresh: 1, tries: 2}); c.patience(0) != 4*repeatPatience {
		t.Errorf("the same server is asked again after %v", c.patience(0))
	}
	busy := newOne(time.Millisecond)
	busy.waiting = maxPerServer
	var b blame
	if c := choose([]*server{busy, slow}, []*attempt{{server: fast}}, now, chooser{strangers: true, blame: &b, counts: new(counters)}); c.best != slow || len(b.texts) != 1 {
		t.Errorf("with too many queries waiting: %+v, %v", c, b.texts)
	}
}
