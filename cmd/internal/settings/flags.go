package settings

import (
	"cmp"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/recursor/upstream/encrypted"
	"github.com/names-dns/names/wire"
)

// flagNames are the settings whose option is not named like their last part.
var flagNames = map[string]string{
	"listen.address": "interface", "zones.file": "bindzone", "identity.cookie-secret": "cookie-secret",
	"journal.dir": "journal", "journal.max-size": "journal-size", "journal.max-age": "journal-age", "zone.zonefile-sync": "zonefile-sync",
	"signing.key-dir": "sign", "zone.sign": "sign",
	"update.allow": "allow-update", "transfers.key-file": "tsig-key", "transfers.directory": "secondary-dir", "zone.primaries": "secondary",
	"recursion.allow": "allow-recursion", "cache.enabled": "cache", "cache.size": "cache-size", "cache.file": "cache-file",
	"query-log.which": "query-log", "query-log.slow": "query-log", "query-log.to": "query-log-file", "query-log.format": "query-log-format",
	"query-log.one-in": "query-log-one-in", "query-log.messages": "verbose",
	"dnstap.to": "dnstap", "dnstap.messages": "dnstap-messages", "dnstap.one-in": "dnstap-one-in",
	"listen.allow-query": "allow-query", "https.address": "https", "https.path": "https-path", "https.json": "https-json", "https.oblivious": "https-oblivious", "https.plain": "https-plain", "https.proxy": "https-proxy", "quic.address": "quic", "quic.early-data": "quic-early-data",
	"tls.address": "tls", "tls.certificate": "tls-certificate", "tls.key": "tls-key", "tls.self-signed": "tls-self-signed", "tls.only-13": "tls-only-13", "tls.ticket-keys": "tls-ticket-keys",
	"tls.client-authority": "tls-client-authority", "tls.client-pin": "tls-client-pin", "tls.client-optional": "tls-client-optional",
	"validation.off": "no-validation", "validation.log-only": "validation-log-only", "validation.state": "trust-anchor-state",
}

// Flag is the option of a command line for a setting.
func Flag(setting string) string {
	_, name, _ := strings.Cut(setting, ".")
	return "--" + cmp.Or(flagNames[setting], name)
}

// Flags returns settings and makes flags fill them. The settings are complete
// once the flags are parsed and finish has returned without an error.
func Flags(flags *flag.FlagSet) (s *Settings, finish func() error) {
	s = new(Settings)
	*s = Default()
	f := flagValues{Settings: s}
	f.register(flags)
	return s, func() error {
		if err := f.read(); err != nil {
			return err
		}
		complete, err := s.Complete()
		if p, ok := errors.AsType[*Problem](err); ok {
			return errors.New(p.Spell(Flag))
		}
		*s = complete
		return err
	}
}

// flagValues are the options that are read after the others.
type flagValues struct {
	*Settings
	interfaces, masterFiles, pyzones, cookieSecrets, forwards, stubs, secondaries, notifies, insecure, trustAD cli.List

	now string // of validation

	tls, https, plainHTTP, quic, bootstrap cli.List

	syncAfter time.Duration // of all zones
	verbosity int           // how often -v is given
}

