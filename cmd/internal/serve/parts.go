package serve

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/internal/filewatch"
	"github.com/names-dns/names/listener/ratelimit"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/recursor/upstream/designated"
	"github.com/names-dns/names/recursor/upstream/encrypted"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
)

// parts is what answers queries, put together from settings, and what goes on in
// addition to queries.
type parts struct {
	settings settings.Settings
	log      *slog.Logger
	limits   *limitLog // of the server: a cache outlives the parts that have made it
	resolver names.TryResolver
	source   string                                                                       // where cached answers come from
	cache    *cache.Cache                                                                 // nil: there is none
	file     *cacheFile                                                                   // nil: it is not kept in one
	servers  func() []recursor.ServerStatus                                               // that are asked; nil: none
	asking   func() recursor.Stats                                                        // nil if servers is
	clients  []*ratelimit.Recursion                                                       // limits on them
	found    names.Resolver                                                               // what is found elsewhere, cached, without these limits
	carried  *ifCarried                                                                   // whether upstream servers carry DNSSEC; nil: it does not matter
	events   recursor.Events                                                              // of what asks other servers
	early    []names.Resolver                                                             // what answers before other servers are asked: hosts file, local names
	remote   names.Resolver                                                               // what asks other servers, validated; nil: nothing does
	trace    func(ctx context.Context, x *names.Exchange, emit func(recursor.Step)) error // nil: what remote does cannot be shown
	fresh    names.Resolver                                                               // asks other servers, whatever is cached
	clock    func() time.Time                                                             // that validation goes by; nil if nothing is asked elsewhere
	anchors  *validate.Anchors                                                            // nil: nothing is validated
	added    *addedNegatives                                                              // to anchors, while the server runs
	root     *localRoot                                                                   // a copy of the root zone; nil: there is none
	follower *validate.Follower                                                           // of the keys of trust anchors; nil: they stay as they are
	recheck  *validate.Rechecker                                                          // of zones that are not validated for a time; nil: nothing is validated
	forget   func(wire.Name)                                                              // what validation knows of names at and below it; nil: nothing
	watches  []watch
	closers  []func()
	online   *onlinePlan
	views    []*parts // of views that ask servers of their own

	encrypted []*encrypted.Client  // of servers that have a URL
	upgrader  *designated.Upgrader // of servers that have none; nil: they stay as they are

	cancel context.CancelFunc // ends what start began
	begun  sync.WaitGroup
}

// watch is a file and what is done when it changes.
type watch struct {
	path    string
	changed func()
}

func (p *parts) watch(path string, changed func()) {
	p.watches = append(p.watches, watch{path, changed})
}

// start watches files, and saves the cache to its own, until stop is called.
func (p *parts) start(ctx context.Context) {
	ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for _, w := range p.watches {
		p.begun.Go(func() { filewatch.Watch(ctx, w.path, w.changed) })
	}
	if p.file != nil {
		p.begun.Go(func() { p.file.run(ctx) })
	}
	if p.follower != nil {
		p.begun.Go(func() { p.follower.Run(ctx) })
	}
	if p.recheck != nil {
		p.begun.Go(func() { p.recheck.Run(ctx) })
	}
	if p.root != nil && p.root.secondary != nil {
		p.begun.Go(func() { p.root.secondary.Run(ctx) })
	}
	for _, v := range p.views {
		v.start(ctx)
	}
}

// stop ends what start began, and then saves the cache if save is set.
func (p *parts) stop(save bool) {
	for _, v := range p.views {
		v.stop(save)
	}
	p.cancel()
	p.begun.Wait()
	if save && p.file != nil {
		p.file.save()
	}
}

// close closes what queries may still need.
func (p *parts) close() {
	for _, v := range p.views {
		v.close()
	}
	for _, c := range p.closers {
		c()
	}
}
