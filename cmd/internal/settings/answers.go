package settings

import (
	"fmt"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/wire"
)

// Answers says what answers from other servers must not say.
type Answers struct {
	NoPrivate      bool     // no address of this network (DNS rebinding)
	Deny           []string // networks of addresses, and names of aliases
	ExemptZones    []string // whose names may have all of these
	ExemptNetworks []string // in which addresses may be nevertheless
}

// notPublic are the addresses that NoPrivate denies: those on which Linux reaches this
// host among them.
var notPublic = []string{"private", "0.0.0.0/8", "::"}

// IsDeniable returns what is wrong with an element of Deny.
func IsDeniable(text string) error {
	if isPeer(text) {
		return nil
	}
	if _, err := wire.ParseName(text); err != nil {
		return fmt.Errorf("%q is neither a network nor a name: %w", text, err)
	}
	return nil
}

func isPeer(text string) bool {
	_, err := names.ParsePeerSet(text)
	return err == nil
}

// Denies reports whether answers are looked at at all.
func (a *Answers) Denies() bool { return a.NoPrivate || len(a.Deny) > 0 }

// Filter is what looks at answers of next.
func (a *Answers) Filter(next names.Resolver) (f *recursor.AnswerFilter, err error) {
	f = &recursor.AnswerFilter{Next: next}
	var networks []string
	if a.NoPrivate {
		networks = append(networks, notPublic...)
	}
	for _, text := range a.Deny {
		if isPeer(text) {
			networks = append(networks, text)
			continue
		}
		name, err := wire.ParseName(text)
		if err != nil {
			return nil, err
		}
		f.DeniedNames = append(f.DeniedNames, name)
	}
	for _, text := range a.ExemptZones {
		name, err := wire.ParseName(text)
		if err != nil {
			return nil, err
		}
		f.Exempt = append(f.Exempt, name)
	}
	if f.Denied, err = names.ParsePeerSet(networks...); err != nil {
		return nil, err
	}
	f.Except, err = names.ParsePeerSet(a.ExemptNetworks...)
	return f, err
}

// Source identifies where cached answers come from, and what they may say: see
// Recursion.Source.
func (s *Settings) Source(hosts []byte) string {
	source := s.Recursion.Source(hosts)
	if s.Answers.Denies() {
		source += fmt.Sprintf("answers %q\n", fmt.Sprint(s.Answers))
	}
	return source
}

func checkAnswers(s *Settings, found *problems) {
	a := &s.Answers
	_, err := a.Filter(nil)
	found.addIf(err != nil, "{answers.deny}: %v", err)
	setting, ok := anyGiven(given{"answers.exempt-zones", len(a.ExemptZones) > 0}, given{"answers.exempt-networks", len(a.ExemptNetworks) > 0})
	found.addIf(ok && !a.Denies(), "{%s} requires {answers.no-private} or {answers.deny}", setting)
}
