package sign

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/wire"
)

// What a set of keys has come to is one file for each zone, next to the keys, so
// that a change of several keys is there as a whole or not at all.

// keySetFile is the contents of the file.
type keySetFile struct {
	Zone     string        `json:"zone"`
	Alive    time.Time     `json:"alive,omitzero"`    // when the zone was last known to be served
	Advanced time.Time     `json:"advanced,omitzero"` // of states that the zone does not show yet
	Approved bool          `json:"approved,omitzero"` // an operator lets the next step happen
	Policy   policyEntry   `json:"policy"`
	Keys     []keyEntry    `json:"keys"`
	Update   *updateEntry  `json:"parent-update,omitempty"`
	Next     []waitEntry   `json:"next"`    // for people
	History  []historyLine `json:"history"` // for people
}

type policyEntry struct {
	Algorithm    string `json:"algorithm"`
	TwoKeys      bool   `json:"two-keys"`
	Unsign       bool   `json:"unsign,omitzero"`
	Manual       bool   `json:"manual,omitzero"`
	DoubleDS     bool   `json:"double-ds,omitzero"`
	KeysLifetime string `json:"keys-lifetime"`
	ZoneLifetime string `json:"zone-lifetime"`
	KeyTTL       string `json:"key-ttl"`
	MaxTTL       string `json:"max-ttl"`
	Propagation  string `json:"propagation"`
	DS           string `json:"ds"`
}

type keyEntry struct {
	File   string               `json:"file"`
	Role   string               `json:"role"`
	Goal   string               `json:"goal"`
	Active time.Time            `json:"active,omitzero"`
	Retire bool                 `json:"retire,omitzero"`
	Known  bool                 `json:"compromised,omitzero"`
	DSSeen time.Time            `json:"ds-seen,omitzero"`
	DSGone time.Time            `json:"ds-gone,omitzero"`
	Parts  map[string]partEntry `json:"parts"`
}

type partEntry struct {
	State string    `json:"state"`
	Since time.Time `json:"since,omitzero"`
	Why   string    `json:"why,omitempty"`
}

type waitEntry struct {
	What      string    `json:"what"`
	NotBefore time.Time `json:"not-before,omitzero"`
	Why       string    `json:"why"`
}

type updateEntry struct {
	Of     time.Time `json:"of"`
	At     time.Time `json:"at"`
	Tries  int       `json:"tries"`
	Server string    `json:"server,omitempty"`
	Failed string    `json:"failed,omitempty"`
}

type historyLine struct {
	At   time.Time `json:"at"`
	Key  string    `json:"key"`
	Part string    `json:"part"`
	From string    `json:"from"`
	To   string    `json:"to"`
	Why  string    `json:"why"`
}

// maxKeySetFile bounds the file, in octets.
const maxKeySetFile = 4 << 20

func keySetPath(dir string, zone wire.Name) string {
	return filepath.Join(dir, "K"+fileLabel(zone)+"states.json")
}

// HasKeySet reports whether a zone's keys are a set that was saved.
func HasKeySet(dir string, zone wire.Name) bool {
	f, _, err := files.Open(keySetPath(dir, zone))
	if err == nil {
		f.Close()
	}
	return !errors.Is(err, fs.ErrNotExist)
}

// EditKeySet opens a set, lets edit change it, and saves it if edit returns nil. Other
// processes that do the same wait meanwhile.
func EditKeySet(dir string, zone wire.Name, now time.Time, edit func(*KeySet) error) (*KeySet, error) {
	lock, err := files.Lock(filepath.Join(dir, "K"+fileLabel(zone)+"states.lock"))
	if err != nil {
		return nil, fmt.Errorf("states of keys of zone %s: %w", zone, err)
	}
	defer lock.Close()
	s, err := OpenKeySet(dir, zone, now)
	if err != nil {
		return nil, err
	}
	if err := edit(s); err != nil {
		return nil, err
	}
	return s, s.Save(dir, now)
}

