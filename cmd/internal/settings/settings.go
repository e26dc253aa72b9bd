// Package settings is what an operator decides about a server, as a plain
// value. The command line is one way to fill it, and a file can be another; it
// is checked here, whatever filled it, and a server is put together from it.
package settings

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/transfer"
	"github.com/names-dns/names/authority/update"
	"github.com/names-dns/names/authority/zonemd"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/wire"
)

// Settings is everything that decides what a server does. [Settings.Complete]
// fills in what follows from the rest, and checks it. Slices are not written to
// once they are in a value: values may share them.
type Settings struct {
	Listen Listen
	TLS    TLS
	HTTPS  HTTPS
	QUIC   QUIC
	ACME   ACME

	// ACLs are in the order of their names. AllowQuery has the clients that may query at
	// all, as ParseAccess reads them; none: all.
	ACLs       []ACL
	Views      []View
	AllowQuery []string

	Identity  Identity
	Zones     []Zone
	Catalogs  []Catalog
	Online    []Online    // zones whose answers are signed as they pass
	Produced  []wire.Name // catalog zones that are made of the zones
	AnyInFull bool        // ANY gets all RRsets over UDP too
	Transfers Transfers
	// AllowUpdate has the clients that may update all zones, as ParseAccess reads
	// them.
	AllowUpdate []string
	Journal     Journal
	Signing     Signing
	Alias       Alias
	Recursion   Recursion
	Answers     Answers
	Cache       Cache
	Limits      Limits
	Log         Log
	QueryLog    QueryLog
	Dnstap      Dnstap
}

// Listen says where queries are received.
type Listen struct {
	Addresses  []netip.AddrPort // none: all addresses, at Port
	Port       int              // of addresses without one
	IsDefault  bool             // no address was given
	Workers    int              // 0: one per core
	MaxUDPSize int              // 0: the listener's default
	Proxies    []string         // that send PROXY headers, as names.ParsePeerSet reads them
}

// Identity is what the server tells of itself.
type Identity struct {
	NSID          string
	CookieSecrets [][16]byte
	HideVersion   bool
}

// Zone is a zone and where it comes from.
type Zone struct {
	Path   string
	Format authority.Format
	Origin wire.Name // zero: the file gives it

	AllowQuery []string // the clients it is for, as ParseAccess reads them; none: all
	Views      []string // that it is in; none: all

	NoJournal bool          // changes are not kept in the journal
	SyncAfter time.Duration // how long after a change it is written to the file; 0: it is not
	Sign      string        // the policy that it is signed by; "": it is not signed

	Updates  []UpdateRule           // who may change what by dynamic update
	Serial   authority.SerialPolicy // of changes that bring no serial number
	Digest   zonemd.Policy          // of what is read or transferred
	Generate zonemd.Hash            // of the digest that each version gets; 0: none

	Transfers *ZoneTransfers // nil: nothing is said of it. Zones share it, and it is not written to
	Member    *Membership    // of a catalog zone that is made here; nil: of none. Zones share it, too
}

// Membership is what a zone says of the catalog zone that it is a member of.
type Membership struct {
	Catalog  wire.Name
	Groups   []string
	NewOwner wire.Name // the catalog that may take it over (RFC 9432 4.3.1); zero: none
}

// UpdateRule is a rule of a zone about dynamic updates.
type UpdateRule struct {
	Addresses []string // clients, as ParseAccess reads them; none: all
	update.Rule
}

// UpdatePolicy returns the rules of a zone.
func (s *Settings) UpdatePolicy(z *Zone) (p update.Policy, err error) {
	for _, rule := range z.Updates {
		r := rule.Rule
		if len(rule.Addresses) > 0 {
			if r.Clients, err = s.ParseAccess(rule.Addresses...); err != nil {
				return nil, err
			}
		}
		p = append(p, r)
	}
	return p, nil
}

