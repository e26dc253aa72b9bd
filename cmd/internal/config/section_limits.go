package config

import (
	"time"

	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/names"
)

var limitsSection = once("limits", "What a network of clients, or one client, may take. With 0 there is none of the limits in question. The limits on replies keep a server from being used to flood others, in whose name it is asked; they are for replies over UDP, to clients to whom recursion is not offered. Clients with a cookie (RFC 7873) or a TSIG key, and those on loopback addresses, have none of them. The other limits keep one client from taking what there is for all.",
	number(about{
		key: "rate-limit", what: "How many replies a second a network gets that are of one kind, about one name: the answers for a name, NXDOMAIN in a zone, referrals to a zone, errors. A network is a /24 of IPv4, a /56 of IPv6.",
		why:     "200: a resolver remembers what it has asked, and does not need more.",
		example: "200", most: settings.MaxRate, others: []string{"rrl-ratelimit", "responses-per-second", "rate", "ratelimit"},
	}, func(c *Config) *int { return &c.Settings.Limits.Replies }),
	number(about{
		key: "rate-limit-in-all", what: "How many replies a second a network gets, whatever they are.",
		why:     "5000: more than the resolvers of a large provider ask one server, unless its zones are those of a whole country.",
		example: "5000", most: settings.MaxRate, others: []string{"all-per-second"},
	}, func(c *Config) *int { return &c.Settings.Limits.RepliesInAll }),
	number(about{
		key: "slip", what: "Which of the replies above the limits are sent empty and truncated, so that a client that did ask comes again over TCP: 1 is all of them, 2 each second one, 0 none.",
		why:     "2: what is sent is never more than what was received.",
		example: "2", most: 10, others: []string{"rrl-slip"},
	}, func(c *Config) *int { return &c.Settings.Limits.Slip }),
	limitsPeers("rate-limit-exempt", "Clients without these limits, and without connection-rate.",
		"None but those named above.",
		`["192.0.2.0/24"]`, []string{"exempt-clients", "whitelist", "rrl-whitelist", "exempt"},
		func(c *Config) *[]string { return &c.Settings.Limits.RepliesExempt }),
	toggle(about{
		key: "rate-limit-log-only", what: "Log and count the replies above the limits, and send them.",
		why: "false: only limits that are kept protect others.", example: "true", others: []string{"dry-run"},
	}, func(c *Config) *bool { return &c.Settings.Limits.LogOnly }),
	number(about{
		key: "client-queries", what: "How many queries a second a client may send that recursion is offered to: an IPv4 address, or the /64 around an IPv6 address. Those over UDP that are above it get no reply, others REFUSED.",
		why:     "0: what a network's clients may ask is for its operator to say, and the places for queries that wait are shared out among clients anyway.",
		example: "1000", most: settings.MaxRate, others: []string{"ip-ratelimit", "qps"},
	}, func(c *Config) *int { return &c.Settings.Limits.ClientQueries }),
	number(about{
		key: "client-waiting", what: "How many of its queries may wait for other servers at once.",
		why:     "1000, so that no more than that can be collected in the name of one client and sent to it at once (DNSBomb).",
		example: "1000", most: settings.MaxRate, others: []string{"wait-limit", "clients-per-query", "recursive-clients"},
	}, func(c *Config) *int { return &c.Settings.Limits.ClientWaiting }),
	number(about{
		key: "client-burst", what: "How many octets of replies that had to wait a client is sent at once over UDP, and within each tenth of a second. Above that replies are empty and truncated, so that a client that did ask comes again over TCP. Clients with a cookie or a TSIG key have no limit.",
		why:     "65536, so that no flood comes of queries that were collected slowly in the name of a client (DNSBomb).",
		example: "65536", most: settings.MaxRate,
	}, func(c *Config) *int { return &c.Settings.Limits.ClientBurst }),
	limitsPeers("client-exempt", "Clients without these three limits.",
		"None.",
		`["192.0.2.1"]`, []string{"wait-limit-netblock"},
		func(c *Config) *[]string { return &c.Settings.Limits.ClientExempt }),
	number(about{
		key: "upstream-queries", what: "How many queries a second one other server is sent, and as many at once, by the server as a whole or by each view. If all servers for a name have had theirs, the client gets SERVFAIL, or expired data with serve-stale.",
		why:     "0: how much a server bears is for its operator to say, and the servers of large domains are asked much by all.",
		example: "1000", most: settings.MaxRate, others: []string{"ratelimit", "fetches-per-server", "qps-limit", "max-qps"},
	}, func(c *Config) *int { return &c.Settings.Limits.UpstreamQueries }),
	number(about{
		key: "waiting", what: "How many queries of all clients may wait for their answers at once. Those above get SERVFAIL.",
		why:     "4096, which take some 50 MB.",
		example: "4096", least: 1, most: 1 << 20, others: []string{"max-waiting", "num-queries-per-thread"},
	}, func(c *Config) *int { return &c.Settings.Limits.Waiting }),
	span(about{
		key: "query-timeout", what: "How long a query may wait for its answer. After it the client gets SERVFAIL.",
		why:     "10s: stub resolvers have given up by then.",
		example: `"10s"`, least: 1, most: 60, others: []string{"resolver-query-timeout"},
	}, func(c *Config) *time.Duration { return &c.Settings.Limits.QueryTimeout }),
	number(about{
		key: "connection-rate", what: "How many connections a second a network may begin, and as many at once, over TCP, TLS, HTTPS and QUIC. Those above are closed at once. A network is a /24 of IPv4, a /56 of IPv6.",
		why:     "1000: a client that keeps its connection needs one, and so many handshakes take most of a core.",
		example: "200", most: settings.MaxRate, others: []string{"max-tcp-connections-rate-per-client", "max-connection-rate-per-client"},
	}, func(c *Config) *int { return &c.Settings.Limits.ConnectionRate }),
	number(about{
		key: "connections", what: "How many connections over TCP and TLS may be open. A new one then takes the place of the one that has been idle longest.",
		why:     "1000, which keeps the usual limit of 1024 files of a process.",
		example: "10000", least: 1, most: 1 << 20, others: []string{"tcp-clients", "tcp-count", "incoming-num-tcp", "tcp-max-clients", "max-tcp-connections"},
	}, func(c *Config) *int { return &c.Settings.Limits.Connections }),
	number(about{
		key: "https-connections", what: "How many connections may be open at each address of [https], over TCP, and as many over QUIC (HTTP/3). Those above are closed at once.",
		why:     "1000, which is a few tens of MB.",
		example: "10000", least: 1, most: 1 << 20, others: []string{"http-connections", "max-concurrent-connections", "doh-clients", "http-listener-clients"},
	}, func(c *Config) *int { return &c.Settings.Limits.HTTPSConnections }),
	number(about{
		key: "quic-connections", what: "How many connections may be open at each address of [quic]. Those above are refused.",
		why:     "1000. Above half of that clients have to prove their address first.",
		example: "10000", least: 1, most: 1 << 20, others: []string{"quic-max-clients", "doq-clients"},
	}, func(c *Config) *int { return &c.Settings.Limits.QUICConnections }),
	number(about{
		key: "connections-per-client", what: "How many connections a client may have of those over TCP and TLS, and at each address of HTTPS and QUIC: a client is an IPv4 address, or the /64 around an IPv6 address.",
		why:     "100, for clients that share one address.",
		example: "20", least: 1, most: 1 << 20, others: []string{"max-tcp-connections-per-client"},
	}, func(c *Config) *int { return &c.Settings.Limits.ConnectionsPerClient }),
	number(about{
		key: "pipelined", what: "How many queries of one connection may wait for their answers. No more are read until one has its answer.",
		why:     "64, more than clients send at once.",
		example: "64", least: 1, most: 65536, others: []string{"tcp-query-count"},
	}, func(c *Config) *int { return &c.Settings.Limits.Pipelined }),
	span(about{
		key: "idle-timeout", what: "How long a connection may be without a query in progress. It is less the fewer connections are free.",
		why:     "10s, a few seconds as RFC 7766 6.2.3 has it.",
		example: `"30s"`, least: 1, most: 3600, others: []string{"tcp-idle-timeout", "tcp-timeout"},
	}, func(c *Config) *time.Duration { return &c.Settings.Limits.IdleTimeout }),
)

// limitsPeers is an option that is a set of addresses.
func limitsPeers(key, what, why, example string, others []string, field func(*Config) *[]string) option[Config] {
	return list(about{key: key, what: what, why: why, example: example, others: others},
		func(r *reader, c *Config, text string) error {
			if _, err := names.ParsePeerSet(text); err != nil {
				return err
			}
			*field(c) = append(*field(c), text)
			return nil
		}, func(c *Config) []string { return *field(c) })
}