// isSettled reports whether nothing waits for caches or for the parent.
func (s *KeySet) isSettled() bool {
	return s.advanced.IsZero() && !slices.ContainsFunc(s.Keys, func(k *Key) bool {
		return k.Progress != nil && slices.ContainsFunc(k.Progress.Parts[:], func(p PartState) bool { return p.State == Rumoured || p.State == Unretentive })
	})
}

// Save writes the set to the directory of its keys.
func (s *KeySet) Save(dir string, now time.Time) error {
	file := keySetFile{Zone: s.Zone.String(), Alive: s.alive, Advanced: s.advanced, Approved: s.approved, Policy: s.Policy.entry()}
	for _, k := range s.Keys {
		if k.Progress != nil {
			file.Keys = append(file.Keys, k.entry(s.Zone))
		}
	}
	if !s.Update.At.IsZero() {
		update := updateEntry(s.Update)
		file.Update = &update
	}
	for _, w := range s.Waits(now) {
		file.Next = append(file.Next, waitEntry(w))
	}
	for _, t := range s.History {
		file.History = append(file.History, historyLine{t.At, t.Key.FileName(s.Zone), t.Part.String(), t.From.String(), t.To.String(), t.Why})
	}
	if s.isSettled() {
		file.Alive = s.savedAlive // nothing depends on it: the file stays as it is
	}
	text, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	if text = append(text, '\n'); string(text) == s.saved {
		return nil
	}
	return writeFile(keySetPath(dir, s.Zone), text, 0o600)
}

func (p KeyPolicy) entry() policyEntry {
	t := p.Timing.WithDefaults()
	return policyEntry{
		p.Algorithm.String(), p.TwoKeys, p.Unsign, p.Manual, p.DoubleDS, p.KeysLifetime.String(), p.ZoneLifetime.String(),
		t.KeyTTL.String(), t.MaxTTL.String(), t.Propagation.String(), t.DS.String(),
	}
}

func (k *Key) entry(zone wire.Name) keyEntry {
	p := k.Progress
	e := keyEntry{
		File: k.FileName(zone), Role: p.Role.String(), Goal: p.Goal.String(), Active: p.Active, Retire: p.Retire, Known: p.Compromised,
		DSSeen: p.DSSeen, DSGone: p.DSGone, Parts: map[string]partEntry{},
	}
	for part := range parts {
		if p.Role.has(part) {
			is := p.Parts[part]
			e.Parts[part.String()] = partEntry{is.State.String(), is.Since, is.Why}
		}
	}
	return e
}

