package authority

import (
	"sync/atomic"

	"github.com/names-dns/names/wire"
)

// Zone is a zone that is being served: a name, and the snapshot of its
// contents that answers come from at present.
type Zone struct {
	origin  wire.Name
	class   wire.Class
	current atomic.Pointer[Snapshot]
}

// NewZone serves s.
func NewZone(s *Snapshot) *Zone {
	z := &Zone{origin: s.origin, class: s.class}
	z.current.Store(s)
	return z
}

// Origin is the name of the zone's apex.
func (z *Zone) Origin() wire.Name { return z.origin }

// Snapshot is what answers come from now.
func (z *Zone) Snapshot() *Snapshot { return z.current.Load() }

// Replace answers from s from now on. Queries that are being answered finish
// with the contents they started with.
func (z *Zone) Replace(s *Snapshot) {
	if !s.origin.Equal(z.origin) || s.class != z.class {
		panic("authority: snapshot of " + s.origin.String() + " for zone " + z.origin.String())
	}
	z.current.Store(s)
}
