package config

import (
	"fmt"
	"net/netip"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/control"
)

var controlSection = once("control", "How names ctl reaches the server. Files of certificates and tokens are read again at each reload.",
	path(about{
		key: "socket", what: "The Unix socket of the server, which its user and its group may use. names ctl looks for it at " + control.DefaultSocket + ".",
		why:     "None: the server takes no orders but signals.",
		example: `"` + control.DefaultSocket + `"`, others: []string{"listen", "path", "control-socket", "control-interface", "file"},
	}, func(c *Config) *string { return &c.ControlSocket }),
	toggle(about{
		key: "watch", what: "Look at the files of the configuration every two seconds, and do what names ctl reload does when one has changed and then was the same twice, so that it is not being written.",
		why:     "false: a file that is half done, and saved, should not count.",
		example: "true", others: []string{"auto-reload", "reload", "watch-config"},
	}, func(c *Config) *bool { return &c.Watch }),
	valueList(about{
		key: "listen", what: "Addresses for names ctl on other machines, over TLS: each ADDRESS:PORT. Clients need a certificate (client-ca) or a token (token-file).",
		why:     "None: only this machine has control.",
		example: `["192.0.2.53:8953"]`, others: []string{"address", "remote", "control-interface", "control-port", "inet"},
	}, addressWithPort, func(c *Config) *[]netip.AddrPort { return &c.Remote.Listen }),
	path(about{
		key: "certificate", what: "The file with the certificate of the server for listen, in PEM.", why: "None.",
		example: `"control.pem"`, others: []string{"cert", "server-cert-file", "tls-cert"},
	}, func(c *Config) *string { return &c.Remote.Certificate }),
	path(about{
		key: "key", what: "The file with the key of that certificate, in PEM.", why: "None.",
		example: `"control.key"`, others: []string{"server-key-file", "private-key", "tls-key"},
	}, func(c *Config) *string { return &c.Remote.Key }),
	path(about{
		key: "client-ca", what: "The file with the certificates that sign those of clients, in PEM.", why: "None: clients need the token.",
		example: `"clients.pem"`, others: []string{"ca", "control-cert-file", "client-certificates"},
	}, func(c *Config) *string { return &c.Remote.ClientCA }),
	path(about{
		key: "token-file", what: "The file with the token that clients send, of 16 octets or more. Other users must not be able to read it.", why: "None: clients need a certificate.",
		example: `"control.token"`, others: []string{"token", "secret", "password-file"},
	}, func(c *Config) *string { return &c.Remote.TokenFile }),
	clients("allow", "The clients on other machines that are listened to at all, in the words of allow-query in [listen]; TSIG keys have no meaning here. They need a certificate or the token as well.",
		"All.", `["192.0.2.0/24", "acl:office"]`, []string{"allow-from", "acl", "clients", "networks"},
		func(c *Config) *[]string { return &c.Remote.Allow }),
)

// addressWithPort reads ADDRESS:PORT.
func addressWithPort(text string) (netip.AddrPort, error) {
	address, err := cli.ParseAddress(text, 0)
	if err == nil && address.Port() == 0 {
		if _, errPort := netip.ParseAddrPort(text); errPort != nil {
			return address, fmt.Errorf("%q has no port", text)
		}
	}
	return address, err
}

var metricsSection = once("metrics", "Numbers for Prometheus at /metrics; /healthz and /readyz for what watches the server.",
	valueList(about{
		key: "listen", what: "The addresses to answer HTTP on: each ADDRESS:PORT. There is no password: choose one that only your monitoring reaches.",
		why:     "None.",
		example: `["127.0.0.1:9153"]`, others: []string{"address", "prometheus", "port", "addresses"},
	}, addressWithPort, func(c *Config) *[]netip.AddrPort { return &c.MetricsListen }),
)