func (f *flagValues) register(flags *flag.FlagSet) {
	l, id, r, i, c := &f.Listen, &f.Identity, &f.Recursion, &f.Recursion.Iteration, &f.Cache
	flags.Var(&f.interfaces, "interface", "")
	flags.IntVar(&l.Port, "port", l.Port, "")
	flags.Var((*cli.List)(&f.AllowQuery), "allow-query", "")
	flags.Var((*cli.List)(&l.Proxies), "proxy", "")
	flags.Var(&f.tls, "tls", "")
	flags.Var(&f.https, "https", "")
	flags.StringVar(&f.HTTPS.Path, "https-path", "", "")
	flags.BoolVar(&f.HTTPS.JSON, "https-json", false, "")
	flags.BoolVar(&f.HTTPS.Oblivious, "https-oblivious", false, "")
	flags.Var(&f.plainHTTP, "https-plain", "")
	flags.Var((*cli.List)(&f.HTTPS.Proxies), "https-proxy", "")
	flags.BoolVar(&f.HTTPS.NoHTTP3, "no-http3", false, "")
	flags.Var(&f.quic, "quic", "")
	flags.BoolVar(&f.QUIC.EarlyData, "quic-early-data", false, "")
	flags.Var((*cli.List)(&f.TLS.Certificates), "tls-certificate", "")
	flags.Var((*cli.List)(&f.TLS.Keys), "tls-key", "")
	flags.StringVar(&f.TLS.SelfSigned, "tls-self-signed", "", "")
	flags.BoolVar(&f.TLS.Only13, "tls-only-13", false, "")
	flags.StringVar(&f.TLS.TicketKeys, "tls-ticket-keys", "", "")
	flags.Var((*cli.List)(&f.TLS.ClientAuthorities), "tls-client-authority", "")
	flags.Var((*cli.List)(&f.TLS.ClientPins), "tls-client-pin", "")
	flags.BoolVar(&f.TLS.ClientOptional, "tls-client-optional", false, "")
	flags.IntVar(&l.Workers, "workers", 0, "")
	flags.IntVar(&l.MaxUDPSize, "max-udp-size", 0, "")
	flags.StringVar(&id.NSID, "nsid", "", "")
	flags.Var(&f.cookieSecrets, "cookie-secret", "")
	flags.BoolVar(&id.HideVersion, "hide-version", false, "")
	flags.Var(&f.masterFiles, "bindzone", "")
	flags.Var(&f.pyzones, "pyzone", "")
	flags.Var((*cli.List)(&f.Transfers.Allow), "allow-transfer", "")
	flags.Var((*cli.List)(&f.AllowUpdate), "allow-update", "")
	flags.Var((*cli.List)(&f.Transfers.KeyFiles), "tsig-key", "")
	flags.Var(&f.secondaries, "secondary", "")
	flags.StringVar(&f.Transfers.Directory, "secondary-dir", "", "")
	flags.Var(&f.notifies, "also-notify", "")
	flags.StringVar(&f.Journal.Dir, "journal", "", "")
	flags.StringVar(&f.Signing.KeyDir, "sign", "", "")
	flags.Var((*byteSize)(&f.Journal.MaxSize), "journal-size", "")
	flags.DurationVar(&f.Journal.MaxAge, "journal-age", 0, "")
	flags.DurationVar(&f.syncAfter, "zonefile-sync", 0, "")
	flags.BoolVar(&f.AnyInFull, "any-in-full", false, "")
	flags.BoolVar(&r.FromRoot, "from-root", false, "")
	flags.StringVar(&i.RootHints, "root-hints", "", "")
	flags.Func("local-root", "", i.AddLocalRoot)
	flags.StringVar(&i.LocalRoot.File, "local-root-file", "", "")
	flags.Var(&f.stubs, "stub", "")
	flags.BoolVar(&i.FullNames, "no-qname-min", false, "")
	flags.Var((*cli.List)(&i.DoNotQuery), "do-not-query", "")
	flags.BoolVar(&i.QueryLoopback, "query-localhost", false, "")
	flags.BoolVar(&i.Encrypt, "opportunistic-encryption", false, "")
	flags.Var((*cli.List)(&r.Validation.TrustAnchors), "trust-anchor", "")
	flags.StringVar(&r.Validation.State, "trust-anchor-state", "", "")
	flags.Var(&f.insecure, "insecure", "")
	flags.StringVar(&f.now, "now", "", "")
	flags.BoolVar(&r.Validation.Off, "no-validation", false, "")
	flags.BoolVar(&r.Validation.LogOnly, "validation-log-only", false, "")
	flags.BoolVar(&r.Validation.ReportErrors, "report-errors", false, "")
	flags.BoolVar(&r.Forward, "recursive", false, "")
	flags.StringVar(&r.ResolvConf, "resolv-conf", "", "")
	flags.Var(&f.forwards, "forward", "")
	flags.Var(&f.bootstrap, "bootstrap", "")
	flags.Var(&f.trustAD, "trust-ad", "")
	flags.Var((*cli.List)(&r.Authorities), "upstream-authority", "")
	flags.StringVar(&r.Upgrade, "upgrade", "", "")
	flags.StringVar(&r.HostsFile, "hosts-file", "", "")
	flags.Var((*cli.List)(&r.Allow), "allow-recursion", "")
	flags.BoolVar(&c.Enabled, "cache", false, "")
	flags.Var((*byteSize)(&c.Size), "cache-size", "")
	flags.Var((*staleTime)(&c.ServeStale), "serve-stale", "")
	flags.StringVar(&c.File, "cache-file", "", "")
	flags.IntVar(&f.Limits.Replies, "rate-limit", f.Limits.Replies, "")
	flags.IntVar(&f.Limits.RepliesInAll, "rate-limit-in-all", f.Limits.RepliesInAll, "")
	flags.IntVar(&f.Limits.Slip, "slip", f.Limits.Slip, "")
	flags.Var((*cli.List)(&f.Limits.RepliesExempt), "rate-limit-exempt", "")
	flags.BoolVar(&f.Limits.LogOnly, "rate-limit-log-only", false, "")
	flags.IntVar(&f.Limits.ClientQueries, "client-queries", f.Limits.ClientQueries, "")
	flags.IntVar(&f.Limits.ClientWaiting, "client-waiting", f.Limits.ClientWaiting, "")
	flags.IntVar(&f.Limits.ClientBurst, "client-burst", f.Limits.ClientBurst, "")
	flags.Var((*cli.List)(&f.Limits.ClientExempt), "client-exempt", "")
	flags.IntVar(&f.Limits.UpstreamQueries, "upstream-queries", f.Limits.UpstreamQueries, "")
	flags.IntVar(&f.Limits.ConnectionRate, "connection-rate", f.Limits.ConnectionRate, "")
	flags.Var((*cli.Level)(&f.verbosity), "verbose", "")
	flags.Var((*queries)(&f.QueryLog), "query-log", "")
	flags.StringVar(&f.QueryLog.To, "query-log-file", "", "")
	flags.StringVar(&f.QueryLog.Format, "query-log-format", "", "")
	flags.IntVar(&f.QueryLog.OneIn, "query-log-one-in", 0, "")
	flags.StringVar(&f.Dnstap.Target, "dnstap", "", "")
	flags.Var((*cli.List)(&f.Dnstap.Messages), "dnstap-messages", "")
	flags.IntVar(&f.Dnstap.OneIn, "dnstap-one-in", 0, "")
	for letter, name := range map[string]string{"i": "interface", "p": "port", "r": "recursive", "c": "cache", "v": "verbose"} {
		cli.Alias(flags, letter, name)
	}
}

