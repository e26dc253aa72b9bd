package validate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// FollowConfig says how a [Follower] works. Anchors, Ask and Path have to be set.
type FollowConfig struct {
	// Anchors are the configured trust anchors, and get those that are valid.
	Anchors *Anchors
	// Ask returns the validated reply to a question, fresh from servers: AD is set if
	// it is secure.
	Ask func(ctx context.Context, q wire.Question) (*wire.Message, error)
	// Algorithms are those that count. Nil means the default policy.
	Algorithms *dnssec.Algorithms
	// Path is the file with the state.
	Path string
	// Now is the clock. Nil means [time.Now].
	Now func() time.Time
	// Changed is called when something happened to a key, Failed when the keys of a
	// zone could not be looked at or the state could not be written. Either may be nil.
	Changed func(KeyChange)
	Failed  func(zone wire.Name, err error)
}

// Follower follows the keys of trust anchors (RFC 5011): new keys are trusted after
// they have been there for 30 days, and revoked ones no longer. What it knows is in
// a file, which is replaced as a whole.
type Follower struct {
	FollowConfig
	zones []*TrackedZone
}

// NewFollower returns a follower of all zones that have trust anchors, with the state
// in the file. A file that is damaged is an error: to begin anew would be to forget
// which keys were revoked. So is one that another user owns or may write to. A file that is
// missing is not.
func NewFollower(c FollowConfig) (*Follower, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Algorithms == nil {
		c.Algorithms = dnssec.NewAlgorithms(dnssec.Policy{})
	}
	f := &Follower{FollowConfig: c}
	text, err := files.ReadTrusted(c.Path, MaxState)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		if f.zones, err = ParseState(c.Path, text); err != nil {
			return nil, err
		}
	}
	configured := map[wire.Key][]*wire.DS{}
	for _, a := range c.Anchors.All() {
		configured[a.Zone.Key()] = append(configured[a.Zone.Key()], &a.DS)
		isThere := slices.ContainsFunc(f.zones, func(z *TrackedZone) bool { return z.Zone.Equal(a.Zone) })
		if !isThere {
			f.zones = append(f.zones, &TrackedZone{Zone: a.Zone})
		}
	}
	// Zones without a configured trust anchor are not followed any longer.
	f.zones = slices.DeleteFunc(f.zones, func(z *TrackedZone) bool { return configured[z.Zone.Key()] == nil })
	for _, z := range f.zones {
		z.Configure(c.Now(), configured[z.Zone.Key()])
		f.trust(z)
	}
	return f, nil
}

// trust makes the trusted keys of a zone its trust anchors. If there are none it
// keeps the old ones: names are bogus then, and never insecure.
func (f *Follower) trust(z *TrackedZone) {
	if trusted := z.Trusted(); len(trusted) > 0 {
		f.Anchors.Replace(z.Zone, trusted)
	}
}

// Zones returns what is known of keys. Run is not to be running.
func (f *Follower) Zones() []*TrackedZone { return f.zones }

