package recursor

import (
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// TestOtherClassesAreNotResolved: the root servers know class IN, and what
// others know of other classes is not for clients to know (BIND's CVE-2026-5946).
func TestOtherClassesAreNotResolved(t *testing.T) {
	root := func(q *upstreamtest.Query) { q.SendMessage(q.Reply()) }
	playRoot(t, Config{}, root, func(r *Recursor, network *upstreamtest.Network) {
		for _, class := range []wire.Class{0, wire.ClassCH, wire.ClassHS, wire.ClassAny, wire.ClassNone, 4242} {
			if _, err := namestest.Try(t, r, "example.", wire.TypeA, namestest.InClass(class)); err != names.ErrPass {
				t.Errorf("class %v: got %v", class, err)
			}
		}
		if opened, _, _ := network.Sockets(); opened != 0 {
			t.Errorf("%d sockets were opened for that", opened)
		}
	})
}
