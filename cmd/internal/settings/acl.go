package settings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/names-dns/names/listener/certificate"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// ACL is a named rule: the clients that meet all of what is given.
type ACL struct {
	Name        string
	Networks    []string // as names.ParsePeerSet reads them
	Except      []string // networks that are not meant
	Keys        []string // TSIG keys, one of which has signed
	Transports  []string // "udp", "tcp", "tls", "https", "quic"
	Addresses   []string // of this server, one of which was asked
	ClientNames []string // names in certificates of clients
	ClientPins  []string // public keys of clients
}

// Transports are the names of transports, in the order of names.Transport.
var Transports = []string{"udp", "tcp", "tls", "https", "quic"}

// Rule makes a matcher of it.
func (a *ACL) Rule() (*names.AccessRule, error) {
	r := new(names.AccessRule)
	for _, set := range []struct {
		texts []string
		field **names.PeerSet
	}{{a.Networks, &r.Networks}, {a.Except, &r.Except}, {a.Addresses, &r.Addresses}} {
		if len(set.texts) == 0 {
			continue
		}
		var err error
		if *set.field, err = names.ParsePeerSet(set.texts...); err != nil {
			return nil, err
		}
	}
	for _, text := range a.Keys {
		key, err := wire.ParseName(text)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", text, err)
		}
		r.Keys = append(r.Keys, key)
	}
	for _, text := range a.Transports {
		i := slices.Index(Transports, text)
		if i < 0 {
			return nil, fmt.Errorf("%q is not one of %s", text, strings.Join(Transports, ", "))
		}
		r.Transports = append(r.Transports, names.Transport(i))
	}
	for _, text := range a.ClientNames {
		r.ClientNames = append(r.ClientNames, strings.ToLower(text))
	}
	for _, text := range a.ClientPins {
		pin, err := certificate.ParsePin(text)
		if err != nil {
			return nil, err
		}
		r.ClientKeys = append(r.ClientKeys, pin)
	}
	return r, nil
}

// ParseAccess reads a list of clients as names.ParseAccess does, in which acl:NAME
// stands for those that an ACL of the settings means.
func (s *Settings) ParseAccess(texts ...string) (names.AccessList, error) {
	var plain []string
	var rules names.AccessList
	for _, text := range texts {
		name, ok := strings.CutPrefix(text, "acl:")
		if !ok {
			plain = append(plain, text)
			continue
		}
		i := slices.IndexFunc(s.ACLs, func(a ACL) bool { return a.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no access list %q: add [acl.%s]", name, name)
		}
		rule, err := s.ACLs[i].Rule()
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	list, err := names.ParseAccess(plain...)
	return append(list, rules...), err
}

// AccessKeys are the TSIG keys that access lists and views name.
func (s *Settings) AccessKeys() (all []wire.Name) {
	for i := range s.ACLs {
		if r, err := s.ACLs[i].Rule(); err == nil {
			all = append(all, r.Keys...)
		}
	}
	for i := range s.Views {
		if clients, err := s.ParseAccess(s.Views[i].Clients...); err == nil {
			all = append(all, clients.Keys()...)
		}
	}
	return all
}

func checkACLs(s *Settings, found *problems) {
	for i := range s.ACLs {
		a := &s.ACLs[i]
		_, err := a.Rule()
		found.addIf(err != nil, "{acl.%s}: %v", a.Name, err)
	}
	lists := map[string][]string{"listen.allow-query": s.AllowQuery, "recursion.allow": s.Recursion.Allow, "update.allow": s.AllowUpdate}
	for setting, texts := range lists {
		_, err := s.ParseAccess(texts...)
		found.addIf(err != nil, "{%s}: %v", setting, err)
	}
	for _, z := range s.Zones {
		_, err := s.ParseAccess(z.AllowQuery...)
		found.addIf(err != nil, "{zone.allow-query} of %s: %v", z.Path, err)
		_, err = s.UpdatePolicy(&z)
		found.addIf(err != nil, "{zone.update} of %s: %v", z.Path, err)
	}
}
