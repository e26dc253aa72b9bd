// Package shares divides a number of places among clients and zones, so that
// one that takes many, or for long, leaves room for the others.
package shares

import (
	"hash/maphash"
	"net/netip"
)

// Shares are a number of places, of which each key may have as many as are free
// (the dynamic thresholds of Choudhury and Hahne, 1998). One alone gets half of
// all places, two a third each, and one that has few always finds some: what is
// refused is the newest of those that have most.
//
// Places are counted by hash, in fixed memory (32 KiB): a key's count is the
// smaller of two, so that those that share one counter with a busy key seldom
// suffer. The zero value has no places. Shares are not safe for concurrent use.
type Shares struct {
	Limit int // how many places there are

	used   int
	counts [2][width]uint32
}

const width = 4096 // a power of two

// Key is what a place is taken for: a hash that outsiders cannot work out, and
// how much of what is free that may have, in halves.
type Key struct {
	Hash   uint64
	Halves int
}

// ofClient is how much a client may have, in halves: one alone gets three
// quarters, for it may be a resolver for many.
const ofClient = 6

// OfClient returns the key of a client: an IPv4 address, or the /56 that a
// customer of a provider has. seed is that of all keys of the shares. An
// invalid address is a client as well.
func OfClient(seed maphash.Seed, client netip.Addr) Key {
	client = client.Unmap().WithZone("")
	if client.Is6() {
		network, _ := client.Prefix(56) // valid for every IPv6 address
		client = network.Addr()
	}
	octets := client.As16()
	return Key{^maphash.Bytes(seed, octets[:]), ofClient}
}

// Used is how many places are taken.
func (s *Shares) Used() int { return s.used }

// Take takes a place for all keys, if each may have one more.
func (s *Shares) Take(keys ...Key) bool {
	if s.used >= s.Limit {
		return false
	}
	for _, k := range keys {
		a, b := s.of(k)
		if 2*int(min(*a, *b)) >= k.Halves*(s.Limit-s.used) {
			return false
		}
	}
	s.used++
	for _, k := range keys {
		a, b := s.of(k)
		*a++
		*b++
	}
	return true
}

// Greediest returns the key that has most, measured by what it may have; the zero
// Key if there are none.
func (s *Shares) Greediest(keys ...Key) (most Key) {
	var places uint32
	for _, k := range keys {
		a, b := s.of(k)
		if n := min(*a, *b); most.Halves == 0 || int(n)*most.Halves > int(places)*k.Halves {
			most, places = k, n
		}
	}
	return most
}

// Leave gives the place back that was taken for keys.
func (s *Shares) Leave(keys ...Key) {
	s.used--
	for _, k := range keys {
		a, b := s.of(k)
		*a--
		*b--
	}
}

func (s *Shares) of(k Key) (a, b *uint32) {
	return &s.counts[0][k.Hash%width], &s.counts[1][k.Hash>>32%width]
}
