package settings

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/names-dns/names/listener/dnstap"
	"github.com/names-dns/names/names"
)

// Problem is what is wrong with settings. Its text has the names of settings in
// braces, so that each way to fill them can spell them as its user does.
type Problem struct {
	Text string
	Err  error // the cause; may be nil
}

var braces = regexp.MustCompile(`\{([a-z-]+\.[a-z0-9-]+)\}`)

func problemf(format string, args ...any) *Problem {
	return &Problem{Text: fmt.Sprintf(format, args...)}
}

// Spell returns the text with each setting as spell has it.
func (p *Problem) Spell(spell func(setting string) string) string {
	return braces.ReplaceAllStringFunc(p.Text, func(s string) string { return spell(s[1 : len(s)-1]) })
}

func (p *Problem) Error() string { return p.Spell(func(s string) string { return s }) }
func (p *Problem) Unwrap() error { return p.Err }

// Complete returns the settings with what follows from the rest filled in, or
// the first thing that is wrong with them as a [*Problem]. Files are not looked
// at.
func (s Settings) Complete() (Settings, error) {
	s, problems := s.CompleteAll()
	if len(problems) > 0 {
		return s, problems[0]
	}
	return s, nil
}

// CompleteAll does what Complete does, and returns everything that is wrong. It
// is the one place where settings are checked.
func (s Settings) CompleteAll() (Settings, []*Problem) {
	r := &s.Recursion
	if len(r.Servers) > 0 || r.ResolvConf != "" {
		r.Forward = true
	}
	if len(s.Zones) == 0 && !r.Answers() {
		r.FromRoot, s.Cache.Enabled = true, true // a resolver is what a server is for if nothing else was said
	}
	var found problems
	for _, check := range []func(*Settings, *problems){
		checkListen, checkTLS, checkACME, checkIdentity, checkZones, checkTransfers, checkJournal, checkCatalogs, checkSigning, checkOnline, checkAlias,
		checkSources, checkFromRoot, checkValidation, checkCache,
		checkLimits, checkACLs, checkViews, checkAnswers, checkNetworks, checkQueryLog, checkDnstap,
	} {
		check(&s, &found)
	}
	if len(found) > 0 {
		return s, found
	}
	if r.ReadsResolvConf() && r.ResolvConf == "" {
		r.ResolvConf = DefaultResolvConf
	}
	if len(r.Allow) == 0 {
		r.Allow = []string{"loopback", "private"}
	}
	if s.Listen.IsDefault = len(s.Listen.Addresses) == 0; s.Listen.IsDefault {
		for _, all := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
			s.Listen.Addresses = append(s.Listen.Addresses, netip.AddrPortFrom(all, uint16(s.Listen.Port)))
		}
	}
	return s, nil
}

// problems collects what is wrong.
type problems []*Problem

// addIf adds a problem if something is wrong.
func (p *problems) addIf(wrong bool, format string, args ...any) {
	if wrong {
		*p = append(*p, problemf(format, args...))
	}
}

func checkListen(s *Settings, found *problems) {
	l := &s.Listen
	found.addIf(l.Port < 0 || l.Port > 65535, "{listen.port} %d is not between 0 and 65535", l.Port)
	found.addIf(l.Workers < 0 || l.Workers > 1024, "{listen.workers} %d is not between 1 and 1024", l.Workers)
	found.addIf(l.MaxUDPSize != 0 && (l.MaxUDPSize < 512 || l.MaxUDPSize > 4096), "{listen.max-udp-size} %d is not between 512 and 4096", l.MaxUDPSize)
	for _, a := range l.Addresses {
		found.addIf(!a.IsValid(), "{listen.address} %v is not an address", a)
	}
}

func checkIdentity(s *Settings, found *problems) {
	n := len(s.Identity.NSID)
	found.addIf(n > 128, "{identity.nsid} has %d octets; the most is 128", n)
}

