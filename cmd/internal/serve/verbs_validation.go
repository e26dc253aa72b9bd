package serve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
)

func (s *Server) validationVerbs() []control.Verb {
	return []control.Verb{
		{Name: "anchors", What: "The trust anchors in force: the keys that answers are validated with.", Do: s.doAnchors, Reply: []anchorReply{}},
		{Name: "insecure list", What: "The zones that are not validated (negative trust anchors), and until when.", Do: s.doInsecureList, Reply: []insecureReply{}},
		{Name: "insecure add", Arguments: "ZONE [END]", Changes: true, What: "Do not validate a zone, for an hour, for a time like 30m, or until a date; no longer than a week, and after a restart only with a file for the state of trust anchors.", Do: s.doInsecureAdd, Reply: insecureReply{}},
		{Name: "insecure remove", Arguments: "ZONE", Changes: true, What: "Validate a zone again.", Do: s.doInsecureRemove},
	}
}

// usualInsecureTime is how long a zone that is added is not validated if no end is
// given, and maxInsecureTime the longest it may be: a fault is repaired by then, or the
// configuration is the place for it (RFC 7646 6).
const (
	usualInsecureTime = time.Hour
	maxInsecureTime   = 7 * 24 * time.Hour
)

// usedAnchors returns the trust anchors, if anything is validated.
func (s *Server) usedAnchors() (*parts, error) {
	if p := s.current.Load().parts; p.anchors != nil {
		return p, nil
	}
	return nil, errors.New("the server does not validate")
}

// anchorReply is a trust anchor.
type anchorReply struct {
	Zone       string `json:"zone"`
	Key        uint16 `json:"key"`
	Algorithm  string `json:"algorithm"`
	DigestType uint8  `json:"digest_type"`
	Digest     string `json:"digest"`
}

func (s *Server) doAnchors(context.Context, []string) (any, error) {
	p, err := s.usedAnchors()
	if err != nil {
		return nil, err
	}
	list := []anchorReply{}
	for _, a := range p.anchors.All() {
		list = append(list, anchorReply{a.Zone.String(), a.DS.KeyTag, a.DS.Algorithm.String(), a.DS.DigestType, fmt.Sprintf("%X", a.DS.Digest)})
	}
	return list, nil
}

// insecureReply is a zone that is not validated.
type insecureReply struct {
	Zone string `json:"zone"`
	End  string `json:"end"`
}

func insecureReplyOf(n validate.Negative) insecureReply {
	if n.Until.IsZero() {
		return insecureReply{n.Zone.String(), "never"}
	}
	return insecureReply{n.Zone.String(), n.Until.UTC().Format(time.RFC3339)}
}

func (s *Server) doInsecureList(context.Context, []string) (any, error) {
	p, err := s.usedAnchors()
	if err != nil {
		return nil, err
	}
	list := []insecureReply{}
	for _, n := range p.anchors.Negatives(p.clock()) {
		list = append(list, insecureReplyOf(n))
	}
	return list, nil
}

// readNegative reads ZONE [END].
func readNegative(args []string, now time.Time) (n validate.Negative, err error) {
	text := args[0]
	n.Until = now.Add(usualInsecureTime)
	if len(args) > 1 {
		if d, err := time.ParseDuration(args[1]); err == nil {
			n.Until = now.Add(d)
		} else {
			text += "=" + args[1]
		}
	}
	zone, err := settings.ParseInsecureZone(text)
	if err != nil {
		return n, control.Usagef("%v", err)
	}
	n.Zone = zone.Zone
	if strings.Contains(text, "=") {
		n.Until = zone.Until
	}
	switch left := n.Until.Sub(now); {
	case left <= 0:
		return n, control.Usagef("%s is over already", args[1])
	case left > maxInsecureTime:
		return n, control.Usagef("%s is more than a week away: give --insecure, or insecure in [validation]", args[1])
	}
	return n, nil
}

func (s *Server) doInsecureAdd(_ context.Context, args []string) (any, error) {
	p, err := s.usedAnchors()
	if err != nil {
		return nil, err
	}
	n, err := readNegative(args, p.clock())
	if err != nil {
		return nil, err
	}
	if p.isConfiguredInsecure(n.Zone) {
		return nil, fmt.Errorf("the configuration says already that %v is not validated", n.Zone)
	}
	if _, err := p.added.set(n, p.clock()); err != nil {
		return nil, err
	}
	p.anchors.SetNegative(n.Zone, n.Until)
	s.forgetSubtree(n.Zone)
	p.recheck.Soon() // to know whether it cannot be validated now
	s.log.Warn("zone is not validated", "zone", n.Zone, "end", n.Until)
	return insecureReplyOf(n), nil
}

func (s *Server) doInsecureRemove(_ context.Context, args []string) (any, error) {
	p, err := s.usedAnchors()
	if err != nil {
		return nil, err
	}
	zone, err := wire.ParseName(args[0])
	if err != nil {
		return nil, control.Usagef("%q is not a domain name: %v", args[0], err)
	}
	switch had, err := p.added.set(validate.Negative{Zone: zone}, p.clock()); {
	case err != nil:
		return nil, err
	case had:
	case p.isConfiguredInsecure(zone):
		return nil, fmt.Errorf("the configuration says that %v is not validated: change it there", zone)
	default:
		return nil, fmt.Errorf("%v is not in the list", zone)
	}
	p.anchors.RemoveNegative(zone)
	s.forgetSubtree(zone)
	s.log.Info("zone is validated again", "zone", zone)
	return nil, nil
}

func (p *parts) isConfiguredInsecure(zone wire.Name) bool {
	return slices.ContainsFunc(p.settings.Recursion.Validation.Insecure, func(z settings.InsecureZone) bool {
		return z.Zone.Equal(zone) && (z.Until.IsZero() || p.clock().Before(z.Until))
	})
}

// forgetSubtree drops what is cached and known of names at and below name.
func (s *Server) forgetSubtree(name wire.Name) {
	s.forget(name)
	if c, err := s.usedCache(); err == nil {
		c.FlushSubtree(name)
	}
}
