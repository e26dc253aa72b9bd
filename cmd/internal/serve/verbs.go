package serve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/cmd/internal/querylog"
	"github.com/names-dns/names/cmd/internal/web"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/recursor/upstream/designated"
	"github.com/names-dns/names/wire"
)

// verbs are what names ctl can ask of a server. docs/control.md explains each.
func (s *Server) verbs() []control.Verb {
	return slices.Concat([]control.Verb{
		{Name: "status", What: "What the server is, what it serves, and since when.", Do: s.doStatus, Reply: statusReply{}},
		{Name: "zones", Arguments: "[NAME]", What: "The zones that are served, or one of them.", Do: s.doZones},
		{Name: "zones find", Arguments: "TEXT [COUNT]", What: "The zones whose names have TEXT in them, at most COUNT of them (200), those that are not answered first.", Do: s.doZonesFind, Reply: []zoneReply{}},
		{Name: "reload", Arguments: "[ZONE...]", Changes: true, What: "Read the configuration file and all zones again, or some zones: new and removed files of folders, too.", Do: s.doReload, Reply: reloadReply{}},
		{Name: "servers", What: "What is known of the servers that are asked.", Do: s.doServers, Reply: []serverReply{}},
		{Name: "top", Arguments: "[COUNT]", What: "The names, clients and failing zones with most queries lately, while there is a page ([web]).", Do: s.doTop, Reply: web.Top{}},
		{Name: "stats", What: "All counters.", Do: s.doStats},
		{Name: "config diff", Arguments: "[FILE]", What: "What a reload would change; or what would change if the configuration were FILE.", Do: s.doConfigDiff, Reply: []diffReply{}},
		{Name: "stop", Changes: true, What: "Stop the server once queries in progress are answered.", Do: s.doStop},
		{Name: "zone sync", Arguments: "ZONE", Changes: true, What: "Write a zone to its file now: what the journal has and the file does not.", Do: s.doZoneSync},
	}, s.transferVerbs(), s.cacheVerbs(), s.logVerbs(), s.traceVerbs(), s.zoneVerbs(), s.catalogVerbs(), s.signingVerbs(), s.aliasVerbs(), s.validationVerbs(), s.certificateVerbs())
}

// statusReply is the reply to status.
type statusReply struct {
	Version   string   `json:"version"`
	Began     string   `json:"began"`
	Uptime    string   `json:"uptime"`
	Config    string   `json:"configuration,omitempty"`
	Listening []string `json:"listening"`
	Zones     int      `json:"zones"`
	Loaded    int      `json:"zones_loaded"`
	Records   int64    `json:"records"`
	Recursion string   `json:"recursion"`
	Allow     []string `json:"allow,omitempty"`
	Through   []string `json:"through,omitempty"`
	CacheSize int64    `json:"cache_size"`
	CacheUsed int64    `json:"cache_used"`
	Queries   uint64   `json:"queries"`
}

func (s *Server) doStatus(context.Context, []string) (any, error) {
	v := s.current.Load()
	zones, stats := v.set.Stats(), s.listener.Stats()
	reply := statusReply{
		Version: cli.Version(), Began: s.operator.began.UTC().Format(time.RFC3339), Uptime: time.Since(s.operator.began).Round(time.Second).String(),
		Zones: zones.Zones, Loaded: zones.Loaded, Records: zones.Records, Recursion: "refused", Queries: stats.Queries(),
	}
	if c := s.config.Load(); c != nil {
		reply.Config = c.Files[0]
	}
	for _, a := range s.listener.Addresses() {
		reply.Listening = append(reply.Listening, a.String())
	}
	if r := &v.settings.Recursion; r.Answers() {
		reply.Recursion, reply.Allow, reply.Through = "offered", r.Allow, through(r)
	}
	if v.parts.cache != nil {
		held := v.parts.cache.Stats()
		reply.CacheSize, reply.CacheUsed = held.Size, held.Used
	}
	return reply, nil
}

// zoneReply is a zone in the reply to zones.
type zoneReply struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Serial  uint32 `json:"serial"`
	Records int    `json:"records"`
	Names   int    `json:"names"`
	Changed string `json:"changed,omitempty"`
	Signed  string `json:"signed,omitempty"`
}

