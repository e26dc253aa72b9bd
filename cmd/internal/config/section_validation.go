package config

import (
	"time"

	"github.com/names-dns/names/cmd/internal/settings"
)

var validationSection = once("validation", "How DNSSEC proves what other servers say. Without this section, answers are validated with the root's keys, which are built in.",
	toggle(about{
		key: "off", what: "Pass on answers whether they are proved or not.",
		why:     "false. Answers are validated if names are resolved from the built-in servers of the root, or if the servers of forward or resolv-conf pass on signatures.",
		example: "true", others: []string{"no-validation", "dnssec-validation", "enabled", "module-config"},
	}, func(c *Config) *bool { return &c.Settings.Recursion.Validation.Off }),
	toggle(about{
		key: "log-only", what: "Log what is not proved, and pass it on.",
		why:     "false: such answers are SERVFAIL.",
		example: "true", others: []string{"validation-log-only", "val-permissive-mode", "permissive"},
	}, func(c *Config) *bool { return &c.Settings.Recursion.Validation.LogOnly }),
	toggle(about{
		key: "report-errors", what: "Tell the agents that servers of zones name what cannot be validated (RFC 9567): a query for each zone and reason, every ten minutes at the most. Requires from-root.",
		why:     "false: the agent learns what was asked for, and of which resolver.",
		example: "true", others: []string{"dns-error-reporting", "error-reporting"},
	}, func(c *Config) *bool { return &c.Settings.Recursion.Validation.ReportErrors }),
	list(about{
		key: "trust-anchor", what: "Files with DNSSEC keys that are trusted: DS or DNSKEY records, trust-anchors of BIND, or root-anchors.xml of IANA.",
		why:     "The keys of the root, for the servers of the Internet. They stay if these files have none for the root.",
		example: `["corp.key"]`, others: []string{"trust-anchors", "trust-anchor-file", "trusted-keys-file"},
	}, func(r *reader, c *Config, text string) error {
		v := &c.Settings.Recursion.Validation
		v.TrustAnchors = append(v.TrustAnchors, r.resolve(text))
		return nil
	}, func(c *Config) []string { return c.Settings.Recursion.Validation.TrustAnchors }),
	path(about{
		key: "state", what: "Follow the keys of trust anchors (RFC 5011), and keep in this file what is known of them, and in FILE.insecure the zones that names ctl insecure add has named. The directory has to be writable.",
		why:     "None: the trust anchors stay as they are configured.",
		example: `"/var/lib/names/anchors"`, others: []string{"trust-anchor-state", "managed-keys-directory", "auto-trust-anchor-file"},
	}, func(c *Config) *string { return &c.Settings.Recursion.Validation.State }),
	list(about{
		key: "insecure", what: "Zones that are not validated: each ZONE, or ZONE=END with a date or time, after which it is validated again.",
		why:     "None.",
		example: `["corp.example", "broken.example=2026-12-24"]`, others: []string{"domain-insecure", "validate-except", "negative-trust-anchors"},
	}, func(r *reader, c *Config, text string) error {
		zone, err := settings.ParseInsecureZone(text)
		if err == nil {
			v := &c.Settings.Recursion.Validation
			v.Insecure = append(v.Insecure, zone)
		}
		return err
	}, func(c *Config) (all []string) {
		for _, z := range c.Settings.Recursion.Validation.Insecure {
			all = append(all, z.String())
		}
		return all
	}),
	moment(about{
		key: "now", what: "Judge signatures, trust anchors and negative trust anchors as if the server had been started at this time: for tests, and to see what will be proved then.",
		why:     "The time.",
		example: `"2027-01-11T00:00:00Z"`, others: []string{"val-override-date"},
	}, func(c *Config) *time.Time { return &c.Settings.Recursion.Validation.Now }),
)
