package authority

import (
	"context"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Chaos answers the questions in class CH that identify the server (RFC 4892):
// version.bind and version.server, id.server and hostname.bind. An empty field is
// not disclosed: its names are refused like all others of the class.
type Chaos struct {
	Version string
	ID      string
}

var (
	versionNames = [...]wire.Name{wire.MustParseName("version.bind."), wire.MustParseName("version.server.")}
	idNames      = [...]wire.Name{wire.MustParseName("id.server."), wire.MustParseName("hostname.bind.")}
)

// Resolve answers x or passes.
func (c Chaos) Resolve(_ context.Context, x *names.Exchange) error { return c.TryResolve(x) }

// TryResolve answers x or passes.
func (c Chaos) TryResolve(x *names.Exchange) error {
	q := x.Query.Question
	if q.Class != wire.ClassCH {
		return names.ErrPass
	}
	text := ""
	for i := range versionNames {
		switch {
		case q.Name.Equal(versionNames[i]):
			text = c.Version
		case q.Name.Equal(idNames[i]):
			text = c.ID
		}
	}
	if text == "" {
		return names.ErrPass
	}
	x.MarkAnswered("chaos")
	x.Reply.Flags |= wire.FlagAA
	if q.Type != wire.TypeTXT && q.Type != wire.TypeANY {
		return nil
	}
	text = text[:min(len(text), 255)]
	var buf [256]byte
	return x.Reply.Raw(q.Name, wire.TypeTXT, wire.ClassCH, 0, append(append(buf[:0], byte(len(text))), text...))
}
