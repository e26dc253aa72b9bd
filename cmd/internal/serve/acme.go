package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/cmd/internal/metrics"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/listener/acme"
	"github.com/names-dns/names/listener/certificate"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// newManager is what gets the certificate of an identity from an authority.
func (e *encryption) newManager(i *identity, log *slog.Logger) (*acme.Manager, error) {
	c := acme.Config{
		Directory: i.acme.Directory, Names: i.acme.NameTexts(), Email: i.acme.Email, Dir: i.acme.Dir, UserAgent: "names/" + cli.Version(),
		External:   acme.ExternalAccount{KeyID: i.acme.EABKeyID, KeyFile: i.acme.EABKeyFile},
		Challenges: e.challenges, Issued: func() { i.reload(log) }, Log: log,
	}
	if i.acme.Authority != "" {
		var err error
		if c.Authorities, err = certificate.ReadAuthorities(i.acme.Authority); err != nil {
			return nil, fmt.Errorf("acme: %w", err)
		}
	}
	return acme.New(c)
}

// renew has a manager work until ctx is done, once the server answers and the manager
// before it, which may have the same folder, has ended. e.mu is held.
func (e *encryption) renew(ctx context.Context, m *acme.Manager) {
	before, ended := e.renewer, make(chan struct{})
	e.renewer = ended
	e.running.Go(func() {
		defer close(ended)
		if before != nil {
			<-before
		}
		select {
		case <-e.started:
			m.Run(ctx)
		case <-ctx.Done():
		}
	})
}

// acmeMetrics are those of a certificate from an authority.
func (i *identity) acmeMetrics() []metrics.Metric {
	if i.manager == nil {
		return nil
	}
	s := i.manager.State()
	return []metrics.Metric{
		metrics.By("names_acme_orders_total", metrics.Counter, "Attempts to get a certificate from the authority of [acme], by result.", "result",
			count("issued", s.Issued), count("failed", s.Failed)),
		metrics.Of("names_acme_failures", metrics.Gauge, "Attempts to get a certificate that have failed since one succeeded.", float64(s.Failures)),
	}
}

// challenges publishes what a certificate authority looks for, in the zones of a server.
type challenges struct{ server *Server }

const (
	challengeTTL = 60
	maxAliases   = 8 // that are followed from the name of a challenge
)

// Publish adds a TXT record to a zone, and waits until its secondaries have it. If views
// have other zones of the name, the record is added to these, too: nothing says which of
// them the authority sees.
func (c challenges) Publish(ctx context.Context, name, value string) error {
	edited, err := c.edit(name, func(t *authority.Txn, at wire.Name) error { return t.Add(challengeRecord(at, value)) })
	if err != nil {
		return err
	}
	for _, e := range edited {
		c.server.log.Info("challenge published", "name", name, "at", e.name.String(), "zone", e.zone.Origin().String(), "serial", uint32(e.zone.Snapshot().Serial()))
	}
	for _, e := range edited {
		if err := c.awaitSecondaries(ctx, e.zone, e.name, value); err != nil {
			return err
		}
	}
	return nil
}

// Remove removes it.
func (c challenges) Remove(name, value string) error {
	_, err := c.edit(name, func(t *authority.Txn, at wire.Name) error {
		t.Remove(challengeRecord(at, value))
		return nil
	})
	return err
}

// editedZone is a zone, and the name in it that is edited.
type editedZone struct {
	zone *authority.Zone
	name wire.Name
}

func challengeRecord(name wire.Name, value string) wire.Record {
	value = value[:min(len(value), 255)]
	return wire.Record{Name: name, Type: wire.TypeTXT, Class: wire.ClassIN, TTL: challengeTTL, Data: append([]byte{byte(len(value))}, value...)}
}

