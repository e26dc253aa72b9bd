package serve

import (
	"log/slog"
	"time"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/cmd/internal/querylog"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/wire"
)

// cacheEvents logs what the cache does: hits, or also what it had not, and what it keeps from now on.
func cacheEvents(level settings.Log, log *slog.Logger) (e cache.Events) {
	say := func(text string, q wire.Question, more ...any) {
		log.Info(text, append([]any{"name", q.Name.String(), "type", q.Type.String(), "class", q.Class.String()}, more...)...)
	}
	if level.Cache > 0 {
		e.Hit = func(q wire.Question) { say("cache hit", q) }
	}
	if level.Cache > 1 {
		e.Miss = func(q wire.Question) { say("cache miss", q) }
		e.Stored = func(q wire.Question, life time.Duration) { say("cached", q, "life_ms", querylog.Milliseconds(life)) }
	}
	return e
}
