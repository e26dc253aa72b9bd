package recursor

import (
	"context"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// asking is how a resolver is asked.
type asking interface {
	ask(r names.Resolver, x *names.Exchange) error
}

// askWaiting lets a resolver take its time, until the context is done.
type askWaiting struct{ ctx context.Context }

func (how askWaiting) ask(r names.Resolver, x *names.Exchange) error { return r.Resolve(how.ctx, x) }

// askAtOnce takes only what a resolver has at once.
type askAtOnce struct{}

func (askAtOnce) ask(r names.Resolver, x *names.Exchange) error { return names.Try(r, x) }

// mayGoOn reports whether an answer of Public that leads on is to be completed.
func (a *Access) mayGoOn(x *names.Exchange, allowed bool) bool {
	return allowed && x.Query.Header.Flags.Has(wire.FlagRD) && (a.IsOwn == nil || !a.IsOwn(x))
}

// goOn goes on from an answer of Public that leads on.
func (a *Access) goOn(x *names.Exchange, how asking) error {
	if isReferral(x) {
		if err := a.instead(x, how); err != nil || !x.LeadsOn {
			return err
		}
	}
	return a.complete(x, how)
}

// complete goes on from an answer with aliases.
func (a *Access) complete(x *names.Exchange, how asking) error {
	return names.Complete(x, func(x *names.Exchange) error {
		if a.Public != nil {
			if err := how.ask(a.Public, x); err != names.ErrPass {
				if err != nil || !isReferral(x) {
					return err
				}
				return a.instead(x, how)
			}
		}
		return how.ask(a.Next, x)
	})
}

// isReferral reports whether an answer leads on from the name asked for: the
// name is below a zone cut of ours, or what is asked of it is its parent's.
func isReferral(x *names.Exchange) bool {
	return x.LeadsOn && x.Reply.Count(wire.SectionAnswer) == 0
}

// instead has Next answer what Public can only refer elsewhere. If Next does
// not, the referral is the answer.
func (a *Access) instead(x *names.Exchange, how asking) error {
	x.Restart()
	if err := how.ask(a.Next, x); err != names.ErrPass {
		return err
	}
	return how.ask(a.Public, x)
}
