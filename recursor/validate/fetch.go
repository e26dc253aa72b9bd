package validate

import (
	"context"

	"github.com/names-dns/names/wire"
)

// Exchanger sends a message to a resolver and returns its reply, as
// names.Client does.
type Exchanger interface {
	Exchange(ctx context.Context, m *wire.Message) (*wire.Message, error)
}

// FetchFrom returns a [Fetcher] that asks a resolver. The resolver need not
// validate, but has to pass on signatures and proofs.
func FetchFrom(e Exchanger) Fetcher { return exchangeFetcher{e} }

type exchangeFetcher struct{ Exchanger }

// Fetch sends one query.
func (f exchangeFetcher) Fetch(ctx context.Context, name wire.Name, t wire.Type) (*Reply, error) {
	m, err := f.Exchange(ctx, Query(wire.Question{Name: name, Type: t, Class: wire.ClassIN}))
	if err != nil {
		return nil, err
	}
	return ReplyFromMessage(m)
}

// querySize is how large a reply over UDP may be (RFC 9715 3).
const querySize = 1232

// Query returns a query whose reply can be validated: DO asks for signatures
// and proofs, CD for replies that the resolver itself takes for bogus (RFC 4035
// 3.2.2, RFC 6840 5.9).
func Query(q wire.Question) *wire.Message {
	return &wire.Message{
		Flags:     wire.FlagRD | wire.FlagCD,
		Questions: []wire.Question{q},
		EDNS:      &wire.EDNS{UDPSize: querySize, Flags: wire.FlagDO},
	}
}