// edit edits the zones of a name as clients without a view and those of each view see it.
// It fails if that of the former cannot be edited, or, if they have none, no other can.
func (c challenges) edit(text string, do func(t *authority.Txn, at wire.Name) error) (edited []editedZone, err error) {
	name, err := wire.ParseName(text)
	if err != nil {
		return nil, err
	}
	c.server.mu.Lock()
	sets := append([]*authority.Set{c.server.sets.others}, c.server.sets.views...)
	c.server.mu.Unlock()
	var first error
	for i, set := range sets {
		e, err := c.find(set, name, text)
		if err == nil && slices.ContainsFunc(edited, func(other editedZone) bool { return other.zone == e.zone }) {
			continue
		}
		if err == nil {
			err = c.editZone(e, text, do)
		}
		switch {
		case err == nil:
			edited = append(edited, e)
		case i == 0 && e.zone != nil:
			return nil, err
		case e.zone != nil:
			c.server.log.Warn("a view does not have a challenge", "name", text, "error", err)
		}
		if first == nil {
			first = err
		}
	}
	if len(edited) == 0 {
		return nil, first
	}
	return edited, nil
}

// find returns the zone of a name, or that of what it is an alias for. If that is not
// found, the zone is nil, or the last on the way.
func (c challenges) find(set *authority.Set, name wire.Name, text string) (e editedZone, err error) {
	e.name = name
	for range maxAliases {
		zone := set.Closest(e.name, wire.ClassIN)
		if zone == nil {
			return e, fmt.Errorf("no zone here has %v: give %s a CNAME record that refers to a name in a zone of this server", e.name, text)
		}
		e.zone = zone
		snapshot := zone.Snapshot()
		if snapshot == nil {
			return e, fmt.Errorf("zone %v is not loaded", zone.Origin())
		}
		target, ok := aliasOf(snapshot, e.name)
		if !ok {
			return e, nil
		}
		e.name = target
	}
	return e, fmt.Errorf("%s leads through more than %d aliases", text, maxAliases)
}

// editZone edits a zone that is ours.
func (c challenges) editZone(e editedZone, text string, do func(t *authority.Txn, at wire.Name) error) error {
	c.server.mu.Lock()
	i := slices.IndexFunc(c.server.zones, func(z servedZone) bool { return slices.Contains(z.zones, e.zone) })
	var from settings.Zone
	if i >= 0 {
		from = *c.server.zones[i].from
	}
	c.server.mu.Unlock()
	why := ""
	switch {
	case i < 0:
		why = fmt.Sprintf("zone %v comes from other servers: change it there", e.zone.Origin())
	case from.IsProduced():
		why = madeHere(e.zone.Origin())
	default:
		return editChallenge(e.zone, from.Serial, e.name, do)
	}
	return fmt.Errorf("%s; or give %s a CNAME record that refers to a name in a zone of this server", why, text)
}

func editChallenge(zone *authority.Zone, serial authority.SerialPolicy, name wire.Name, do func(t *authority.Txn, at wire.Name) error) error {
	_, err := zone.Update(authority.FromControl, func(t *authority.Txn) error {
		if cut, ok := t.CutOf(name); ok {
			return fmt.Errorf("%v is not in zone %v: %v is delegated to other servers", name, t.Origin(), cut)
		}
		if zone.Snapshot().Signed() != "" && !t.HasSigner() {
			return fmt.Errorf("zone %v is signed elsewhere, and its record would have no signature: give the name a CNAME record that refers to another zone of this server", t.Origin())
		}
		if err := do(t, name); err != nil {
			return err
		}
		t.AdvanceSerial(serial, time.Now())
		return nil
	})
	return err
}

// aliasOf returns what a name is an alias for.
func aliasOf(s *authority.Snapshot, name wire.Name) (target wire.Name, ok bool) {
	for r := range s.RecordsOf(name) {
		if r.Type == wire.TypeCNAME {
			target, _, err := wire.NameFromWire(r.Data)
			return target, err == nil
		}
	}
	return target, false
}

const (
	secondaryTime     = time.Minute // for all secondaries to have a record
	secondaryInterval = time.Second // between looks at one
)

