package names_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// link answers from a table: a name is an alias of another name, or has a text.
type link struct {
	to    string     // a name, an address, or nothing
	flags wire.Flags // of the reply
	rcode wire.RCode
	end   bool // an alias does not lead on
	err   error
}

func answerLinks(table map[string]link) func(x *names.Exchange) error {
	return func(x *names.Exchange) error {
		name := x.Question().Name
		l, ok := table[strings.ToLower(name.String())]
		if !ok {
			return names.ErrPass
		}
		if l.err != nil {
			return l.err
		}
		x.Reply.Flags |= l.flags
		x.RCode = l.rcode
		switch {
		case l.to == "":
			x.Reply.SetSection(wire.SectionAuthority)
			return x.Reply.Record(wire.MustParseName("example."), wire.ClassIN, 60, &wire.NS{Host: name})
		case strings.HasSuffix(l.to, "."):
			x.LeadsOn = !l.end
			return x.Reply.Record(name, wire.ClassIN, 60, &wire.CNAME{Target: wire.MustParseName(l.to)})
		}
		return x.Reply.Record(name, wire.ClassIN, 60, &wire.TXT{Strings: wire.CharacterStrings(nil).Append(l.to)})
	}
}

func TestComplete(t *testing.T) {
	broken := errors.New("broken")
	const aa, ad = wire.FlagAA, wire.FlagAD
	long := map[string]link{}
	for i := range names.MaxAliases + 1 {
		long[fmt.Sprintf("a%d.", i)] = link{to: fmt.Sprintf("a%d.", i+1)}
	}
	exact := map[string]link{fmt.Sprintf("a%d.", names.MaxAliases): {to: "text"}}
	for i := range names.MaxAliases {
		exact[fmt.Sprintf("a%d.", i)] = long[fmt.Sprintf("a%d.", i)]
	}
	for title, c := range map[string]struct {
		table map[string]link
		want  string // flags, RCODE, answers and how many authority records
		err   error
	}{
		"one part":                    {map[string]link{"a0.": {to: "text", flags: aa}}, "aa NOERROR 1+0", nil},
		"two parts":                   {map[string]link{"a0.": {to: "b.", flags: aa}, "b.": {to: "text"}}, "aa NOERROR 2+0", nil},
		"AA is of the first part":     {map[string]link{"a0.": {to: "b."}, "b.": {to: "text", flags: aa}}, "NOERROR 2+0", nil},
		"AD of one part":              {map[string]link{"a0.": {to: "b.", flags: ad}, "b.": {to: "text"}}, "NOERROR 2+0", nil},
		"AD of all":                   {map[string]link{"a0.": {to: "b.", flags: ad}, "b.": {to: "text", flags: ad}}, "ad NOERROR 2+0", nil},
		"no such name":                {map[string]link{"a0.": {to: "b."}, "b.": {to: "c."}, "c.": {rcode: wire.RCodeNXDomain}}, "NXDOMAIN 2+1", nil},
		"the rest is not known":       {map[string]link{"a0.": {to: "b.", flags: aa}}, "aa NOERROR 1+0 leads on", nil},
		"the third part is not known": {map[string]link{"a0.": {to: "b.", flags: aa}, "b.": {to: "c."}}, "aa NOERROR 2+0 leads on", nil},
		"the rest fails":              {map[string]link{"a0.": {to: "b.", flags: aa}, "b.": {err: broken}}, "NOERROR 0+0", broken},
		"the rest takes waiting":      {map[string]link{"a0.": {to: "b.", flags: aa}, "b.": {err: names.ErrSlow}}, "NOERROR 0+0", names.ErrSlow},
		"the rest is SERVFAIL":        {map[string]link{"a0.": {to: "b.", flags: aa}, "b.": {rcode: wire.RCodeServFail}}, "SERVFAIL 0+0", nil},
		"loop":                        {map[string]link{"a0.": {to: "b."}, "b.": {to: "A0."}}, "NOERROR 0+0", names.ErrAliases},
		"loop in the last part":       {map[string]link{"a0.": {to: "b."}, "b.": {to: "b.", end: true}}, "NOERROR 0+0", names.ErrAliases},
		"as many aliases as may be":   {exact, fmt.Sprintf("NOERROR %d+0", names.MaxAliases+1), nil},
		"one more":                    {long, "NOERROR 0+0", names.ErrAliases},
	} {
		t.Run(title, func(t *testing.T) {
			var x names.Exchange
			q := wire.Question{Name: wire.MustParseName("a0."), Type: wire.TypeTXT, Class: wire.ClassIN}
			x.Read(wire.AppendQuery(nil, 1, wire.FlagRD|wire.FlagAD, q, &wire.EDNS{Flags: wire.FlagDO}), names.Peer{})
			x.Begin(nil, 4096)
			ask := answerLinks(c.table)
			if err := ask(&x); err != nil {
				t.Fatal(err)
			}
			if x.LeadsOn {
				if err := names.Complete(&x, ask); !errors.Is(err, c.err) {
					t.Errorf("error %v", err)
				}
			}
			var words []string
			for flag, word := range map[wire.Flags]string{aa: "aa", ad: "ad"} {
				if x.Reply.Flags.Has(flag) {
					words = append(words, word)
				}
			}
			words = append(words, x.RCode.String(), fmt.Sprintf("%d+%d", x.Reply.Count(wire.SectionAnswer), x.Reply.Count(wire.SectionAuthority)))
			if x.LeadsOn && c.err == nil && strings.Contains(c.want, "leads on") {
				words = append(words, "leads on")
			}
			if got := strings.Join(words, " "); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if c.err != nil && !x.Untouched() {
				t.Error("the reply has been touched")
			}
		})
	}
}

// A joined answer that does not fit is truncated as a whole.
func TestCompleteTruncates(t *testing.T) {
	ask := answerLinks(map[string]link{"a0.": {to: "b."}, "b.": {to: strings.Repeat("x", 200)}})
	var x names.Exchange
	q := wire.Question{Name: wire.MustParseName("a0."), Type: wire.TypeTXT, Class: wire.ClassIN}
	x.Read(wire.AppendQuery(nil, 1, wire.FlagRD, q, nil), names.Peer{})
	x.Begin(nil, 100)
	if err := errors.Join(ask(&x), names.Complete(&x, ask)); err != nil {
		t.Fatal(err)
	}
	if !x.Reply.Flags.Has(wire.FlagTC) || x.Reply.Count(wire.SectionAnswer) != 0 {
		t.Errorf("flags %v, %d answers", x.Reply.Flags, x.Reply.Count(wire.SectionAnswer))
	}
}
