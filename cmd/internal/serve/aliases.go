package serve

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/alias"
	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/cmd/internal/metrics"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// aliases keeps the addresses of ALIAS records in zones of files. Zones of primaries have
// those that the primary has found.
type aliases struct {
	*alias.Keeper
	log     *slog.Logger
	aliased *aliased // nil: there is no journal
	ours    atomic.Pointer[servedZones]
}

func newAliases(j *journals, log *slog.Logger) *aliases {
	a := &aliases{Keeper: alias.New(alias.Config{}), log: log}
	if j != nil {
		a.aliased = &j.aliased
	}
	return a
}

// configure says how targets are looked up: in the zones of set, at the servers of the
// settings, or else by remote; nil: by those of resolv.conf.
func (a *aliases) configure(s *settings.Alias, set *authority.Set, remote names.Resolver) {
	client := names.Default
	switch {
	case len(s.Servers) > 0:
		client, _ = names.NewClient(names.ClientConfig{Servers: s.Servers, NoHosts: true}) // the settings are checked
	case remote != nil:
		client, _ = names.NewClient(names.ClientConfig{Resolver: remote, NoHosts: true})
	}
	finder := alias.Finder{Own: set, Ask: client}
	a.Configure(alias.Config{
		Lookup: finder.Lookup, Serial: a.serialOf, MaxTTL: s.MaxTTL, MinRefresh: s.MinRefresh, MaxRefresh: s.MaxRefresh, MaxTargets: s.MaxTargets, Rate: s.Rate, Log: a.log,
	})
}

// keep makes the zones of a plan those that are kept.
func (a *aliases) keep(p *transferPlan) {
	a.ours.Store(&p.ours)
	a.Keep(p.ours.withAliases())
	a.settle()
}

// change is keep if the plan has some zones more than the one before, and others less.
func (a *aliases) change(p *transferPlan, added, removed servedZones) {
	a.ours.Store(&p.ours)
	a.Change(added.withAliases(), removed.served())
	a.settle()
}

// settle takes out what was derived from ALIAS records that are gone, and notes which
// there are.
func (a *aliases) settle() {
	if a.aliased == nil {
		return
	}
	for zone, records := range a.aliased.takeLeft() {
		if zone.State() != authority.Loaded {
			continue
		}
		if _, err := zone.Update(authority.FromControl, func(t *authority.Txn) error {
			for _, r := range records {
				t.Remove(r)
			}
			return nil
		}); err != nil {
			a.log.Error("addresses of an ALIAS record that the file has no longer are still served", "zone", zone.Origin().String(), "error", err)
		}
	}
	a.aliased.write(a.Status())
}

// withAliases yields the zones whose ALIAS records are looked up, should they have any.
func (z servedZones) withAliases() iter.Seq2[*authority.Zone, authority.SerialPolicy] {
	return func(yield func(*authority.Zone, authority.SerialPolicy) bool) {
		for i := range z {
			if !hasAliases(z[i].from) {
				continue
			}
			for _, zone := range z[i].zones {
				if !yield(zone, z[i].from.Serial) {
					return
				}
			}
		}
	}
}

// serialOf is how the serial number of a zone advances.
func (a *aliases) serialOf(zone *authority.Zone) authority.SerialPolicy {
	if ours := a.ours.Load(); ours != nil {
		for z, serial := range ours.withAliases() {
			if z == zone {
				return serial
			}
		}
	}
	return authority.SerialIncrement // the plan that has the zone is not in use yet
}

// run looks targets up, and notes which names have ALIAS records, until ctx is done.
func (a *aliases) run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	if a.aliased != nil {
		all.Go(func() {
			for {
				select {
				case <-a.aliased.changed:
					a.aliased.write(a.Status())
				case <-ctx.Done():
					return
				}
			}
		})
	}
	a.Run(ctx)
}

// receive is Receive, and has the names noted that have ALIAS records.
func (a *aliases) receive(p authority.Publication) {
	a.Receive(p)
	if a.aliased == nil || p.Changes != nil && !slices.ContainsFunc(slices.Concat(p.Changes.Added, p.Changes.Removed), func(r wire.Record) bool { return r.Type == wire.TypeALIAS }) {
		return
	}
	select {
	case a.aliased.changed <- struct{}{}:
	default:
	}
}

// aliased is which names of zones had ALIAS records, kept next to the journal. The journal
// has the addresses that were derived from them, but not that they were: if a file is
// edited while the server does not run, and has an ALIAS record no longer, they have to
// go.
type aliased struct {
	path    string
	log     *slog.Logger
	changed chan struct{}
	known   map[string][]string // owners by zone, as they were read

	mu      sync.Mutex
	written map[string][]string
	left    map[*authority.Zone][]wire.Record // addresses that have to go
}

func (l *aliased) read(dir string, log *slog.Logger) {
	l.path, l.log, l.changed = filepath.Join(dir, "aliases.json"), log, make(chan struct{}, 1)
	text, err := os.ReadFile(l.path)
	if err == nil {
		err = json.Unmarshal(text, &l.known)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("which names had ALIAS records is not known", "file", l.path, "error", err)
	}
	l.written = l.known
}