// verbose is what -v means: once a line for each query and what the cache had, twice
// all there is.
func (f *flagValues) verbose() {
	if f.verbosity == 0 {
		return
	}
	f.Log.Cache = min(f.verbosity, len(CacheLogs)-1)
	f.QueryLog.Which = cmp.Or(f.QueryLog.Which, LogAll)
	f.QueryLog.Messages = f.verbosity > 1
}

// read reads the options whose meaning depends on others, or which are lists.
func (f *flagValues) read() error {
	f.verbose()
	for _, text := range f.interfaces {
		if p := f.Listen.Port; p < 0 || p > 65535 {
			break // Complete says so
		}
		address, err := cli.ParseAddress(text, uint16(f.Listen.Port))
		if err != nil {
			return fmt.Errorf("--interface: %w", err)
		}
		f.Listen.Addresses = append(f.Listen.Addresses, address)
	}
	for _, list := range []struct {
		option string
		texts  []string
		port   uint16
		to     *[]netip.AddrPort
	}{
		{"--tls", f.tls, DefaultTLSPort, &f.TLS.Addresses}, {"--https", f.https, DefaultHTTPSPort, &f.HTTPS.Addresses},
		{"--bootstrap", f.bootstrap, DefaultPort, &f.Recursion.Bootstrap},
		{"--https-plain", f.plainHTTP, DefaultPlainPort, &f.HTTPS.Plain}, {"--quic", f.quic, DefaultQUICPort, &f.QUIC.Addresses},
	} {
		for _, text := range list.texts {
			address, err := cli.ParseAddress(text, list.port)
			if err != nil {
				return fmt.Errorf("%s: %w", list.option, err)
			}
			*list.to = append(*list.to, address)
		}
	}
	for _, text := range f.cookieSecrets {
		secret, err := ParseCookieSecret(text)
		if err != nil {
			return fmt.Errorf("--cookie-secret %w", err)
		}
		f.Identity.CookieSecrets = append(f.Identity.CookieSecrets, secret)
	}
	for _, path := range f.pyzones {
		f.Zones = append(f.Zones, Zone{Path: path, Format: authority.Pyzone})
	}
	for _, text := range f.masterFiles {
		zone, err := parseMasterFile(text)
		if err != nil {
			return fmt.Errorf("--bindzone %q: %w", text, err)
		}
		if f.Signing.KeyDir != "" {
			zone.Sign = DefaultPolicy
		}
		f.Zones = append(f.Zones, zone)
	}
	for i := range f.Zones {
		f.Zones[i].SyncAfter = f.syncAfter
	}
	for _, text := range f.secondaries {
		if err := f.addSecondary(text); err != nil {
			return fmt.Errorf("--secondary %q: %w", text, err)
		}
	}
	for _, text := range f.notifies {
		peer, err := ParsePeer(text)
		if err != nil {
			return fmt.Errorf("--also-notify: %w", err)
		}
		f.Transfers.Notify = append(f.Transfers.Notify, peer)
	}
	for _, text := range f.forwards {
		if err := f.Recursion.AddForward(text); err != nil {
			return fmt.Errorf("--forward: %w", err)
		}
	}
	if f.now != "" {
		now, err := cli.ParseNow(f.now)
		if err != nil {
			return err
		}
		f.Recursion.Validation.Now = now
	}
	for _, text := range f.trustAD {
		if err := f.Recursion.AddTrustAD(text); err != nil {
			return fmt.Errorf("--trust-ad: %w", err)
		}
	}
	for _, text := range f.insecure {
		zone, err := ParseInsecureZone(text)
		if err != nil {
			return fmt.Errorf("--insecure: %w", err)
		}
		f.Recursion.Validation.Insecure = append(f.Recursion.Validation.Insecure, zone)
	}
	for _, text := range f.stubs {
		if err := f.Recursion.AddStub(text); err != nil {
			return fmt.Errorf("--stub: %w", err)
		}
	}
	return nil
}