// IsCopy reports whether the zone comes from other servers.
func (z *Zone) IsCopy() bool { return len(z.Said().Primaries) > 0 }

// IsProduced reports whether the zone is a catalog that is made of other zones: it has
// no file.
func (z *Zone) IsProduced() bool { return z.Path == "" && !z.IsCopy() }

// Said is what the zone says of its transfers.
func (z *Zone) Said() *ZoneTransfers {
	if z.Transfers == nil {
		return &saysNothing
	}
	return z.Transfers
}

var saysNothing ZoneTransfers

// Catalog is a catalog zone that is followed (RFC 9432).
type Catalog struct {
	Zone     wire.Name
	Template Zone // what members have, without their names
	Groups   []CatalogGroup
}

// CatalogGroup is what members of a group have instead.
type CatalogGroup struct {
	Name     string
	Template Zone
}

// Member is the zone that a member of those groups is.
func (c *Catalog) Member(name wire.Name, groups []string) Zone {
	z := c.Template
	for _, g := range c.Groups {
		if slices.Contains(groups, g.Name) {
			z = g.Template
			break
		}
	}
	z.Origin = name
	return z
}

// Source is where the contents of a zone come from.
type Source struct {
	Path   string
	Format authority.Format
	Origin wire.Name
	Signed bool // by us
	IsCopy bool // of other servers
}

// Source returns where the contents of the zone come from.
func (z *Zone) Source() Source { return Source{z.Path, z.Format, z.Origin, z.Sign != "", z.IsCopy()} }

// Sources returns where the contents of zones come from.
func Sources(zones []Zone) []Source {
	all := make([]Source, len(zones))
	for i := range zones {
		all[i] = zones[i].Source()
	}
	return all
}

// MatchSources finds the sources of after in before: for each its index there, or -1 if
// it is new. Lists are mostly alike, and then cost a look at each.
func MatchSources(before, after []Source) []int {
	found := make([]int, len(after))
	var index map[Source]int // of before, once it is needed
	next := 0
	for i, source := range after {
		if next < len(before) && before[next] == source {
			found[i] = next
			next++
			continue
		}
		if index == nil {
			index = make(map[Source]int, len(before))
			for j := range before {
				index[before[j]] = j
			}
		}
		j, ok := index[source]
		if !ok {
			found[i] = -1
			continue
		}
		found[i], next = j, j+1
	}
	return found
}

// AllowTransfer is who may have the zone.
func (s *Settings) AllowTransfer(z *Zone) []string {
	if allow := z.Said().Allow; allow != nil {
		return allow
	}
	return s.Transfers.Allow
}

// NotifyTargets is who gets NOTIFY of the zone; servers adds those in its NS records.
func (s *Settings) NotifyTargets(z *Zone) (targets []Peer, servers bool) {
	targets = s.Transfers.Notify
	if notify := z.Said().Notify; notify != nil {
		targets = notify
	}
	for _, said := range []*bool{z.Said().NotifyServers, s.Transfers.NotifyServers} {
		if said != nil {
			return targets, *said
		}
	}
	return targets, len(s.AllowTransfer(z)) > 0
}

// hasJournal reports whether changes of the zone are kept in the journal.
func (s *Settings) hasJournal(z *Zone) bool {
	return s.Journal.Dir != "" && !z.NoJournal && z.Format == authority.MasterFile
}

// Journal says where changes of zones are kept, before they are visible.
type Journal struct {
	Dir     string        // "": nowhere
	MaxSize int64         // octets
	MaxAge  time.Duration // of changes that only incremental transfers need; 0: as long as there is room
}

