package serve

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/names-dns/names/authority/transfer"
	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/cmd/internal/metrics"
	"github.com/names-dns/names/wire"
)

func (s *Server) transferVerbs() []control.Verb {
	return []control.Verb{
		{Name: "secondaries", Arguments: "[ZONE]", What: "The zones that come from primaries: when they were checked, when they are next, what went wrong.", Do: s.doSecondaries},
		{Name: "zone notify", Arguments: "ZONE", Changes: true, What: "Notify the secondaries of a zone of its version, now.", Do: s.doZoneNotify},
		{Name: "zone refresh", Arguments: "ZONE", Changes: true, What: "Ask the primaries of a zone for a newer version now.", Do: s.doZoneRefresh},
		{Name: "zone retransfer", Arguments: "ZONE", Changes: true, What: "Transfer a zone from its primaries as a whole now.", Do: s.doZoneRetransfer},
	}
}

// secondaryReply is a zone in the reply to secondaries.
type secondaryReply struct {
	Zone      string   `json:"zone"`
	State     string   `json:"state"`
	Serial    uint32   `json:"serial"`
	Primaries []string `json:"primaries"`
	Checked   string   `json:"checked"`
	Next      string   `json:"next"`
	Expires   string   `json:"expires"`
	Failed    int      `json:"failed"`
	Error     string   `json:"error,omitempty"`
}

func secondaryReplyOf(s transfer.Status) secondaryReply {
	at := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.UTC().Format(time.RFC3339)
	}
	reply := secondaryReply{
		Zone: s.Zone.String(), State: stateNames[s.State], Serial: uint32(s.Serial), Primaries: []string{},
		Checked: at(s.Checked), Next: at(s.Next), Expires: at(s.Expires), Failed: s.Failed, Error: s.Error,
	}
	for _, p := range s.Primaries {
		reply.Primaries = append(reply.Primaries, p.String())
	}
	return reply
}

func (s *Server) doSecondaries(_ context.Context, args []string) (any, error) {
	if len(args) > 0 {
		secondary, err := s.findSecondary(args[0])
		if err != nil {
			return nil, err
		}
		return secondaryReplyOf(secondary.Status()), nil
	}
	all := s.transfer.copies.Statuses()
	slices.SortFunc(all, func(a, b transfer.Status) int { return cmp.Compare(a.Zone.String(), b.Zone.String()) })
	list := []secondaryReply{}
	for _, status := range all {
		list = append(list, secondaryReplyOf(status))
	}
	return list, nil
}

func (s *Server) findSecondary(text string) (*transfer.Secondary, error) {
	name, err := wire.ParseName(text)
	if err != nil {
		return nil, control.Usagef("%q is not a domain name: %v", text, err)
	}
	if found := s.transfer.copies.Find(name); found != nil {
		return found, nil
	}
	return nil, fmt.Errorf("zone %v does not come from primaries", name)
}

func (s *Server) doZoneNotify(_ context.Context, args []string) (any, error) {
	zone, err := findZone(s.current.Load().set, args[0])
	if err != nil {
		return nil, err
	}
	if zone.Snapshot() == nil {
		return nil, fmt.Errorf("zone %v is not loaded", zone.Origin())
	}
	if !s.transfer.notifier.Notify(zone) {
		return nil, fmt.Errorf("zone %v has no secondaries to notify: no client may have it, and also-notify names none", zone.Origin())
	}
	return "the secondaries are notified", nil
}

func (s *Server) doZoneRefresh(_ context.Context, args []string) (any, error) {
	secondary, err := s.findSecondary(args[0])
	if err != nil {
		return nil, err
	}
	secondary.Check()
	return "the primaries are asked", nil
}

func (s *Server) doZoneRetransfer(_ context.Context, args []string) (any, error) {
	secondary, err := s.findSecondary(args[0])
	if err != nil {
		return nil, err
	}
	secondary.Retransfer()
	return "the zone is transferred", nil
}

// metrics are those of transfers.
func (t *transfers) metrics() []metrics.Metric {
	in, out, notices := t.copies.Stats(), t.sent.Stats(), t.notifier.Stats()
	return []metrics.Metric{
		metrics.Of("names_secondary_zones", metrics.Gauge, "Zones that come from primaries.", float64(in.Zones)),
		metrics.By("names_secondary_checks_total", metrics.Counter, "Attempts to bring a zone up to date from a primary, by result.", "result",
			count("confirmed", in.Confirmed), count("transferred", in.Transferred), count("incremental", in.Incremental), count("failed", in.Failed)),
		metrics.Of("names_secondary_fallbacks_total", metrics.Counter, "Incremental transfers that could not be used: the whole zone was asked for.", float64(in.FellBack)),
		metrics.By("names_notify_received_total", metrics.Counter, "NOTIFY messages for zones that come from primaries.", "result", count("accepted", in.Notified), count("refused", in.NotifyRefused)),
		metrics.By("names_notify_sent_total", metrics.Counter, "NOTIFY messages to other servers that have ended.", "result", count("acknowledged", notices.Acknowledged), count("failed", notices.Failed)),
		metrics.Of("names_notify_pending", metrics.Gauge, "NOTIFY messages on their way.", float64(notices.Pending)),
		metrics.By("names_transfers_sent_total", metrics.Counter, "Queries for transfers, by what was sent.", "result",
			count("whole", out.Whole), count("incremental", out.Incremental), count("current", out.Current), count("refused", out.Refused), count("failed", out.Failed)),
		metrics.Of("names_transfers_sent_records_total", metrics.Counter, "Records in transfers that were sent.", float64(out.Records)),
	}
}
