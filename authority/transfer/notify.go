package transfer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// Target is a server that is notified of new versions.
type Target struct {
	Address netip.AddrPort
	Key     *wire.TSIGKey // signs the message, and then the reply has to be signed; nil: neither is
	Source  netip.Addr    // of ours, that messages come from; by default the system chooses it
}

// Notify says who is notified of new versions of a zone.
type Notify struct {
	Targets []Target
	// Servers adds the addresses of the servers that the zone's NS records name,
	// but for the one in the SOA record, which is the primary (RFC 1996 2.1).
	Servers bool
}

// NotifierConfig says which servers are notified of new versions.
type NotifierConfig struct {
	// Of says who is notified of a zone.
	Of func(z *authority.Zone) Notify
	// Lookup finds the addresses of servers whose names are in other zones. Without it
	// these are not notified.
	Lookup func(ctx context.Context, name wire.Name) ([]netip.Addr, error)
	// IsOwn reports whether an address is one of our own, which is not notified.
	// It may be nil.
	IsOwn func(a netip.Addr) bool
	Log   *slog.Logger // of failures; by default they are not logged
	Dial  Dialer       // by default that of the operating system
}

// Notifier tells others with NOTIFY that a zone has changed (RFC 1996). For each
// zone and target there is at most one message on its way: what changes meanwhile
// is in the next.
type Notifier struct {
	config NotifierConfig
	slots  chan struct{} // bounds the messages that are on their way

	acknowledged, failed atomic.Uint64

	running chan struct{} // closed once Run runs

	mu      sync.Mutex
	context context.Context // nil: Run was not called yet, or has ended
	pending map[notice]bool // those on their way, and whether the zone has changed since
	sending sync.WaitGroup
}

// notice is what one target is to know. Without an address it stands for the
// servers in the NS records, whose addresses have to be found first.
type notice struct {
	zone   *authority.Zone
	target Target
}

