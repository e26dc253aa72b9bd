package namestest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

var questions = []wire.Question{
	{Name: wire.MustParseName("www.Example."), Type: wire.TypeA, Class: wire.ClassIN},
	{Name: wire.MustParseName("elsewhere."), Type: wire.TypeTXT, Class: wire.ClassIN},
}

// host has one address for everything below example, at once.
type host struct{}

var zone = wire.MustParseName("example.")

func (host) TryResolve(x *names.Exchange) error {
	q := x.Question()
	if !q.Name.HasSuffix(zone) {
		return names.ErrPass
	}
	x.Reply.Flags |= wire.FlagAA
	return x.Reply.Raw(q.Name, wire.TypeA, q.Class, 60, []byte{192, 0, 2, 1})
}

func (h host) Resolve(_ context.Context, x *names.Exchange) error { return h.TryResolve(x) }

// two says one thing by Resolve, and another by TryResolve.
type two struct {
	names.Resolver
	try func(x *names.Exchange) error
}

func (t two) TryResolve(x *names.Exchange) error { return t.try(x) }

func TestGoodResolversPass(t *testing.T) {
	CheckResolver(t, host{}, questions...)
	CheckResolver(t, names.Chain{host{}}, questions...)
	CheckResolver(t, names.Chain{names.ResolverFunc(host{}.Resolve), host{}}, questions...)
	CheckResolver(t, two{host{}, func(*names.Exchange) error { return names.ErrSlow }}, questions...)
	CheckResolver(t, names.ResolverFunc(func(context.Context, *names.Exchange) error { return errors.New("disk is full") }), questions...)
}

func TestBrokenPromisesAreNoticed(t *testing.T) {
	answer := func(x *names.Exchange, d string) error {
		return x.Reply.Raw(x.Question().Name, wire.TypeA, wire.ClassIN, 0, []byte(d))
	}
	var kept wire.Name
	var calls atomic.Int64
	var mu sync.Mutex
	var released chan struct{}
	for want, r := range map[string]names.Resolver{
		"reply was changed": names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			answer(x, "1234")
			return names.ErrPass
		}),
		"but the reply was changed": names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			x.Reply.Flags |= wire.FlagAA
			return names.ErrPass
		}),
		"a word of TryResolve": names.ResolverFunc(func(context.Context, *names.Exchange) error { return names.ErrSlow }),
		"by TryResolve the reply is": two{host{}, func(x *names.Exchange) error {
			return answer(x, "1234")
		}},
		"by TryResolve it says": two{host{}, func(*names.Exchange) error { return names.ErrPass }},
		"reply cannot be read":  names.ResolverFunc(func(_ context.Context, x *names.Exchange) error { return x.Reply.Append([]byte("rubbish"), 1) }),
		"the limit is": names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			x.Reply.SetLimit(65535)
			return x.Reply.Raw(x.Question().Name, wire.TypeNULL, wire.ClassIN, 0, make([]byte, 1300))
		}),
		"does not repeat the question": names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			id, flags := x.Reply.ID, x.Reply.Flags
			x.Reply.Reset(nil, x.Reply.Limit())
			x.Reply.ID, x.Reply.Flags = id, flags
			return nil
		}),
		"has the ID": names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			x.Reply.ID++
			return nil
		}),
		"has the flags": names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			x.Reply.Flags = 0
			return nil
		}),
		"is truncated": names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			x.Truncate()
			return nil
		}),
		"was written to": names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			x.Query.Message[13] ^= 0x20
			return nil
		}),
		"asked again the reply is": names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			mu.Lock()
			defer mu.Unlock()
			if kept.IsZero() {
				kept = x.Question().Name // lent, and not cloned
			}
			return x.Reply.Raw(x.Question().Name, wire.TypeTXT, wire.ClassIN, 0, []byte("\x03"+kept.Wire()[1:4]))
		}),
		"asked by many at once": names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			if calls.Add(1) > int64(2*8*len(questions)) {
				return answer(x, "many")
			}
			return answer(x, "1234")
		}),
		"has not returned": names.ResolverFunc(func(ctx context.Context, x *names.Exchange) error {
			if ctx.Err() != nil {
				<-released
			}
			return nil
		}),
	} {
		t.Run(want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				released = make(chan struct{})
				defer close(released)
				if violations := check(r, questions); !strings.Contains(strings.Join(violations, "\n"), want) {
					t.Errorf("violations: %q", violations)
				}
			})
		})
	}
}

func TestNoMoreThanEnoughViolations(t *testing.T) {
	r := names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
		x.Reply.ID++
		return nil
	})
	if n := len(check(r, questions)); n != enough {
		t.Errorf("%d violations are reported", n)
	}
}
