package config

import (
	"net/netip"
	"time"

	"github.com/names-dns/names/cmd/internal/settings"
)

var aliasSection = once("alias", "ALIAS records: the addresses of another name, published as those of a name of our zones, which may be its apex: docs/alias.md.",
	valueList(about{
		key: "servers", what: "The resolvers that are asked for the targets, each ADDRESS or ADDRESS:PORT.",
		why:     "What would be asked for clients with recursion, or else the servers of resolv.conf.",
		example: `["192.0.2.1", "2001:db8::1"]`, others: []string{"resolver", "resolvers", "forwarders", "upstream"},
	}, addressWithDefault(settings.DefaultPort), func(c *Config) *[]netip.AddrPort { return &c.Settings.Alias.Servers }),
	span(about{
		key: "max-ttl", what: "The largest TTL of the addresses. It is that of the ALIAS record otherwise.", why: "\"5m\".",
		example: `"5m"`, least: 1, most: 24 * 3600, others: []string{"ttl", "max-alias-ttl"},
	}, func(c *Config) *time.Duration { return &c.Settings.Alias.MaxTTL }),
	span(about{
		key: "min-refresh", what: "How long the addresses of a target are used at least before they are looked up again, whatever their TTL. After a failure it is tried again after that time, then after twice as long, and so on up to ten minutes.",
		why: "\"30s\".", example: `"30s"`, least: 1, most: 24 * 3600,
	}, func(c *Config) *time.Duration { return &c.Settings.Alias.MinRefresh }),
	span(about{
		key: "max-refresh", what: "How long they are used at the most.", why: "\"1h\".", example: `"1h"`, least: 1, most: 24 * 3600,
	}, func(c *Config) *time.Duration { return &c.Settings.Alias.MaxRefresh }),
	number(about{
		key: "max-targets", what: "How many targets are looked up. Names whose target is one too many keep the addresses that they have.", why: "1000.",
		example: "1000", least: 1, most: 1000000,
	}, func(c *Config) *int { return &c.Settings.Alias.MaxTargets }),
	number(about{
		key: "queries-per-second", what: "How many queries for targets are sent a second at the most; those for the aliases that a target itself is are not counted.", why: "20.",
		example: "20", least: 1, most: 100000, others: []string{"rate"},
	}, func(c *Config) *int { return &c.Settings.Alias.Rate }),
)
