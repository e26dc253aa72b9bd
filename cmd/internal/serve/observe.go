package serve

import (
	"cmp"
	"context"
	"encoding/binary"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/querylog"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/dnstap"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// observation is what looks at queries when they are over: the query log, dnstap,
// and the lines of names ctl log follow. What is not wanted costs a query nothing.
type observation struct {
	log *slog.Logger

	mu     sync.Mutex
	config settings.QueryLog
	tapped settings.Dnstap
	query  *querylog.Log // nil: none
	follow []following
	again  *time.Timer // when the next of follow ends
	extra  listener.Observer
	edge   *listener.Edge // nil until addresses are bound

	tap atomic.Pointer[tap] // nil: none
}

// tap is dnstap at work.
type tap struct {
	*dnstap.Output
	kinds   map[string]bool // of settings.DnstapMessages
	oneIn   int
	seed    maphash.Seed
	sampled atomic.Uint64
	cancel  context.CancelFunc
	ended   chan struct{}
}

// set makes what is observed that of the settings.
func (o *observation) set(s *settings.Settings) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s.QueryLog != o.config {
		var next *querylog.Log
		if s.QueryLog.Which != "" {
			var err error
			if next, err = querylog.Open(s.QueryLog, o.log); err != nil {
				return err
			}
		}
		old := o.query
		o.query, o.config = next, s.QueryLog
		o.observe()
		if old != nil {
			old.Close()
		}
	}
	if s.Dnstap.Target != o.tapped.Target || s.Dnstap.OneIn != o.tapped.OneIn || !slices.Equal(s.Dnstap.Messages, o.tapped.Messages) {
		if err := o.setTap(s.Dnstap, s.Identity.NSID); err != nil {
			return err
		}
	}
	o.observe()
	return nil
}

// setTap starts dnstap, or stops it. o.mu is held.
func (o *observation) setTap(config settings.Dnstap, identity string) error {
	var next *tap
	if config.Target != "" {
		if identity == "" {
			identity, _ = os.Hostname()
		}
		out, err := dnstap.New(dnstap.Config{Target: config.Target, Identity: identity, Version: "names " + cli.Version(), Log: o.log})
		if err != nil {
			return err
		}
		next = &tap{Output: out, kinds: map[string]bool{}, oneIn: max(config.OneIn, 1), seed: maphash.MakeSeed(), ended: make(chan struct{})}
		kinds := config.Messages
		if len(kinds) == 0 {
			kinds = settings.DnstapMessages
		}
		for _, k := range kinds {
			next.kinds[k] = true
		}
		ctx, cancel := context.WithCancel(context.Background())
		next.cancel = cancel
		old := o.tap.Load()
		go func() {
			defer close(next.ended)
			if old != nil { // a file has one writer
				<-old.ended
			}
			next.Run(ctx)
		}()
	}
	o.tapped = config
	if old := o.tap.Swap(next); old != nil {
		old.cancel()
	}
	return nil
}

// tapStopTime is how long the end waits for a reader of dnstap to take the rest.
const tapStopTime = time.Second

// close ends what is observed.
func (o *observation) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.extra, o.follow = nil, nil
	if o.edge != nil {
		o.edge.Observe(nil)
	}
	if o.again != nil {
		o.again.Stop()
	}
	if o.query != nil {
		o.query.Close()
		o.query, o.config = nil, settings.QueryLog{}
	}
	if t := o.tap.Swap(nil); t != nil {
		t.cancel()
		select {
		case <-t.ended:
		case <-time.After(tapStopTime):
		}
	}
}

// bind says what queries pass through.
func (o *observation) bind(e *listener.Edge) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.edge = e
	o.observe()
}

// add has f called with each query, too.
func (o *observation) add(f listener.Observer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.extra = f
	o.observe()
}

// observe gives the listener an observer that does what is wanted now. o.mu is held.
func (o *observation) observe() {
	if o.edge == nil {
		return
	}
	var all []listener.Observer
	if len(o.follow) > 0 {
		all = append(all, o.followed())
	}
	if o.query != nil {
		all = append(all, o.query.Observe)
	}
	if t := o.tap.Load(); t != nil {
		all = append(all, t.observe)
	}
	if o.extra != nil {
		all = append(all, o.extra)
	}
	switch len(all) {
	case 0:
		o.edge.Observe(nil)
	case 1:
		o.edge.Observe(all[0])
	default:
		o.edge.Observe(func(x *names.Exchange, reply []byte, err error) {
			for _, f := range all {
				f(x, reply, err)
			}
		})
	}
}

// reopen opens files again that may have been moved away.
func (o *observation) reopen() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.query == nil {
		return
	}
	if err := o.query.Reopen(); err != nil {
		o.log.Error("query log not reopened, still writing to the previous file", "error", err)
	}
}

// queryStats are those of the query log, if there is one.
func (o *observation) queryStats() (stats querylog.Stats, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.query == nil {
		return stats, false
	}
	return o.query.Stats(), true
}

