package serve

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/cmd/internal/metrics"
	"github.com/names-dns/names/wire"
)

// signingVerbs are those about zones that are signed here.
func (s *Server) signingVerbs() []control.Verb {
	return []control.Verb{
		{Name: "signing zones", What: "The zones that are signed here: keys, next event, when the first signature ends, and whether the parent has lost a DS record.", Do: s.doSigningZones, Reply: []signedZoneReply{}},
		{Name: "signing keys", Arguments: "ZONE", What: "The keys of a zone, and how far each has come.", Do: s.doSigningKeys, Reply: []signingKeyReply{}},
		{Name: "signing next", Arguments: "ZONE", What: "What is to happen to the keys of a zone, not before when, and why.", Do: s.doSigningNext, Reply: []signingWaitReply{}},
		{Name: "signing roll", Arguments: "ZONE [zone|keys]", Changes: true, What: "Exchange the key that signs the zone, or that which the parent knows.", Do: s.doSigningRoll, Reply: []signingWaitReply{}},
		{Name: "signing step", Arguments: "ZONE", Changes: true, What: "Let the next step of an exchange of keys happen, if the policy has manual = true.", Do: s.doSigningStep, Reply: []signingWaitReply{}},
		{Name: "signing compromised", Arguments: "ZONE [TAG...]", Changes: true, What: "Others may know these private keys, or all of a zone: replace them as fast as caches allow, and never use them again.", Do: s.doSigningCompromised, Reply: []signingWaitReply{}},
		{Name: "signing confirm", Arguments: "ZONE", Changes: true, What: "All servers of the parent have the DS records that they are to have.", Do: s.doSigningConfirm, Reply: []signingWaitReply{}},
	}
}

type signedZoneReply struct {
	Zone    string `json:"zone"`
	Policy  string `json:"policy"`
	Keys    int    `json:"keys"`
	Next    string `json:"next"`
	Ends    string `json:"first-signature-ends"`
	Warning string `json:"warning"`
}

type signingKeyReply struct {
	Key        uint16 `json:"key"`
	Algorithm  string `json:"algorithm"`
	Signs      string `json:"signs"`
	State      string `json:"state"`
	DNSKEY     string `json:"dnskey"`
	Signatures string `json:"signatures"`
	DS         string `json:"ds"`
}

type signingWaitReply struct {
	What      string `json:"what"`
	NotBefore string `json:"not-before"`
	Why       string `json:"why"`
}

// signedZone finds a zone that is signed here, and calls do with what is known of it.
func (s *Server) signedZone(text string, do func(*authority.Zone, *zoneSigning) error) error {
	signing := s.transfer.signing
	signing.mu.Lock()
	defer signing.mu.Unlock()
	if name, err := wire.ParseName(text); err == nil {
		if zone, z := signing.onlineZone(name); z != nil {
			return do(zone, z)
		}
	}
	zone, err := findZone(s.current.Load().set, text)
	if err != nil {
		return err
	}
	z := signing.zones[zone]
	if z == nil {
		return fmt.Errorf("zone %v is not signed here", zone.Origin())
	}
	return do(zone, z)
}

func (s *Server) doSigningZones(context.Context, []string) (any, error) {
	signing := s.transfer.signing
	signing.mu.Lock()
	defer signing.mu.Unlock()
	replies := []signedZoneReply{}
	for zone, z := range signing.zones {
		r := signedZoneReply{Zone: zone.Origin().String(), Policy: z.policy.Name, Keys: len(z.keys.Keys), Next: "-", Ends: "-", Warning: "-"}
		if waits := z.keys.Waits(signing.now()); len(waits) > 0 {
			r.Next = waits[0].String()
		}
		if len(z.missing) > 0 {
			r.Warning = "no DS record at " + strings.Join(z.missing, ", ")
		}
		if end, ok := z.keys.OfflineEnd(signing.now()); ok && end.Sub(signing.now()) < offlineWarning {
			r.Warning = "signatures of the key on another machine end at " + end.UTC().Format(time.RFC3339)
		}
		if z.failed {
			r.Warning = "not signed again: the log says why"
		}
		if at, ok := z.signer.Ends(); ok {
			r.Ends = at.UTC().Format(time.RFC3339)
		}
		replies = append(replies, r)
	}
	slices.SortFunc(replies, func(a, b signedZoneReply) int { return cmp.Compare(a.Zone, b.Zone) })
	return replies, nil
}