// Transfers says how zones go to other servers and come from them, unless a zone
// says otherwise.
type Transfers struct {
	Allow         []string       // who may have zones, as ParseAccess reads them
	KeyFiles      []string       // files with TSIG keys
	Keys          []wire.TSIGKey // in addition
	Directory     string         // where zones of primaries are kept; "": below that of the journal, or nowhere
	Notify        []Peer         // who gets NOTIFY when a zone has changed
	NotifyServers *bool          // the servers in the NS records get NOTIFY; nil: if any client may have the zone

	MaxConnections, MaxPerPrimary int // to primaries; 0: the defaults of transfer.Pool

	// For primaries that are asked over TLS.
	TLSAuthorities []string // files of authorities that vouch for them; none: the system's
	TLSCertificate string   // file of a certificate that is shown to them; "": none is
	TLSKey         string   // file of its key; "": it is in the same
}

// Peer is a server that a zone comes from, or that is notified of its versions.
type Peer struct {
	Address netip.AddrPort
	Key     wire.Name  // of the TSIG key that messages are signed with; zero: they are not signed
	Source  netip.Addr // of ours, that they come from; zero: the system chooses it
	URL     string     // of a primary that is asked over TLS, as package encrypted reads it; "": it is not
}

// ZoneTransfers is what a zone says of its transfers.
type ZoneTransfers struct {
	Primaries   []Peer // asked in this order; none: the zone is ours
	AllowNotify []string
	WholeOnly   bool // primaries are not asked for what has changed, but for the whole zone
	Timers      transfer.Timers
	Limits      transfer.Limits

	Allow         []string // nil: as Transfers says
	Notify        []Peer   // nil: as Transfers says
	NotifyServers *bool    // nil: as Transfers says
	Condense      bool     // incremental transfers are sent as one change
}

// Recursion says what is looked up elsewhere, where, and for which clients.
type Recursion struct {
	FromRoot  bool // ask authoritative servers, from the root down
	Iteration Iteration

	Forward    bool   // ask other resolvers
	ResolvConf string // their addresses are in this file, unless Servers has some
	Servers    []netip.AddrPort
	Zones      []ZoneServers    // zones with resolvers of their own
	TrustAD    []netip.AddrPort // those of all these that are believed when they set AD
	Upstreams

	Validation Validation

	HostsFile string   // answers come from it first; "": none
	Allow     []string // the clients, as names.ParsePeerSet reads them
}

// Validation says how DNSSEC validates what other servers say.
type Validation struct {
	Off          bool
	LogOnly      bool     // what is not proved is logged, and passed on
	ReportErrors bool     // agents of zones learn what is bogus (RFC 9567)
	TrustAnchors []string // files
	State        string   // the file in which keys are followed; "": they are not
	Insecure     []InsecureZone
	Now          time.Time // the time that validation begins at; zero: the time
}

// InsecureZone is a negative trust anchor (RFC 7646).
type InsecureZone struct {
	Zone  wire.Name
	Until time.Time // zero: for ever
}

// Iteration says how names are resolved from the root.
type Iteration struct {
	RootHints     string        // a master file; "": the built-in servers
	Stubs         []ZoneServers // zones with authoritative servers of their own
	FullNames     bool          // no QNAME minimisation
	DoNotQuery    []string      // networks, as names.ParsePeerSet reads them
	QueryLoopback bool
	Encrypt       bool // servers are tried over TLS and QUIC (RFC 9539)
	LocalRoot     LocalRoot
}

// LocalRoot says where a copy of the root zone comes from (RFC 8806).
type LocalRoot struct {
	Primaries []netip.AddrPort // it is transferred from them; none: it is in the file
	File      string           // where it is kept, so that it is there after a restart; "": it is not
}

// IsGiven reports whether there is to be a copy.
func (l *LocalRoot) IsGiven() bool { return len(l.Primaries) > 0 || l.File != "" }

// ianaPrimaries let everybody transfer the root zone (RFC 8806 A): ICANN's, and
// those of the root servers B, C, F and K.
var ianaPrimaries = []string{"192.0.32.132", "192.0.47.132", "170.247.170.2", "192.33.4.12", "192.5.5.241", "193.0.14.129"}

