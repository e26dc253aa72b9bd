package config

import (
	"cmp"
	"reflect"
	"strings"
	"time"

	"github.com/names-dns/names/authority/transfer"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/names"
)

var transfersSection = once("transfers", "How zones go to other servers, and come from them, unless a zone says otherwise.",
	peersAllowed("allow-transfer", "The clients that may have zones (AXFR, IXFR): addresses, networks, loopback, private, any, or key:NAME for those that sign with that key.",
		"None.", []string{"allow", "provide-xfr", "acl", "transfer-to"}, func(c *Config) *[]string { return &c.Settings.Transfers.Allow }),
	otherServers("also-notify", "The servers that are notified of new versions (NOTIFY): [key:NAME@]ADDR[:PORT][ from ADDR]. With tls://ADDR#NAME, or another URL of docs/upstreams.md, messages go over TLS.",
		"None, but see notify-servers.", []string{"notify"}, func(c *Config) *[]settings.Peer { return &c.Settings.Transfers.Notify }),
	maybe(about{
		key: "notify-servers", what: "Notify the servers that the NS records of a zone name, except for the primary in its SOA record.",
		why: "If any client may have the zone.", example: "false", others: []string{"notify-ns"},
	}, func(c *Config) **bool { return &c.Settings.Transfers.NotifyServers }),
	list(about{
		key: "key-file", what: "Files with TSIG keys: key {} as in BIND's configuration, or a line of algorithm:name:secret for each.",
		why: "None.", example: `["keys"]`, others: []string{"tsig-key", "keys"},
	}, func(r *reader, c *Config, text string) error {
		c.Settings.Transfers.KeyFiles = append(c.Settings.Transfers.KeyFiles, r.resolve(text))
		return nil
	}, func(c *Config) []string { return c.Settings.Transfers.KeyFiles }),
	path(about{
		key: "directory", what: "The folder in which zones of primaries are kept, so that they are served after a restart.",
		why:     "\"secondary\" in the folder of the journal, or nowhere if there is none.",
		example: `"/var/lib/names/secondary"`, others: []string{"secondary-dir", "secondary-directory"},
	}, func(c *Config) *string { return &c.Settings.Transfers.Directory }),
	pathList("tls-authority", "Files of the authorities (PEM) that vouch for primaries with a URL.", "Those of the system.",
		`["/etc/names/tls/ca.pem"]`, []string{"ca-file", "remote-ca"}, func(c *Config) *[]string { return &c.Settings.Transfers.TLSAuthorities }),
	path(about{
		key: "tls-certificate", what: "The file of a certificate (PEM) that is shown to primaries with a URL, if they ask for one.", why: "None.",
		example: `"/etc/names/tls/secondary.pem"`, others: []string{"cert-file", "client-cert"},
	}, func(c *Config) *string { return &c.Settings.Transfers.TLSCertificate }),
	path(about{
		key: "tls-key", what: "The file of its private key.", why: "tls-certificate.",
		example: `"/etc/names/tls/secondary.key"`, others: []string{"client-key"},
	}, func(c *Config) *string { return &c.Settings.Transfers.TLSKey }),
	number(about{
		key: "connections", what: "How many connections to primaries there may be at once.", why: "64.",
		example: "64", least: 1, most: 10_000, others: []string{"transfers-in", "xfrd-tcp-max"},
	}, func(c *Config) *int { return &c.Settings.Transfers.MaxConnections }),
	number(about{
		key: "connections-per-primary", what: "How many of them to one primary.", why: "4.",
		example: "4", least: 1, most: 1000, others: []string{"transfers-per-ns"},
	}, func(c *Config) *int { return &c.Settings.Transfers.MaxPerPrimary }),
)

// peersAllowed is an option that is a list of clients.
func peersAllowed[T any](key, what, why string, others []string, field func(*T) *[]string) option[T] {
	return list(about{key: key, what: what, why: why, example: `["192.0.2.54", "key:secondary"]`, others: others},
		func(_ *reader, t *T, text string) error {
			if _, err := names.ParseAccess(text); err != nil && !strings.HasPrefix(text, "acl:") { // those are looked for when all is read
				return err
			}
			*field(t) = append(*field(t), text)
			return nil
		}, func(t *T) []string { return *field(t) })
}

// otherServers is an option that is a list of servers.
func otherServers[T any](key, what, why string, others []string, field func(*T) *[]settings.Peer) option[T] {
	return list(about{key: key, what: what, why: why, example: `["192.0.2.53", "key:mine@[2001:db8::53]:5353 from 2001:db8::1"]`, others: others},
		func(_ *reader, t *T, text string) error {
			p, err := settings.ParsePeer(text)
			if err == nil {
				*field(t) = append(*field(t), p)
			}
			return err
		}, func(t *T) (texts []string) {
			for _, p := range *field(t) {
				texts = append(texts, p.String())
			}
			return texts
		})
}

