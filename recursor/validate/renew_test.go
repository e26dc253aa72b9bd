package validate

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/wire"
)

// renewing is a world whose clock can be set and which can be asked again. It notes what
// was.
type renewing struct {
	*world
	at    time.Time
	asked []string // by FetchAgain, and by Fetch with "first " in front
	due   []string // zones that Renew was called with
}

func (r *renewing) Fetch(ctx context.Context, name wire.Name, t wire.Type) (*Reply, error) {
	r.asked = append(r.asked, "first "+name.String()+" "+t.String())
	return r.world.Fetch(ctx, name, t)
}

func (r *renewing) FetchAgain(ctx context.Context, bad *Reply) (*Reply, error) {
	r.asked = append(r.asked, bad.Question.Name.String()+" "+bad.Question.Type.String())
	return r.world.Fetch(ctx, bad.Question.Name, bad.Question.Type)
}

func newRenewing(t *testing.T) *renewing {
	r := &renewing{world: family(t), at: now}
	r.config.Fetcher, r.config.Now = r, func() time.Time { return r.at }
	r.config.Renew = func(zone wire.Name) { r.due = append(r.due, zone.String()) }
	r.v = New(r.config)
	return r
}

// take returns what was asked for since the last time.
func (r *renewing) take() []string {
	asked := r.asked
	r.asked = nil
	return asked
}

// TestRenewal: keys of a zone that was used by more than two queries are due for renewal
// in the last tenth of their life, once. What is renewed is used as long as if it had been
// fetched by a query; keys and DS records are fetched once each.
func TestRenewal(t *testing.T) {
	r := newRenewing(t)
	use := func(after time.Duration) { // TTLs are 300 s
		t.Helper()
		r.at = now.Add(after)
		r.want("a.nsec. A", Secure, "")
	}
	use(0)
	use(time.Second)
	use(269 * time.Second)
	r.take()
	if len(r.due) != 0 {
		t.Errorf("too early: %v", r.due)
	}
	use(271 * time.Second)
	use(272 * time.Second)
	if !slices.Equal(r.due, []string{"nsec."}) {
		t.Errorf("due: %v", r.due)
	}
	if asked := r.take(); len(asked) != 0 {
		t.Errorf("a query fetched %v", asked)
	}
	if !r.v.Renew(t.Context(), wire.MustParseName("nsec."), nil) {
		t.Error("not renewed")
	}
	if asked := r.take(); !slices.Equal(asked, []string{"nsec. DS", "nsec. DNSKEY"}) {
		t.Errorf("renewed by %v", asked)
	}
	use(570 * time.Second)
	if asked := r.take(); len(asked) != 0 {
		t.Errorf("a query fetched %v although the keys were renewed", asked)
	}
	use(573 * time.Second)
	if asked := r.take(); len(asked) == 0 {
		t.Error("renewed keys outlive their TTL")
	}
}

// TestRenewalByOneQuery: a zone that only one query uses, however often, is not renewed.
func TestRenewalByOneQuery(t *testing.T) {
	r := newRenewing(t)
	r.want("a.nsec. A", Secure, "")
	r.at = now.Add(290 * time.Second)
	b := r.v.NewBudget()
	for range 5 {
		r.checkWith("a.nsec. A", b)
	}
	if len(r.due) != 0 {
		t.Errorf("due: %v", r.due)
	}
}

// TestRenewalInVain: what is there now does not hold. The zone stays as it is until its
// time is over, and is not renewed for each query.
func TestRenewalInVain(t *testing.T) {
	for _, broken := range []wire.Type{wire.TypeDS, wire.TypeDNSKEY} {
		r := newRenewing(t)
		for range 3 {
			r.want("a.nsec. A", Secure, "")
		}
		r.change = func(m *wire.Message, fetched bool) *wire.Message {
			if q := m.Questions[0]; fetched && q.Type == broken && q.Name.Equal(wire.MustParseName("nsec.")) {
				m.Answers = slices.DeleteFunc(m.Answers, func(r wire.Record) bool { return r.Type == wire.TypeRRSIG })
			}
			return m
		}
		r.at = now.Add(280 * time.Second)
		r.want("a.nsec. A", Secure, "")
		if r.v.Renew(t.Context(), wire.MustParseName("nsec."), nil) {
			t.Errorf("%v: renewed", broken)
		}
		r.at = now.Add(299 * time.Second)
		r.want("a.nsec. A", Secure, "")
		if len(r.due) != 1 {
			t.Errorf("%v: due %v", broken, r.due)
		}
		r.at = now.Add(301 * time.Second)
		r.want("a.nsec. A", Bogus, "no signature of its zone")
	}
}

// TestRenewalHasLimits: it costs no more than a query may, and nothing where there is
// nothing to renew.
func TestRenewalHasLimits(t *testing.T) {
	r := newRenewing(t)
	for range 3 {
		r.want("a.nsec. A", Secure, "")
	}
	r.take()
	for _, name := range []string{"none.", "plain.", "a.nsec."} {
		if r.v.Renew(t.Context(), wire.MustParseName(name), nil) || len(r.take()) != 0 {
			t.Errorf("%s is renewed", name)
		}
	}
	b := r.v.NewBudget()
	b.take(Fetches, b.limits.Fetches)
	if r.v.Renew(t.Context(), wire.MustParseName("nsec."), b) || len(r.take()) != 0 {
		t.Error("renewed without a budget")
	}
	r.want("a.nsec. A", Secure, "")
	r.config.Fetcher = r.world // cannot ask again
	if New(r.config).Renew(t.Context(), wire.MustParseName("nsec."), nil) {
		t.Error("renewed by a Fetcher that cannot ask again")
	}
}

