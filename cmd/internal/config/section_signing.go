package config

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/cmd/internal/algorithms"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/wire"
)

var signingSection = once("signing", "Zones that are signed with DNSSEC by this server.",
	path(about{
		key: "key-dir", what: "The folder of the keys, which are files as BIND has them: Kexample.com.+013+12345.key and .private. A zone that has none gets new ones. Only the server may be able to read it.",
		why:     "None: a zone with sign needs it.",
		example: `"/var/lib/names/keys"`, others: []string{"keys", "key-directory", "directory", "kasp-db"},
	}, func(c *Config) *string { return &c.Settings.Signing.KeyDir }),
	path(about{
		key: "helper", what: "The Unix socket of a process that has private keys: a module for PKCS#11, the key service of a cloud. Only the user of the server, who owns the socket, may be able to connect to it.",
		why: "None: the private keys are in key-dir.", example: `"/run/names-keys/socket"`, others: []string{"key-helper", "hsm", "keystore"},
	}, func(c *Config) *string { return &c.Settings.Signing.Helper }),
)

// signOption is the policy that a zone is signed by; "" means that nothing is said.
func signOption[T any](field func(*T) *string) option[T] {
	return text(about{
		key: "sign", what: "Sign the zone, as [policy.NAME] says; \"default\" need not be given. The file stays as it is, without signatures. A zone that comes from primaries is signed as it comes. \"no\" is for a zone whose template says otherwise.",
		why: "That of the template, or else the zone is served as its file has it.", example: `"default"`,
		others: []string{"dnssec", "dnssec-policy", "dnssec-signing", "inline-signing", "auto-dnssec", "policy"},
	}, field)
}

// notSigned is what a zone says to be served as it is.
const notSigned = "no"

// policy is [policy.NAME].
type policy struct {
	algorithm, keys, keyStore  string
	rollover, signal, verify   string
	nsec3, optOut, cds, unsign bool
	manual, foreignKeys        bool
	validity, refresh, keyTTL  time.Duration
	keysLifetime, zoneLifetime time.Duration
	maxTTL, propagation, dsTTL time.Duration
	purgeKeys                  time.Duration
	dsCheck                    *bool
	parents                    []netip.AddrPort
	parentUpdate               []settings.Peer
	reportAgent                wire.Name
}

const (
	doubleDS     = "double-ds"
	verifySample = "sample"
)

