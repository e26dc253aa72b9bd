package config

import (
	"net/netip"

	"github.com/names-dns/names/cmd/internal/settings"
)

var httpsSection = once("https", "Where queries are received over HTTPS (RFC 8484), with the certificates of [tls].",
	addresses("address", "The addresses to listen on, over HTTP/1.1, HTTP/2 and HTTP/3: each an IP address, or ADDRESS:PORT. The port is 443 if none is given.",
		"None.", settings.DefaultHTTPSPort, []string{"https", "listen", "doh", "port"},
		func(c *Config) *[]netip.AddrPort { return &c.Settings.HTTPS.Addresses }),
	text(about{
		key: "path", what: "The path of the URL; at all others there is nothing (404).", why: "\"/dns-query\", which clients expect.",
		example: `"/dns-query"`, others: []string{"https-path", "endpoint", "http-endpoint", "url"},
	}, func(c *Config) *string { return &c.Settings.HTTPS.Path }),
	toggle(about{
		key: "no-http3", what: "Do not offer HTTP/3, which comes over UDP at the same ports.", why: "false.", example: "true", others: []string{"http3", "quic"},
	}, func(c *Config) *bool { return &c.Settings.HTTPS.NoHTTP3 }),
	toggle(about{
		key: "json", what: "Answer the JSON form at the same path, too: ?name=www.example.com&type=AAAA, with do=1 and cd=1, as the resolvers of Google and Cloudflare do.",
		why: "false: clients that know DNS send messages.", example: "true", others: []string{"https-json", "dns-json", "json-api"},
	}, func(c *Config) *bool { return &c.Settings.HTTPS.JSON }),
	toggle(about{
		key: "oblivious", what: "Answer queries that clients encrypt for this server, too (Oblivious DNS over HTTPS, RFC 9230): a proxy in between, which others run, knows who asks but not what, and the server what is asked but not by whom. To the server, the proxy is the client. The keys are at /.well-known/odohconfigs; they are in memory only, and new ones each day.",
		why: "false: who asks by way of a proxy has to be configured for it.", example: "true", others: []string{"https-oblivious", "odoh", "odoh-target", "oblivious-doh"},
	}, func(c *Config) *bool { return &c.Settings.HTTPS.Oblivious }),
	addresses("plain", "Addresses to listen on for HTTP in the clear, from a proxy on the same machine that speaks TLS. The port is 80 if none is given.",
		"None.", settings.DefaultPlainPort, []string{"https-plain", "http", "http-notls-downstream"},
		func(c *Config) *[]netip.AddrPort { return &c.Settings.HTTPS.Plain }),
	stringList("proxy", "The proxies that are believed in which client they ask for (X-Forwarded-For): networks, addresses, or loopback.",
		"None: a client could claim to be another.", `["loopback"]`, []string{"https-proxy", "trusted-proxies", "proxies", "trust-forwarded-for"},
		isPeers, func(c *Config) *[]string { return &c.Settings.HTTPS.Proxies }),
)

var quicSection = once("quic", "Where queries are received over QUIC (RFC 9250), with the certificates of [tls].",
	addresses("address", "The addresses to listen on: each an IP address, or ADDRESS:PORT. The port is 853 if none is given.",
		"None.", settings.DefaultQUICPort, []string{"quic", "listen", "listen-quic", "doq", "port"},
		func(c *Config) *[]netip.AddrPort { return &c.Settings.QUIC.Addresses }),
	toggle(about{
		key: "early-data", what: "Answer queries that clients which come back send with their first packet (0-RTT) before the end of the handshake, if the client has shown its address and a repetition by others does no harm: no transfers, updates or notifications.",
		why: "false: an observer can send such a query again.", example: "true", others: []string{"quic-early-data", "0rtt", "zero-rtt", "tls-early-data"},
	}, func(c *Config) *bool { return &c.Settings.QUIC.EarlyData }),
)
