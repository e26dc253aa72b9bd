package names

import (
	"context"
	"fmt"

	"github.com/names-dns/names/wire"
)

// Mux gives each question to the resolver of the longest suffix that its name
// has: "example.com." takes www.example.com from "com.", and "." takes what is
// left. What that resolver says is what the Mux says; a name without a suffix
// among the routes is passed.
//
// DS records of "example.com." itself belong to its parent (RFC 4035 3.1.4.1):
// they are asked of "com." if that is a route.
//
// It never changes: to change routes, replace it by another Mux.
type Mux struct {
	routes  map[string]Resolver // by the wire form of the suffix, in lower case
	deepest int                 // labels of the longest suffix
}

// NewMux returns a Mux with routes by suffix. The suffixes are names with or
// without their final dot; one given twice is an error.
func NewMux(routes map[string]Resolver) (*Mux, error) {
	m := &Mux{routes: make(map[string]Resolver, len(routes))}
	for text, r := range routes {
		suffix, err := wire.ParseName(text)
		if err != nil {
			return nil, fmt.Errorf("route %q: %w", text, err)
		}
		if r == nil {
			return nil, fmt.Errorf("route %q has no resolver", text)
		}
		folded := suffix.Fold().Wire()
		if m.routes[folded] != nil {
			return nil, fmt.Errorf("route %q is given twice", text)
		}
		m.routes[folded] = r
		m.deepest = max(m.deepest, suffix.LabelCount())
	}
	return m, nil
}

// Resolve asks the resolver of the longest suffix, or passes.
func (m *Mux) Resolve(ctx context.Context, x *Exchange) error {
	if r := m.route(x.Question()); r != nil {
		return r.Resolve(ctx, x)
	}
	return ErrPass
}

// TryResolve asks the resolver of the longest suffix without waiting, or passes.
func (m *Mux) TryResolve(x *Exchange) error {
	if r := m.route(x.Question()); r != nil {
		return Try(r, x)
	}
	return ErrPass
}

// route finds the resolver for a question, nil if there is none.
func (m *Mux) route(q wire.Question) Resolver {
	if q.Type == wire.TypeDS {
		if r := m.longest(q.Name.Parent()); r != nil {
			return r
		}
	}
	return m.longest(q.Name)
}

// longest finds the resolver of the longest suffix of name, nil if there is none.
func (m *Mux) longest(name wire.Name) Resolver {
	var folded [wire.MaxNameLen]byte
	for n := name.Ancestor(m.deepest); !n.IsZero(); n = n.Parent() {
		if r := m.routes[string(n.AppendFolded(folded[:0]))]; r != nil {
			return r
		}
	}
	return nil
}
