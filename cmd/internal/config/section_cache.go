package config

import "time"

var cacheSection = once("cache", "What is remembered of answers that other servers gave.",
	toggle(about{
		key: "enabled", what: "Remember answers.",
		why:     "false, except if nothing is served and no server to ask is named: then the server resolves from the root, with a cache.",
		example: "true", others: []string{"cache", "enable"},
	}, func(c *Config) *bool { return &c.Settings.Cache.Enabled }),
	size(about{
		key: "size", what: "How much memory the cache takes, in octets, or with the unit KiB, MiB or GiB.",
		why:     "64MiB, which is enough for the names that a few hundred people use.",
		example: `"64MiB"`, others: []string{"cache-size", "max-cache-size", "msg-cache-size", "capacity", "success"},
	}, func(c *Config) *int64 { return &c.Settings.Cache.Size }),
	span(about{
		key: "serve-stale", what: "Use answers that expired less than this long ago if the servers do not answer (RFC 8767).",
		why:     "Not: an outdated answer is given only if you ask for it. RFC 8767 5 suggests one to three days.",
		example: `"24h"`, least: 1, most: 7 * 24 * 3600, others: []string{"serve_stale", "stale", "serve-expired", "stale-answer-enable", "max-stale-ttl"},
	}, func(c *Config) *time.Duration { return &c.Settings.Cache.ServeStale }),
	path(about{
		key: "file", what: "The cache is kept in this file from one start to the next. Only the user that the server runs as may write it.",
		why:     "None: the cache is empty after a start.",
		example: `"/var/cache/names/cache"`, others: []string{"cache-file", "path", "dump-file"},
	}, func(c *Config) *string { return &c.Settings.Cache.File }),
)