// compare notes which addresses of a zone, which was merged with its file, were derived from ALIAS
// records that the file has no longer.
func (l *aliased) compare(zone *authority.Zone, file *authority.Snapshot) {
	merged := zone.Snapshot()
	for _, text := range l.known[zone.Origin().String()] {
		owner, err := wire.ParseName(text)
		if err != nil {
			continue
		}
		inFile := slices.Collect(file.RecordsOf(owner))
		if slices.ContainsFunc(inFile, func(r wire.Record) bool { return r.Type == wire.TypeALIAS }) {
			continue
		}
		for r := range merged.RecordsOf(owner) {
			if authority.IsAddress(r.Type) && !slices.ContainsFunc(inFile, func(o wire.Record) bool { return o.Type == r.Type && bytes.Equal(o.Data, r.Data) }) {
				l.mu.Lock()
				if l.left == nil {
					l.left = map[*authority.Zone][]wire.Record{}
				}
				l.left[zone] = append(l.left[zone], r.Clone())
				l.mu.Unlock()
			}
		}
	}
}

func (l *aliased) takeLeft() map[*authority.Zone][]wire.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.left
	l.left = nil
	return left
}

// write notes which names have ALIAS records now.
func (l *aliased) write(now []alias.Status) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := map[string][]string{}
	for _, s := range now {
		next[s.Zone.String()] = append(next[s.Zone.String()], s.Owner.String())
	}
	if maps.EqualFunc(next, l.written, slices.Equal) {
		return
	}
	text, err := json.Marshal(next)
	if err == nil {
		err = files.Replace(l.path, func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		})
	}
	if err != nil {
		l.log.Warn("which names have ALIAS records is not noted", "error", err)
		return
	}
	l.written = next
}

// hasAliases reports whether ALIAS records of a zone are looked up.
func hasAliases(z *settings.Zone) bool {
	return z.Format == authority.MasterFile && !z.IsCopy() && !z.IsProduced()
}

// fillTime is how long a start waits for addresses that names would not have otherwise.
const fillTime = 3 * time.Second

func (a *aliases) fill(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, fillTime)
	defer cancel()
	a.Fill(ctx)
}

func (a *aliases) metrics() []metrics.Metric {
	s := a.Stats()
	return []metrics.Metric{
		metrics.Of("names_alias_records", metrics.Gauge, "ALIAS records whose addresses are kept.", float64(s.Owners)),
		metrics.By("names_alias_targets", metrics.Gauge, "Targets of ALIAS records, by what is known of them.", "state",
			count("found", uint64(s.Targets-s.Failing)), count("failing", uint64(s.Failing)), count("beyond_limit", uint64(s.Beyond))),
		metrics.By("names_alias_lookups_total", metrics.Counter, "Look-ups of targets of ALIAS records, by result.", "result",
			count("found", s.Lookups), count("failed", s.Failures)),
		metrics.Of("names_alias_changes_total", metrics.Counter, "Versions of zones that were made because addresses of targets changed.", float64(s.Changes)),
	}
}

// aliasVerbs are those about ALIAS records.
func (s *Server) aliasVerbs() []control.Verb {
	return []control.Verb{
		{Name: "aliases", What: "The ALIAS records: their targets, the addresses found last, when, and why not since.", Do: s.doAliases, Reply: []aliasReply{}},
	}
}

type aliasReply struct {
	Zone      string `json:"zone"`
	Owner     string `json:"owner"`
	Target    string `json:"target"`
	Addresses string `json:"addresses"`
	Found     string `json:"found"`
	Next      string `json:"next"`
	Failures  int    `json:"failures"`
	Error     string `json:"error"`
}

// keptAddresses says whether an owner whose target was not found has addresses from before.
func (s *Server) keptAddresses(zone, owner wire.Name) string {
	if z := s.current.Load().set.Find(zone, wire.ClassIN); z != nil {
		for r := range z.Snapshot().RecordsOf(owner) {
			if r.Type == wire.TypeA || r.Type == wire.TypeAAAA {
				return "as they were"
			}
		}
	}
	return "none"
}

func (s *Server) doAliases(context.Context, []string) (any, error) {
	replies := []aliasReply{}
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	for _, a := range s.transfer.aliases.Status() {
		r := aliasReply{
			Zone: a.Zone.String(), Owner: a.Owner.String(), Target: a.Target.String(), Addresses: s.keptAddresses(a.Zone, a.Owner), Found: cmp.Or(at(a.Found), "-"),
			Next: cmp.Or(at(a.Due), "now"), Failures: a.Failures, Error: "-",
		}
		if a.IsKnown {
			r.Addresses = a.Addresses.String()
		}
		switch {
		case a.IsBeyond:
			r.Next, r.Error = "-", "there are more targets than alias.max-targets"
		case a.Err != nil:
			r.Error = a.Err.Error()
		}
		replies = append(replies, r)
	}
	return replies, nil
}
