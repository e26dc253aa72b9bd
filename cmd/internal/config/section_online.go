package config

import (
	"net/netip"

	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/wire"
)

// onlineSection is [[online]].
var onlineSection = listed("online", "A zone whose answers are computed, and signed one by one as they pass, with compact denial (RFC 9824). They come from zones that are served here, pyzones among them, or from another server that need not know of DNSSEC. Its keys are those of [signing], made and exchanged as its policy says.",
	"[[online]]\nname = \"example.com\"\nservers = [\"ns.example.net\"]\nfrom = [\"127.0.0.1:5300\"]\n",
	func(r *reader, o settings.Online, at Position) { r.Settings.Online = append(r.Settings.Online, o) },
	func(c *Config) []settings.Online { return c.Settings.Online },
	required(domain(about{
		key: "name", what: "The name of the zone.", why: "It has to be given.", example: `"example.com"`, others: []string{"zone", "domain", "origin"},
	}, func(o *settings.Online) *wire.Name { return &o.Zone })),
	required(valueList(about{
		key: "servers", what: "The name servers of the zone: the parent has the same NS records.", why: "They have to be given.",
		example: `["ns.example.net"]`, others: []string{"ns", "name-servers"},
	}, wire.ParseName, func(o *settings.Online) *[]wire.Name { return &o.Servers })),
	valueList(about{
		key: "from", what: "The servers that compute the answers, each ADDRESS or ADDRESS:PORT, asked in this order.", why: "The zones that are served here.",
		example: `["127.0.0.1:5300"]`, others: []string{"backend", "upstream", "forward"},
	}, addressWithDefault(settings.DefaultPort), func(o *settings.Online) *[]netip.AddrPort { return &o.From }),
	text(about{
		key: "policy", what: "How answers are signed and keys exchanged: the name of a [policy.NAME]. nsec3, foreign-keys and signal are for zones only.", why: "\"default\".", example: `"default"`, others: []string{"sign", "dnssec-policy"},
	}, func(o *settings.Online) *string { return &o.Policy }),
	valueList(about{
		key: "types", what: "All types that names of the zone can have: the denial of one of them does not deny the others, which caches would make use of (RFC 8198).",
		why: "A, AAAA, MX, TXT, PTR, SRV, NAPTR, SSHFP, TLSA, SVCB, HTTPS, CAA, URI and LOC.", example: `["A", "AAAA", "TXT"]`,
	}, wire.ParseType, func(o *settings.Online) *[]wire.Type { return &o.Types }),
	number(about{
		key: "signatures-per-second", what: "How many signatures are made in a second at the most. Answers that would need more are SERVFAIL; those whose signatures are kept are not affected.",
		why: "2000.", example: "2000", least: 1, most: 1_000_000,
	}, func(o *settings.Online) *int { return &o.PerSecond }),
	number(about{
		key: "kept-signatures", what: "How many RRsets have their signatures kept, rounded up to a power of two; one takes some 250 octets.",
		why: "16384.", example: "65536", least: 1, most: 1 << 24,
	}, func(o *settings.Online) *int { return &o.Kept }),
)
