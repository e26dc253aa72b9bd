package validate

import (
	"context"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// exchanger is a resolver that answers from a world and checks its queries.
type exchanger struct{ *world }

func (e exchanger) Exchange(_ context.Context, m *wire.Message) (*wire.Message, error) {
	if !m.Flags.Has(wire.FlagCD) || !m.Flags.Has(wire.FlagRD) || m.EDNS == nil || m.EDNS.Flags&wire.FlagDO == 0 {
		e.Errorf("query %v", m)
	}
	if reply := e.ask(m.Questions[0], true); reply != nil {
		return reply, nil
	}
	return nil, errNoReply
}

// TestFetchFrom: the validator works with a resolver that sends whole messages.
func TestFetchFrom(t *testing.T) {
	w := family(t)
	w.config.Fetcher = FetchFrom(exchanger{w})
	w.v = New(w.config)
	w.want("a.nsec. A", Secure, "")
	w.want("a.insecure. A", Insecure, "insecure is delegated without DS records")
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		if fetched {
			return nil
		}
		return m
	}
	w.v.Forget(wire.Root)
	w.want("a.nsec. A", Indeterminate, "no server answers")
}

// TestResolverWithoutDNSSEC: a resolver that drops signatures makes everything
// bogus, and the reason says what is missing.
func TestResolverWithoutDNSSEC(t *testing.T) {
	w := family(t)
	w.change = func(m *wire.Message, _ bool) *wire.Message {
		for _, section := range []*[]wire.Record{&m.Answers, &m.Authority} {
			var plain []wire.Record
			for _, r := range *section {
				if r.Type != wire.TypeRRSIG && r.Type != wire.TypeNSEC && r.Type != wire.TypeNSEC3 {
					plain = append(plain, r)
				}
			}
			*section = plain
		}
		return m
	}
	r := w.check("a.nsec. A")
	if r.Verdict != Bogus || r.Reason.Code != wire.ExtendedErrorRRSIGsMissing || !strings.Contains(r.Reason.Text, ". DNSKEY has no signature of its zone") {
		t.Errorf("%+v", r)
	}
}