// AddLocalRoot adds what text says the root zone is transferred from: "iana", or the
// address of a server.
func (i *Iteration) AddLocalRoot(text string) error {
	from := []string{text}
	if text == "iana" {
		from = ianaPrimaries
	}
	for _, text := range from {
		address, err := cli.ParseAddress(text, DefaultPort)
		if err != nil {
			return fmt.Errorf("%w; or iana, for the servers that IANA lists", err)
		}
		i.LocalRoot.Primaries = append(i.LocalRoot.Primaries, address)
	}
	return nil
}

// ZoneServers is a zone that certain servers are asked about.
type ZoneServers struct {
	Zone    wire.Name
	Servers []netip.AddrPort
}

// Cache says what is remembered of answers from elsewhere.
type Cache struct {
	Enabled    bool
	Size       int64         // octets
	ServeStale time.Duration // 0: expired data is not used
	File       string        // the cache is kept in it between two runs; "": it is not
}

// Limits says what a network of clients, or one client, may take. 0: no limit.
type Limits struct {
	Replies       int      // alike, to one network, a second
	RepliesInAll  int      // to one network, a second
	Slip          int      // which of the replies above a limit are sent truncated: each, each second, ...; 0: none
	RepliesExempt []string // clients without these limits and ConnectionRate, as names.ParsePeerSet reads them
	LogOnly       bool     // replies above the limits are counted and logged, and sent

	ClientQueries int      // for recursion, of one client, a second
	ClientWaiting int      // that wait for other servers, of one client, at once
	ClientBurst   int      // octets at once over UDP of replies that waited, to one client
	ClientExempt  []string // clients without these limits, as names.ParsePeerSet reads them

	UpstreamQueries int // to one other server, a second
	ConnectionRate  int // begun by one network, a second, over all transports

	// Of these, 0 is the default of the listener.
	Waiting              int           // queries that wait for their answers, of all clients
	QueryTimeout         time.Duration // of such a query
	Connections          int           // over TCP and TLS, of all clients
	HTTPSConnections     int           // at each address of HTTPS, and of HTTP/3
	QUICConnections      int           // at each address of QUIC
	ConnectionsPerClient int           // of one client, of each of these
	Pipelined            int           // queries of one connection that wait for their answers
	IdleTimeout          time.Duration // of a connection without a query in progress
}

// Log says what is logged in addition to what always is.
type Log struct {
	Cache int // an index of CacheLogs
}

// CacheLogs are what may be logged of the cache.
var CacheLogs = []string{"off", "hits", "all"}

// QueryLog says which queries are logged, and where.
type QueryLog struct {
	Which    string        // one of LogAll, LogFailures, LogSlow; "": none
	Slow     time.Duration // from how long on a query is slow
	OneIn    int           // of those, one in so many; 0: all
	Messages bool          // both messages, too
	Format   string        // "text" or "json"; "": text
	To       string        // Journald, or the path of a file; "": the log of the server
}

// Which queries are logged.
const (
	LogAll      = "all"
	LogFailures = "failures"
	LogSlow     = "slow"

	Journald = "journald"
)

// Dnstap says which messages are recorded, and where they go.
type Dnstap struct {
	Target   string   // as package dnstap has it; "": nowhere
	Messages []string // some of DnstapMessages; none: all
	OneIn    int      // of them, one in so many; 0: all
}

// DnstapMessages are the kinds of messages that may be recorded.
var DnstapMessages = []string{"client", "auth", "resolver", "forwarder", "update"}

// The defaults that are not the zero value.
const (
	DefaultPort       = 53
	DefaultCacheSize  = 64 << 20
	DefaultJournal    = 1 << 30
	DefaultResolvConf = "/etc/resolv.conf"
	DefaultSlow       = 500 * time.Millisecond

	DefaultReplies       = 200
	DefaultRepliesInAll  = 5000
	DefaultSlip          = 2
	DefaultClientWaiting = 1000

	DefaultConnectionRate = 1000
	DefaultClientBurst    = 64 << 10
)