// awaitSecondaries returns when all servers that are notified of the zone have a
// challenge: the authority asks any of them. Those that do not within a minute are
// logged, and not waited for: what is notified need not be asked by others.
func (c challenges) awaitSecondaries(ctx context.Context, zone *authority.Zone, name wire.Name, value string) error {
	limited, cancel := context.WithTimeout(ctx, secondaryTime)
	defer cancel()
	servers, err := c.server.transfer.notifier.Servers(limited, zone)
	if err != nil {
		c.server.log.Warn("a secondary that has to have a challenge is not found", "zone", zone.Origin().String(), "error", err)
	}
	var querier names.Querier
	var all sync.WaitGroup
	for _, server := range servers {
		all.Go(func() {
			if err := awaitRecord(limited, &querier, server, challengeRecord(name, value)); err != nil {
				c.server.log.Warn("a secondary does not have the challenge yet", "name", name.String(), "server", server.String(), "error", err)
			}
		})
	}
	all.Wait()
	return ctx.Err()
}

var errNoChallenge = errors.New("the record is not in its answer")

// awaitRecord asks a server until it has a record.
func awaitRecord(ctx context.Context, q *names.Querier, server netip.AddrPort, record wire.Record) error {
	for {
		err := hasRecord(ctx, q, server, record)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(secondaryInterval):
		}
	}
}

func hasRecord(ctx context.Context, q *names.Querier, server netip.AddrPort, record wire.Record) error {
	m := wire.Message{Questions: []wire.Question{{Name: record.Name, Type: record.Type, Class: record.Class}}, EDNS: &wire.EDNS{UDPSize: 1232}}
	query, err := m.AppendTo(nil)
	if err != nil {
		return err
	}
	reply, err := q.Query(ctx, query, server)
	if err != nil {
		return err
	}
	r, err := wire.ParseMessage(reply.Message)
	if err != nil {
		return err
	}
	for _, found := range r.Answers {
		if found.Type == record.Type && bytes.Equal(found.Data, record.Data) {
			return nil
		}
	}
	return errNoChallenge
}

// certificateVerbs are those about certificates of the encrypted transports.
func (s *Server) certificateVerbs() []control.Verb {
	return []control.Verb{
		{Name: "certificates", What: "The certificates of the encrypted transports, and when the one from an authority ([acme]) is renewed.", Do: s.doCertificates, Reply: []certificateReply{}},
		{Name: "certificates renew", Changes: true, What: "Get a new certificate from the authority now.", Do: s.doCertificatesRenew},
	}
}

type certificateReply struct {
	Names   string `json:"names"`
	Expires string `json:"expires"`
	Pin     string `json:"pin"`
	From    string `json:"from"`
	Next    string `json:"next"`
	Failed  int    `json:"failures"`
	Error   string `json:"last-error"`
}

func (s *Server) doCertificates(context.Context, []string) (any, error) {
	now := s.tls.identity()
	if now == nil {
		return nil, errors.New("no transport is encrypted")
	}
	from := "a file"
	if len(now.settings.Certificates) == 0 {
		from = "the server itself"
	}
	replies := []certificateReply{}
	infos := now.store.Infos()
	for i, c := range infos {
		r := certificateReply{Names: strings.Join(c.Names, " "), Expires: c.NotAfter.UTC().Format(time.RFC3339), Pin: c.Pin, From: from, Next: "-", Error: "-"}
		if now.manager != nil && i == len(infos)-1 {
			r.setManaged(now.manager.State())
		}
		replies = append(replies, r)
	}
	return replies, nil
}

// setManaged says how far a certificate from an authority is.
func (r *certificateReply) setManaged(state acme.State) {
	r.From, r.Next = state.Directory, "under way"
	if state.NotAfter.IsZero() {
		r.From = "the server itself, until there is one from " + state.Directory
	}
	if !state.Next.IsZero() {
		r.Next = state.Next.UTC().Format(time.RFC3339)
	}
	r.Failed = state.Failures
	if state.LastError != "" {
		r.Error = state.LastError
	}
}

func (s *Server) doCertificatesRenew(context.Context, []string) (any, error) {
	now := s.tls.identity()
	if now == nil || now.manager == nil {
		return nil, errors.New("no certificate comes from an authority: there is no section [acme]")
	}
	now.manager.Renew()
	return "the authority is asked; the log and names ctl certificates have the result", nil
}
