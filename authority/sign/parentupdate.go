package sign

import (
	"fmt"
	"slices"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// A parent that takes dynamic updates (RFC 2136) is sent the DS records that it is to have.
// That it has taken them proves nothing: what its servers answer does ([KeySet.Observe]). So
// this file only says when an update is to be sent, and what has become of the last one.

// ParentUpdate is the last update that was sent to the parent.
type ParentUpdate struct {
	Of     time.Time // since when the parent is asked for what it was about
	At     time.Time // when it was sent
	Tries  int       // of this change, so far
	Server string    // that has taken it; "": none has
	Failed string    // why none has
}

// How long the next try waits after one that failed, at first and at most: each waits twice
// as long as the one before. An update that was taken is sent again a day later if the parent
// has not followed.
const (
	firstUpdateRetry = time.Minute
	lastUpdateRetry  = 6 * time.Hour
	updateAgain      = 24 * time.Hour
)

// UpdateAt is when an update is to be sent to the parent: at once if what it is to have has
// changed, and again while it has not followed.
func (s *KeySet) UpdateAt() (at time.Time, ok bool) {
	since, ok := s.AskedSince()
	u := &s.Update
	switch {
	case !ok || !s.advanced.IsZero():
		return at, false
	case !u.Of.Equal(since):
		return since, true
	case u.Server != "":
		return u.At.Add(updateAgain), true
	}
	wait := firstUpdateRetry
	for range u.Tries - 1 {
		if wait *= 2; wait >= lastUpdateRetry {
			wait = lastUpdateRetry
			break
		}
	}
	return u.At.Add(wait), true
}

// NoteUpdate notes what has become of an update that was sent at now: the server that has
// taken it, or why none has.
func (s *KeySet) NoteUpdate(now time.Time, server string, err error) {
	since, _ := s.AskedSince()
	u := ParentUpdate{Of: since, At: now, Tries: 1, Server: server}
	if s.Update.Of.Equal(since) {
		u.Tries += s.Update.Tries
	}
	if err != nil {
		u.Failed = err.Error()
	}
	s.Update = u
}

// updateNote is what an operator wants to know of the update about the change that is under
// way; "": none was sent.
func (s *KeySet) updateNote() string {
	since, ok := s.AskedSince()
	switch u := &s.Update; {
	case !ok || !u.Of.Equal(since):
		return ""
	case u.Server != "":
		return fmt.Sprintf("; %s has taken an update at %s", u.Server, u.At.UTC().Format(time.RFC3339))
	default:
		return fmt.Sprintf("; no server has taken an update, try %d at %s: %s", u.Tries, u.At.UTC().Format(time.RFC3339), u.Failed)
	}
}

// DSForParent are the DS records that the parent of a zone is to have: those of our keys,
// and of the keys of another server that signs the zone, too (RFC 8901), which a version of it
// has. It is nil if the zone has no records.
func (s *Signer) DSForParent(zone wire.Name, version *authority.Snapshot) (all []wire.DS, err error) {
	r, err := rolesAt(s.Keys(), s.now())
	if err != nil {
		return nil, err
	}
	add := func(data []byte, algorithm wire.Algorithm) error {
		ds := wire.DS{KeyTag: dnssec.KeyTag(data), Algorithm: algorithm, DigestType: digestSHA256}
		ds.Digest, err = dnssec.AppendDigest(nil, zone, data, digestSHA256)
		all = append(all, ds)
		return err
	}
	for _, k := range r.forParent {
		if err := add(k.Data(), k.Record.Algorithm); err != nil {
			return nil, err
		}
	}
	if version == nil || !s.policy.ForeignKeys {
		return all, nil
	}
	for record := range version.RecordsOf(zone) {
		if record.Type != wire.TypeDNSKEY || slices.ContainsFunc(s.Keys(), func(k *Key) bool { return string(k.Data()) == string(record.Data) }) {
			continue
		}
		var key wire.DNSKEY
		c := wire.CursorOver(record.Data)
		if err := key.Parse(&c); err != nil {
			return nil, err
		}
		if key.Flags&wire.FlagSecureEntry != 0 {
			if err := add(slices.Clone(record.Data), key.Algorithm); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}
