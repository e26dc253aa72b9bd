package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/listener/dnstap"
)

var dnstapSection = once("dnstap", "DNS messages are recorded as they come and go, for programs that read dnstap: docs/dnstap.md. Without this section none are.",
	option[Config]{about{
		key: "to", kind: isString,
		what:    "Where messages go: unix:PATH, a socket at which a program reads; tcp:HOST:PORT; or file:PATH, a new file.",
		why:     "Nowhere.",
		example: `"unix:/run/names/dnstap.sock"`, others: []string{"output", "dnstap", "dnstap-output", "socket", "sink", "target", "socket-path", "dnstap-socket-path"},
	}, func(r *reader, c *Config, v *node) bool {
		if !r.is(v, isString, about{key: "to", example: `"unix:/run/names/dnstap.sock"`}) {
			return false
		}
		if err := dnstap.CheckTarget(v.text); err != nil {
			return r.failf(v, `%v`, err)
		}
		kind, address, _ := strings.Cut(v.text, ":")
		if kind != "tcp" && !filepath.IsAbs(address) {
			address = r.resolve(address)
		}
		c.Settings.Dnstap.Target = kind + ":" + address
		return true
	}, func(c *Config) string { return quoteUnlessEmpty(c.Settings.Dnstap.Target) }},
	list(about{
		key: "messages", what: "Which messages: client (with clients, about what others know), auth (with clients, about our zones), resolver (with servers of zones), forwarder (with servers that resolve for us), update (of zones).",
		why:     "All of these.",
		example: `["client", "resolver"]`, others: []string{"types", "dnstap-messages", "message-types"},
	}, func(r *reader, c *Config, text string) error {
		if !slices.Contains(settings.DnstapMessages, text) {
			return fmt.Errorf("%q is not one of %s%s", text, strings.Join(settings.DnstapMessages, ", "), cli.DidYouMean(text, settings.DnstapMessages))
		}
		c.Settings.Dnstap.Messages = append(c.Settings.Dnstap.Messages, text)
		return nil
	}, func(c *Config) []string { return c.Settings.Dnstap.Messages }),
	number(about{
		key: "one-in", what: "Record one query of so many, chosen at random, with its reply.",
		why:     "1: all of them.",
		example: "10", least: 1, most: 1_000_000, others: []string{"dnstap-one-in", "sample", "sampling", "dnstap-sample-rate"},
	}, func(c *Config) *int { return &c.Settings.Dnstap.OneIn }),
)
