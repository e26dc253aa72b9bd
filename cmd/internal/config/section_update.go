package config

import (
	"errors"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/update"
	"github.com/names-dns/names/authority/zonemd"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/wire"
)

// updating is what a zone, or a template, says of how its records may change.
type updating struct {
	rules                    []updateRule
	serial, zonemd, generate string
}

// updateRule is [[zone.update]].
type updateRule struct {
	keys        []wire.Name
	addresses   []string
	unforgeable bool
	names       []update.Pattern
	match       string
	types       []update.TypeLimit
	deny        bool
}

var ruleOptions = []option[updateRule]{
	valueList(about{
		key: "keys", what: "TSIG keys: the client has to prove one of them. One that begins with *. stands for all below the rest.",
		why: "The client needs no key.", example: `["dhcp"]`, others: []string{"key", "identity", "tsig-key"},
	}, wire.ParseName, func(u *updateRule) *[]wire.Name { return &u.keys }),
	clients("addresses", "Clients at these addresses or networks, or any, loopback, private, or those of an access list as acl:NAME. Over UDP addresses can be forged: give keys, too.",
		"Clients at all addresses, if there are keys.", `["192.0.2.0/24", "acl:dhcp"]`, []string{"address", "acl", "allow", "peers"},
		func(u *updateRule) *[]string { return &u.addresses }),
	toggle(about{
		key: "unforgeable", what: "Only requests of clients whose address cannot be forged: those over TCP, TLS, HTTPS or QUIC, or with a server cookie.",
		why: "false.", example: "true", others: []string{"tcp", "tcp-only"},
	}, func(u *updateRule) *bool { return &u.unforgeable }),
	valueList(about{
		key: "names", what: "Names that may be changed: {key} is the name of the client's key, {address} that of its address in a reverse zone, if the address cannot be forged.",
		why: "All names of the zone.", example: `["_acme-challenge.*.example.com"]`, others: []string{"name", "owner", "update-owner-name"},
	}, update.ParsePattern, func(u *updateRule) *[]update.Pattern { return &u.names }),
	word(about{
		key: "match", what: "How names are compared: equal, sub (below it), sub-or-equal, or pattern (each * is any one label).",
		why: "equal.", example: `"sub"`, words: []string{"equal", "sub", "sub-or-equal", "pattern"}, others: []string{"update-owner-match", "rule"},
	}, func(u *updateRule) *string { return &u.match }),
	valueList(about{
		key: "types", what: "Types that may be changed, each with the number of records that a name may have then, as in TXT(3). ANY is all but RRSIG, NSEC and NSEC3.",
		why: "All but SOA, NS, DNSKEY, CDS, CDNSKEY, ZONEMD, NSEC3PARAM, RRSIG, NSEC and NSEC3.", example: `["A", "AAAA", "TXT(3)"]`, others: []string{"type", "update-type", "rrtypes"},
	}, update.ParseTypeLimit, func(u *updateRule) *[]update.TypeLimit { return &u.types }),
	toggle(about{
		key: "deny", what: "Refuse what the rule is about. For each record that is to change the first rule counts.",
		why: "false.", example: "true", others: []string{"refuse"},
	}, func(u *updateRule) *bool { return &u.deny }),
}

// check reports what is wrong with a rule as a whole.
func (u *updateRule) check() error {
	if len(u.keys) == 0 && len(u.addresses) == 0 {
		return errors.New(`neither keys nor addresses say which clients it is about; write keys = ["dhcp"], or addresses = ["any"] for all`)
	}
	if u.match != "" && len(u.names) == 0 {
		return errors.New(`match says how names are compared, and there are none; write names = ["dyn.example.com"]`)
	}
	return nil
}

func (u *updateRule) rule() settings.UpdateRule {
	r := update.Rule{Deny: u.deny, Keys: u.keys, Streams: u.unforgeable, Names: u.names, Types: u.types}
	if u.match != "" {
		r.Match, _ = update.ParseMatch(u.match) // it is one of the words
	}
	return settings.UpdateRule{Addresses: u.addresses, Rule: r}
}