func checkZones(s *Settings, found *problems) {
	for _, z := range s.Zones {
		found.addIf(z.IsProduced() && !s.produces(z.Origin), "{zones.file} is empty")
	}
}

func checkTransfers(s *Settings, found *problems) {
	t := &s.Transfers
	access := func(setting string, texts []string) {
		if _, err := s.ParseAccess(texts...); err != nil {
			*found = append(*found, &Problem{Text: fmt.Sprintf("{%s}: %v", setting, err), Err: err})
		}
	}
	peers := func(setting string, peers []Peer) {
		for _, p := range peers {
			found.addIf(!p.Address.IsValid() || p.Address.Port() == 0, "{%s} %v is not an address with a port", setting, p.Address)
		}
	}
	access("transfers.allow-transfer", t.Allow)
	peers("transfers.also-notify", t.Notify)
	isURL := func(p Peer) bool { return p.URL != "" }
	hasTLS := slices.ContainsFunc(t.Notify, isURL)
	for _, file := range t.KeyFiles {
		found.addIf(file == "", "{transfers.key-file} is empty")
	}
	found.addIf(t.MaxConnections < 0 || t.MaxPerPrimary < 0, "{transfers.connections} and {transfers.connections-per-primary} have to be positive")
	copies := 0
	for i := range s.Zones {
		z := &s.Zones[i]
		if z.Transfers == nil {
			continue
		}
		access("zone.allow-transfer", z.Transfers.Allow)
		access("zone.allow-notify", z.Transfers.AllowNotify)
		peers("zone.also-notify", z.Transfers.Notify)
		peers("zone.primaries", z.Transfers.Primaries)
		hasTLS = hasTLS || slices.ContainsFunc(z.Transfers.Primaries, isURL) || slices.ContainsFunc(z.Transfers.Notify, isURL)
		if z.IsCopy() {
			copies++
			found.addIf(z.Origin.IsZero(), "{zone.primaries} of a zone without a name")
			found.addIf(z.SyncAfter != 0, "{zone.zonefile-sync} of %v: the file of a zone with {zone.primaries} is written anyway", z.Origin)
		} else {
			found.addIf(len(z.Transfers.AllowNotify) > 0, "{zone.allow-notify} of %v requires {zone.primaries}", z.Origin)
		}
	}
	found.addIf(t.Directory != "" && copies == 0, "{transfers.directory} requires {zone.primaries}")
	setting, ok := anyGiven(given{"transfers.tls-authority", len(t.TLSAuthorities) > 0}, given{"transfers.tls-certificate", t.TLSCertificate != ""})
	found.addIf(ok && !hasTLS, "{%s} requires a URL in {zone.primaries} or {zone.also-notify}", setting)
	found.addIf(t.TLSKey != "" && t.TLSCertificate == "", "{transfers.tls-key} requires {transfers.tls-certificate}")
}

func checkJournal(s *Settings, found *problems) {
	j := &s.Journal
	found.addIf(j.Dir == "" && j.MaxAge != 0, "{journal.max-age} requires {journal.dir}")
	found.addIf(j.MaxAge < 0, "{journal.max-age} %v is not a time", j.MaxAge)
	found.addIf(j.MaxSize < LeastJournal, "{journal.max-size} %d is not at least 1 MiB", j.MaxSize)
	for _, z := range s.Zones {
		if z.SyncAfter == 0 || z.IsCopy() {
			continue
		}
		found.addIf(z.SyncAfter < time.Second, "{zone.zonefile-sync} %v is not at least 1s", z.SyncAfter)
		if !s.hasJournal(&z) {
			found.addIf(true, "{zone.zonefile-sync} of %s requires {journal.dir}, and a master file: it writes back what the journal has", z.Path)
			break
		}
	}
}

// LeastJournal is the least size of a journal.
const LeastJournal = 1 << 20