// following is queries that are logged for a while, whatever else is.
type following struct {
	Text    string // what was asked for
	until   time.Time
	client  *names.PeerSet
	subtree wire.Name // names at and below it, if client is nil
}

func (f *following) matches(x *names.Exchange) bool {
	if f.client != nil {
		return f.client.Contains(x.Peer.Remote.Addr())
	}
	name := x.Query.Question.Name
	return !name.IsZero() && name.HasSuffix(f.subtree)
}

// maxFollowing bounds how much is followed at once.
const maxFollowing = 16

// followFor logs what f matches until its time is over.
func (o *observation) followFor(f following) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.follow) == maxFollowing {
		return false
	}
	o.follow = append(o.follow[:len(o.follow):len(o.follow)], f)
	o.observe()
	o.wakeLater()
	return true
}

// followNothing ends all that is followed.
func (o *observation) followNothing() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.follow = nil
	o.observe()
}

// followingNow is what is followed.
func (o *observation) followingNow() []following {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.follow
}

// wakeLater has what is over forgotten when its time comes. o.mu is held.
func (o *observation) wakeLater() {
	if len(o.follow) == 0 {
		return
	}
	next := slices.MinFunc(o.follow, func(a, b following) int { return a.until.Compare(b.until) })
	if o.again != nil {
		o.again.Stop()
	}
	o.again = time.AfterFunc(time.Until(next.until), func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		now := time.Now()
		o.follow = slices.DeleteFunc(slices.Clone(o.follow), func(f following) bool { return !now.Before(f.until) })
		o.observe()
		o.wakeLater()
	})
}

// followed returns the observer of what is followed now. o.mu is held.
func (o *observation) followed() listener.Observer {
	follow := o.follow
	lines, _ := querylog.Open(settings.QueryLog{}, o.log) // that of the server has nothing to open
	return func(x *names.Exchange, reply []byte, err error) {
		for i := range follow {
			if follow[i].matches(x) {
				lines.Write(x, reply, err, time.Since(x.Received), true)
				return
			}
		}
	}
}

// observe records a client's query and its reply.
func (t *tap) observe(x *names.Exchange, reply []byte, err error) {
	kind, name := dnstap.ClientQuery, "client"
	switch {
	case x.Query.Header.Flags.Opcode() == wire.OpcodeUpdate:
		kind, name = dnstap.UpdateQuery, "update"
	case slices.Contains(ownSources, x.AnsweredBy):
		kind, name = dnstap.AuthQuery, "auth"
	}
	if !t.kinds[name] {
		return
	}
	if t.oneIn > 1 && rand.IntN(t.oneIn) != 0 {
		t.sampled.Add(1)
		return
	}
	m := dnstap.Message{
		Kind: kind, Protocol: protocols[x.Peer.Transport], Querier: x.Peer.Remote, Responder: x.Peer.Local,
		QueryTime: x.Received, Packet: x.Query.Message,
	}
	t.Record(&m)
	if reply == nil {
		return
	}
	m.Kind, m.ResponseTime, m.Packet = kind+1, time.Now(), reply
	t.Record(&m)
}

// ownSources are what answers without asking others.
var ownSources = []string{"zone", "chaos", "transfer"}

var protocols = map[names.Transport]dnstap.Protocol{
	names.UDP: dnstap.UDP, names.TCP: dnstap.TCP, names.TLS: dnstap.DoT, names.HTTPS: dnstap.DoH, names.QUIC: dnstap.DoQ,
}

// packet records a message that went to a server or came from one.
func (o *observation) packet(p upstream.Packet) {
	t := o.tap.Load()
	if t == nil {
		return
	}
	kind, name := dnstap.ResolverQuery, "resolver"
	if p.Recursion {
		kind, name = dnstap.ForwarderQuery, "forwarder"
	}
	if !t.kinds[name] {
		return
	}
	if t.oneIn > 1 && !t.takes(&p) {
		t.sampled.Add(1)
		return
	}
	m := dnstap.Message{
		Kind: kind, Protocol: protocols[p.Transport], Querier: p.Local, Responder: p.Server, QueryTime: p.Sent, ResponseTime: p.Received, Packet: p.Message,
	}
	if p.IsReply {
		m.Kind++
	}
	t.Record(&m)
}

// takes reports whether a query to a server is one of those that are recorded. It says
// the same of both messages: they have the ID, which is random over UDP and TCP but 0
// over HTTPS and QUIC (RFC 8484 4.1, RFC 9250 4.2.1), and the time when the query was
// sent.
func (t *tap) takes(p *upstream.Packet) bool {
	var b [10]byte
	copy(b[:2], p.Message)
	binary.BigEndian.PutUint64(b[2:], uint64(p.Sent.UnixNano()))
	return maphash.Bytes(t.seed, b[:])%uint64(t.oneIn) == 0
}

// queryLogText is what is logged of queries, for people.
func queryLogText(l *settings.QueryLog) string { return cmp.Or(l.Which, "off") }
