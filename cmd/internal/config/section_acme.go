package config

import "github.com/names-dns/names/wire"

var acmeSection = once("acme", "A certificate for [tls], [https] and [quic] that an authority issues by ACME (RFC 8555), renewed before it ends. That the names are ours is shown by TXT records at _acme-challenge.NAME, which the server puts into its own zones: docs/encrypted.md.",
	valueList(about{
		key: "names", what: "The names that the certificate is for. *.NAME is for all names right below NAME.",
		why: "None: there is no such certificate.", example: `["dns.example.net"]`,
		others: []string{"domains", "domain", "san", "hosts", "certnames"},
	}, wire.ParseName, func(c *Config) *[]wire.Name { return &c.Settings.ACME.Names }),
	text(about{
		key: "directory", what: "The URL of the authority's directory. That of Let's Encrypt is in the example; https://acme-staging-v02.api.letsencrypt.org/directory is for trying, and its certificates are trusted by no client.",
		why: "None: which authority to trust is for the operator to say.", example: `"https://acme-v02.api.letsencrypt.org/directory"`,
		others: []string{"ca", "server", "acme-server", "directory-url", "url", "provider"},
	}, func(c *Config) *string { return &c.Settings.ACME.Directory }),
	toggle(about{
		key: "accept-terms", what: "The operator has read the terms of the authority and accepts them. Nothing is sent to it otherwise.",
		why: "false.", example: "true", others: []string{"agree-tos", "accept-tos", "terms", "agree"},
	}, func(c *Config) *bool { return &c.Settings.ACME.AcceptTerms }),
	path(about{
		key: "state", what: "The folder for the key of the account and the certificate with its key. It is made if it is not there; only the user of the server may read it.",
		why: "None.", example: `"/var/lib/names/acme"`, others: []string{"dir", "directory-path", "storage", "path", "acme-dir"},
	}, func(c *Config) *string { return &c.Settings.ACME.Dir }),
	text(about{
		key: "email", what: "The mail address by which the authority can reach the operator.",
		why: "None.", example: `"hostmaster@example.net"`, others: []string{"contact", "mail", "account-email"},
	}, func(c *Config) *string { return &c.Settings.ACME.Email }),
	text(about{
		key: "eab-key-id", what: "What the authority calls the key by which it knows its customer, if it issues to customers only (external account binding, RFC 8555 7.3.4).",
		why: "None: authorities that issue to all need none.", example: `"kid-1"`, others: []string{"eab-kid", "eab_kid", "key-id"},
	}, func(c *Config) *string { return &c.Settings.ACME.EABKeyID }),
	path(about{
		key: "eab-key-file", what: "The file of that key, in base64url as the authority shows it.",
		why: "None.", example: `"/etc/names/acme-eab.key"`, others: []string{"eab-hmac-key", "eab-key", "mac-key"},
	}, func(c *Config) *string { return &c.Settings.ACME.EABKeyFile }),
	path(about{
		key: "authority", what: "The file of certificates (PEM) that vouch for the server of directory, for an authority of one's own.",
		why: "None: the certificates of the system.", example: `"/etc/names/tls/internal-root.pem"`,
		others: []string{"ca-file", "trusted-roots", "root", "ca-certificate", "acme-ca"},
	}, func(c *Config) *string { return &c.Settings.ACME.Authority }),
)
