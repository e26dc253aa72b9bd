package config

import (
	"net/netip"

	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

var recursionSection = once("recursion", "What is looked up elsewhere, where, and for which clients. Without this section, and without zones, names are resolved from the root.",
	toggle(about{
		key: "from-root", what: "Ask the servers of the names themselves, from the root down.",
		why:     "false, except if nothing is served and no server to ask is named.",
		example: "true", others: []string{"iterate", "recursion", "root"},
	}, func(c *Config) *bool { return &c.Settings.Recursion.FromRoot }),
	toggle(about{
		key: "recursive", what: "Ask the servers of resolv-conf.",
		why:     "false, except if resolv-conf or forward say which servers to ask.",
		example: "true", others: []string{"forwarding"},
	}, func(c *Config) *bool { return &c.Settings.Recursion.Forward }),
	path(about{
		key: "resolv-conf", what: "Ask the servers in this file, which is watched for changes.",
		why:     "/etc/resolv.conf, if recursive is true and forward names no servers.",
		example: `"/etc/resolv.conf"`, others: []string{"resolvconf", "resolv"},
	}, func(c *Config) *string { return &c.Settings.Recursion.ResolvConf }),
	list(about{
		key: "forward", what: "Ask these servers: each ADDRESS or ADDRESS:PORT for everything, or ZONE=ADDRESS for the names in one zone. A URL instead of an address says that the server is asked over TLS, HTTPS or QUIC: tls://ADDRESS#NAME, https://NAME/dns-query@ADDRESS, h3:// (HTTP/3), quic://ADDRESS#NAME. The server has to prove that it is NAME; ?pin=KEY or ?opportunistic before # says otherwise.",
		why:     "None.",
		example: `["tls://9.9.9.9#dns.quad9.net", "corp.example=10.0.0.53"]`, others: []string{"forwarders", "forwarder", "forward-addr", "forward-zone", "upstream", "upstreams", "servers"},
	}, func(r *reader, c *Config, text string) error { return c.Settings.Recursion.AddForward(text) },
		func(c *Config) []string { return forwardTexts(&c.Settings.Recursion) }),
	list(about{
		key: "trust-ad", what: "Believe these servers of forward or resolv-conf when they say that an answer is authentic (AD), and prove it only if they do not: each ADDRESS, ADDRESS:PORT or URL as it is in forward. An attacker that can change packets on the way to such a server can forge whatever it likes: name servers on this machine or with a URL.",
		why:     "None: AD of other servers says nothing.",
		example: `["127.0.0.1:5353"]`, others: []string{"proxy-dnssec"},
	}, func(r *reader, c *Config, text string) error { return c.Settings.Recursion.AddTrustAD(text) },
		func(c *Config) []string { return trustTexts(&c.Settings.Recursion) }),
	valueList(about{
		key: "bootstrap", what: "Ask these servers, over UDP and TCP, for the address of a server of forward or stub whose URL has only a name.",
		why:     "None: the URL has to have the address.",
		example: `["9.9.9.9", "2620:fe::9"]`, others: []string{"bootstrap-dns", "bootstrap-resolvers"},
	}, addressWithDefault(settings.DefaultPort), func(c *Config) *[]netip.AddrPort { return &c.Settings.Recursion.Bootstrap }),
	pathList("upstream-authority", "Files of the authorities that vouch for servers with a URL, as PEM.", "Those of the system.",
		`["/etc/names/tls/ca.pem"]`, []string{"tls-cert-bundle", "tls_servername", "ca-file", "tls-ca"},
		func(c *Config) *[]string { return &c.Settings.Recursion.Authorities }),
	word(about{
		key: "upgrade", words: settings.Upgrades,
		what: "Ask the servers of forward or resolv-conf that are given by their address which encrypted transports they designate (DDR, RFC 9462), and use one whose certificate is for that address; in a private network, one at the same address, whatever its certificate. If there is none, or it cannot be connected to, the server is asked in the clear.",
		why:  "None: servers are asked as they are given.", example: `"ddr"`, others: []string{"autoUpgrade", "auto-upgrade", "discovery"},
	}, func(c *Config) *string { return &c.Settings.Recursion.Upgrade }),
	path(about{
		key: "hosts-file", what: "Answer from this hosts file before any other server is asked. It is watched for changes.",
		why:     "None.",
		example: `"/etc/hosts"`, others: []string{"hosts", "addn-hosts"},
	}, func(c *Config) *string { return &c.Settings.Recursion.HostsFile }),
	recursionClients("allow", "The clients for which names are looked up: each a network, an address, one of loopback, private, any, none, a TSIG key as key:NAME, or an access list as acl:NAME.",
		"Loopback and private networks: a resolver that answers everybody is used to attack others.",
		`["loopback", "192.0.2.0/24"]`, []string{"allow-recursion", "access-control", "acl", "clients", "allow-query", "allow-from"},
		func(c *Config) *[]string { return &c.Settings.Recursion.Allow }),
	path(about{
		key: "root-hints", what: "A zone file with the servers of the root and their addresses. Requires from-root.",
		why:     "The servers that IANA lists, which are built in.",
		example: `"/usr/share/dns/root.hints"`, others: []string{"hints", "hint-file"},
	}, func(c *Config) *string { return &c.Settings.Recursion.Iteration.RootHints }),
	list(about{
		key: "local-root", what: "Keep a copy of the root zone (RFC 8806) and answer from it in place of the root's servers, which are asked if it is not good: transfer it from these servers, each ADDRESS, ADDRESS:PORT, or iana for those that IANA lists. Requires from-root.",
		why:     "None.",
		example: `["iana"]`, others: []string{"auth-zone", "prefill", "mirror", "hyperlocal"},
	}, func(r *reader, c *Config, text string) error {
		return c.Settings.Recursion.Iteration.AddLocalRoot(text)
	},
		func(c *Config) []string { return texts(c.Settings.Recursion.Iteration.LocalRoot.Primaries) }),
	path(about{
		key: "local-root-file", what: "Keep the copy of the root zone in this file; without local-root, read it from this file, which is watched for changes. Requires from-root.",
		why:     "None: it is transferred anew after each start.",
		example: `"/var/lib/names/root.zone"`, others: []string{"root-zone"},
	}, func(c *Config) *string { return &c.Settings.Recursion.Iteration.LocalRoot.File }),
	list(about{
		key: "stub", what: "Ask these authoritative servers about a zone, instead of those that its parent names: each ZONE=ADDRESS, or a URL as in forward. Requires from-root.",
		why:     "None.",
		example: `["corp.example=10.0.0.53"]`, others: []string{"stubs", "stub-zone", "stub-addr"},
	}, func(r *reader, c *Config, text string) error {
		return c.Settings.Recursion.AddStub(text)
	}, func(c *Config) []string {
		return c.Settings.Recursion.ServerTexts(c.Settings.Recursion.Iteration.Stubs...)
	}),
	toggle(about{
		key: "no-qname-min", what: "Show every server the whole name that is looked up. Requires from-root.",
		why:     "false: a server is shown only the part of a name that it needs (RFC 9156).",
		example: "true", others: []string{"qname-minimisation", "qname-minimization", "qname-minimize"},
	}, func(c *Config) *bool { return &c.Settings.Recursion.Iteration.FullNames }),
	peers("do-not-query", "Never ask servers in these networks. Requires from-root.",
		"None, in addition to addresses that cannot be those of a server.",
		`["192.0.2.0/24"]`, []string{"dont-query", "do-not-query-address"},
		func(c *Config) *[]string { return &c.Settings.Recursion.Iteration.DoNotQuery }),
	toggle(about{
		key: "query-localhost", what: "Servers may be on loopback addresses. Requires from-root.",
		why:     "false: a delegation to this machine is a mistake or an attack.",
		example: "true", others: []string{"do-not-query-localhost"},
	}, func(c *Config) *bool { return &c.Settings.Recursion.Iteration.QueryLoopback }),
	toggle(about{
		key: "opportunistic-encryption", what: "Try whether authoritative servers can be asked over TLS and QUIC, too, and ask those that can be by that (RFC 9539). Their certificates are not looked at: who only listens on the way learns less. Requires from-root.",
		why:     "false: few servers can be, and each that cannot is tried once a day.",
		example: "true", others: []string{"tls-upstream", "dot-to-auth-names", "dot-to-port-853"},
	}, func(c *Config) *bool { return &c.Settings.Recursion.Iteration.Encrypt }),
)

// peers is an option that is a set of addresses.
func peers(key, what, why, example string, others []string, field func(*Config) *[]string) option[Config] {
	return list(about{key: key, what: what, why: why, example: example, others: others},
		func(r *reader, c *Config, text string) error {
			if _, err := names.ParsePeerSet(text); err != nil {
				return err
			}
			*field(c) = append(*field(c), text)
			return nil
		}, func(c *Config) []string {
			if !c.Settings.Recursion.Answers() {
				return nil // the default, which applies to nothing
			}
			return *field(c)
		})
}

// forwardTexts are the servers that are asked, as they are written.
func forwardTexts(r *settings.Recursion) []string {
	return append(r.ServerTexts(settings.ZoneServers{Servers: r.Servers}), r.ServerTexts(r.Zones...)...)
}

// trustTexts are the servers whose AD bit is believed, as they are written.
func trustTexts(r *settings.Recursion) []string {
	return r.ServerTexts(settings.ZoneServers{Servers: r.TrustAD})
}

// recursionClients is an option that is a list of clients of recursion.
func recursionClients(key, what, why, example string, others []string, field func(*Config) *[]string) option[Config] {
	o := clients(key, what, why, example, others, field)
	write := o.write
	o.write = func(c *Config) string {
		if !c.Settings.Recursion.Answers() {
			return "" // the default, which applies to nothing
		}
		return write(c)
	}
	return o
}

// domain is an option that is a domain name.
func domain[T any](a about, field func(*T) *wire.Name) option[T] {
	written := ""
	o := text(a, func(*T) *string { return &written })
	o.read = func(r *reader, t *T, v *node) bool {
		if !r.is(v, isString, a) {
			return false
		}
		name, err := wire.ParseName(v.text)
		if err != nil || v.text == "" {
			return r.failf(v, "%q is not a domain name: %v; write %s", v.text, cmpError(err, "it is empty"), a.written())
		}
		*field(t) = name
		return true
	}
	o.write = func(t *T) string {
		if *field(t) == (wire.Name{}) {
			return ""
		}
		return quote(field(t).String())
	}
	return o
}
