package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/transfer"
	"github.com/names-dns/names/authority/zonemd"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
)

// localRoot is a copy of the root zone (RFC 8806). Answers come from it as long as it
// is good: its digest matches and is signed (RFC 8976 4), and it has not expired.
// Otherwise the root's servers are asked.
type localRoot struct {
	from      settings.LocalRoot
	zone      *authority.Zone
	zones     authority.Set       // of that one
	secondary *transfer.Secondary // nil: it is in a file only
	expires   atomic.Int64        // of a file: in Unix seconds
	clock     func() time.Time
	log       *slog.Logger
}

// openLocalRoot makes the copy. One that is in a file only is read again when that
// changes.
func (p *parts) openLocalRoot(from *settings.LocalRoot, validation *validate.Config, before *parts) {
	p.root = newLocalRoot(from, validation, before, p.clock, p.log)
	if p.root.secondary == nil {
		p.watch(from.File, p.root.load)
	}
}

// newLocalRoot returns the copy: that of before, what is kept of it in the file, or
// an empty one that is still to come.
func newLocalRoot(from *settings.LocalRoot, validation *validate.Config, before *parts, clock func() time.Time, log *slog.Logger) *localRoot {
	l := &localRoot{from: *from, zone: authority.NewEmptyZone(wire.Root, wire.ClassIN), clock: clock, log: log}
	isKept := before != nil && before.root != nil && reflect.DeepEqual(before.root.from, l.from)
	if isKept {
		l.zone = before.root.zone
	}
	l.zones.SetZones([]*authority.Zone{l.zone}) // there is one only
	l.zone.SetPipeline(&authority.Pipeline{
		Check: []authority.Stage{zonemd.Guard, signedDigest(validation)},
		Tell:  []authority.Subscriber{l.tell},
	})
	if len(from.Primaries) == 0 {
		if !isKept {
			l.load()
		} else {
			l.expires.Store(before.root.expires.Load())
		}
		return l
	}
	config := transfer.SecondaryConfig{File: from.File, Log: log}
	for _, a := range from.Primaries {
		config.Primaries = append(config.Primaries, transfer.Primary{Address: a})
	}
	l.secondary = transfer.NewSecondary(l.zone, config)
	if !isKept && from.File != "" {
		l.secondary.Restore()
	}
	return l
}

// load reads the file. If it is not good, what was there before stays.
func (l *localRoot) load() {
	if err := l.read(); err != nil {
		l.log.Error("the copy of the root zone cannot be used", "file", l.from.File, "error", err)
	}
}

func (l *localRoot) read() error {
	info, err := os.Stat(l.from.File)
	if err != nil {
		return err
	}
	snapshot, err := authority.File{Path: l.from.File, Origin: wire.Root, IsReceived: true}.Load(new(diagnostic.List))
	if err != nil {
		return err
	}
	if err := l.zone.Replace(authority.FromFile, snapshot); err != nil {
		return err
	}
	var soa wire.SOA
	for r := range snapshot.RecordsOf(wire.Root) {
		if c := wire.CursorOver(r.Data); r.Type == wire.TypeSOA && soa.Parse(&c) != nil {
			return errors.New("its SOA record cannot be read")
		}
	}
	l.expires.Store(info.ModTime().Unix() + int64(soa.Expire))
	if !l.isGood() {
		return fmt.Errorf("it was written on %v and has expired", info.ModTime().UTC().Format(time.DateOnly))
	}
	return nil
}

// tell is called with each new version.
func (l *localRoot) tell(p authority.Publication) {
	if p.After == nil {
		l.log.Warn("the copy of the root zone has expired: the root's servers are asked")
		return
	}
	l.log.Info("answers of the root come from a copy of its zone", "serial", p.After.Serial().String())
}

// isGood reports whether there is a copy, and it has not expired.
func (l *localRoot) isGood() bool {
	return l.zone.State() == authority.Loaded && (l.secondary != nil || l.clock().Unix() < l.expires.Load())
}

// Resolve is TryResolve: the answer is always there.
func (l *localRoot) Resolve(_ context.Context, x *names.Exchange) error { return l.TryResolve(x) }

// TryResolve answers from the copy, and passes if it is not good.
func (l *localRoot) TryResolve(x *names.Exchange) error {
	if !l.isGood() {
		return names.ErrPass
	}
	return l.zones.TryResolve(x)
}

// signedDigest returns a stage that refuses a zone whose ZONEMD records are not signed
// as the trust anchors want it (RFC 8976 4). Without an anchor for the zone the digest
// itself has to do.
func signedDigest(validation *validate.Config) authority.Stage {
	return func(t *authority.Txn) error {
		if validation == nil {
			return nil
		}
		apex := apexOf{slices.Collect(t.Records(t.Origin()))}
		c := *validation
		c.Fetcher = apex
		reply, _ := apex.Fetch(context.Background(), t.Origin(), wire.TypeZONEMD)
		result := validate.New(c).Check(context.Background(), reply, nil)
		if result.Verdict < validate.Insecure {
			return fmt.Errorf("its ZONEMD record is %v: %s", result.Verdict, result.Reason)
		}
		return nil
	}
}

// apexOf is what a zone has at its apex, for a validator.
type apexOf struct{ records []wire.Record }

func (a apexOf) Fetch(_ context.Context, name wire.Name, t wire.Type) (*validate.Reply, error) {
	q := wire.Question{Name: name, Type: t, Class: wire.ClassIN}
	reply := &validate.Reply{Question: q, Answer: validate.Group(a.records, q)}
	reply.Answer = slices.DeleteFunc(reply.Answer, func(s *validate.RRset) bool { return s.Type != t })
	return reply, nil
}