// checkSources: there is one answer to the question which servers are asked.
func checkSources(s *Settings, found *problems) {
	checkUpstreams(s, found)
	r := &s.Recursion
	found.addIf(r.ResolvConf != "" && len(r.Servers) > 0, "{recursion.resolv-conf} and {recursion.forward} both say which servers to ask: give one of them")
	found.addIf(r.FromRoot && r.Forward, "{recursion.from-root} excludes {recursion.recursive}, {recursion.forward} and {recursion.resolv-conf}: give one of them")
	for _, server := range r.TrustAD {
		found.addIf(!r.ReadsResolvConf() && !r.forwards(server), "{recursion.trust-ad} requires a server of {recursion.forward}, and %s is not one", r.serverText(server))
	}
	forward := append([]ZoneServers{{Servers: r.Servers}}, r.Zones...)
	for setting, zones := range map[string][]ZoneServers{"forward": forward, "stub": r.Iteration.Stubs} {
		for _, z := range zones {
			for _, server := range z.Servers {
				found.addIf(!server.IsValid() || server.Port() == 0, "{recursion.%s}: server %v is not an address with a port", setting, server)
			}
		}
	}
}

// given is a setting and whether it was given.
type given struct {
	setting string
	is      bool
}

// anyGiven returns the first of the settings that were given.
func anyGiven(all ...given) (setting string, ok bool) {
	for _, g := range all {
		if g.is {
			return g.setting, true
		}
	}
	return "", false
}

func checkFromRoot(s *Settings, found *problems) {
	i := &s.Recursion.Iteration
	setting, ok := anyGiven(given{"recursion.root-hints", i.RootHints != ""}, given{"recursion.stub", len(i.Stubs) > 0},
		given{"recursion.no-qname-min", i.FullNames}, given{"recursion.do-not-query", len(i.DoNotQuery) > 0},
		given{"recursion.query-localhost", i.QueryLoopback}, given{"recursion.opportunistic-encryption", i.Encrypt}, given{"recursion.local-root", len(i.LocalRoot.Primaries) > 0},
		given{"recursion.local-root-file", i.LocalRoot.File != ""}, given{"validation.report-errors", s.Recursion.Validation.ReportErrors})
	found.addIf(ok && !s.Recursion.FromRoot, "{%s} requires {recursion.from-root}", setting)
}

func checkValidation(s *Settings, found *problems) {
	v := &s.Recursion.Validation
	setting, ok := anyGiven(given{"validation.trust-anchor", len(v.TrustAnchors) > 0}, given{"validation.insecure", len(v.Insecure) > 0},
		given{"validation.state", v.State != ""}, given{"validation.report-errors", v.ReportErrors},
		given{"validation.log-only", v.LogOnly}, given{"validation.now", !v.Now.IsZero()})
	found.addIf(ok && v.Off, "{%s} and {validation.off} exclude each other: give one of them", setting)
	found.addIf((ok || v.Off) && !s.Recursion.AsksOthers() && !s.looksUpInViews(), "{%s} requires {recursion.from-root}, {recursion.recursive} or {recursion.forward}", cmp.Or(setting, "validation.off"))
}

func checkCache(s *Settings, found *problems) {
	c := &s.Cache
	setting, ok := anyGiven(given{"cache.enabled", c.Enabled}, given{"recursion.allow", len(s.Recursion.Allow) > 0},
		given{"cache.serve-stale", c.ServeStale != 0}, given{"cache.file", c.File != ""})
	const longest = 7 * 24 * time.Hour
	if ok && !s.Recursion.Answers() && !s.looksUpInViews() {
		found.addIf(true, "{%s} requires {recursion.from-root}, {recursion.recursive}, {recursion.forward} or {recursion.hosts-file}", setting)
	} else {
		found.addIf(c.ServeStale != 0 && !c.Enabled, "{cache.serve-stale} requires {cache.enabled}")
		found.addIf(c.File != "" && !c.Enabled, "{cache.file} requires {cache.enabled}")
	}
	found.addIf(c.Size <= 0, "{cache.size} %d is not a size", c.Size)
	found.addIf(c.ServeStale < 0 || c.ServeStale > longest, "{cache.serve-stale} %v is not between 1s and %v", c.ServeStale, longest)
}