func (s *Server) doSigningKeys(_ context.Context, args []string) (any, error) {
	replies := []signingKeyReply{}
	err := s.signedZone(args[0], func(_ *authority.Zone, z *zoneSigning) error {
		for _, k := range z.keys.Keys {
			r := signingKeyReply{Key: k.Tag, Algorithm: k.Record.Algorithm.String(), Signs: "-", State: "not used yet", DS: "-"}
			if p := k.Progress; p != nil {
				signatures := sign.PartKeySignature
				if r.DS = p.Parts[sign.PartDS].State.String(); p.Role == sign.RoleZone {
					signatures, r.DS = sign.PartZoneSignature, "-"
				}
				r.Signs, r.State = p.Role.String(), p.Summary()
				r.DNSKEY, r.Signatures = p.Parts[sign.PartDNSKEY].State.String(), p.Parts[signatures].State.String()
			}
			replies = append(replies, r)
		}
		return nil
	})
	return replies, err
}

func (s *Server) doSigningNext(_ context.Context, args []string) (any, error) {
	var replies []signingWaitReply
	err := s.signedZone(args[0], func(_ *authority.Zone, z *zoneSigning) error {
		replies = s.transfer.signing.waits(z)
		return nil
	})
	return replies, err
}

// waits is what the keys of a zone wait for. s.mu is held.
func (s *signing) waits(z *zoneSigning) []signingWaitReply {
	replies := []signingWaitReply{}
	for _, w := range z.keys.Waits(s.now()) {
		r := signingWaitReply{What: w.What, NotBefore: "-", Why: w.Why}
		if !w.NotBefore.IsZero() {
			r.NotBefore = w.NotBefore.UTC().Format(time.RFC3339)
		}
		replies = append(replies, r)
	}
	return replies
}

func (s *Server) doSigningRoll(_ context.Context, args []string) (any, error) {
	roles := map[string][]sign.Role{"zone": {sign.RoleZone}, "keys": {sign.RoleAll, sign.RoleKeys}}
	return s.changeKeys(args[0], func(set *sign.KeySet) error {
		which := "keys"
		switch {
		case len(args) > 1:
			which = args[1]
		case set.Policy.TwoKeys:
			which = "zone"
		}
		if roles[which] == nil {
			return control.Usagef("%q is neither zone nor keys", which)
		}
		return set.Roll(roles[which]...)
	})
}

func (s *Server) doSigningStep(_ context.Context, args []string) (any, error) {
	return s.changeKeys(args[0], func(set *sign.KeySet) error { return set.Approve(s.transfer.signing.now()) })
}

func (s *Server) doSigningCompromised(_ context.Context, args []string) (any, error) {
	var tags []uint16
	for _, text := range args[1:] {
		tag, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, control.Usagef("%q is not the tag of a key, as \"signing keys\" shows it", text)
		}
		tags = append(tags, uint16(tag))
	}
	return s.changeKeys(args[0], func(set *sign.KeySet) error { return set.Compromise(tags...) })
}

func (s *Server) doSigningConfirm(_ context.Context, args []string) (any, error) {
	return s.changeKeys(args[0], func(set *sign.KeySet) error {
		if len(set.ConfirmDS(s.transfer.signing.now())) == 0 {
			return fmt.Errorf("zone %v does not wait for its parent", set.Zone)
		}
		return nil
	})
}

