package config

import (
	"errors"
	"net/netip"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/listener/certificate"
	"github.com/names-dns/names/wire"
)

var tlsSection = once("tls", "Where queries are received over TLS (RFC 7858), and with which certificates. Files of certificates are read again when they change. No connection is closed for a change: it is for those that come.",
	addresses("address", "The addresses to listen on for DNS over TLS: each an IP address, or ADDRESS:PORT. The port is 853 if none is given.",
		"None: a server for which there is a certificate that clients trust has to be set up for it.", settings.DefaultTLSPort,
		[]string{"tls", "listen", "listen-tls", "listen-on-tls", "port"},
		func(c *Config) *[]netip.AddrPort { return &c.Settings.TLS.Addresses }),
	pathList("certificate", "Files of certificates (PEM), each followed by those that lead from it to an authority. A client gets the first for the name that it asks for.",
		"None: see self-signed.", `["/etc/names/tls/fullchain.pem"]`, []string{"tls-certificate", "cert", "cert-file", "tls-service-pem", "certificates", "tls-cert-bundle"},
		func(c *Config) *[]string { return &c.Settings.TLS.Certificates }),
	pathList("key", "Files of the private keys, in any order. A key may also be in the file of its certificate.",
		"None but those.", `["/etc/names/tls/privkey.pem"]`, []string{"tls-key", "key-file", "tls-service-key", "keys", "private-key"},
		func(c *Config) *[]string { return &c.Settings.TLS.Keys }),
	path(about{
		key: "self-signed", what: "A file for a key and a certificate of the server's own. If it is not there it is made at the start, and the log has its pin, by which clients can know the server.",
		why:     "None: without it, and without certificate, they are made at each start, and lost with the server.",
		example: `"/var/lib/names/tls.pem"`, others: []string{"tls-self-signed"},
	}, func(c *Config) *string { return &c.Settings.TLS.SelfSigned }),
	domain(about{
		key: "name", what: "The name in the certificate by which clients that ask for encrypted transports learn of them (DDR, RFC 9462).",
		why:     "None: clients do not learn of them, since they refuse a certificate with another name.",
		example: `"dns.example.net"`, others: []string{"hostname", "server-name", "discovery", "ddr"},
	}, func(c *Config) *wire.Name { return &c.Settings.TLS.Name }),
	toggle(about{
		key: "only-13", what: "Refuse TLS 1.2.", why: "false: TLS 1.2 is still what some clients have.", example: "true",
		others: []string{"tls-only-13", "min-version", "tls-protocols", "protocols"},
	}, func(c *Config) *bool { return &c.Settings.TLS.Only13 }),
	path(about{
		key: "ticket-keys", what: "A file of keys of session tickets, one a line, each 64 hexadecimal digits; lines that begin with # are left out. The first encrypts tickets, those of all are recognised: with the same file, several servers at one address resume each other's sessions. It is read again when it changes, and no other user may read it.",
		why:     "None: each server has keys of its own in memory only, new ones each day.",
		example: `"/etc/names/tls/ticket-keys"`, others: []string{"tls-ticket-keys", "tls-session-ticket-keys", "session-ticket-key", "tls_sticket_secret_file"},
	}, func(c *Config) *string { return &c.Settings.TLS.TicketKeys }),
	pathList("client-authority", "Files of the authorities (PEM) that vouch for certificates of clients. Clients without such a certificate are refused.",
		"None: clients need no certificate.", `["/etc/names/tls/clients.pem"]`, []string{"tls-client-authority", "ca-file", "tls-auth-port", "client-ca"},
		func(c *Config) *[]string { return &c.Settings.TLS.ClientAuthorities }),
	list(about{
		key: "client-pin", what: "The public keys of clients, as the SHA-256 of each in base64. Clients with another key are refused.",
		why:     "None.",
		example: `["B6LEEoIsxgYmZnhsL+MUw4MtEyz8WUCMHTa3mFR7b20="]`, others: []string{"tls-client-pin", "pin", "cert-key"},
	}, func(r *reader, c *Config, text string) error {
		_, err := certificate.ParsePin(text)
		c.Settings.TLS.ClientPins = append(c.Settings.TLS.ClientPins, text)
		return err
	}, func(c *Config) []string { return c.Settings.TLS.ClientPins }),
	toggle(about{
		key: "client-optional", what: "Let clients without a certificate connect too.",
		why: "false: an authority or a pin that is named is meant.", example: "true", others: []string{"tls-client-optional"},
	}, func(c *Config) *bool { return &c.Settings.TLS.ClientOptional }),
)

// addresses is an option that is a list of addresses to listen on.
func addresses(key, what, why string, port uint16, others []string, field func(*Config) *[]netip.AddrPort) option[Config] {
	return valueList(about{key: key, what: what, why: why, example: `["192.0.2.1", "2001:db8::1"]`, others: others}, addressWithDefault(port), field)
}

// addressWithDefault reads ADDRESS, which has that port, or ADDRESS:PORT.
func addressWithDefault(port uint16) func(text string) (netip.AddrPort, error) {
	return func(text string) (netip.AddrPort, error) { return cli.ParseAddress(text, port) }
}

// pathList is an option that is a list of paths, which begin at the folder of the
// file that they are written in.
func pathList(key, what, why, example string, others []string, field func(*Config) *[]string) option[Config] {
	return list(about{key: key, what: what, why: why, example: example, others: others},
		func(r *reader, c *Config, text string) error {
			if text == "" {
				return errors.New("is empty")
			}
			*field(c) = append(*field(c), r.resolve(text))
			return nil
		}, func(c *Config) []string { return *field(c) })
}
