package recursor

import (
	"context"
	"net/netip"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// rootCopy is a copy of the root zone: it refers to the servers of test, and denies
// all else.
type rootCopy struct {
	asked  int
	isGood bool
}

func (r *rootCopy) Resolve(_ context.Context, x *names.Exchange) error { return r.TryResolve(x) }

func (r *rootCopy) TryResolve(x *names.Exchange) error {
	if !r.isGood {
		return names.ErrPass
	}
	r.asked++
	put := func(section wire.Section, line string) {
		x.Reply.SetSection(section)
		for _, record := range upstreamtest.Records(wire.Root, line) {
			x.Reply.Raw(record.Name, record.Type, record.Class, record.TTL, record.Data)
		}
	}
	switch q := x.Query.Question; {
	case q.Name.IsRoot() && q.Type == wire.TypeNS:
		x.Reply.Flags |= wire.FlagAA
		put(wire.SectionAnswer, ". NS a.root-servers.net.")
	case q.Name.HasSuffix(wire.MustParseName("test.")):
		put(wire.SectionAuthority, "test. NS ns.test.")
		put(wire.SectionAdditional, "ns.test. A 192.0.2.53")
	default:
		x.Reply.Flags |= wire.FlagAA
		x.RCode = wire.RCodeNXDomain
		put(wire.SectionAuthority, ". SOA a. b. 1 2 3 4 5")
	}
	return nil
}

// TestLocalRoot: the copy of the root zone is asked in place of the root's servers, as
// long as it is good.
func TestLocalRoot(t *testing.T) {
	root, servers := &rootCopy{isGood: true}, 0
	counted := func(q *upstreamtest.Query) {
		servers++
		refers(map[string]string{"test.": "ns.test.", "other.": "ns.other."}, map[string]string{"ns.test.": "192.0.2.53", "ns.other.": "192.0.2.53"})(q)
	}
	playRoot(t, Config{LocalRoot: root}, counted, func(r *Recursor, network *upstreamtest.Network) {
		network.Serve(netip.MustParseAddrPort("192.0.2.53:53"), func(q *upstreamtest.Query) {
			m := q.Reply()
			m.Flags |= wire.FlagAA
			m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 192.0.2.7")
			q.SendMessage(m)
		}, nil)
		if m := namestest.Ask(t, r, "www.test.", wire.TypeA); len(m.Answers) != 1 {
			t.Errorf("a name below a delegation:\n%v", m)
		}
		if m := namestest.Ask(t, r, "nothing.", wire.TypeA); m.RCode != wire.RCodeNXDomain {
			t.Errorf("a name that is not there:\n%v", m)
		}
		if servers != 0 || root.asked == 0 {
			t.Errorf("the root's servers were asked %d times, the copy %d times", servers, root.asked)
		}
		root.isGood = false
		if m := namestest.Ask(t, r, "www.other.", wire.TypeA); len(m.Answers) != 1 || servers == 0 {
			t.Errorf("without a good copy the root's servers were asked %d times:\n%v", servers, m)
		}
	})
}