// Run looks at the keys whenever it is time to, until ctx is done.
func (f *Follower) Run(ctx context.Context) {
	for {
		now := f.Now()
		next := now.Add(24 * time.Hour)
		for _, z := range f.zones {
			if !z.Next.After(now) {
				f.Check(ctx, z)
			}
			if z.Next.Before(next) {
				next = z.Next
			}
		}
		timer := time.NewTimer(max(next.Sub(f.Now()), time.Second))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Check looks at the keys of a zone now, and writes the state.
func (f *Follower) Check(ctx context.Context, z *TrackedZone) {
	f.signal(ctx, z)
	seen, err := f.look(ctx, z.Zone)
	now := f.Now()
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		z.Failed(now)
		f.failed(z.Zone, err)
		return
	}
	changes := z.Update(now, seen)
	f.trust(z)
	if f.Changed != nil {
		for _, c := range changes {
			f.Changed(c)
		}
	}
	if len(z.Trusted()) == 0 {
		f.failed(z.Zone, errors.New("all trust anchors are revoked: configure one of the keys that the zone has now"))
	}
	if err := f.save(); err != nil {
		f.failed(z.Zone, fmt.Errorf("writing the state of trust anchors: %w", err))
	}
}

func (f *Follower) failed(zone wire.Name, err error) {
	if f.Failed != nil {
		f.Failed(zone, err)
	}
}

func (f *Follower) save() error {
	return files.Replace(f.Path, func(w io.Writer) error {
		_, err := w.Write(AppendState(nil, f.zones))
		return err
	})
}

// look returns the keys that a zone has now.
func (f *Follower) look(ctx context.Context, zone wire.Name) (*SeenKeys, error) {
	q := wire.Question{Name: zone, Type: wire.TypeDNSKEY, Class: wire.ClassIN}
	m, err := f.Ask(ctx, q)
	if err != nil {
		return nil, err
	}
	if !m.Flags.Has(wire.FlagAD) {
		return nil, fmt.Errorf("DNSKEY records of %s are not proved", plain(zone))
	}
	reply, err := ReplyFromMessage(m)
	if err != nil {
		return nil, err
	}
	set := find(reply.Answer, zone, wire.TypeDNSKEY)
	if set == nil || len(set.Signatures) == 0 {
		return nil, fmt.Errorf("no signed DNSKEY records of %s", plain(zone))
	}
	now := f.Now()
	seen := &SeenKeys{TTL: time.Duration(set.Signatures[0].OriginalTTL) * time.Second, Expires: now.Add(30 * 24 * time.Hour)}
	for _, sig := range set.Signatures {
		if at := sig.Expiration.Time(now); at.Before(seen.Expires) {
			seen.Expires = at
		}
	}
	for _, data := range set.Data[:min(len(set.Data), maxTracked)] {
		key := new(wire.DNSKEY)
		c := wire.CursorOver(data)
		if key.Parse(&c) != nil {
			continue
		}
		s := SeenKey{Key: key}
		if key.Flags&wire.FlagRevoked != 0 {
			s.IsSelfSigned = f.isSignedBy(set, data, now)
		}
		seen.Keys = append(seen.Keys, s)
	}
	return seen, nil
}

// isSignedBy reports whether the key in data has signed set.
func (f *Follower) isSignedBy(set *RRset, data []byte, now time.Time) bool {
	key, err := f.Algorithms.ParseKey(data)
	if err != nil {
		return false
	}
	var form dnssec.Canonical
	form.Set(&set.RRset)
	for _, sig := range set.Signatures[:min(len(set.Signatures), DefaultLimits.Signatures)] {
		if sig.KeyTag != dnssec.KeyTag(data) || dnssec.CheckRRSIG(sig, &set.RRset) != nil || dnssec.CheckTime(sig, now, time.Hour, 24*time.Hour) != nil {
			continue
		}
		if signed, err := form.AppendSigned(nil, sig); err == nil && key.Verify(signed, sig.Signature) {
			return true
		}
	}
	return false
}

// signal tells the zone's servers which keys are trusted, by a query that nothing is
// expected of (RFC 8145 5).
func (f *Follower) signal(ctx context.Context, z *TrackedZone) {
	if name := SignalName(z.Zone, z.Trusted()); !name.IsZero() {
		f.Ask(ctx, wire.Question{Name: name, Type: wire.TypeNULL, Class: wire.ClassIN})
	}
}

// SignalName is the name that tells a zone which keys are trusted: "_ta-4f66-9728"
// (RFC 8145 5.1). It is the zero value if there are too many.
func SignalName(zone wire.Name, trusted []*wire.DS) wire.Name {
	var tags []string
	for _, ds := range trusted {
		tags = append(tags, fmt.Sprintf("%04x", ds.KeyTag))
	}
	slices.Sort(tags)
	tags = slices.Compact(tags)
	if len(tags) == 0 {
		return wire.Name{}
	}
	name, err := zone.Prepend("_ta-" + strings.Join(tags, "-"))
	if err != nil {
		return wire.Name{}
	}
	return name
}