// transferOptions are what a zone, or a template, says of its transfers.
func transferOptions[T any](of func(*T) *settings.ZoneTransfers) []option[T] {
	const template = "That of the template, or else "
	timer := func(key, what, why, example string, field func(*transfer.Timers) *time.Duration) option[T] {
		return span(about{key: key, what: what, why: template + why, example: example, least: 1, most: 100 * 365 * 24 * 3600, others: []string{key + "-time", key + "-interval"}},
			func(t *T) *time.Duration { return field(&of(t).Timers) })
	}
	return []option[T]{
		otherServers("primaries", "The servers that the zone comes from: [key:NAME@]ADDR[:PORT][ from ADDR], asked in this order until one has a newer version. The file is then where the zone is kept. With tls://ADDR#NAME, or another URL of docs/upstreams.md, the zone comes over TLS (RFC 9103).",
			"Those of the template, or else none: the zone is ours.", []string{"masters", "master", "primary", "request-xfr", "secondary"}, func(t *T) *[]settings.Peer { return &of(t).Primaries }),
		peersAllowed("allow-notify", "The clients whose NOTIFY is believed in addition to the primaries: addresses, networks, or key:NAME.",
			"Those of the template, or else none.", nil, func(t *T) *[]string { return &of(t).AllowNotify }),
		peersAllowed("allow-transfer", "The clients that may have the zone: addresses, networks, loopback, private, any, or key:NAME.",
			"Those of the template, or else of [transfers].", []string{"provide-xfr"}, func(t *T) *[]string { return &of(t).Allow }),
		otherServers("also-notify", "The servers that are notified of new versions: [key:NAME@]ADDR[:PORT][ from ADDR]. With tls://ADDR#NAME, or another URL of docs/upstreams.md, messages go over TLS.",
			"Those of the template, or else of [transfers].", []string{"notify"}, func(t *T) *[]settings.Peer { return &of(t).Notify }),
		maybe(about{
			key: "notify-servers", what: "Notify the servers that the zone's NS records name, except for the primary in its SOA record.",
			why: template + "of [transfers].", example: "false",
		}, func(t *T) **bool { return &of(t).NotifyServers }),
		toggle(about{
			key: "condense-ixfr", what: "Send what has changed since a version as one change, not one after the other (RFC 1995 5).",
			why: "false: secondaries can then send on each of them.", example: "true",
		}, func(t *T) *bool { return &of(t).Condense }),
		toggle(about{
			key: "axfr-only", what: "Do not ask primaries for what has changed (IXFR), but for the whole zone.",
			why: "false.", example: "true", others: []string{"request-ixfr"},
		}, func(t *T) *bool { return &of(t).WholeOnly }),
		timer("min-refresh", "The least that REFRESH in the SOA record counts as.", "1m.", `"10s"`, func(t *transfer.Timers) *time.Duration { return &t.MinRefresh }),
		timer("max-refresh", "The most.", "672h.", `"24h"`, func(t *transfer.Timers) *time.Duration { return &t.MaxRefresh }),
		timer("min-retry", "The least that RETRY counts as.", "10s.", `"5s"`, func(t *transfer.Timers) *time.Duration { return &t.MinRetry }),
		timer("max-retry", "The most.", "336h.", `"1h"`, func(t *transfer.Timers) *time.Duration { return &t.MaxRetry }),
		timer("min-expire", "The least that EXPIRE counts as.", "REFRESH and RETRY together.", `"24h"`, func(t *transfer.Timers) *time.Duration { return &t.MinExpire }),
		timer("max-expire", "The most.", "no limit.", `"1000h"`, func(t *transfer.Timers) *time.Duration { return &t.MaxExpire }),
		number(about{
			key: "max-records", what: "How many records the zone of a primary may have.", why: template + "50000000.",
			example: "1000000", least: 1, most: 1 << 31, others: []string{"max-zone-records"},
		}, func(t *T) *int { return &of(t).Limits.Records }),
		func() option[T] {
			o := size(about{
				key: "max-transfer-size", what: "How much one transfer from a primary may be.", why: template + "4GiB.",
				example: `"100MiB"`, others: []string{"size-limit-xfr", "zone-max-size", "max-zone-size"},
			}, func(t *T) *int64 { return &of(t).Limits.Octets })
			write := o.write
			o.write = func(t *T) string {
				if of(t).Limits.Octets == 0 {
					return ""
				}
				return write(t)
			}
			return o
		}(),
		span(about{
			key: "max-transfer-time", what: "How long one transfer from a primary may take.", why: template + "1h.",
			example: `"10m"`, least: 1, most: 24 * 3600, others: []string{"max-transfer-time-in"},
		}, func(t *T) *time.Duration { return &of(t).Limits.Time }),
	}
}

// inheritTransfers is what a zone says together with what its template says, nil if
// neither says anything.
func inheritTransfers(z settings.ZoneTransfers, t template) *settings.ZoneTransfers {
	if reflect.DeepEqual(z, settings.ZoneTransfers{}) {
		return t.shared
	}
	from := &t.transfers
	if z.Primaries == nil {
		z.Primaries = from.Primaries
	}
	if z.Notify == nil {
		z.Notify = from.Notify
	}
	if z.AllowNotify == nil {
		z.AllowNotify = from.AllowNotify
	}
	if z.Allow == nil {
		z.Allow = from.Allow
	}
	z.NotifyServers = cmp.Or(z.NotifyServers, from.NotifyServers)
	z.Condense, z.WholeOnly = z.Condense || from.Condense, z.WholeOnly || from.WholeOnly
	a, b := &z.Timers, &from.Timers
	z.Timers = transfer.Timers{
		MinRefresh: cmp.Or(a.MinRefresh, b.MinRefresh), MaxRefresh: cmp.Or(a.MaxRefresh, b.MaxRefresh), MinRetry: cmp.Or(a.MinRetry, b.MinRetry),
		MaxRetry: cmp.Or(a.MaxRetry, b.MaxRetry), MinExpire: cmp.Or(a.MinExpire, b.MinExpire), MaxExpire: cmp.Or(a.MaxExpire, b.MaxExpire),
	}
	z.Limits.Records = cmp.Or(z.Limits.Records, from.Limits.Records)
	z.Limits.Octets = cmp.Or(z.Limits.Octets, from.Limits.Octets)
	z.Limits.Time = cmp.Or(z.Limits.Time, from.Limits.Time)
	return &z
}
