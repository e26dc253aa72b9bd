package serve

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
)

// TestReadyToResolve: recursion is not ready if all servers are silent, and is again
// when one of them answers the question that finds out.
func TestReadyToResolve(t *testing.T) {
	dead, good := recursor.ServerStatus{Dead: true}, recursor.ServerStatus{}
	for _, c := range []struct {
		name    string
		servers []recursor.ServerStatus
		after   []recursor.ServerStatus // a question was sent
		err     error                   // of the question
		asks    int
		want    string // empty: ready
	}{
		{name: "no server was asked yet"},
		{name: "one answers", servers: []recursor.ServerStatus{dead, good}},
		{name: "all are silent still", servers: []recursor.ServerStatus{dead, dead}, after: []recursor.ServerStatus{dead, dead}, err: errors.New("no reply"), asks: 1,
			want: "none of the 2 servers that were asked answers"},
		{name: "one is back", servers: []recursor.ServerStatus{dead, dead}, after: []recursor.ServerStatus{dead, good}, asks: 1},
		{name: "servers of other zones", servers: []recursor.ServerStatus{dead}, after: []recursor.ServerStatus{dead}, err: names.ErrPass, asks: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := 0
			p := &parts{servers: func() []recursor.ServerStatus {
				if asked > 0 {
					return c.after
				}
				return c.servers
			}}
			p.remote = names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
				if asked++; strings.Count(x.Question().Name.String(), ".") != 1 {
					t.Errorf("asks for %s", x.Question().Name)
				}
				return c.err
			})
			err := p.canResolve(t.Context())
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v", err)
			}
			if asked != c.asks {
				t.Errorf("%d questions", asked)
			}
		})
	}
	if err := new(parts).canResolve(t.Context()); err != nil {
		t.Errorf("without recursion: %v", err)
	}
}
