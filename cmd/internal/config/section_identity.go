package config

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/internal/files"
)

var identitySection = once("identity", "What the server tells of itself. Cookies of a secret that is gone after a reload are recognised for the hour for which they are good.",
	text(about{
		key: "nsid", what: "The name for clients that ask which of several servers answered: by NSID (RFC 5001), or for id.server.",
		why:     "None: a server says no more of itself than it is asked to.",
		example: `"ns1.example.com"`, others: []string{"id", "identity", "server-id"},
	}, func(c *Config) *string { return &c.Settings.Identity.NSID }),
	list(about{
		key: "cookie-secret", what: "The secrets that DNS Cookies (RFC 7873) are made with, each 16 octets as 32 hexadecimal digits. All servers that share an address need the same. The first makes cookies, all of them are recognised. This file must then be one that other users cannot read.",
		why:     "A random secret, a new one at each start: clients get a new cookie without noticing.",
		example: `["e5e973e5a6b2a43f48e7dc849e37bfcf"]`,
	}, func(r *reader, c *Config, text string) error {
		secret, err := settings.ParseCookieSecret(text)
		if err != nil {
			return fmt.Errorf("a secret %w", err)
		}
		at := r.seen[r.setting]
		r.secretAt = &at
		c.Settings.Identity.CookieSecrets = append(c.Settings.Identity.CookieSecrets, secret)
		return nil
	}, func(*Config) []string { return nil }), // secrets are not repeated
	func() option[Config] {
		o := path(about{
			key: "cookie-secret-file", what: "A file with such secrets, one a line. Lines that begin with # are left out.",
			why:     "None.",
			example: `"/etc/names/cookie-secrets"`, others: []string{"cookie-secret-path"},
		}, func(c *Config) *string { return &c.CookieSecretFile })
		read := o.read
		o.read = func(r *reader, c *Config, v *node) bool { return read(r, c, v) && c.readCookieSecrets(r, v) }
		return o
	}(),
	toggle(about{
		key: "hide-version", what: "Do not answer version.bind and version.server, which tell the version of this program.",
		why:     "false: the version helps to find faults, and attackers try everything anyway.",
		example: "true", others: []string{"version", "no-version"},
	}, func(c *Config) *bool { return &c.Settings.Identity.HideVersion }),
)

// maxSecrets bounds a file of secrets, in octets.
const maxSecrets = 64 << 10

// readCookieSecrets reads the file of secrets.
func (c *Config) readCookieSecrets(r *reader, v *node) bool {
	f, info, err := files.Open(c.CookieSecretFile)
	if err != nil {
		return r.failf(v, "cannot read %s: %v", c.CookieSecretFile, cli.WithoutPath(err))
	}
	defer f.Close()
	if info.Mode()&0o007 != 0 {
		r.warn(v.position, "%s: every user can read %s; take that away with chmod o= %s", r.setting, c.CookieSecretFile, c.CookieSecretFile)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSecrets+1))
	if err != nil || len(b) > maxSecrets {
		return r.failf(v, "cannot read %s: %v", c.CookieSecretFile, cmpError(err, "it has more than 64 KiB"))
	}
	lines, n := bufio.NewScanner(bytes.NewReader(b)), 0
	lines.Buffer(nil, maxSecrets+1)
	for at := 1; lines.Scan(); at++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		secret, err := settings.ParseCookieSecret(line)
		if err != nil {
			return r.failf(v, "%s:%d: a secret %v", c.CookieSecretFile, at, err)
		}
		c.Settings.Identity.CookieSecrets = append(c.Settings.Identity.CookieSecrets, secret)
		n++
	}
	if n == 0 {
		return r.failf(v, "%s has no secret; write one with: openssl rand -hex 16", c.CookieSecretFile)
	}
	return true
}

func cmpError(err error, text string) string {
	if err != nil {
		return err.Error()
	}
	return text
}
