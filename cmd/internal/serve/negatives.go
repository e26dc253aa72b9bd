package serve

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/recursor/validate"
)

// maxNegatives is how many negative trust anchors names ctl can add, and
// maxNegativesFile how many octets they can take in a file.
const (
	maxNegatives     = 1000
	maxNegativesFile = maxNegatives * 300
)

// addedNegatives are the negative trust anchors that names ctl has added. They outlive a
// reload, and a restart if there is a file for the state of trust anchors.
type addedNegatives struct {
	mu   sync.Mutex // held while the file is written: only names ctl and a reload wait
	list []validate.Negative
	path string // of the file that keeps them; "": none does
}

// keep has a file next to the state of trust anchors keep what is added, and adds what
// an earlier server has left there; nothing keeps them if state is "".
func (a *addedNegatives) keep(state string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if state == "" {
		a.path = ""
		return nil
	}
	path := state + ".insecure"
	if path == a.path {
		return nil
	}
	text, err := files.ReadTrusted(path, maxNegativesFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("negative trust anchors: %w", err)
	}
	kept, err := parseNegatives(path, string(text))
	if err != nil {
		return fmt.Errorf("negative trust anchors: %w; remove the file to validate all zones", err)
	}
	for _, n := range a.list { // what was added later counts
		kept, _ = withNegative(kept, n)
	}
	if len(kept) > maxNegatives {
		return fmt.Errorf("negative trust anchors: %s and those that were added: more than %d zones", path, maxNegatives)
	}
	if len(a.list) > 0 {
		if err := writeNegatives(path, kept); err != nil {
			return fmt.Errorf("negative trust anchors: %w", err)
		}
	}
	a.list, a.path = kept, path
	return nil
}

// apply gives anchors those that hold now.
func (a *addedNegatives) apply(anchors *validate.Anchors, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range a.list {
		if now.Before(n.Until) {
			anchors.SetNegative(n.Zone, n.Until)
		}
	}
}

// set adds n in the place of another for its zone; without an end it only takes that
// away. It reports whether there was one. After an error everything is as before.
func (a *addedNegatives) set(n validate.Negative, now time.Time) (had bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	next := slices.DeleteFunc(slices.Clone(a.list), func(o validate.Negative) bool { return !now.Before(o.Until) })
	next, had = withNegative(next, n)
	if len(next) > maxNegatives {
		return false, fmt.Errorf("%d zones are in the list already: remove one first", maxNegatives)
	}
	if a.path != "" && (had || !n.Until.IsZero()) {
		if err := writeNegatives(a.path, next); err != nil {
			return false, fmt.Errorf("nothing has changed: %w", err)
		}
	}
	a.list = next
	return had, nil
}

// repaired ends a negative trust anchor before its time: the zone can be validated again
// (RFC 7646 7).
func (p *parts) repaired(n validate.Negative) {
	wasAdded, err := p.added.set(validate.Negative{Zone: n.Zone}, p.clock())
	if err != nil {
		p.log.Error("a zone could be validated again, and remains as it is", "zone", n.Zone, "end", n.Until, "error", err)
		return
	}
	p.anchors.RemoveNegative(n.Zone)
	p.forget(n.Zone)
	if p.cache != nil {
		p.cache.FlushSubtree(n.Zone)
	}
	text := "zone is validated again, before the end of its negative trust anchor: it is repaired"
	if !wasAdded {
		text += "; take it out of the configuration"
	}
	p.log.Warn(text, "zone", n.Zone, "end", n.Until)
}

// withNegative returns list with n in the place of another for its zone, or without
// that if n has no end. It reports whether there was one.
func withNegative(list []validate.Negative, n validate.Negative) (next []validate.Negative, had bool) {
	before := len(list)
	list = slices.DeleteFunc(list, func(o validate.Negative) bool { return o.Zone.Equal(n.Zone) })
	had = len(list) < before
	if !n.Until.IsZero() {
		list = append(list, n)
	}
	return list, had
}

const negativesHead = "# Zones that names ctl insecure add has taken out of validation, and until when.\n"

// writeNegatives puts list into the file at path, as --insecure has it: ZONE=END.
func writeNegatives(path string, list []validate.Negative) error {
	return files.Replace(path, func(w io.Writer) error {
		text := negativesHead
		for _, n := range list {
			text += settings.InsecureZone(n).String() + "\n"
		}
		_, err := io.WriteString(w, text)
		return err
	})
}

// parseNegatives reads what [writeNegatives] writes. A zone without an end is an error:
// it would stay unnoticed.
func parseNegatives(path, text string) (list []validate.Negative, err error) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		n, err := settings.ParseInsecureZone(line)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		case n.Until.IsZero():
			return nil, fmt.Errorf("%s:%d: %v has no end: write ZONE=2026-12-24T18:00:00Z", path, number, n.Zone)
		}
		if list, _ = withNegative(list, validate.Negative(n)); len(list) > maxNegatives {
			return nil, fmt.Errorf("%s:%d: more than %d zones", path, number, maxNegatives)
		}
	}
	return list, nil
}
