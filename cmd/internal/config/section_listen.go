package config

import (
	"net/netip"

	"github.com/names-dns/names/cmd/internal/cli"
)

var listenSection = once("listen", "Where queries are received, over UDP and TCP. Addresses that are new are served after a reload, those that are gone are closed when what they have received is answered; a change of workers takes effect after a restart.",
	list(about{
		key: "address", what: "The addresses to listen on: each an IP address, or ADDRESS:PORT.",
		why:     "All addresses of this machine, IPv4 and IPv6: a server is there to be reached.",
		example: `["192.0.2.1", "[2001:db8::1]:5353"]`, others: []string{"interface", "addresses", "listen", "listen-on", "ip-address", "listening-ips"},
	}, func(r *reader, c *Config, text string) error {
		_, err := cli.ParseAddress(text, 1)
		c.addresses = append(c.addresses, text)
		return err
	}, func(c *Config) (all []string) {
		for _, a := range c.Settings.Listen.Addresses {
			if !c.Settings.Listen.IsDefault {
				all = append(all, a.String())
			}
		}
		return all
	}),
	number(about{
		key: "port", what: "The port of addresses without one.", why: "53, the port of DNS.",
		example: "53", most: 65535,
	}, func(c *Config) *int { return &c.Settings.Listen.Port }),
	clients("allow-query", "The clients that may query at all: each a network, an address, one of loopback, private, any, none, a TSIG key as key:NAME, or an access list as acl:NAME. Others get REFUSED.",
		"All: what is offered to whom is for the zones and recursion to say.",
		`["192.0.2.0/24", "key:client"]`, []string{"allow-from", "access-control", "allow"},
		func(c *Config) *[]string { return &c.Settings.AllowQuery }),
	stringList("proxy", "Load balancers that begin each datagram and each connection, over UDP, TCP and TLS, with a PROXY header (version 1 or 2): networks, addresses, or loopback. The client is then the one that the header names, for access lists, limits, logs and all else. What they send without a header is not answered, and neither is what others send with one.",
		"None: a client could claim to be another.", `["192.0.2.10", "2001:db8:10::/64"]`,
		[]string{"proxies", "proxy-protocol", "proxy-protocol-from", "proxy-protocol-port", "proxy-allowlist", "allow-proxy"}, isPeers,
		func(c *Config) *[]string { return &c.Settings.Listen.Proxies }),
	number(about{
		key: "workers", what: "How many sockets receive the datagrams of each address.",
		why:     "One for each core: each is served by a goroutine of its own, and more would only share the cores.",
		example: "4", least: 1, most: 1024, others: []string{"threads", "num-threads", "udp-workers", "server-count"},
	}, func(c *Config) *int { return &c.Settings.Listen.Workers }),
	number(about{
		key: "max-udp-size", what: "The largest datagram that is sent, in octets.",
		why:     "1232, which fits the smallest packet that IPv6 allows, so that no reply is lost in fragments.",
		example: "1232", least: 512, most: 4096, others: []string{"max-udp-payload", "edns-udp-size", "ipv4-edns-size", "udp-max-payload"},
	}, func(c *Config) *int { return &c.Settings.Listen.MaxUDPSize }),
)

// listenAddresses are the addresses of the texts, whose port may have been given
// after them.
func (c *Config) listenAddresses() (all []netip.AddrPort) {
	for _, text := range c.addresses {
		if a, err := cli.ParseAddress(text, uint16(c.Settings.Listen.Port)); err == nil {
			all = append(all, a)
		}
	}
	return all
}