// OpenKeySet reads the keys of a zone and, if they have been saved as a set, what
// has become of them. The policy of the set is that of the file. Keys that are not part of it are used
// when one is needed, and if there is none a new one is made in the directory. Keys that no set has been saved of are taken over as the states say
// that BIND has noted (K*.state), or else their times.
func OpenKeySet(dir string, zone wire.Name, now time.Time) (*KeySet, error) {
	keys, err := ReadKeys(dir, zone)
	if err != nil {
		return nil, err
	}
	s := &KeySet{Zone: zone, Keys: keys}
	s.generate = func(role Role, _ KeyPolicy) (*Key, error) {
		var k *Key
		var err error
		if s.deviceMakes {
			k, err = GenerateInDevice(s.device, zone, s.Keys, s.algorithm(), role.flags(), 0, now)
		} else {
			k, err = GenerateAnother(s.Keys, s.algorithm(), role.flags(), 0, now)
		}
		if err != nil {
			return nil, err
		}
		return k, k.Write(dir, zone)
	}
	s.keep = func(k *Key) error { return k.Write(dir, zone) }
	if err := s.loadSignatures(dir, now); err != nil {
		return nil, err
	}
	path := keySetPath(dir, zone)
	text, err := files.Read(path, maxKeySetFile)
	if errors.Is(err, fs.ErrNotExist) {
		for _, k := range s.Keys {
			if k.Progress, err = readBINDState(dir, k, zone); err != nil {
				return nil, err
			}
		}
		s.adopt(now)
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("states of keys: %w", err)
	}
	s.saved = string(text)
	var file keySetFile
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := s.fill(&file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// fill takes over what a file has.
func (s *KeySet) fill(file *keySetFile) (err error) {
	if file.Zone != s.Zone.String() {
		return fmt.Errorf("it is of zone %s, not %s", file.Zone, s.Zone)
	}
	s.alive, s.advanced, s.savedAlive, s.approved = file.Alive, file.Advanced, file.Alive, file.Approved
	if s.Policy, err = file.Policy.policy(); err != nil {
		return err
	}
	if file.Update != nil {
		s.Update = ParentUpdate(*file.Update)
	}
	byFile := map[string]*Key{}
	for _, k := range s.Keys {
		byFile[k.FileName(s.Zone)] = k
	}
	for _, e := range file.Keys {
		k := byFile[e.File]
		p, err := e.progress()
		switch {
		case err != nil:
			return fmt.Errorf("key %s: %w", e.File, err)
		case k == nil && p.IsGone():
			continue
		case k == nil:
			return fmt.Errorf("key %s is in use, but its files are gone: restore them", e.File)
		}
		k.Progress = p
	}
	for _, h := range file.History {
		if k := byFile[h.Key]; k != nil {
			part, from, to := slices.Index(partNames[:], h.Part), slices.Index(stateNames[:], h.From), slices.Index(stateNames[:], h.To)
			if min(part, from, to) < 0 {
				return fmt.Errorf("history of %s: %s %s %s is unknown", h.Key, h.Part, h.From, h.To)
			}
			s.History = append(s.History, Transition{h.At, k, Part(part), State(from), State(to), h.Why})
		}
	}
	return nil
}

func (e policyEntry) policy() (p KeyPolicy, err error) {
	p.TwoKeys, p.Unsign, p.Manual, p.DoubleDS = e.TwoKeys, e.Unsign, e.Manual, e.DoubleDS
	ok := true
	if p.Algorithm, ok = wire.ParseAlgorithm(e.Algorithm); !ok {
		return p, fmt.Errorf("algorithm %q is unknown", e.Algorithm)
	}
	for _, f := range [...]struct {
		name, text string
		to         *time.Duration
	}{
		{"keys-lifetime", e.KeysLifetime, &p.KeysLifetime}, {"zone-lifetime", e.ZoneLifetime, &p.ZoneLifetime}, {"key-ttl", e.KeyTTL, &p.KeyTTL},
		{"max-ttl", e.MaxTTL, &p.MaxTTL}, {"propagation", e.Propagation, &p.Propagation}, {"ds", e.DS, &p.Timing.DS},
	} {
		if *f.to, err = time.ParseDuration(f.text); err != nil || *f.to < 0 {
			return p, fmt.Errorf("%s: %q is not a time as in 1h", f.name, f.text)
		}
	}
	return p, nil
}

func (e *keyEntry) progress() (*Progress, error) {
	role, goal := slices.Index(roleNames[:], e.Role), slices.Index(stateNames[:], e.Goal)
	if role < 0 || goal < 0 {
		return nil, fmt.Errorf("role %q or goal %q is unknown", e.Role, e.Goal)
	}
	p := &Progress{Role: Role(role), Goal: State(goal), Active: e.Active, Retire: e.Retire, Compromised: e.Known, DSSeen: e.DSSeen, DSGone: e.DSGone}
	for part := range parts {
		if !p.Role.has(part) {
			continue
		}
		is, ok := e.Parts[part.String()]
		state := slices.Index(stateNames[:], is.State)
		if !ok || state < 0 {
			return nil, fmt.Errorf("%s: state %q is unknown", part, is.State)
		}
		p.Parts[part] = PartState{State(state), is.Since, is.Why}
	}
	return p, nil
}
