package journal

import (
	"sync"
	"weak"

	"github.com/names-dns/names/authority"
)

// preparedZone is the digest of a version that no change was noted of.
type preparedZone struct {
	version weak.Pointer[authority.Snapshot] // which may be replaced, and is not to be kept for this
	digest  func() authority.Digest          // computed once
}

// minPrepared is how many records a zone has that is worth preparing: the digest of a
// smaller one takes less time than a write to the disk.
const minPrepared = 1_000

// Prepare makes a digest of a zone of which the journal has nothing yet: the first change
// of a zone needs it, and takes as long as later ones if it is there. A change that comes
// meanwhile waits for it.
func (j *Journal) Prepare(z *authority.Zone) {
	s := z.Snapshot()
	if s == nil || s.Records() < minPrepared {
		return
	}
	p := &preparedZone{weak.Make(s), sync.OnceValue(s.Digest)}
	if j.prepare(zoneKey{z.Origin().Key(), z.Class()}, p) {
		p.digest()
	}
}

// prepare notes what is prepared, unless there is no need of it.
func (j *Journal) prepare(key zoneKey, p *preparedZone) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if before := j.prepared[key]; j.closed || j.zones[key] != nil || before != nil && before.version == p.version {
		return false
	}
	if j.prepared == nil {
		j.prepared = map[zoneKey]*preparedZone{}
	}
	j.prepared[key] = p
	return true
}

// digestOf is the digest of a version, which may have been prepared.
func (j *Journal) digestOf(s *authority.Snapshot) authority.Digest {
	j.mu.Lock()
	p := j.prepared[zoneKey{s.Origin().Key(), s.Class()}]
	j.mu.Unlock()
	if p != nil && p.version == weak.Make(s) {
		return p.digest()
	}
	return s.Digest()
}
