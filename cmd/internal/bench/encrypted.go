package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/recursor/upstream/doq"
	"github.com/names-dns/names/recursor/upstream/encrypted"
	"github.com/names-dns/names/wire"
)

// transports are what --transport says.
var transports = map[string]encrypted.Server{
	"udp": {}, "tcp": {},
	"tls":   {Protocol: names.TLS, Port: 853},
	"https": {Protocol: names.HTTPS, Port: 443, Path: "/dns-query"},
	"h3":    {Protocol: names.HTTPS, HTTP3: true, Port: 443, Path: "/dns-query"},
	"quic":  {Protocol: names.QUIC, Port: 853},
}

// isEncrypted reports whether the transport is one of those whose cost is mostly that
// of a library: what asks is then made for convenience, not for speed.
func (o *benchOptions) isEncrypted() bool { return transports[o.transport].Protocol != names.UDP }

// encryptedWorker asks for some clients over an encrypted transport. Each client is a
// connection, with a goroutine for each query that may be outstanding.
type encryptedWorker struct {
	*load
	clients int
	shown   shownProgress

	mu    sync.Mutex // guards tally and shown
	tally tally
}

func newEncryptedWorker(l *load, thread int) *encryptedWorker {
	w := &encryptedWorker{load: l}
	for n := thread; n < l.clients; n += l.threads {
		w.clients++
	}
	return w
}

func (w *encryptedWorker) close() {}

func (w *encryptedWorker) state() (*tally, *shownProgress) { return &w.tally, &w.shown }

func (w *encryptedWorker) run() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var asking sync.WaitGroup
	for range w.clients {
		asking.Go(func() {
			if err := w.ask(ctx); err != nil {
				w.mu.Lock()
				w.tally.failed(err)
				w.mu.Unlock()
			}
		})
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		asking.Wait()
	}()
	for {
		select {
		case <-over:
			return
		case <-time.After(hearing):
		}
		if w.interrupted.Load() {
			cancel()
		}
		w.mu.Lock()
		w.shown.show(&w.tally)
		w.mu.Unlock()
	}
}

// ask asks for one client, over one connection after the other.
func (w *encryptedWorker) ask(ctx context.Context) error {
	s := transports[w.transport]
	s.Host, s.Name, s.Address, s.Port, s.NoProof = w.address.Addr().String(), w.address.Addr().String(), w.address.Addr(), w.address.Port(), true
	client, err := encrypted.New(s, encrypted.Config{QUIC: doq.New, HTTP3: doq.NewHTTP3, HTTPConnections: 1, NoResumption: !w.resume, Opened: func(took time.Duration) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.now() >= w.countFrom {
			w.tally.connecting.add(took)
		}
	}})
	if err != nil {
		return err
	}
	all := upstream.NewClient(upstream.Config{Transports: map[netip.AddrPort]*upstream.Transport{w.address: client.Transport()}})
	for more := true; more && ctx.Err() == nil; {
		server := all.Server(w.address)
		more = w.askOver(ctx, server)
		server.Close()
	}
	all.Wait()
	return nil
}

// askOver asks over one connection until it has had its queries. It reports whether
// there are others.
func (w *encryptedWorker) askOver(ctx context.Context, server *upstream.Server) (more bool) {
	left := int64(w.perConnection)
	var taken atomic.Int64
	var isOver atomic.Bool
	take := func() bool { return left == 0 || taken.Add(1) <= left } // another query of this connection
	var asking sync.WaitGroup
	for range w.window {
		asking.Go(func() {
			for take() && ctx.Err() == nil {
				due := w.now()
				if due >= w.stopAt {
					isOver.Store(true)
					return
				}
				n, count, _ := w.claim(due, 1)
				if count == 0 {
					isOver.Store(true)
					return
				}
				w.one(ctx, server, int(n%int64(w.questions.len())), due)
			}
		})
	}
	asking.Wait()
	return !isOver.Load()
}

// one asks one question.
func (w *encryptedWorker) one(ctx context.Context, server *upstream.Server, question int, due time.Duration) {
	var r wire.Reader
	if r.Reset(w.appendQuery(nil, 0, question)) != nil {
		return
	}
	asked, err := r.Question()
	if err != nil {
		return
	}
	limited, cancel := context.WithTimeout(ctx, w.timeout)
	reply, err := server.Ask(limited, &upstream.Query{Question: asked, Flags: wire.FlagRD, DO: w.do, Budget: upstream.NewBudget(4, 1<<20)})
	cancel()
	now := w.now()
	if due < w.countFrom {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	t := &w.tally
	t.sent++
	switch {
	case err == nil:
		t.answered++
		t.octets += int64(len(reply.Message))
		t.rcodes[reply.RCode&15]++
		t.latency.add(now - due)
		t.lastReply = max(t.lastReply, now)
	case ctx.Err() != nil:
		t.unfinished++
	default:
		t.lost++
		if !errors.Is(err, context.DeadlineExceeded) {
			t.failed(err)
		}
	}
	t.sentOctets += encryptedQuery
}

// encryptedQuery is how long queries are that are padded (RFC 8467 4.1), but for those
// with very long names.
const encryptedQuery = 128

// thread is what asks on one thread.
type thread interface {
	run()
	close()
	state() (*tally, *shownProgress)
}

// newThread makes what the transport needs.
func newThread(l *load, i int) (thread, error) {
	if l.isEncrypted() {
		return newEncryptedWorker(l, i), nil
	}
	return newWorker(l, i)
}

// completeTransport checks what the command line says of the transport.
func (o *benchOptions) completeTransport(given map[string]bool) error {
	s, ok := transports[o.transport]
	switch {
	case !ok:
		return fmt.Errorf("--transport %s is not one of udp, tcp, tls, https, h3, quic", o.transport)
	case o.tcp && given["transport"] && o.transport != "tcp":
		return fmt.Errorf("--tcp and --transport %s exclude each other", o.transport)
	case o.tcp || o.transport == "tcp":
		o.tcp, o.transport = true, "tcp"
	case o.isEncrypted() && given["rate"]:
		return errors.New("--rate is for UDP and TCP: what asks over other transports takes its time")
	case o.isEncrypted() && o.window > maxEncryptedWindow:
		return fmt.Errorf("--window %d is not between 1 and %d, which is for each connection over TLS, HTTPS and QUIC", o.window, maxEncryptedWindow)
	}
	if o.resume && !o.isEncrypted() {
		return errors.New("--resume is for sessions of TLS, HTTPS and QUIC")
	}
	if s.Port != 0 && !o.hasPort {
		o.port = int(s.Port)
	}
	return nil
}

// maxEncryptedWindow is so that one connection carries what a client asks.
const maxEncryptedWindow = 100
