package serve

import (
	"context"
	"errors"
	"io"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/recursor"
)

// openCache makes the cache, with what is in that of before or in its file.
func (p *parts) openCache(ctx context.Context, before *parts) (err error) {
	config := cacheConfig(&p.settings)
	p.cache, err = p.inherit(config, before)
	if err != nil {
		return err
	}
	isNew := p.cache == nil
	if isNew {
		if p.cache, err = p.newCache(config); err != nil {
			return err
		}
	}
	tuneCollector(config.Size)
	if p.settings.Cache.File == "" {
		return nil
	}
	p.file = &cacheFile{path: p.settings.Cache.File, cache: p.cache, log: p.log}
	p.file.source.Store(&p.source)
	return p.file.open(ctx, isNew)
}

func (p *parts) newCache(config cache.Config) (*cache.Cache, error) {
	config.Events = cacheEvents(p.settings.Log, p.log)
	config.Events.Busy = p.limits.ofCache
	return cache.New(config)
}

// inherit returns the cache of before, or a copy of it for another config; nil
// if its answers are not for us.
func (p *parts) inherit(config cache.Config, before *parts) (*cache.Cache, error) {
	switch {
	case before == nil || before.cache == nil || before.present() != p.source:
		return nil, nil
	case cacheConfig(&before.settings).Size == config.Size && before.settings.Cache.ServeStale == config.ServeStale &&
		before.settings.Log == p.settings.Log:
		return before.cache, nil
	}
	c, err := p.newCache(config)
	if err != nil {
		return nil, err
	}
	from, to := io.Pipe()
	go func() {
		_, err := before.cache.Save(to, p.source)
		to.CloseWithError(err)
	}()
	_, err = c.Load(from, p.source)
	from.CloseWithError(errors.New("loading has ended"))
	return c, err
}

// present is where answers come from now.
func (p *parts) present() string {
	if p.file != nil {
		return *p.file.source.Load()
	}
	return p.source
}

// cacheConfig is how the cache is made. What is remembered of servers that are
// asked from the root down comes out of its size.
func cacheConfig(s *settings.Settings) cache.Config {
	size := s.Cache.Size
	others := rangeSize(s)
	if s.Recursion.FromRoot {
		others += int64(rememberedServers(s)) * recursor.ServerMemory
	}
	const least = 64 << 10 // a cache that small is for tests, and has no room for others
	size = max(size-others, min(size, least))
	return cache.Config{Size: size, ServeStale: s.Cache.ServeStale, Prefetch: true}
}

// rangeSize is how many octets the proofs may take that answer for other names: a
// sixteenth of the memory, if answers are proved.
func rangeSize(s *settings.Settings) int64 {
	if !s.Recursion.AsksOthers() || s.Recursion.Validation.Off {
		return 0
	}
	return s.Cache.Size / 16
}

// rememberedServers is how many servers are remembered: for an eighth of the
// memory, but never so few that the root and its neighbours would not fit.
func rememberedServers(s *settings.Settings) int {
	return min(max(int(s.Cache.Size/8/recursor.ServerMemory), 16), 1<<20)
}