// TestRenewalOfATrustAnchor: a zone with a trust anchor has no DS records to fetch.
func TestRenewalOfATrustAnchor(t *testing.T) {
	r := newRenewing(t)
	r.want("nothing. A", Secure, "")
	r.take()
	if !r.v.Renew(t.Context(), wire.Root, nil) || !slices.Equal(r.take(), []string{". DNSKEY"}) {
		t.Errorf("renewed by %v", r.asked)
	}
	r.config.Anchors.Remove(wire.Root)
	r.at = now.Add(48 * time.Hour)
	if r.v.Renew(t.Context(), wire.Root, nil) {
		t.Error("renewed, and expired")
	}
}

// TestForgottenMeanwhile: what was found out about a zone with trust anchors that were
// changed meanwhile is not kept.
func TestForgottenMeanwhile(t *testing.T) {
	r := newRenewing(t)
	r.change = func(m *wire.Message, fetched bool) *wire.Message {
		if q := m.Questions[0]; fetched && q.Type == wire.TypeDNSKEY && q.Name.IsRoot() {
			r.change = nil
			r.v.Forget(wire.Root)
		}
		return m
	}
	r.want("a.nsec. A", Secure, "")
	if r.v.memory.get(wire.Root, r.at) != nil {
		t.Error("the root is remembered")
	}
	r.want("a.nsec. A", Secure, "")
	if z := r.v.memory.get(wire.Root, r.at); z == nil || z.verdict != Secure {
		t.Errorf("then the root is %v", z)
	}
	for range 2 {
		r.want("a.nsec. A", Secure, "")
	}
	r.change = func(m *wire.Message, fetched bool) *wire.Message {
		if q := m.Questions[0]; fetched && q.Type == wire.TypeDNSKEY {
			r.v.Forget(wire.Root)
		}
		return m
	}
	r.v.Renew(t.Context(), wire.MustParseName("nsec."), nil)
	if r.v.memory.get(wire.MustParseName("nsec."), r.at) != nil {
		t.Error("nsec. is remembered after a renewal")
	}
}

// TestResolverRenews: a resolver renews zones while no client waits, so many at once at
// the most.
func TestResolverRenews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var fetches atomic.Int32
		w := &servers{world: family(t), shapes: []func(*wire.Message, bool) *wire.Message{func(m *wire.Message, _ bool) *wire.Message {
			if typ := m.Questions[0].Type; typ == wire.TypeDS || typ == wire.TypeDNSKEY {
				fetches.Add(1)
			}
			return m
		}}}
		config := w.config
		config.Fetcher, config.Now = nil, func() time.Time { return now.Add(time.Since(began)) }
		r := NewResolver(w, config)
		for range 3 {
			namestest.Ask(t, r, "a.nsec.", wire.TypeA)
		}
		time.Sleep(280 * time.Second)
		fetches.Store(0)
		namestest.Ask(t, r, "a.nsec.", wire.TypeA)
		synctest.Wait()
		if r.Renewed() == 0 || fetches.Load() == 0 {
			t.Errorf("%d zones were renewed, %d RRsets fetched", r.Renewed(), fetches.Load())
		}
		time.Sleep(21 * time.Second)
		fetches.Store(0)
		namestest.Ask(t, r, "a.nsec.", wire.TypeA)
		if n := fetches.Load(); n != 0 {
			t.Errorf("a client waited for %d RRsets", n)
		}
		before := r.Renewed()
		r.renewing.Store(maxRenewals)
		r.renewLater(wire.MustParseName("nsec."))
		synctest.Wait()
		if r.Renewed() != before || r.renewing.Load() != maxRenewals {
			t.Errorf("%d zones are renewed at once", r.renewing.Load())
		}
	})
}

// TestRenewalThatPanics: a resolver that panics while no client waits does not end the
// program, and does not keep a place.
func TestRenewalThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &servers{world: family(t), shapes: []func(*wire.Message, bool) *wire.Message{func(m *wire.Message, _ bool) *wire.Message { return m }}}
		config := w.config
		config.Fetcher = nil
		r := NewResolver(w, config)
		namestest.Ask(t, r, "a.nsec.", wire.TypeA)
		panicked := 0
		w.shapes[0] = func(*wire.Message, bool) *wire.Message { panicked++; panic("a part from elsewhere") }
		r.renewLater(wire.MustParseName("nsec."))
		synctest.Wait()
		if panicked != 1 || r.renewing.Load() != 0 || r.Renewed() != 0 {
			t.Errorf("%d panics, %d places held, %d zones renewed", panicked, r.renewing.Load(), r.Renewed())
		}
	})
}

// TestRenewalWithNewKeys: a zone that has changed its keys is renewed with those.
func TestRenewalWithNewKeys(t *testing.T) {
	r := newRenewing(t)
	for range 3 {
		r.want("a.nsec. A", Secure, "")
	}
	o := options(t, "nsec.", signedtree.NSEC)
	o.Keys = append(o.Keys, newKey(t, "another"))
	for i, z := range r.tree.Zones {
		if z.Apex.Equal(wire.MustParseName("nsec.")) {
			r.tree.Zones[i] = signZone(t, "nsec.", o, a("a.nsec.", 1))
		}
	}
	if !r.v.Renew(t.Context(), wire.MustParseName("nsec."), nil) {
		t.Fatal("not renewed")
	}
	if z := r.v.memory.get(wire.MustParseName("nsec."), now); len(z.keys) != 2 {
		t.Errorf("nsec. has %d keys", len(z.keys))
	}
}
