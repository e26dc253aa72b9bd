package listener

import (
	"context"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// opcodeCount is how many there may be: four bits of the header.
const opcodeCount = 16

// byOpcode gives each message to the resolver of its opcode. The edge lets
// none through that has none.
type byOpcode [opcodeCount]names.Resolver

// newByOpcode returns the resolver of every opcode that has one.
func newByOpcode(query names.Resolver, others map[wire.Opcode]names.Resolver) *byOpcode {
	r := &byOpcode{wire.OpcodeQuery: query}
	for opcode, other := range others {
		r[opcode] = other
	}
	return r
}

func (r *byOpcode) of(x *names.Exchange) names.Resolver {
	return r[x.Query.Header.Flags.Opcode()%opcodeCount]
}

// Resolve asks the resolver of the opcode.
func (r *byOpcode) Resolve(ctx context.Context, x *names.Exchange) error {
	return r.of(x).Resolve(ctx, x)
}

// TryResolve asks it what it can say at once.
func (r *byOpcode) TryResolve(x *names.Exchange) error { return names.Try(r.of(x), x) }
