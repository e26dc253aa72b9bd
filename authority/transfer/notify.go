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
	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/wire"
)

// Target is a server that is notified of new versions.
type Target struct {
	Address netip.AddrPort
	Key     *wire.TSIGKey // signs the message, and then the reply has to be signed; nil: neither is
	Source  netip.Addr    // of ours, that messages come from; by default the system chooses it
	Over    *Transport    // messages go over a connection of their own: over TLS, say; nil: over UDP
}

// String is what the target is called in errors and logs.
func (t *Target) String() string {
	if t.Over != nil {
		return t.Over.Name
	}
	return t.Address.String()
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
	// Source is the address of ours that messages to a server in the NS records come
	// from; if it is not valid, or Source is nil, the system chooses it.
	Source func(server netip.AddrPort) netip.Addr
	Log    *slog.Logger // of failures; by default they are not logged
	Dial   Dialer       // by default that of the operating system
}

// Notifier tells others with NOTIFY that a zone has changed (RFC 1996). For each
// zone and target there is at most one message on its way: what changes meanwhile
// is in the next. A target that does not reply holds up no other.
type Notifier struct {
	config NotifierConfig
	slots  chan struct{} // bounds the messages that are on their way

	acknowledged, failed atomic.Uint64

	running chan struct{} // closed once Run runs

	mu      sync.Mutex
	context context.Context // nil: Run was not called yet, or has ended
	pending map[notice]bool // those that wait or are on their way, and whether the zone has changed since
	queues  map[laneKey]*queueOfNotices
	sending sync.WaitGroup
}

// notice is what one target is to know. Without an address it stands for the
// servers in the NS records, whose addresses have to be found first.
type notice struct {
	zone   *authority.Zone
	target Target
}

// queueOfNotices is the notices to one target.
type queueOfNotices struct {
	working int
	waiting []notice
}

const (
	mostPerTarget = 8   // messages that are on their way to one target
	mostNotices   = 256 // and to all
)

// NewNotifier returns a notifier, which works while Run does.
func NewNotifier(c NotifierConfig) *Notifier {
	if c.Dial == nil {
		c.Dial = dial
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Notifier{
		config: c, slots: make(chan struct{}, mostNotices), running: make(chan struct{}), pending: map[notice]bool{}, queues: map[laneKey]*queueOfNotices{},
	}
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
		n.place(one)
	}
}

// place gives a notice its place among those to its target. The caller holds n.mu.
func (n *Notifier) place(one notice) {
	key := laneKey{one.target.Address, one.target.Source, one.target.Over}
	q := n.queues[key]
	if q == nil {
		q = new(queueOfNotices)
		n.queues[key] = q
	}
	q.waiting = append(q.waiting, one)
	if q.working < mostPerTarget {
		q.working++
		ctx := n.context
		n.sending.Go(func() { n.work(ctx, key, q) })
	}
}

// work sends the notices to one target until there is none.
func (n *Notifier) work(ctx context.Context, key laneKey, q *queueOfNotices) {
	for {
		n.mu.Lock()
		if len(q.waiting) == 0 || ctx.Err() != nil {
			if q.working--; q.working == 0 {
				delete(n.queues, key)
			}
			n.mu.Unlock()
			return
		}
		one := q.waiting[0]
		q.waiting = q.waiting[1:]
		n.pending[one] = false
		n.mu.Unlock()
		err := n.deliver(ctx, one)
		if ctx.Err() != nil {
			continue
		}
		dropped := 0
		if errors.Is(err, errSilent) {
			dropped = n.giveUp(q)
		}
		if err != nil {
			n.config.Log.Warn("cannot notify a secondary of a new version", "zone", one.zone.Origin().String(), "secondary", one.target.String(), "error", err, "other_zones", dropped)
		}
		n.mu.Lock()
		if n.pending[one] {
			n.place(one)
		} else {
			delete(n.pending, one)
		}
		n.mu.Unlock()
	}
}

