package recursor

import (
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// TestFailureSaysEachReasonOnce: a failure with the same reason several times is not
// read to its end.
func TestFailureSaysEachReasonOnce(t *testing.T) {
	var b blame
	for range 3 {
		b.add(nil, errRootLame, rankRCode, wire.ExtendedErrorNoReachableAuthority, "no server")
	}
	b.add(nil, errLame, rankRCode, wire.ExtendedErrorNoReachableAuthority, "no server")
	text := b.failure().Error()
	if strings.Count(text, "a router or firewall") != 1 || !strings.HasSuffix(text, "; "+errLame.Error()) {
		t.Error(text)
	}
}
