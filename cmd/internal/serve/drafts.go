package serve

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/update"
	"github.com/names-dns/names/wire"
)

// drafts are edits of zones by operators that are not in the zones yet. They are
// only notes: other changes go on, and what a draft makes of the zone is worked out
// when it is shown or committed. The zero value has none.
type drafts struct {
	mu    sync.Mutex
	zones map[*authority.Zone]*draft
}

const (
	maxDrafts     = 64
	maxDraftEdits = 100_000
	maxTried      = 1000           // edits of a draft that are tried with each one more
	draftIdle     = 24 * time.Hour // after which a draft makes room for others
)

// draft has the edits of one zone, in their order.
type draft struct {
	used    time.Time
	request update.Request
}

// begin begins a draft.
func (d *drafts) begin(z *authority.Zone) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if one := d.zones[z]; one != nil {
		return fmt.Errorf("zone %v is being edited already, with %d edits so far: commit or abort them first", z.Origin(), len(one.request.Updates))
	}
	for zone, one := range d.zones {
		if time.Since(one.used) > draftIdle {
			delete(d.zones, zone)
		}
	}
	if len(d.zones) >= maxDrafts {
		return fmt.Errorf("%d zones are being edited: commit or abort one first", maxDrafts)
	}
	if d.zones == nil {
		d.zones = map[*authority.Zone]*draft{}
	}
	d.zones[z] = &draft{time.Now(), update.Request{Zone: z.Origin(), Class: z.Class()}}
	return nil
}

// add adds lines of nsupdate's language: all of them, or none if one is wrong or, as
// the zone is now, cannot be made.
func (d *drafts) add(z *authority.Zone, lines ...string) (edits int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	one, err := d.find(z)
	if err != nil {
		return 0, err
	}
	next := update.Request{Zone: z.Origin(), Class: z.Class(), Updates: one.request.Updates}
	for _, line := range lines {
		text := update.Text{Origin: z.Origin(), HasTTL: true, TTL: ttlOf(z, line)}
		if err := next.Parse(line, text); err != nil {
			return 0, err
		}
	}
	if err := next.Scan(); err != nil {
		return 0, errors.New(strings.TrimPrefix(err.Error(), update.RCodeOf(err).String()+": "))
	}
	if len(next.Prerequisites) > 0 {
		return 0, errors.New("edits have no prerequisites")
	}
	if len(next.Updates) > maxDraftEdits {
		return 0, fmt.Errorf("there are more than %d edits: commit some of them first", maxDraftEdits)
	}
	if len(next.Updates) <= maxTried {
		_, err := z.Update(authority.FromControl, func(t *authority.Txn) error {
			if err := applyEdits(t, next.Updates); err != nil {
				return err
			}
			return errNothing
		})
		if err != errNothing {
			return 0, err
		}
	}
	one.request, one.used = next, time.Now()
	return len(next.Updates), nil
}

// editLine is a line of nsupdate's language of the words that a shell has made of one: what
// is one word is one character string, whether there are spaces in it or not.
func editLine(verb string, words []string) string {
	var line strings.Builder
	line.WriteString(verb)
	isText := false
	for i, word := range words {
		line.WriteByte(' ')
		if isText && !strings.Contains(word, `"`) && (word == "" || strings.ContainsAny(word, " \t;()")) {
			line.WriteString(`"` + word + `"`)
			continue
		}
		line.WriteString(word)
		if i > 0 && !isText {
			kind, err := wire.ParseType(word)
			isText = err == nil && (kind == wire.TypeTXT || kind == wire.TypeSPF)
		}
	}
	return line.String()
}

// ttlOf is the TTL of a record that is added without one: that of the RRset, or else
// of the SOA record.
func ttlOf(z *authority.Zone, line string) uint32 {
	var ttl uint32
	z.Update(authority.FromControl, func(t *authority.Txn) error {
		for _, soa := range t.RRset(z.Origin(), wire.TypeSOA) {
			ttl = soa.TTL
		}
		r := update.Request{Zone: z.Origin(), Class: z.Class()}
		if r.Parse(line, update.Text{Origin: z.Origin(), HasTTL: true}) == nil && len(r.Updates) == 1 {
			for _, other := range t.RRset(r.Updates[0].Name, r.Updates[0].Type) {
				ttl = other.TTL
			}
		}
		return errNothing
	})
	return ttl
}

// errNothing ends transactions that only look.
var errNothing = errors.New("nothing is to be changed")

// edits returns the edits of a zone.
func (d *drafts) edits(z *authority.Zone) ([]wire.Record, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	one, err := d.find(z)
	if err != nil {
		return nil, err
	}
	one.used = time.Now()
	return one.request.Updates, nil
}

func (d *drafts) find(z *authority.Zone) (*draft, error) {
	if one := d.zones[z]; one != nil {
		return one, nil
	}
	return nil, fmt.Errorf("zone %v is not being edited: begin with names ctl zone begin %v", z.Origin(), z.Origin())
}

// end drops a draft.
func (d *drafts) end(z *authority.Zone) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := d.find(z)
	delete(d.zones, z)
	return err
}

// applyEdits makes the edits in a transaction. Unlike a client's, an edit by hand
// that cannot be made is an error.
func applyEdits(t *authority.Txn, edits []wire.Record) error {
	for _, u := range edits {
		switch {
		case u.Class == t.Class():
			if err := t.Add(u); err != nil {
				return err
			}
		case u.Class == wire.ClassAny && u.Type == wire.TypeANY:
			if !t.RemoveName(u.Name) {
				return fmt.Errorf("%v has no records to remove", u.Name)
			}
		case u.Class == wire.ClassAny:
			if !t.RemoveRRset(u.Name, u.Type) {
				return fmt.Errorf("%v has no %v records to remove", u.Name, u.Type)
			}
		default:
			if !t.Remove(u) {
				return fmt.Errorf("%v has no %v record %s to remove", u.Name, u.Type, wire.AppendRdataText(nil, u.Type, u.Data))
			}
		}
	}
	return nil
}
