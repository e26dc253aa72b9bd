package serve

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/authority/update"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// updateTimeout bounds what one server of the parent takes to reply to an update.
const updateTimeout = 20 * time.Second

// updateParents sends the parents that take updates the DS records that they are to have.
func (s *signing) updateParents(ctx context.Context) {
	s.eachDue(ctx, (*zoneSigning).updatesAt, func(d *dueZone) {
		log := s.log.With("zone", d.zone.Origin().String())
		if d.zone.State() != authority.Loaded && !d.of.isOnline {
			return
		}
		s.mu.Lock()
		ds, err := d.of.signer.DSForParent(d.zone.Origin(), d.zone.Snapshot())
		timing := d.of.keys.Policy.Timing
		s.mu.Unlock()
		if err != nil {
			log.Error("parent not sent DS records", "error", err)
			return
		}
		server, err := s.updateParent(ctx, d.zone.Origin(), d.of.policy.ParentUpdate, ds, min(timing.KeyTTL, timing.DS))
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.updatesFailed.Add(1)
			log.Warn("parent has not taken an update of DS records", "error", err)
		} else {
			s.updatesTaken.Add(1)
			log.Info("parent has taken an update of DS records", "server", server, "records", len(ds))
		}
		s.mu.Lock()
		if s.zones[d.zone] == d.of {
			keys, noted := sign.EditKeySet(d.of.keyDir, d.zone.Origin(), s.now(), func(set *sign.KeySet) error {
				set.NoteUpdate(s.now(), server, err)
				return nil
			})
			if noted != nil {
				log.Error("keys not changed", "error", noted)
			} else {
				d.of.keys = keys
			}
			if err == nil {
				d.of.lookedAt = time.Time{} // what its servers answer decides
			}
		}
		s.mu.Unlock()
	})
}

// updatesAt is when the parent is to be sent DS records.
func (z *zoneSigning) updatesAt() (at time.Time, ok bool) {
	if len(z.policy.ParentUpdate) == 0 || !z.isSigned {
		return at, false
	}
	return z.keys.UpdateAt()
}

// updateParent sends an update that makes these the DS records of a zone, to one server after
// the other until one takes it.
func (s *signing) updateParent(ctx context.Context, zone wire.Name, servers []settings.Peer, ds []wire.DS, ttl time.Duration) (server string, err error) {
	ctx, cancel := context.WithTimeout(ctx, parentTimeout)
	defer cancel()
	var failures []error
	for _, peer := range servers {
		key, ok := s.tsig.Find(peer.Key)
		if !ok {
			failures = append(failures, fmt.Errorf("server %v: there is no TSIG key %v", peer.Address, peer.Key))
			continue
		}
		client := update.Client{Server: peer.Address, Key: &key, Timeout: updateTimeout, Dial: s.dial(peer)}
		if err := sendDS(ctx, &client, zone, ds, ttl); err != nil {
			failures = append(failures, fmt.Errorf("server %v: %w", peer.Address, err))
			continue
		}
		return peer.Address.String(), nil
	}
	return "", errors.Join(failures...)
}

// dialFrom connects from the address that a peer is to see.
func dialFrom(peer settings.Peer) func(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	if peer.Source.IsValid() {
		d.LocalAddr = &net.TCPAddr{IP: peer.Source.AsSlice(), Zone: peer.Source.Zone()}
	}
	return d.DialContext
}

// sendDS replaces the DS records of a zone at a server, in one update.
func sendDS(ctx context.Context, client *update.Client, zone wire.Name, ds []wire.DS, ttl time.Duration) error {
	above, err := zoneAbove(ctx, client, zone)
	if err != nil {
		return err
	}
	request := update.NewRequest(above)
	request.RemoveRRset(zone, wire.TypeDS)
	for i := range ds {
		request.Add(wire.Record{Name: zone, Type: wire.TypeDS, TTL: uint32(ttl / time.Second), Data: ds[i].AppendTo(nil, nil)})
	}
	reply, err := client.Send(ctx, request)
	if err == nil && reply.RCode != wire.RCodeNoError {
		err = fmt.Errorf("it replies %v to an update of zone %v", reply.RCode, above)
	}
	return err
}

// zoneAbove asks a server which zone a zone is delegated from: the one whose SOA record it has
// for the name above.
func zoneAbove(ctx context.Context, client *update.Client, zone wire.Name) (wire.Name, error) {
	if zone.IsRoot() {
		return zone, errors.New("there is no zone above it")
	}
	m := wire.Message{ID: uint16(rand.Uint32()), Questions: []wire.Question{{Name: zone.Parent(), Type: wire.TypeSOA, Class: wire.ClassIN}}, EDNS: &wire.EDNS{UDPSize: 1232}}
	query, err := m.AppendTo(nil)
	if err != nil {
		return zone, err
	}
	querier := names.Querier{TCP: true, Dial: client.Dial, Timeouts: []time.Duration{client.Timeout}}
	reply, err := querier.Query(ctx, query, client.Server)
	if err != nil {
		return zone, err
	}
	r, err := wire.ParseMessage(reply.Message)
	if err != nil {
		return zone, err
	}
	for _, record := range append(r.Answers, r.Authority...) {
		if record.Type == wire.TypeSOA && zone.Parent().HasSuffix(record.Name) && r.Flags&wire.FlagAA != 0 {
			return record.Name, nil
		}
	}
	return zone, fmt.Errorf("it replies %v to the question for the zone of %v, without a SOA record", r.RCode, zone.Parent())
}