// giveUp drops the notices that wait for a target that does not reply: each would take
// a minute, and secondaries look for new versions themselves.
func (n *Notifier) giveUp(q *queueOfNotices) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	dropped := len(q.waiting)
	for _, one := range q.waiting {
		delete(n.pending, one)
	}
	q.waiting = nil
	n.failed.Add(uint64(dropped))
	return dropped
}

// notifyServers makes notices for the servers in the NS records of a zone.
func (n *Notifier) notifyServers(ctx context.Context, zone *authority.Zone) error {
	addresses, err := n.serversOf(ctx, zone)
	for _, a := range addresses {
		target := Target{Address: a}
		if n.config.Source != nil {
			target.Source = n.config.Source(a)
		}
		n.enqueue(notice{zone, target})
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
func (n *Notifier) deliver(ctx context.Context, one notice) error {
	if one.target == (Target{}) {
		if err := n.notifyServers(ctx, one.zone); err != nil && ctx.Err() == nil {
			n.config.Log.Warn("cannot find a server of the zone to notify it", "zone", one.zone.Origin().String(), "error", err)
		}
		return nil
	}
	err := n.try(ctx, one)
	if err == nil {
		n.acknowledged.Add(1)
	} else {
		n.failed.Add(1)
	}
	return err
}

const (
	notifyTries   = 5 // RFC 1996 3.6
	notifyTimeout = 2 * time.Second
)

// errSilent is wrapped by the error of a notice to which no reply of any kind came.
var errSilent = errors.New("no reply")

// try sends a notice, and again with twice the time if no reply comes.
func (n *Notifier) try(ctx context.Context, one notice) error {
	timeout, isSilent := notifyTimeout, true
	var last error
	for range notifyTries {
		hasReply, err := n.send(ctx, one, timeout)
		if err == nil || ctx.Err() != nil {
			return err
		}
		last, isSilent = err, isSilent && !hasReply
		timeout *= 2
	}
	if isSilent {
		last = fmt.Errorf("%w: %w", errSilent, last)
	}
	return fmt.Errorf("gave up after %d attempts: %w", notifyTries, last)
}

// send sends a notice and waits for the reply. Attempts that fail early take
// their time, too.
func (n *Notifier) send(ctx context.Context, one notice, timeout time.Duration) (hasReply bool, err error) {
	select {
	case n.slots <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	defer func() { <-n.slots }()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer func() {
		if err != nil {
			<-ctx.Done()
		}
	}()
	message, err := notifyMessage(one.zone)
	if err != nil || message == nil {
		return false, err
	}
	dial, network := n.config.Dial, "udp"
	if one.target.Over != nil {
		dial, network = one.target.Over.Dial, "tcp"
	}
	conn, err := dial(ctx, network, one.target.Source, one.target.Address)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	id := binary.BigEndian.Uint16(message)
	var session *wire.TSIGSession
	if one.target.Key != nil {
		if message, session, err = one.target.Key.Sign(message, time.Now()); err != nil {
			return false, err
		}
	}
	read := conn.Read
	if one.target.Over == nil {
		_, err = conn.Write(message)
	} else {
		err = frame.Write(conn, message)
		read = func(b []byte) (int, error) {
			m, err := frame.Read(conn, b[:maxNoticeReply])
			if len(m) > maxNoticeReply {
				err = errNotAsked
			}
			return len(m), err
		}
	}
	if err != nil {
		return false, err
	}
	var buf [maxNoticeReply]byte
	for {
		size, err := read(buf[:])
		if err != nil {
			return false, err
		}
		var reply wire.Query
		if reply.Parse(buf[:size]) != nil || reply.Header.ID != id ||
			!reply.Header.Flags.Has(wire.FlagQR) || reply.Header.Flags.Opcode() != wire.OpcodeNotify {
			continue // not the reply
		}
		if session != nil {
			if err := session.Verify(buf[:size], time.Now()); err != nil {
				return true, err
			}
		}
		if rcode := reply.Header.Flags.RCode(); rcode != wire.RCodeNoError {
			return true, fmt.Errorf("secondary replies %v", rcode)
		}
		return true, nil
	}
}

// maxNoticeReply is the longest reply that is read, in octets.
const maxNoticeReply = 4096

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
