package config

import (
	"slices"
	"strings"

	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/listener/certificate"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

var aclSection = byName("acl", "A list of clients that has a name: lists of clients may have \"acl:NAME\" in them. A client is meant if it meets all that is given here: it is in one of the networks, and has signed with one of the keys, and so on.",
	"[acl.office]\nnetworks = [\"192.0.2.0/24\"]\ntransports = [\"tls\", \"quic\"]\n",
	func(r *reader, key string, a settings.ACL, _ Position) {
		a.Name = key
		r.Settings.ACLs = append(r.Settings.ACLs, a)
		slices.SortFunc(r.Settings.ACLs, func(a, b settings.ACL) int { return strings.Compare(a.Name, b.Name) })
	},
	func(c *Config, give func(string, settings.ACL)) {
		for _, a := range c.Settings.ACLs {
			give(a.Name, a)
		}
	},
	stringList("networks", "Where clients are: networks, addresses, or one of loopback, private, any.", "Anywhere.",
		`["192.0.2.0/24", "2001:db8::/32"]`, []string{"network", "address", "from", "subnet", "clients"}, isPeers,
		func(a *settings.ACL) *[]string { return &a.Networks }),
	stringList("except", "Clients that are left out, though they are in one of the networks.", "None.",
		`["192.0.2.66"]`, []string{"not", "deny", "exclude"}, isPeers,
		func(a *settings.ACL) *[]string { return &a.Except }),
	stringList("keys", "TSIG keys, with one of which the query is signed.", "It need not be signed.",
		`["secondary"]`, []string{"key", "tsig"}, isName,
		func(a *settings.ACL) *[]string { return &a.Keys }),
	stringList("transports", "How the query comes: udp, tcp, tls, https, quic.", "In any way.",
		`["tls", "quic"]`, []string{"transport", "protocol", "protocols"}, func(text string) error {
			_, err := (&settings.ACL{Transports: []string{text}}).Rule()
			return err
		}, func(a *settings.ACL) *[]string { return &a.Transports }),
	stringList("addresses", "Addresses of this server, one of which the query is sent to.", "Any.",
		`["198.51.100.53"]`, []string{"destination", "server", "to", "local"}, isPeers,
		func(a *settings.ACL) *[]string { return &a.Addresses }),
	stringList("client-names", "DNS names, one of which is in the certificate of the client, which an authority of tls.client-authority vouches for. Either such a name or one of client-pins is enough.", "No certificate is needed.",
		`["secondary.example.com"]`, []string{"certificate", "cert-hostname", "client-name"}, func(string) error { return nil },
		func(a *settings.ACL) *[]string { return &a.ClientNames }),
	stringList("client-pins", "The SHA-256 of public keys, in base64, one of which is that of the client's certificate.", "No certificate is needed.",
		`["B6LEEoIsxgYmZnhsL+MUw4MtEyz8WUCMHTa3mFR7b20="]`, []string{"cert-key", "client-pin", "pins"}, func(text string) error {
			_, err := certificate.ParsePin(text)
			return err
		}, func(a *settings.ACL) *[]string { return &a.ClientPins }),
)

func isPeers(text string) error {
	_, err := names.ParsePeerSet(text)
	return err
}

func isName(text string) error {
	_, err := wire.ParseName(text)
	return err
}

// stringList is an option that is a list of strings, each of which check accepts.
func stringList[T any](key, what, why, example string, others []string, check func(text string) error, field func(*T) *[]string) option[T] {
	return list(about{key: key, what: what, why: why, example: example, others: others},
		func(r *reader, t *T, text string) error {
			*field(t) = append(*field(t), text)
			return check(text)
		}, func(t *T) []string { return *field(t) })
}

// clients is an option that is a list of clients: networks, keys and access lists.
func clients[T any](key, what, why, example string, others []string, field func(*T) *[]string) option[T] {
	return stringList(key, what, why, example, others, func(text string) error {
		if strings.HasPrefix(text, "acl:") {
			return nil // looked for when all is read
		}
		if key, ok := strings.CutPrefix(text, "key:"); ok {
			return isName(key)
		}
		return isPeers(text)
	}, field)
}
