package config

import (
	"github.com/names-dns/names/cmd/internal/settings"
)

var answersSection = once("answers", "What answers from other servers must not say. Those that do are failures (SERVFAIL), with the reason as extended error. Zones of this server, the hosts file and local names may say anything.",
	toggle(about{
		key: "no-private", what: "No name may have an address of this network: loopback, private, link-local and unique local addresses, 0.0.0.0/8 and ::, in A, AAAA, SVCB and HTTPS records, also if an IPv6 address is made of one (DNS rebinding).",
		why:     "false: many names have such addresses for good reasons, block lists and companies' networks among them.",
		example: "true", others: []string{"rebinding-protection", "stop-dns-rebind", "private-address", "rebinding"},
	}, func(c *Config) *bool { return &c.Settings.Answers.NoPrivate }),
	stringList("deny", "Networks that no address may be in, and names that no alias (CNAME, DNAME) may point to or below.",
		"None.", `["192.0.2.0/24", "ads.example"]`, []string{"deny-answers", "deny-answer-addresses", "deny-answer-aliases", "bogus-nxdomain"},
		settings.IsDeniable, func(c *Config) *[]string { return &c.Settings.Answers.Deny }),
	stringList("exempt-zones", "Zones whose names may have any address and be any alias.",
		"None.", `["corp.example", "plex.direct"]`, []string{"private-domain", "rebind-domain-ok", "except-from"}, isName,
		func(c *Config) *[]string { return &c.Settings.Answers.ExemptZones }),
	stringList("exempt-networks", "Networks that addresses may be in nevertheless.",
		"None.", `["10.1.0.0/16"]`, []string{"rebind-localhost-ok", "except"}, isPeers,
		func(c *Config) *[]string { return &c.Settings.Answers.ExemptNetworks }),
)