var policyOptions = []option[policy]{
	word(about{
		key: "algorithm", what: "The algorithm of the keys. Keys of another one are exchanged for keys of this.", why: "That of the keys that are there, or else \"ECDSAP256SHA256\": small, fast, and understood by all.",
		example: `"ED25519"`, words: algorithms.Signing,
	}, func(p *policy) *string { return &p.algorithm }),
	word(about{
		key: "keys", what: "Which keys are made: \"one\" that signs everything, or \"two\", one for the keys and one for the rest.",
		why: "As it is; \"one\" if there are no keys yet.", example: `"two"`, words: []string{"one", "two"}, others: []string{"single-type-signing", "csk"},
	}, func(p *policy) *string { return &p.keys }),
	word(about{
		key: "key-store", what: "Where new keys are made: as \"files\" in key-dir, or by the \"helper\" of [signing], which their private halves do not leave. Keys that are there stay where they are until they are exchanged.",
		why: "\"files\".", example: `"helper"`, words: []string{"files", "helper"},
	}, func(p *policy) *string { return &p.keyStore }),
	toggle(about{
		key: "nsec3", what: "Deny with hashed names (RFC 5155), without iterations and salt (RFC 9276).", why: "false: NSEC is smaller and faster.", example: "true",
	}, func(p *policy) *bool { return &p.nsec3 }),
	toggle(about{
		key: "opt-out", what: "Leave delegations without DS records out of the NSEC3 chain; requires nsec3.", why: "false.", example: "false", others: []string{"nsec3-opt-out"},
	}, func(p *policy) *bool { return &p.optOut }),
	toggle(about{
		key: "cds", what: "Publish CDS and CDNSKEY records, for parents that look for them (RFC 7344).", why: "false.", example: "true", others: []string{"cds-cdnskey-publish"},
	}, func(p *policy) *bool { return &p.cds }),
	word(about{
		key: "verify", what: "Which signatures are verified before the zone has them: \"all\", or \"sample\", one in sixteen of those that keys in key-dir make of more than 256 RRsets at once. Those of the helper are verified in any case.",
		why: "\"all\": what a broken machine signs is never published. A large zone is signed for the first time in less than half the processor time with \"sample\".", example: `"sample"`, words: []string{"all", verifySample}, others: []string{"verify-signatures", "check"},
	}, func(p *policy) *string { return &p.verify }),
	span(about{
		key: "validity", what: "How long signatures are valid.", why: "\"336h\", 14 days.", example: `"336h"`, least: 3600, most: 10 * 365 * 24 * 3600,
		others: []string{"rrsig-lifetime", "signatures-validity"},
	}, func(p *policy) *time.Duration { return &p.validity }),
	span(about{
		key: "refresh", what: "How long before their end signatures are made again.", why: "\"120h\", or half of validity if that is less.", example: `"120h"`, least: 60, most: 10 * 365 * 24 * 3600,
		others: []string{"rrsig-refresh", "signatures-refresh"},
	}, func(p *policy) *time.Duration { return &p.refresh }),
	span(about{
		key: "key-ttl", what: "The TTL of DNSKEY, CDS and CDNSKEY records.", why: "\"1h\".", example: `"1h"`, least: 1, most: 7 * 24 * 3600,
		others: []string{"dnskey-ttl"},
	}, func(p *policy) *time.Duration { return &p.keyTTL }),
	span(about{
		key: "keys-lifetime", what: "How long a key is used that the parent has a DS record of, before the next one takes its place.", why: "For ever.",
		example: `"8760h"`, least: 3600, most: 100 * 365 * 24 * 3600, others: []string{"ksk-lifetime", "csk-lifetime"},
	}, func(p *policy) *time.Duration { return &p.keysLifetime }),
	word(about{
		key: "ksk-rollover", what: "How a key is exchanged that the parent has a DS record of. \"double-signature\" (RFC 6781 4.1.2): the new key signs along, then the parent exchanges the DS records, then the old key goes. \"double-ds\" (RFC 7583 3.3.2): the parent has the DS records of both, then the keys are exchanged, then the parent drops the old one. An exchange for another algorithm and of a key that leaked goes by \"double-signature\" in any case.",
		why: "\"double-signature\": the parent does something once.", example: `"double-ds"`, words: []string{"double-signature", doubleDS}, others: []string{"keys-rollover", "csk-rollover", "rollover", "double-ds"},
	}, func(p *policy) *string { return &p.rollover }),
	span(about{
		key: "zone-lifetime", what: "How long the key is used that signs the zone, if there are two.", why: "For ever.",
		example: `"2160h"`, least: 3600, most: 100 * 365 * 24 * 3600, others: []string{"zsk-lifetime"},
	}, func(p *policy) *time.Duration { return &p.zoneLifetime }),
	span(about{
		key: "max-ttl", what: "The largest TTL of the zone: an exchange of keys waits for it, or for the largest that the zone has if that is more.", why: "\"24h\".",
		example: `"24h"`, least: 1, most: 30 * 24 * 3600, others: []string{"max-zone-ttl", "zone-max-ttl"},
	}, func(p *policy) *time.Duration { return &p.maxTTL }),
	span(about{
		key: "propagation", what: "How long secondaries take to get a version: an exchange of keys waits for it.", why: "\"1h\".",
		example: `"1h"`, least: 1, most: 30 * 24 * 3600, others: []string{"propagation-delay", "zone-propagation-delay"},
	}, func(p *policy) *time.Duration { return &p.propagation }),
	span(about{
		key: "ds-ttl", what: "How long caches have a DS record that the parent has taken out: its TTL, and what the parent's servers take.", why: "\"25h\".",
		example: `"25h"`, least: 1, most: 30 * 24 * 3600, others: []string{"parent-ds-ttl", "parent-propagation-delay", "ds-propagation"},
	}, func(p *policy) *time.Duration { return &p.dsTTL }),
	span(about{
		key: "purge-keys", what: "How long the files of a key stay when no resolver has anything of it any longer. Then they are deleted.", why: "For ever.",
		example: `"2160h"`, least: 3600, most: 100 * 365 * 24 * 3600, others: []string{"purge", "keep-keys", "key-retention"},
	}, func(p *policy) *time.Duration { return &p.purgeKeys }),
	toggle(about{
		key: "manual", what: "Before anything of an exchange of keys changes in the zone or at the parent, wait until an operator lets it: \"names ctl signing next\" shows the step, \"names ctl signing step\" does it.", why: "false.",
		example: "true", others: []string{"manual-mode"},
	}, func(p *policy) *bool { return &p.manual }),
	toggle(about{
		key: "foreign-keys", what: "Keep DNSKEY records of another server that signs the zone, too, with keys of its own (RFC 8901). They are added like any other record. Requires manual, because that server has to have our next key before we sign with it.", why: "false: such records are refused.",
		example: "true", others: []string{"multi-signer", "dnskey-management", "dnskey-sync"},
	}, func(p *policy) *bool { return &p.foreignKeys }),
	maybe(about{
		key: "ds-check", what: "Ask all servers of the parent for the DS records, as often as an exchange of keys waits for them. Otherwise it waits for \"names keys confirm\".", why: "true.",
		example: "true", others: []string{"checkds", "submission"},
	}, func(p *policy) **bool { return &p.dsCheck }),
	valueList(about{
		key: "parent", what: "The servers of the parent zone, each ADDRESS or ADDRESS:PORT.", why: "They are looked up.",
		example: `["192.0.2.1", "2001:db8::1"]`, others: []string{"parental-agents", "parents"},
	}, addressWithDefault(settings.DefaultPort), func(p *policy) *[]netip.AddrPort { return &p.parents }),
	func() option[policy] {
		o := otherServers("parent-update", "Servers of the parent that take dynamic updates (RFC 2136) of the DS records, tried in this order until one takes it: key:NAME@ADDRESS, where NAME is a TSIG key. What all servers of the parent answer decides all the same when an exchange of keys goes on.",
			"None: CDS records, or an operator, tell the parent.", []string{"ds-push", "parent-updates"}, func(p *policy) *[]settings.Peer { return &p.parentUpdate })
		o.example = `["key:registrant@192.0.2.53"]`
		return o
	}(),
	word(about{
		key: "signal", what: "Have zones of this policy vouch for other zones that are served here, below the names of their name servers (RFC 9615), so that parents take the first DS record from CDS records: copies of the CDS and CDNSKEY records of each zone are added, changed and removed as those are, \"always\", or \"until-ds\": for zones that are signed here until the parent has the DS record. Other CDS and CDNSKEY records at names that begin with _dsboot are removed.",
		why: "No records are added, and those that there are stay.", example: `"until-ds"`, words: []string{settings.SignalAlways, settings.SignalUntilDS}, others: []string{"dsboot", "signaling", "bootstrap"},
	}, func(p *policy) *string { return &p.signal }),
	domain(about{
		key: "report-agent", what: "Where parents that are notified of new CDS records (RFC 9859) can report what is wrong with these or with the zone: the name of a reporting agent (RFC 9567), outside the zone. A report is a query for a name below _er. Requires cds.",
		why: "They do not report.", example: `"agent.example.net"`, others: []string{"report-channel", "error-reporting-agent"},
	}, func(p *policy) *wire.Name { return &p.reportAgent }),
	toggle(about{
		key: "unsign", what: "Ask the parent to take out the DS records (RFC 8078 4), so that the zone can be served without signatures once \"names keys list\" shows them as hidden.", why: "false.",
		example: "false", others: []string{"insecure"},
	}, func(p *policy) *bool { return &p.unsign }),
}