func replyOf(z *authority.Zone) zoneReply {
	stats := z.Stats()
	reply := zoneReply{Name: stats.Origin.String(), State: stateNames[stats.State], Serial: uint32(stats.Serial), Records: stats.Records, Names: stats.Names}
	if !stats.Changed.IsZero() {
		reply.Changed = stats.Changed.UTC().Format(time.RFC3339)
	}
	if snapshot := z.Snapshot(); snapshot != nil {
		reply.Signed = snapshot.Signed()
	}
	return reply
}

var stateNames = map[authority.State]string{authority.NotLoaded: "not loaded", authority.Loaded: "loaded", authority.Expired: "expired"}

func (s *Server) doZones(_ context.Context, args []string) (any, error) {
	set := s.current.Load().set
	if len(args) == 0 {
		list := []zoneReply{}
		for _, z := range set.Zones() {
			list = append(list, replyOf(z))
		}
		return list, nil
	}
	z, err := findZone(set, args[0])
	if err != nil {
		return nil, err
	}
	return replyOf(z), nil
}

// defaultFound is how many zones zones find shows.
const defaultFound = 200

func (s *Server) doZonesFind(_ context.Context, args []string) (any, error) {
	text, most := strings.ToLower(args[0]), defaultFound
	if len(args) > 1 {
		n, err := strconv.Atoi(args[1])
		if err != nil || n < 1 {
			return nil, control.Usagef("%q is not a number of zones", args[1])
		}
		most = n
	}
	list := []zoneReply{}
	add := func(zones []*authority.Zone, isWanted func(*authority.Zone) bool) {
		for _, z := range zones {
			if len(list) == most {
				return
			}
			if isWanted(z) && (text == "" || strings.Contains(strings.ToLower(z.Origin().String()), text)) {
				list = append(list, replyOf(z))
			}
		}
	}
	isAnswered := func(z *authority.Zone) bool { return z.State() == authority.Loaded }
	zones := s.current.Load().set.Zones()
	add(zones, func(z *authority.Zone) bool { return !isAnswered(z) })
	bad := len(list)
	add(zones, isAnswered)
	byName := func(a, b zoneReply) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(list[:bad], byName)
	slices.SortFunc(list[bad:], byName)
	return list, nil
}

// findZone returns a zone that is served.
func findZone(set *authority.Set, text string) (*authority.Zone, error) {
	name, err := wire.ParseName(text)
	if err != nil {
		return nil, control.Usagef("%q is not a domain name: %v", text, err)
	}
	if z := set.Find(name, wire.ClassIN); z != nil {
		return z, nil
	}
	if z := set.Closest(name, wire.ClassIN); z != nil {
		return nil, fmt.Errorf("there is no zone %v here; it is a name in the zone %v", name, z.Origin())
	}
	return nil, fmt.Errorf("there is no zone %v here", name)
}

// reloadReply is the reply to reload.
type reloadReply struct {
	Zones   int `json:"zones"`
	Added   int `json:"added"`   // is served from now on
	Removed int `json:"removed"` // is not any longer
	Changed int `json:"changed"` // has other records
	Failed  int `json:"failed"`
}

func (s *Server) doReload(_ context.Context, args []string) (any, error) {
	if len(args) > 0 {
		return s.reloadSome(args)
	}
	result, err := s.reload()
	if err == nil && result.Failed > 0 {
		err = fmt.Errorf("%d of %d zones could not be read and stay as they were: the log says why", result.Failed, result.Zones)
	}
	return result, err
}

func (s *Server) doZoneSync(_ context.Context, args []string) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	zone, err := findZone(s.set, args[0])
	if err != nil {
		return nil, err
	}
	for i := range s.zones {
		if s.zones[i].zones[0] != zone {
			continue
		}
		if s.journals == nil {
			return nil, fmt.Errorf("zone %v: %w", zone.Origin(), errNotJournaled)
		}
		if err := s.journals.writeFile(&s.zones[i]); err != nil {
			return nil, err
		}
		return replyOf(zone), nil
	}
	return nil, fmt.Errorf("zone %v does not come from a file", zone.Origin())
}