// NewNotifier returns a notifier, which works while Run does.
func NewNotifier(c NotifierConfig) *Notifier {
	if c.Dial == nil {
		c.Dial = dial
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Notifier{config: c, slots: make(chan struct{}, 32), running: make(chan struct{}), pending: map[notice]bool{}}
}

// Run sends what Receive was called with until ctx is done.
func (n *Notifier) Run(ctx context.Context) {
	n.mu.Lock()
	n.context = ctx
	n.mu.Unlock()
	close(n.running)
	<-ctx.Done()
	n.mu.Lock()
	n.context = nil
	n.mu.Unlock()
	n.sending.Wait()
}

// announceInterval spreads the notices of a start.
const announceInterval = 20 * time.Millisecond

// Announce tells the targets of zones which version they have, one zone after the
// other: what changed while no server ran, secondaries have not learned. It returns
// when all are on their way, or ctx is done. It begins once Run does, which is
// called once.
func (n *Notifier) Announce(ctx context.Context, zones []*authority.Zone) {
	select {
	case <-n.running:
	case <-ctx.Done():
		return
	}
	tick := time.NewTicker(announceInterval)
	defer tick.Stop()
	for _, zone := range zones {
		if zone.Snapshot() == nil || !n.Notify(zone) {
			continue
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Receive tells the targets of a version that became visible. It is an
// [authority.Subscriber].
func (n *Notifier) Receive(p authority.Publication) {
	if p.After == nil || p.Before != nil && p.Before.Serial() == p.After.Serial() {
		return // there is nothing that a secondary would come for
	}
	n.Notify(p.Zone)
}

// Notify makes notices of the version that a zone has, and reports whether there are
// any.
func (n *Notifier) Notify(zone *authority.Zone) bool {
	who := n.config.Of(zone)
	for _, target := range who.Targets {
		n.enqueue(notice{zone, target})
	}
	if who.Servers {
		n.enqueue(notice{zone: zone})
	}
	return who.Servers || len(who.Targets) > 0
}

// enqueue sends a notice, unless it is on its way: then it is sent once more.
func (n *Notifier) enqueue(one notice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.context == nil {
		return
	}
	_, isPending := n.pending[one]
	n.pending[one] = isPending
	if !isPending {
		ctx := n.context
		n.sending.Go(func() { n.deliver(ctx, one) })
	}
}

// notifyServers makes notices for the servers in the NS records of a zone.
func (n *Notifier) notifyServers(ctx context.Context, zone *authority.Zone) error {
	addresses, err := n.serversOf(ctx, zone)
	for _, a := range addresses {
		n.enqueue(notice{zone, Target{Address: a}})
	}
	return err
}

// Servers returns the addresses that are notified of a zone: those that it finds, if
// there is an error.
func (n *Notifier) Servers(ctx context.Context, zone *authority.Zone) (all []netip.AddrPort, err error) {
	who := n.config.Of(zone)
	for _, target := range who.Targets {
		all = append(all, target.Address)
	}
	if who.Servers {
		var servers []netip.AddrPort
		servers, err = n.serversOf(ctx, zone)
		all = append(all, servers...)
	}
	return all, err
}

// serversOf finds the servers in the NS records of a zone, without its targets.
func (n *Notifier) serversOf(ctx context.Context, zone *authority.Zone) (all []netip.AddrPort, err error) {
	snapshot := zone.Snapshot()
	if snapshot == nil {
		return nil, nil
	}
	explicit := map[netip.Addr]bool{}
	for _, target := range n.config.Of(zone).Targets {
		explicit[target.Address.Addr()] = true
	}
	primary := soaOf(snapshot).Primary
	var errs []error
	for _, name := range serversOf(snapshot) {
		if name.Equal(primary) {
			continue
		}
		addresses, err := n.addressesOf(ctx, snapshot, name)
		if err != nil {
			errs = append(errs, fmt.Errorf("address of %v: %w", name, err))
		}
		for _, a := range addresses {
			if explicit[a] || n.config.IsOwn != nil && n.config.IsOwn(a) || len(all) == maxServers {
				continue
			}
			explicit[a] = true
			all = append(all, netip.AddrPortFrom(a, 53))
		}
	}
	return all, errors.Join(errs...)
}

// maxServers bounds how many addresses of a zone's servers are notified.
const maxServers = 64

// serversOf is the names in the NS records of a zone's apex.
func serversOf(s *authority.Snapshot) (servers []wire.Name) {
	for r := range s.Unsorted() {
		if !r.Name.Equal(s.Origin()) {
			break // the apex comes first
		}
		if r.Type == wire.TypeNS {
			if name, _, err := wire.NameFromWire(r.Data); err == nil {
				servers = append(servers, name)
			}
		}
	}
	return servers
}

// addressesOf finds the addresses of a server: in the zone if its name is there.
func (n *Notifier) addressesOf(ctx context.Context, s *authority.Snapshot, name wire.Name) (addresses []netip.Addr, err error) {
	if name.HasSuffix(s.Origin()) {
		for r := range s.RecordsOf(name) {
			if r.Type == wire.TypeA || r.Type == wire.TypeAAAA {
				if a, ok := netip.AddrFromSlice(r.Data); ok {
					addresses = append(addresses, a)
				}
			}
		}
		return addresses, nil
	}
	if n.config.Lookup == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return n.config.Lookup(ctx, name)
}

// deliver sends a notice until it is acknowledged or was tried often enough.
func (n *Notifier) deliver(ctx context.Context, one notice) {
	for again := true; again; again = n.hasChanged(one) {
		select {
		case n.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		var err error
		if one.target == (Target{}) {
			if err = n.notifyServers(ctx, one.zone); err != nil && ctx.Err() == nil {
				n.config.Log.Warn("cannot find a server of the zone to notify it", "zone", one.zone.Origin().String(), "error", err)
				err = nil
			}
		} else {
			if err = n.try(ctx, one); err == nil {
				n.acknowledged.Add(1)
			} else {
				n.failed.Add(1)
			}
		}
		<-n.slots
		if err != nil && ctx.Err() == nil {
			n.config.Log.Warn("cannot notify a secondary of a new version", "zone", one.zone.Origin().String(), "secondary", one.target.Address.String(), "error", err)
		}
	}
}

// hasChanged reports whether the zone has changed since the notice was sent. If
// not, the notice ceases to be pending.
func (n *Notifier) hasChanged(one notice) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	changed := n.pending[one]
	if changed {
		n.pending[one] = false
	} else {
		delete(n.pending, one)
	}
	return changed
}

const (
	notifyTries   = 5 // RFC 1996 3.6
	notifyTimeout = 2 * time.Second
)

// try sends a notice, and again with twice the time if no reply comes.
func (n *Notifier) try(ctx context.Context, one notice) (err error) {
	timeout := notifyTimeout
	for range notifyTries {
		if err = n.send(ctx, one, timeout); err == nil || ctx.Err() != nil {
			return err
		}
		timeout *= 2
	}
	return fmt.Errorf("gave up after %d attempts: %w", notifyTries, err)
}

// send sends a notice and waits for the reply. Attempts that fail early take
// their time, too.
func (n *Notifier) send(ctx context.Context, one notice, timeout time.Duration) (err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer func() {
		if err != nil {
			<-ctx.Done()
		}
	}()
	conn, err := n.config.Dial(ctx, "udp", one.target.Source, one.target.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	message, err := notifyMessage(one.zone)
	if err != nil || message == nil {
		return err
	}
	var session *wire.TSIGSession
	if one.target.Key != nil {
		if message, session, err = one.target.Key.Sign(message, time.Now()); err != nil {
			return err
		}
	}
	if _, err := conn.Write(message); err != nil {
		return err
	}
	var buf [4096]byte
	for {
		size, err := conn.Read(buf[:])
		if err != nil {
			return err
		}
		var reply wire.Query
		if reply.Parse(buf[:size]) != nil || reply.Header.ID != binary.BigEndian.Uint16(message) ||
			!reply.Header.Flags.Has(wire.FlagQR) || reply.Header.Flags.Opcode() != wire.OpcodeNotify {
			continue // not the reply
		}
		if session != nil {
			if err := session.Verify(buf[:size], time.Now()); err != nil {
				return err
			}
		}
		if rcode := reply.Header.Flags.RCode(); rcode != wire.RCodeNoError {
			return fmt.Errorf("secondary replies %v", rcode)
		}
		return nil
	}
}

// notifyMessage has the SOA record as the hint that RFC 1996 3.7 wants. It is nil
// if the zone has expired.
func notifyMessage(z *authority.Zone) ([]byte, error) {
	snapshot := z.Snapshot()
	if snapshot == nil {
		return nil, nil
	}
	r := reply{after: snapshot}
	m := wire.Message{
		ID: randomID(), Flags: wire.FlagAA.WithOpcode(wire.OpcodeNotify),
		Questions: []wire.Question{{Name: z.Origin(), Type: wire.TypeSOA, Class: z.Class()}},
		Answers:   []wire.Record{r.soa()},
	}
	return m.AppendTo(nil)
}