var policySection = byName("policy", "A way to sign zones. The one called default is that of zones with sign = \"default\".",
	"[policy.default]\nnsec3 = true\n",
	func(r *reader, key string, p policy, at Position) {
		r.Settings.Signing.Policies = append(r.Settings.Signing.Policies, p.settings(key))
		slices.SortFunc(r.Settings.Signing.Policies, func(a, b settings.Policy) int { return cmp.Compare(a.Name, b.Name) })
	},
	func(c *Config, give func(string, policy)) {
		for _, p := range c.Settings.Signing.Policies {
			give(p.Name, policyOf(p))
		}
	},
	policyOptions...)

func (p *policy) settings(name string) settings.Policy {
	algorithm, _ := wire.ParseAlgorithm(p.algorithm)
	return settings.Policy{Name: name, Algorithm: algorithm, TwoKeys: p.keys == "two", OneKey: p.keys == "one", InHelper: p.keyStore == "helper", DoubleDS: p.rollover == doubleDS, Signal: p.signal, Unsign: p.unsign, Manual: p.manual,
		KeysLifetime: p.keysLifetime, ZoneLifetime: p.zoneLifetime, MaxTTL: p.maxTTL, Propagation: p.propagation, DSTTL: p.dsTTL, PurgeKeys: p.purgeKeys,
		NoDSCheck: p.dsCheck != nil && !*p.dsCheck, Parents: p.parents, ParentUpdate: p.parentUpdate, ReportAgent: p.reportAgent, Policy: sign.Policy{
			KeyTTL: uint32(p.keyTTL / time.Second), Validity: p.validity, Refresh: p.refresh, NSEC3: p.nsec3, OptOut: p.optOut, CDS: p.cds, ForeignKeys: p.foreignKeys, VerifySample: p.verify == verifySample,
		}}
}

func policyOf(s settings.Policy) policy {
	p := policy{
		nsec3: s.NSEC3, optOut: s.OptOut, cds: s.CDS, validity: s.Validity, refresh: s.Refresh, keyTTL: time.Duration(s.KeyTTL) * time.Second,
		keysLifetime: s.KeysLifetime, zoneLifetime: s.ZoneLifetime, maxTTL: s.MaxTTL, propagation: s.Propagation, dsTTL: s.DSTTL, purgeKeys: s.PurgeKeys, unsign: s.Unsign, manual: s.Manual, foreignKeys: s.ForeignKeys, parents: s.Parents, parentUpdate: s.ParentUpdate, reportAgent: s.ReportAgent, signal: s.Signal,
	}
	if s.NoDSCheck {
		p.dsCheck = new(bool)
	}
	if s.Algorithm != 0 {
		p.algorithm = s.Algorithm.String()
	}
	if s.DoubleDS {
		p.rollover = doubleDS
	}
	if s.VerifySample {
		p.verify = verifySample
	}
	if s.InHelper {
		p.keyStore = "helper"
	}
	switch {
	case s.TwoKeys:
		p.keys = "two"
	case s.OneKey:
		p.keys = "one"
	}
	return p
}