// serverReply is a server in the reply to servers.
type serverReply struct {
	Address   string  `json:"address"`
	State     string  `json:"state"`
	RTT       float64 `json:"rtt_ms"`
	Variation float64 `json:"variation_ms"`
	Waiting   int     `json:"waiting"`
	LastReply string  `json:"last_reply"`

	Encryption string `json:"encryption,omitempty"`

	DesignatedBy string `json:"designated_by,omitempty"` // the server that is asked by this one's transport
}

func (s *Server) doServers(context.Context, []string) (any, error) {
	asked := s.current.Load().parts.servers
	if asked == nil {
		return nil, errors.New("no other servers are asked")
	}
	encrypts := s.current.Load().parts.settings.Recursion.Iteration.Encrypt
	designates := map[netip.AddrPort]designated.Status{}
	if u := s.current.Load().parts.upgrader; u != nil {
		for _, status := range u.Status() {
			designates[status.Server] = status
		}
	}
	list := []serverReply{}
	for _, each := range asked() {
		reply := serverReply{Address: each.Name, State: "good", RTT: querylog.Milliseconds(each.RTT), Variation: querylog.Milliseconds(each.Variation), Waiting: each.Waiting, LastReply: "never"}
		if each.Dead {
			reply.State = "does not answer"
		}
		if !each.Heard.IsZero() {
			reply.LastReply = each.Heard.UTC().Format(time.RFC3339)
		}
		if encrypts {
			reply.Encryption = each.Encryption.String()
			if each.Encryption == recursor.EncryptionWorks {
				reply.Encryption += " over " + each.EncryptedBy.String()
			}
		}
		if status, ok := designates[each.Addr]; ok {
			switch reply.Encryption = "none"; {
			case status.By != "" && status.IsProved:
				reply.Encryption, reply.DesignatedBy = "proved", each.Addr.String()
			case status.By != "":
				reply.Encryption, reply.DesignatedBy = "not proved", each.Addr.String()
			}
		}
		list = append(list, reply)
	}
	return list, nil
}

func (s *Server) doStats(context.Context, []string) (any, error) {
	v := s.current.Load()
	reply := struct {
		Listener snake        `json:"listener"`
		Queries  queriesReply `json:"queries"`
		Zones    snake        `json:"zones"`
		Updates  snake        `json:"updates"`
		Cache    *snake       `json:"cache,omitempty"`
		Resolver *snake       `json:"resolver,omitempty"`
	}{Listener: snake{s.listener.Stats()}, Queries: queriesOf(s.listener.Breakdown()), Zones: snake{v.set.Stats()}, Updates: snake{s.updates.receiver.Stats()}}
	if v.parts.cache != nil {
		reply.Cache = &snake{v.parts.cache.Stats()}
	}
	if v.parts.asking != nil {
		reply.Resolver = &snake{v.parts.asking()}
	}
	return reply, nil
}

// diffReply is a line of the reply to config diff.
type diffReply struct {
	Setting string `json:"setting"`
	Was     string `json:"was"`
	Now     string `json:"now"`
	Restart bool   `json:"needs_restart"`
}

func (s *Server) doConfigDiff(_ context.Context, args []string) (any, error) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	before := s.config.Load()
	if before == nil {
		return nil, errors.New("the server was started with options, without a configuration file")
	}
	file := before.Files[0]
	if len(args) > 0 {
		if file = args[0]; !filepath.IsAbs(file) {
			return nil, control.Usagef("config diff %s: write the whole path of the file, from /", file)
		}
	}
	next, _, err := config.Load(file)
	if err != nil {
		return nil, err
	}
	options, added, removed := config.Diff(before, next)
	restart := needsRestart(next, s.inUse())
	list := []diffReply{}
	for _, o := range options {
		list = append(list, diffReply{o.Option, o.Was, o.Now, slices.Contains(restart, o.Option)})
	}
	for _, z := range added {
		list = append(list, diffReply{Setting: "zone", Now: z.Path})
	}
	for _, z := range removed {
		list = append(list, diffReply{Setting: "zone", Was: z.Path})
	}
	return list, nil
}

func (s *Server) doStop(context.Context, []string) (any, error) {
	time.AfterFunc(100*time.Millisecond, s.cancel) // the reply goes out first
	return "stopping", nil
}
