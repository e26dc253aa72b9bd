package cache

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// TestReplyBehindOtherOctets is about replies that start in the middle of a
// buffer, as over TCP.
func TestReplyBehindOtherOctets(t *testing.T) {
	f := filled(t)
	defer f.Close()
	for _, room := range []int{0, 40, 60, 2000} {
		x := ask{name: "www.example.com."}.exchange(t)
		x.Reply.MoveTo(append(make([]byte, 0, 2+room), 0, 0))
		if err := f.TryResolve(x); err != nil {
			t.Fatal(err)
		}
		if m := reply(t, x); len(m.Answers) != 1 || !m.Answers[0].Name.Equal(x.Question().Name) {
			t.Errorf("room for %d octets: %v", room, m)
		}
	}
}

func TestFlags(t *testing.T) {
	f := newCache(t, Config{}).Resolver(&scripted{answer: answer{
		flags: wire.FlagAA | wire.FlagAD | wire.FlagRA, answers: []string{"a.test. 300 A 192.0.2.1"}}})
	defer f.Close()
	for _, a := range []ask{{name: "a.test.", do: true}, {name: "a.test."}} {
		f.TryResolve(a.exchange(t))
	}
	const base = wire.FlagQR | wire.FlagRD | wire.FlagRA
	for _, test := range []struct {
		ask  ask
		want wire.Flags
	}{
		{ask{}, base},
		{ask{edns: true}, base},
		{ask{do: true}, base | wire.FlagAD},
		{ask{flags: wire.FlagAD}, base | wire.FlagAD},
		{ask{noRD: true}, base &^ wire.FlagRD},
	} {
		test.ask.name = "a.test."
		x := test.ask.exchange(t)
		if !f.cache.Get(x) {
			t.Fatalf("%+v: not answered", test.ask)
		}
		if got := reply(t, x).Flags; got != test.want {
			t.Errorf("%+v: flags %#x, want %#x", test.ask, got, test.want)
		}
	}
}

func TestExtendedErrorIsKept(t *testing.T) {
	blocked := wire.Options{}.Append(&wire.ExtendedError{Code: wire.ExtendedErrorBlocked, Text: "says the law"})
	f := newCache(t, Config{}).Resolver(&scripted{answer: answer{options: blocked, rcode: wire.RCodeNXDomain, authority: []string{soa}}})
	defer f.Close()
	f.TryResolve(ask{name: "a.example.com.", edns: true}.exchange(t))
	x := ask{name: "a.example.com.", edns: true}.exchange(t)
	if !f.cache.Get(x) {
		t.Fatal("not kept")
	}
	if got := extendedErrors(reply(t, x)); !slices.Equal(got, []wire.ExtendedErrorCode{wire.ExtendedErrorBlocked}) {
		t.Error(got)
	}
}

// TestFailureKeepsItsText: the second client reads, too, why there is no answer, whether
// an error or a reply has said so; what is too long is cut.
func TestFailureKeepsItsText(t *testing.T) {
	long := strings.Repeat("x", 2*names.MaxExtendedText)
	for _, text := range []string{"signature of a.test A expired 3 days ago, key 12345", "", "odd", long} {
		options := wire.Options{}.Append(&wire.ExtendedError{Code: wire.ExtendedErrorBogus, Text: text})
		for what, next := range map[string]*scripted{
			"reply": {answer: answer{rcode: wire.RCodeServFail, options: options}},
			"error": {answer: answer{err: explained(text)}},
		} {
			f := newCache(t, Config{}).Resolver(next)
			f.TryResolve(ask{name: "a.test.", edns: true}.exchange(t))
			x := ask{name: "a.test.", edns: true}.exchange(t)
			if err := f.TryResolve(x); err != nil {
				t.Fatal(err)
			}
			m := reply(t, x)
			var first wire.ExtendedError
			data, _ := m.EDNS.Options.Find(wire.OptionExtendedError)
			if err := first.Parse(data); err != nil || m.RCode != wire.RCodeServFail || first.Code != wire.ExtendedErrorBogus || first.Text != text[:min(len(text), names.MaxExtendedText)] {
				t.Errorf("%s with %q: %v, %q (%v)", what, text, m.RCode, first.Text, err)
			}
			if got := extendedErrors(m); !slices.Equal(got, []wire.ExtendedErrorCode{wire.ExtendedErrorBogus, wire.ExtendedErrorCachedError}) {
				t.Errorf("%s with %q: %v", what, text, got)
			}
			f.Close()
		}
	}
}

// explained is an error for clients.
type explained string

func (explained) Error() string { return "bogus" }

func (e explained) ExtendedError() (code uint16, text string) {
	return uint16(wire.ExtendedErrorBogus), string(e)
}

// extendedErrors are the codes in a message.
func extendedErrors(m *wire.Message) (codes []wire.ExtendedErrorCode) {
	if m.EDNS == nil {
		return nil
	}
	for o := m.EDNS.Options; ; {
		code, data, rest, ok := o.Next()
		if !ok {
			return codes
		}
		if code == wire.OptionExtendedError {
			codes = append(codes, wire.ExtendedErrorCode(data[0])<<8|wire.ExtendedErrorCode(data[1]))
		}
		o = rest
	}
}

func TestAnswerTooLargeForTheAsker(t *testing.T) {
	var a answer
	for i := range 10 {
		a.answers = append(a.answers, fmt.Sprint("a.test. 300 A 192.0.2.", i))
	}
	a.authority = []string{"test. 300 NS ns.test."}
	for range 20 {
		a.additional = append(a.additional, "ns.test. 300 AAAA 2001:db8::1")
	}
	f := newCache(t, Config{}).Resolver(&scripted{answer: a})
	defer f.Close()
	f.TryResolve(ask{name: "a.test."}.exchange(t))
	for _, test := range []struct {
		limit                          int
		answers, authority, additional int
		flags                          wire.Flags
	}{
		{4096, 10, 1, 20, 0},
		{512, 10, 1, 0, 0},          // additional records are left out without a word (RFC 2181 9)
		{100, 0, 0, 0, wire.FlagTC}, // answers are not
	} {
		x := ask{name: "a.test.", limit: test.limit}.exchange(t)
		if !f.cache.Get(x) {
			t.Fatal("not kept")
		}
		m := reply(t, x)
		if len(m.Answers) != test.answers || len(m.Authority) != test.authority || len(m.Additional) != test.additional {
			t.Errorf("limit %d: %d, %d and %d records", test.limit, len(m.Answers), len(m.Authority), len(m.Additional))
		}
		if m.Flags&wire.FlagTC != test.flags {
			t.Errorf("limit %d: flags %#x", test.limit, m.Flags)
		}
	}
}
