package validate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/names-dns/names/wire"
)

// Link is something that was found out on the way from a trust anchor to an answer.
type Link struct {
	Kind LinkKind
	// Name and Type are the RRset that a key has signed, or Name the zone.
	Name wire.Name
	Type wire.Type
	// Zone, Tag and Algorithm are the key.
	Zone      wire.Name
	Tag       uint16
	Algorithm wire.Algorithm
	Until     time.Time // when the signature expires
	// Verdict and Reason are those of the zone Name.
	Verdict Verdict
	Reason  Reason
	// Source is what says that the key may sign the keys of its zone: "trust anchor"
	// or "DS record".
	Source string
}

// LinkKind is what sort of link it is.
type LinkKind uint8

const (
	// LinkSignature: the key has signed the RRset.
	LinkSignature LinkKind = iota
	// LinkKey: the key is one that the zone's chain of trust goes through.
	LinkKey
	// LinkZone: what came of a zone, or of a name that may have been one.
	LinkZone
)

var linkKindTexts = [...]string{"signature", "key", "zone"}

func (k LinkKind) String() string { return linkKindTexts[k] }

// String is the link as a line.
func (l Link) String() string {
	switch l.Kind {
	case LinkSignature:
		return fmt.Sprintf("%s %v is signed by key %d of %s, %v, until %s", plain(l.Name), l.Type, l.Tag, plain(l.Zone), l.Algorithm, l.Until.UTC().Format("2006-01-02 15:04"))
	case LinkKey:
		return fmt.Sprintf("key %d of %s, %v, is that of its %s", l.Tag, plain(l.Zone), l.Algorithm, l.Source)
	}
	text := fmt.Sprintf("%s is %v", plain(l.Name), l.Verdict)
	if l.Reason.Text != "" {
		text += ": " + l.Reason.Text
	}
	return text
}

// MarshalJSON writes the link as one object.
func (l Link) MarshalJSON() ([]byte, error) {
	o := struct {
		Kind      string `json:"kind"`
		Name      string `json:"name,omitempty"`
		Type      string `json:"type,omitempty"`
		Zone      string `json:"zone,omitempty"`
		Tag       uint16 `json:"tag,omitempty"`
		Algorithm string `json:"algorithm,omitempty"`
		Until     string `json:"until,omitempty"`
		Source    string `json:"source,omitempty"`
		Verdict   string `json:"verdict,omitempty"`
		Reason    string `json:"reason,omitempty"`
		Code      uint16 `json:"code,omitempty"`
	}{Kind: l.Kind.String(), Tag: l.Tag, Source: l.Source, Reason: l.Reason.Text, Code: uint16(l.Reason.Code)}
	if !l.Name.IsZero() {
		o.Name = l.Name.String()
	}
	if l.Kind == LinkSignature {
		o.Type, o.Until = l.Type.String(), l.Until.UTC().Format(time.RFC3339)
	}
	if l.Kind == LinkZone {
		o.Verdict = l.Verdict.String()
	} else {
		o.Zone, o.Algorithm = l.Zone.String(), l.Algorithm.String()
	}
	return json.Marshal(o)
}

type linksKey struct{}

// WithLinks returns a context for [Validator.Check] that has yield called with each
// link as it is found, by the goroutine that checks. What the validator knows of
// zones from before is not found again.
func WithLinks(ctx context.Context, yield func(Link)) context.Context {
	return context.WithValue(ctx, linksKey{}, yield)
}

// link notes a link, if anything wants them.
func (c *check) link(l Link) {
	if c.links != nil {
		c.links(l)
	}
}
