package validate

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/wire"
)

// Resolve makes a world a resolver, which does not validate.
func (w *world) Resolve(_ context.Context, x *names.Exchange) error {
	m := w.ask(x.Question(), false)
	if m == nil {
		return errNoReply
	}
	x.RCode = m.RCode
	for _, r := range m.Answers {
		if err := x.Reply.Raw(r.Name, r.Type, r.Class, r.TTL, r.Data); err != nil {
			return err
		}
	}
	x.Reply.SetSection(wire.SectionAuthority)
	for _, r := range m.Authority {
		if err := x.Reply.Raw(r.Name, r.Type, r.Class, r.TTL, r.Data); err != nil {
			return err
		}
	}
	return nil
}

func hasType(records []wire.Record, t wire.Type) bool {
	return slices.ContainsFunc(records, func(r wire.Record) bool { return r.Type == t })
}

// TestResolver: what clients of each kind get.
func TestResolver(t *testing.T) {
	w := family(t)
	config := w.config
	config.Fetcher = nil // the next resolver
	r := NewResolver(w, config)
	for _, c := range []struct {
		name      string
		typ       wire.Type
		options   []namestest.Option
		rcode     wire.RCode
		ad        bool
		answers   int
		signed    bool // there are signatures, and proofs if it is negative
		authority int
	}{
		{"a.nsec.", wire.TypeA, nil, 0, false, 1, false, 0},
		{"a.nsec.", wire.TypeA, []namestest.Option{namestest.WithFlags(wire.FlagAD)}, 0, true, 1, false, 0},
		{"a.nsec.", wire.TypeA, []namestest.Option{namestest.WithDO()}, 0, true, 2, true, 0},
		{"q.w.nsec.", wire.TypeA, []namestest.Option{namestest.WithDO()}, 0, true, 2, true, 2},
		{"q.w.nsec.", wire.TypeA, []namestest.Option{namestest.WithFlags(wire.FlagAD)}, 0, true, 1, false, 0},
		{"nothing.nsec.", wire.TypeA, []namestest.Option{namestest.WithDO(), namestest.OverTCP()}, wire.RCodeNXDomain, true, 0, true, 6},
		{"nothing.nsec.", wire.TypeA, []namestest.Option{namestest.WithFlags(wire.FlagAD)}, wire.RCodeNXDomain, true, 0, false, 1},
		{"a.insecure.", wire.TypeA, []namestest.Option{namestest.WithDO()}, 0, false, 1, false, 0},
		{"b.insecure.", wire.TypeA, []namestest.Option{namestest.WithDO()}, wire.RCodeNXDomain, false, 0, false, 1},
		{"out.nsec.", wire.TypeA, []namestest.Option{namestest.WithDO()}, 0, false, 3, true, 0},
	} {
		m := namestest.Ask(t, r, c.name, c.typ, c.options...)
		isSigned := hasType(m.Answers, wire.TypeRRSIG) || hasType(m.Authority, wire.TypeRRSIG)
		if m.RCode != c.rcode || m.Flags.Has(wire.FlagAD) != c.ad || len(m.Answers) != c.answers || isSigned != c.signed || len(m.Authority) != c.authority {
			t.Errorf("%s %v:\n%v", c.name, c.typ, m)
		}
	}
}

// TestErrorOutlivesItsQuery: the memory of the query is used again while the error is
// being logged.
func TestErrorOutlivesItsQuery(t *testing.T) {
	w := family(t)
	config := w.config
	config.Fetcher = nil
	r := NewResolver(w, config)
	w.change = stripSignatures("a.nsec.")
	message := wire.AppendQuery(nil, 1, 0, wire.Question{Name: wire.MustParseName("a.nsec."), Type: wire.TypeA, Class: wire.ClassIN}, nil)
	var x names.Exchange
	if _, err := x.Read(message, names.Peer{}); err != nil {
		t.Fatal(err)
	}
	x.Begin(nil, 512)
	err := r.Resolve(t.Context(), &x)
	for i := range message {
		message[i] = 'x'
	}
	if err == nil || err.Error() != "reply for a.nsec A is bogus: a.nsec A has no signature of its zone" {
		t.Errorf("%v", err)
	}
}

// TestResolverRefuses: bogus replies are an error with a reason, which CD gets
// around; what the next resolver says instead of an answer is passed on.
func TestResolverRefuses(t *testing.T) {
	w := family(t)
	config := w.config
	config.Fetcher = nil
	r := NewResolver(w, config)
	w.change = stripSignatures("a.nsec.")
	_, err := namestest.Try(t, r, "a.nsec.", wire.TypeA)
	var failure *Error
	if !errors.As(err, &failure) || failure.Verdict != Bogus || err.Error() != "reply for a.nsec A is bogus: a.nsec A has no signature of its zone" {
		t.Errorf("%v", err)
	}
	if code, text := failure.ExtendedError(); code != uint16(wire.ExtendedErrorRRSIGsMissing) || text != "a.nsec A has no signature of its zone" {
		t.Errorf("%d %q", code, text)
	}
	m := namestest.Ask(t, r, "a.nsec.", wire.TypeA, namestest.WithFlags(wire.FlagCD))
	if m.Flags.Has(wire.FlagAD) || len(m.Answers) == 0 {
		t.Errorf("with CD:\n%v", m)
	}
	if _, err := namestest.Try(t, NewResolver(names.ResolverFunc(func(context.Context, *names.Exchange) error { return names.ErrPass }), config), "a.", wire.TypeA); err != names.ErrPass {
		t.Errorf("next passes: %v", err)
	}
	w.change = func(m *wire.Message, _ bool) *wire.Message { m.RCode = wire.RCodeRefused; return m }
	if m := namestest.Ask(t, r, "a.nsec.", wire.TypeA); m.RCode != wire.RCodeRefused || len(m.Answers) != 0 {
		t.Errorf("refused:\n%v", m)
	}
	w.change = func(m *wire.Message, _ bool) *wire.Message {
		if m.Questions[0].Type == wire.TypeDNSKEY {
			return nil
		}
		return m
	}
	r.Validator().Forget(wire.Root)
	if _, err := namestest.Try(t, r, "a.nsec.", wire.TypeA); !errors.As(err, &failure) || failure.Verdict != Indeterminate {
		t.Errorf("no DNSKEY records: %v", err)
	}
}
