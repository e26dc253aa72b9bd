package names

import (
	"context"
	"errors"
)

// Resolver knows the answer to some questions: a zone, a cache, a forwarder,
// or ten lines of your own.
//
// Resolve appends its answer to x.Reply and returns
//
//   - nil: the reply is complete. NXDOMAIN (x.RCode) and NODATA are answers,
//     not errors.
//   - [ErrPass]: not mine, ask the next one. The reply must be as it was.
//   - [ErrDrop]: say nothing at all.
//   - any other error: the server takes back what was appended, answers
//     SERVFAIL with an extended error, counts it and logs it.
//
// Everything reached through x - names, buffers, x itself - is lent until
// Resolve returns: [Exchange.Detach] makes a copy to keep. Resolve may be
// called from many goroutines at once, each with an exchange of its own, and
// has to return soon after ctx is done.
type Resolver interface {
	Resolve(ctx context.Context, x *Exchange) error
}

// TryResolver is a [Resolver] that can tell at once whether it has the answer.
// TryResolve returns what Resolve would, or [ErrSlow] if it would have to
// wait; the reply is then as it was. Servers call it on the loop that receives
// packets: it must not block, and should not allocate.
type TryResolver interface {
	Resolver
	TryResolve(x *Exchange) error
}

// Results of a resolver, apart from nil.
var (
	ErrPass = errors.New("another resolver has to answer this")
	ErrDrop = errors.New("this query gets no reply")
	ErrSlow = errors.New("the answer would take waiting")
)

// ErrBusy is wrapped by errors that say nothing about the name: there are too
// many queries at the moment, in all or from this client. A cache does not
// remember them, for the next client may have better luck.
var ErrBusy = errors.New("the server is busy")

// ResolverFunc makes a function a [Resolver].
type ResolverFunc func(ctx context.Context, x *Exchange) error

// Resolve calls f.
func (f ResolverFunc) Resolve(ctx context.Context, x *Exchange) error { return f(ctx, x) }

// Try asks r without waiting: [ErrSlow] if r has no other way to answer.
func Try(r Resolver, x *Exchange) error {
	if t, ok := r.(TryResolver); ok {
		return t.TryResolve(x)
	}
	return ErrSlow
}