// addSecondary reads [key:NAME@]ADDR[:PORT]/ZONE.
func (s *Settings) addSecondary(text string) error {
	slash := strings.LastIndexByte(text, '/') // a URL has others
	if slash < 0 || slash == len(text)-1 {
		return errors.New("there is no zone: write ADDR/ZONE")
	}
	zone := text[slash+1:]
	p, err := ParsePeer(text[:slash])
	if err != nil {
		return err
	}
	name, err := wire.ParseName(zone)
	if err != nil {
		return err
	}
	for i := range s.Zones {
		if z := &s.Zones[i]; z.IsCopy() && z.Origin.Equal(name) {
			z.Transfers.Primaries = append(z.Transfers.Primaries, p)
			return nil
		}
	}
	s.Zones = append(s.Zones, Zone{Origin: name, Transfers: &ZoneTransfers{Primaries: []Peer{p}}})
	return nil
}

// ParsePeer reads [key:NAME@]ADDR[:PORT][ from ADDR], or a URL instead of ADDR.
func ParsePeer(text string) (p Peer, err error) {
	if rest, ok := strings.CutPrefix(text, "key:"); ok {
		key, address, ok := strings.Cut(rest, "@")
		if !ok {
			return p, errors.New("there is no @ after the name of the key: write key:NAME@ADDR")
		}
		if p.Key, err = wire.ParseName(key); err != nil {
			return p, err
		}
		text = address
	}
	text, source, hasSource := strings.Cut(text, " from ")
	if hasSource {
		if p.Source, err = netip.ParseAddr(source); err != nil {
			return p, fmt.Errorf("%q is not an address of this server", source)
		}
	}
	if encrypted.IsURL(text) {
		err = p.setURL(text)
	} else {
		p.Address, err = cli.ParseAddress(text, DefaultPort)
	}
	if err == nil && hasSource && p.Source.Is4() != p.Address.Addr().Is4() {
		err = fmt.Errorf("%v and %v are of different families", p.Address, p.Source)
	}
	return p, err
}

// String is what ParsePeer reads.
func (p Peer) String() string {
	var text string
	if !p.Key.IsZero() {
		text = "key:" + strings.TrimSuffix(p.Key.String(), ".") + "@"
	}
	text += cmp.Or(p.URL, p.Address.String())
	if p.Source.IsValid() {
		text += " from " + p.Source.String()
	}
	return text
}

// ParseCookieSecret reads 32 hexadecimal digits. Its error does not repeat what
// was meant to be secret.
func ParseCookieSecret(text string) (secret [16]byte, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(secret) {
		return secret, errors.New("takes 16 octets as 32 hexadecimal digits")
	}
	return [16]byte(b), nil
}

