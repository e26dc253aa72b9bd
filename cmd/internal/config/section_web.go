package config

import "net/netip"

var webSection = once("web", "A page on which to look at the server: docs/web.md. The password is read again at each reload; another one ends all sessions.",
	valueList(about{
		key: "listen", what: "The loopback addresses to answer HTTP on: each ADDRESS:PORT.",
		why:     "None: there is no page.",
		example: `["127.0.0.1:8053"]`, others: []string{"address", "port", "http"},
	}, addressWithPort, func(c *Config) *[]netip.AddrPort { return &c.Web.Listen }),
	path(about{
		key: "password-file", what: "The file with the password of the page, of 8 octets or more. Other users must not be able to read it.",
		why:     "None: the page requires one.",
		example: `"web.password"`, others: []string{"password", "token", "token-file", "api-key"},
	}, func(c *Config) *string { return &c.Web.PasswordFile }),
)