// changeKeys changes what is to become of the keys of a zone, and does what follows.
func (s *Server) changeKeys(zone string, change func(*sign.KeySet) error) (any, error) {
	var replies []signingWaitReply
	err := s.signedZone(zone, func(zone *authority.Zone, z *zoneSigning) error {
		signing := s.transfer.signing
		if err := signing.change(zone, z, change); err != nil {
			return err
		}
		replies = signing.waits(z)
		return nil
	})
	return replies, err
}

// metrics are those of zones that are signed here.
func (s *signing) metrics() []metrics.Metric {
	counted := s.counted.Load()
	if counted == nil {
		return nil
	}
	return append(append(slices.Clip(*counted), s.onlineMetrics()...), metrics.By("names_signing_parent_notices_total", metrics.Counter, "Notices of new CDS records to parents that want them, by result.", "result",
		count("acknowledged", s.noticesTaken.Load()), count("failed", s.noticesFailed.Load())),
		metrics.By("names_signing_parent_updates_total", metrics.Counter, "Dynamic updates of DS records to parents that take them, by result.", "result",
			count("taken", s.updatesTaken.Load()), count("failed", s.updatesFailed.Load())))
}

// count works out the metrics, for clients that must not wait until a large zone is
// signed. s.mu is held.
func (s *signing) count() {
	states := map[string]uint64{}
	awaiting, held, missing, failed := 0, 0, 0, 0
	var first, offline time.Time
	for _, z := range s.zones {
		for _, k := range z.keys.Keys {
			if k.Progress != nil {
				states[k.Progress.Summary()]++
			}
		}
		if z.keys.AwaitsParent() {
			awaiting++
		}
		if len(z.proposed) > 0 {
			held++
		}
		if len(z.missing) > 0 {
			missing++
		}
		if z.failed {
			failed++
		}
		if end, ok := z.keys.OfflineEnd(s.now()); ok && (offline.IsZero() || end.Before(offline)) {
			offline = end
		}
		if at, ok := z.signer.Ends(); ok && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	all := []metrics.Metric{
		metrics.Of("names_signing_zones", metrics.Gauge, "Zones that are signed here.", float64(len(s.zones))),
		metrics.Of("names_signing_zones_awaiting_parent", metrics.Gauge, "Zones of which the parent's DS records are changing.", float64(awaiting)),
		metrics.Of("names_signing_zones_missing_ds", metrics.Gauge, "Zones of which servers of the parent have lost a DS record: resolvers may take them for unsigned.", float64(missing)),
		metrics.Of("names_signing_zones_failed", metrics.Gauge, "Zones that could not be signed at the last attempt: they stay as they were, and their signatures end.", float64(failed)),
		metrics.Of("names_signing_zones_awaiting_operator", metrics.Gauge, "Zones of which a step of an exchange of keys waits for an operator.", float64(held)),
		metrics.By("names_signing_keys", metrics.Gauge, "Keys of these zones, by state.", "state",
			count("active", states["active"]), count("published", states["published"]+states["pre-active"]+states["generated"]), count("ready", states["ready"]),
			count("retiring", states["retire-active"]+states["post-active"]+states["retired"]), count("removed", states["removed"])),
	}
	if s.helper != nil {
		stats := s.helper.Stats()
		all = append(all, metrics.By("names_signing_helper_requests_total", metrics.Counter, "Requests to the key helper, by result.", "result", count("replied", stats.Replied), count("failed", stats.Failed)))
	}
	if !offline.IsZero() {
		all = append(all, metrics.Of("names_signing_offline_end_timestamp_seconds", metrics.Gauge, "When the first of the signatures ends that keys on other machines have made in advance, in seconds since 1970.", float64(max(0, offline.Unix()))))
	}
	if !first.IsZero() {
		all = append(all, metrics.Of("names_signing_first_end_timestamp_seconds", metrics.Gauge, "When the first signature of all these zones ends, in seconds since 1970.", float64(first.Unix())))
	}
	s.counted.Store(&all)
}