// MaxRate is the largest rate of limits.
const MaxRate = 1_000_000

func checkLimits(s *Settings, found *problems) {
	l := &s.Limits
	for setting, rate := range map[string]int{"rate-limit": l.Replies, "rate-limit-in-all": l.RepliesInAll, "client-queries": l.ClientQueries, "client-waiting": l.ClientWaiting, "client-burst": l.ClientBurst, "upstream-queries": l.UpstreamQueries, "connection-rate": l.ConnectionRate} {
		found.addIf(rate < 0 || rate > MaxRate, "{limits.%s} %d is not between 0 and %d", setting, rate, MaxRate)
	}
	found.addIf(l.Slip < 0 || l.Slip > 10, "{limits.slip} %d is not between 0 and 10", l.Slip)
}

func checkNetworks(s *Settings, found *problems) {
	for _, set := range []struct {
		setting string
		texts   []string
	}{
		{"recursion.do-not-query", s.Recursion.Iteration.DoNotQuery},
		{"listen.proxy", s.Listen.Proxies}, {"https.proxy", s.HTTPS.Proxies},
		{"limits.rate-limit-exempt", s.Limits.RepliesExempt}, {"limits.client-exempt", s.Limits.ClientExempt},
	} {
		if _, err := names.ParsePeerSet(set.texts...); err != nil {
			*found = append(*found, &Problem{Text: fmt.Sprintf("{%s}: %v", set.setting, err), Err: err})
		}
	}
}

func checkQueryLog(s *Settings, found *problems) {
	l := &s.QueryLog
	setting, ok := anyGiven(given{"query-log.slow", l.Slow != 0}, given{"query-log.one-in", l.OneIn > 1}, given{"query-log.messages", l.Messages},
		given{"query-log.format", l.Format != ""}, given{"query-log.to", l.To != ""})
	found.addIf(ok && l.Which == "", "{%s} requires {query-log.which}", setting)
	found.addIf(l.Which != "" && !slices.Contains([]string{LogAll, LogFailures, LogSlow}, l.Which), "{query-log.which} %q is not one of all, failures, slow", l.Which)
	found.addIf(l.Format != "" && l.Format != "text" && l.Format != "json", "{query-log.format} %q is not one of text, json", l.Format)
	found.addIf(l.Slow != 0 && l.Which != "" && l.Which != LogSlow, "{query-log.slow} goes with {query-log.which} slow, and it is %s", l.Which)
	found.addIf(l.Slow < 0, "{query-log.slow} %v is negative", l.Slow)
	found.addIf(l.OneIn < 0, "{query-log.one-in} %d is negative", l.OneIn)
	found.addIf(l.To == Journald && l.Format != "", "{query-log.format} is for files: the journal has fields")
	if l.Which == LogSlow && l.Slow == 0 {
		l.Slow = DefaultSlow
	}
}

func checkDnstap(s *Settings, found *problems) {
	d := &s.Dnstap
	setting, ok := anyGiven(given{"dnstap.messages", len(d.Messages) > 0}, given{"dnstap.one-in", d.OneIn > 1})
	found.addIf(ok && d.Target == "", "{%s} requires {dnstap.to}", setting)
	found.addIf(d.OneIn < 0, "{dnstap.one-in} %d is negative", d.OneIn)
	for _, m := range d.Messages {
		found.addIf(!slices.Contains(DnstapMessages, m), "{dnstap.messages}: %q is not one of %s", m, strings.Join(DnstapMessages, ", "))
	}
	if d.Target != "" {
		if err := dnstap.CheckTarget(d.Target); err != nil {
			*found = append(*found, &Problem{Text: fmt.Sprintf("{dnstap.to}: %v", err), Err: err})
		}
	}
}