// parseMasterFile reads [ORIGIN=]FILE. What starts like a path is one, even if
// there is a = in it: no domain starts with "/", "./" or "../".
func parseMasterFile(text string) (Zone, error) {
	origin, path, ok := strings.Cut(text, "=")
	if !ok || filepath.IsAbs(text) || strings.HasPrefix(text, "./") || strings.HasPrefix(text, "../") {
		origin, path, ok = "", text, false
	}
	if path == "" {
		return Zone{}, errors.New("there is no file")
	}
	if !ok {
		return Zone{Path: path}, nil
	}
	name, err := wire.ParseName(origin)
	return Zone{Path: path, Origin: name}, err
}

// ParseZoneServer reads ZONE=ADDR[:PORT].
func ParseZoneServer(text string) (zone wire.Name, server netip.AddrPort, err error) {
	name, address, ok := strings.Cut(text, "=")
	if !ok {
		return zone, server, fmt.Errorf("%q is not ZONE=ADDR", text)
	}
	if server, err = cli.ParseAddress(address, 53); err != nil {
		return zone, server, err
	}
	zone, err = wire.ParseName(name)
	return zone, server, err
}

// ParseInsecureZone reads ZONE or ZONE=END, a date or a time.
func ParseInsecureZone(text string) (z InsecureZone, err error) {
	name, end, ok := strings.Cut(text, "=")
	if z.Zone, err = wire.ParseName(name); err != nil {
		return z, err
	}
	if !ok {
		return z, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if z.Until, err = time.Parse(layout, end); err == nil {
			return z, nil
		}
	}
	return z, fmt.Errorf("%q is not an end such as 2026-12-24 or 2026-12-24T18:00:00Z", end)
}

// String is what ParseInsecureZone reads.
func (z InsecureZone) String() string {
	if z.Until.IsZero() {
		return z.Zone.String()
	}
	return z.Zone.String() + "=" + z.Until.Format(time.RFC3339)
}

// AddZoneServer adds a server of a zone to zones.
func AddZoneServer(zones []ZoneServers, name wire.Name, server netip.AddrPort) []ZoneServers {
	for i := range zones {
		if zones[i].Zone.Equal(name) {
			zones[i].Servers = append(zones[i].Servers, server)
			return zones
		}
	}
	return append(zones, ZoneServers{name, []netip.AddrPort{server}})
}

// byteSize is a flag for a number of octets: 64MiB, 500M, 1G, 65536.
type byteSize int64

func (s *byteSize) String() string { return strconv.FormatInt(int64(*s), 10) }

func (s *byteSize) Set(text string) (err error) {
	*(*int64)(s), err = ParseSize(text)
	return err
}

// ParseSize reads a number of octets: 64MiB, 500M, 1G, 65536.
func ParseSize(text string) (int64, error) {
	digits := strings.TrimRight(text, "kKmMgGiBb")
	unit := map[string]int64{"": 1, "b": 1, "k": 1 << 10, "kib": 1 << 10, "m": 1 << 20, "mib": 1 << 20, "g": 1 << 30, "gib": 1 << 30}[strings.ToLower(text[len(digits):])]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || unit == 0 || n <= 0 || n > math.MaxInt64/unit {
		return 0, errors.New("is not a size: write it as 64MiB or 1GiB")
	}
	return n * unit, nil
}

// staleTime is a flag for how long expired data may still be used: the flag
// alone means a day (RFC 8767 5 suggests one to three).
type staleTime time.Duration

func (s *staleTime) String() string   { return time.Duration(*s).String() }
func (s *staleTime) IsBoolFlag() bool { return true }

func (s *staleTime) Set(text string) error {
	switch text {
	case "true":
		*s = staleTime(24 * time.Hour)
		return nil
	case "false":
		*s = 0
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > 7*24*time.Hour {
		return errors.New("is not a time between 1s and 168h")
	}
	*s = staleTime(d)
	return nil
}

// queries is a flag for which queries are logged: all, failures, slow or
// slow=TIME.
type queries QueryLog

func (q *queries) String() string { return q.Which }

func (q *queries) Set(text string) (err error) {
	which, slow, hasTime := strings.Cut(text, "=")
	if q.Which = which; hasTime {
		q.Slow, err = time.ParseDuration(slow)
	}
	if err != nil || hasTime && (which != LogSlow || q.Slow <= 0) || !slices.Contains([]string{LogAll, LogFailures, LogSlow}, which) {
		return errors.New("is not one of all, failures, slow, slow=TIME such as slow=200ms")
	}
	return nil
}