// Default returns the settings of a server that nothing was decided about.
func Default() Settings {
	return Settings{
		Listen:  Listen{Port: DefaultPort},
		Cache:   Cache{Size: DefaultCacheSize},
		Journal: Journal{MaxSize: DefaultJournal},
		Limits:  Limits{Replies: DefaultReplies, RepliesInAll: DefaultRepliesInAll, Slip: DefaultSlip, ClientWaiting: DefaultClientWaiting, ClientBurst: DefaultClientBurst, ConnectionRate: DefaultConnectionRate},
	}
}

// Answers reports whether anything is answered that is not in the zones.
func (r *Recursion) Answers() bool {
	return r.Forward || r.FromRoot || len(r.Zones) > 0 || r.HostsFile != ""
}

// AsksOthers reports whether other servers are asked at all.
func (r *Recursion) AsksOthers() bool { return r.Forward || r.FromRoot || len(r.Zones) > 0 }

// ReadsResolvConf reports whether the servers are those of a file.
func (r *Recursion) ReadsResolvConf() bool { return r.Forward && len(r.Servers) == 0 }

// Source identifies where cached answers come from: a cache that was filled
// under another one is not used, since a zone that has servers of its own now
// may not have existed for the servers asked before. It depends on the meaning
// of the settings only, not on how or in which order they were given. hosts is
// the text of the hosts file.
func (r *Recursion) Source(hosts []byte) string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if r.FromRoot {
		add("root hints %q loopback %t", r.Iteration.RootHints, r.Iteration.QueryLoopback)
		for _, text := range r.Iteration.DoNotQuery {
			add("do not query %s", text)
		}
	}
	if r.Forward {
		if r.ReadsResolvConf() {
			add("forward to the servers of %q", r.ResolvConf)
		}
		for _, s := range r.Servers {
			add("forward . to %s", r.serverText(s))
		}
	}
	for _, z := range r.Zones {
		for _, s := range z.Servers {
			add("forward %v to %s", z.Zone.Fold(), r.serverText(s))
		}
	}
	for _, s := range r.TrustAD {
		add("believe AD of %s", r.serverText(s))
	}
	for _, z := range r.Iteration.Stubs {
		for _, s := range z.Servers {
			add("stub %v at %s", z.Zone.Fold(), r.serverText(s))
		}
	}
	if v := &r.Validation; v.Off {
		add("not validated")
	} else {
		add("validated, log only %t", v.LogOnly)
		if !v.Now.IsZero() {
			add("as at %d", v.Now.Unix())
		}
		for _, path := range v.TrustAnchors {
			add("trust anchors %q", path)
		}
		for _, z := range v.Insecure {
			add("insecure %v until %v", z.Zone.Fold(), z.Until.Unix())
		}
	}
	if r.HostsFile != "" {
		add("hosts %x", sha256.Sum256(hosts))
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n") + "\n"
}

// Config says how names are resolved from the root. It reads the root hints.
func (r *Recursion) Config() (recursor.Config, error) {
	i := &r.Iteration
	c := recursor.Config{WholeNames: i.FullNames, QueryLoopback: i.QueryLoopback}
	for _, z := range i.Stubs {
		c.Zones = append(c.Zones, recursor.ZoneServers{Zone: z.Zone, Addresses: z.Servers})
	}
	for _, z := range r.Zones {
		c.Zones = append(c.Zones, recursor.ZoneServers{Zone: z.Zone, Addresses: z.Servers, Forward: true})
	}
	var err error
	if len(i.DoNotQuery) > 0 {
		if c.DoNotQuery, err = names.ParsePeerSet(i.DoNotQuery...); err != nil {
			return c, err
		}
	}
	if i.RootHints != "" {
		c.Hints, err = readRootHints(i.RootHints)
	}
	return c, err
}