func updateOption[T any](field func(*T) *updating) option[T] {
	return tables(about{
		key: "update", what: "Which clients may change which records by dynamic update (RFC 2136): rules, of which the first that is about the client, the name and the type counts. A zone that comes from primaries passes the requests on to them, signed as they came.",
		why: "Those of the template, or else none: no client may.", example: `[{ keys = ["dhcp"], names = ["dyn.example.com"], match = "sub", types = ["A", "AAAA", "TXT"] }]`,
		others: []string{"update-policy", "allow-update", "ddns", "updates"},
	}, func(t *T) *[]updateRule { return &field(t).rules }, (*updateRule).check, ruleOptions...)
}

func serialOption[T any](field func(*T) *updating) option[T] {
	return word(about{
		key: "serial-policy", what: "How the serial number grows with a change that does not bring one: increment by one, unixtime (seconds since 1970), or date (YYYYMMDDnn). By one also where time would not bring it forward.",
		why: "That of the template, or else increment.", example: `"unixtime"`, words: []string{"increment", "unixtime", "date"}, others: []string{"serial-update-method", "serial"},
	}, func(t *T) *string { return &field(t).serial })
}

func zonemdOption[T any](field func(*T) *updating) option[T] {
	return word(about{
		key: "zonemd", what: "Whether the digest of the zone (RFC 8976) is verified when its file is read, or when it comes from a primary: verify it if there is one, require one, or off. A zone that does not pass is not served; the version before stays.",
		why: "That of the template, or else verify.", example: `"require"`, words: []string{"verify", "require", "off"}, others: []string{"zonemd-verify", "zonemd-check", "zonemd-reject-absence"},
	}, func(t *T) *string { return &field(t).zonemd })
}

func generateOption[T any](field func(*T) *updating) option[T] {
	return word(about{
		key: "zonemd-generate", what: "Give each version of the zone a digest of its own (RFC 8976). That reads the whole zone for each change. With sign the digest is signed, too. Zones that were signed elsewhere, and zones of primaries that are not signed here, are left alone.",
		why: "That of the template, or else none.", example: `"sha384"`, words: []string{"sha384", "sha512"}, others: []string{"zonemd-hash"},
	}, func(t *T) *string { return &field(t).generate })
}

func (u *updating) inherit(from updating) {
	if u.rules == nil {
		u.rules = from.rules
	}
	for _, s := range [][2]*string{{&u.serial, &from.serial}, {&u.zonemd, &from.zonemd}, {&u.generate, &from.generate}} {
		if *s[0] == "" {
			*s[0] = *s[1]
		}
	}
}

// fill sets what the settings of a zone have of it. The words were checked before.
func (u *updating) fill(z *settings.Zone) {
	for i := range u.rules {
		z.Updates = append(z.Updates, u.rules[i].rule())
	}
	if u.serial != "" {
		z.Serial, _ = authority.ParseSerialPolicy(u.serial)
	}
	if u.zonemd != "" {
		z.Digest, _ = zonemd.ParsePolicy(u.zonemd)
	}
	if u.generate != "" {
		z.Generate, _ = zonemd.ParseHash(u.generate)
	}
}

// updatingOf is what is written of a zone.
func updatingOf(z *settings.Zone) (u updating) {
	for _, r := range z.Updates {
		rule := updateRule{keys: r.Keys, addresses: r.Addresses, unforgeable: r.Streams, names: r.Names, types: r.Types, deny: r.Deny}
		if len(r.Names) > 0 {
			rule.match = r.Match.String()
		}
		u.rules = append(u.rules, rule)
	}
	if z.Serial != authority.SerialIncrement {
		u.serial = z.Serial.String()
	}
	if z.Digest != zonemd.IfPresent {
		u.zonemd = z.Digest.String()
	}
	if z.Generate != 0 {
		u.generate = z.Generate.String()
	}
	return u
}
