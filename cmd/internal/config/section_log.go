package config

import (
	"slices"
	"time"

	"github.com/names-dns/names/cmd/internal/settings"
)

var logSection = once("log", "What is logged in addition to starts, changes and failures. The log goes to standard error. For queries there is [query-log].",
	word(about{
		key: "level", words: LogLevels,
		what:    "Lines below this level are not logged. Lines about queries are of level info.",
		why:     "\"info\": what an operator can act on, and what has changed.",
		example: `"info"`, others: []string{"severity", "loglevel", "log-level", "verbose", "verbosity"},
	}, func(c *Config) *string { return &c.LogLevel }),
	option[Config]{about{
		key: "cache", kind: isString, words: settings.CacheLogs,
		what:    "What is logged of the cache: \"hits\" is a line for each answer from it; \"all\" has lines for what it had not and what it keeps, too.",
		why:     "\"off\".",
		example: `"hits"`, others: []string{"cache-hits"},
	}, func(r *reader, c *Config, v *node) bool {
		level := ""
		o := word(about{key: "cache", words: settings.CacheLogs, example: `"hits"`}, func(*Config) *string { return &level })
		if !o.read(r, c, v) {
			return false
		}
		c.Settings.Log.Cache = slices.Index(settings.CacheLogs, level)
		return true
	}, func(c *Config) string {
		return quote(settings.CacheLogs[min(c.Settings.Log.Cache, len(settings.CacheLogs)-1)])
	}},
)

// LogLevels are the levels of log lines, as log/slog knows them.
var LogLevels = []string{"debug", "info", "warn", "error"}

var queryLogSection = once("query-log", "A line for each query, or for some: docs/query-log.md. Without this section there are none.",
	word(about{
		key: "which", words: []string{settings.LogAll, settings.LogFailures, settings.LogSlow},
		what:    "Which queries are logged: \"failures\" are those whose client got an error or no reply, \"slow\" those that took long.",
		why:     "None: a line takes more time than an answer.",
		example: `"failures"`, others: []string{"queries", "query-log", "log-queries", "enabled", "class"},
	}, func(c *Config) *string { return &c.Settings.QueryLog.Which }),
	option[Config]{about{
		key: "slow", kind: isString,
		what:    "From how long on a query is slow.",
		why:     "\"500ms\".",
		example: `"200ms"`, others: []string{"threshold", "slower-than"},
	}, readMilliseconds, func(c *Config) string {
		if c.Settings.QueryLog.Slow == 0 {
			return ""
		}
		return quote(c.Settings.QueryLog.Slow.String())
	}},
	number(about{
		key: "one-in", what: "Log one of so many of these queries, chosen at random.",
		why:     "1: all of them.",
		example: "100", least: 1, most: 1_000_000, others: []string{"query-log-one-in", "sample", "sampling", "rate", "sample-rate"},
	}, func(c *Config) *int { return &c.Settings.QueryLog.OneIn }),
	toggle(about{
		key: "messages", what: "Log both messages whole, too.", why: "false.",
		example: "true", others: []string{"whole", "full", "responses"},
	}, func(c *Config) *bool { return &c.Settings.QueryLog.Messages }),
	word(about{
		key: "format", words: []string{"text", "json"},
		what:    "The form of a line: key=value, or a JSON object.",
		why:     "\"text\".",
		example: `"json"`, others: []string{"query-log-format", "encoding", "type"},
	}, func(c *Config) *string { return &c.Settings.QueryLog.Format }),
	option[Config]{about{
		key: "to", kind: isString,
		what:    "Where lines go: the path of a file, which is opened again at SIGUSR1, or \"journald\" for the journal of systemd, with a field for each value.",
		why:     "Standard error, with the rest of the log.",
		example: `"/var/log/names/queries.log"`, others: []string{"query-log-file", "file", "path", "target", "output", "destination"},
	}, func(r *reader, c *Config, v *node) bool {
		if v.kind == isString && v.text == settings.Journald {
			c.Settings.QueryLog.To = v.text
			return true
		}
		o := path(about{key: "to", example: `"/var/log/names/queries.log"`}, func(c *Config) *string { return &c.Settings.QueryLog.To })
		return o.read(r, c, v)
	}, func(c *Config) string { return quoteUnlessEmpty(c.Settings.QueryLog.To) }},
)

// readMilliseconds reads from how long on a query is slow.
func readMilliseconds(r *reader, c *Config, v *node) bool {
	o := span(about{key: "slow", example: `"200ms"`, most: 60}, func(c *Config) *time.Duration { return &c.Settings.QueryLog.Slow })
	if !o.read(r, c, v) {
		return false
	}
	if c.Settings.QueryLog.Slow == 0 {
		return r.failf(v, `"0s" is every query; write which = "all", or slow = "200ms"`)
	}
	return true
}
