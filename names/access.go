package names

import (
	"fmt"
	"slices"
	"strings"

	"github.com/names-dns/names/wire"
)

// PeerMatcher says which clients may do something: a [PeerSet], an [AccessRule], an
// [AccessList]. It is called for each query, by many goroutines at once.
type PeerMatcher interface {
	Matches(p *Peer) bool
}

// Matches reports whether the address of p is in the set.
func (s *PeerSet) Matches(p *Peer) bool { return s.Contains(p.Remote.Addr()) }

// AccessList matches the clients that any of its matchers does. An empty one matches
// none.
type AccessList []PeerMatcher

// Matches reports whether one of the list matches p.
func (l AccessList) Matches(p *Peer) bool {
	for _, m := range l {
		if m.Matches(p) {
			return true
		}
	}
	return false
}

// ParseAccess reads a list of clients: of each text an address, a prefix or a word, as
// [ParsePeerSet] reads them, or key:NAME for those that sign with a TSIG key.
func ParseAccess(texts ...string) (AccessList, error) {
	var plain []string
	var keys []wire.Name
	for _, text := range texts {
		name, isKey := strings.CutPrefix(text, "key:")
		if !isKey {
			plain = append(plain, text)
			continue
		}
		key, err := wire.ParseName(name)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", name, err)
		}
		keys = append(keys, key)
	}
	peers, err := ParsePeerSet(plain...)
	if err != nil {
		return nil, err
	}
	var l AccessList
	if !peers.IsEmpty() {
		l = append(l, peers)
	}
	if len(keys) > 0 {
		l = append(l, &AccessRule{Keys: keys})
	}
	return l, nil
}

// Keys are the TSIG keys that the rules of the list name.
func (l AccessList) Keys() (all []wire.Name) {
	for _, m := range l {
		if r, ok := m.(*AccessRule); ok {
			all = append(all, r.Keys...)
		}
	}
	return all
}

// AccessRule matches the clients that meet all of its conditions together: one that asks
// from a network, with a key, over a transport. A condition that is not given is
// met by all; the zero value matches every client.
//
// An address can be forged over UDP, unless the query has a cookie; a rule that is to
// rely on one has Transports without UDP, or Keys.
type AccessRule struct {
	Networks    *PeerSet    // where the client is
	Except      *PeerSet    // and where it is not
	Keys        []wire.Name // TSIG keys, one of which has signed the query
	Transports  []Transport // by which it came
	Addresses   *PeerSet    // of the server, one of which was asked
	ClientNames []string    // DNS names in a certificate of the client that was verified, in lower case
	ClientKeys  [][32]byte  // SHA-256 of the public key in a certificate of the client
}

// Matches reports whether p meets all conditions.
func (r *AccessRule) Matches(p *Peer) bool {
	a := p.Remote.Addr()
	switch {
	case r.Networks != nil && !r.Networks.Contains(a), r.Except.Contains(a):
		return false
	case len(r.Transports) > 0 && !slices.Contains(r.Transports, p.Transport):
		return false
	case r.Addresses != nil && !r.Addresses.Contains(p.Local.Addr()):
		return false
	case len(r.Keys) > 0 && (p.Key.IsZero() || !slices.ContainsFunc(r.Keys, p.Key.Equal)):
		return false
	}
	return r.matchesCertificate(p.TLS)
}

// matchesCertificate reports whether the client has one of the certificates, if one
// is needed.
func (r *AccessRule) matchesCertificate(t *PeerTLS) bool {
	if len(r.ClientNames)+len(r.ClientKeys) == 0 {
		return true
	}
	if t == nil {
		return false
	}
	for _, key := range r.ClientKeys {
		if len(t.ClientKey) == len(key) && [32]byte(t.ClientKey) == key {
			return true
		}
	}
	for _, name := range t.ClientNames {
		if slices.Contains(r.ClientNames, name) {
			return true
		}
	}
	return false
}
