package cache

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

func newCache(t testing.TB, c Config) *Cache {
	t.Helper()
	cache, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return cache
}

// ask is a query being asked.
type ask struct {
	name      string
	kind      wire.Type
	flags     wire.Flags // besides RD, unless noRD
	noRD      bool
	edns      bool
	do        bool
	options   wire.Options
	limit     int // of the reply; 0 is 65535
	transport names.Transport
}

func (a ask) exchange(t testing.TB) *names.Exchange {
	t.Helper()
	x := &names.Exchange{}
	a.read(t, x)
	return x
}

func (a ask) query(t testing.TB) []byte {
	t.Helper()
	name, err := wire.ParseName(a.name)
	if err != nil {
		t.Fatal(err)
	}
	var edns *wire.EDNS
	if a.edns || a.do || a.options != nil {
		edns = &wire.EDNS{UDPSize: 1232, Options: a.options}
		if a.do {
			edns.Flags |= wire.FlagDO
		}
	}
	flags := a.flags
	if !a.noRD {
		flags |= wire.FlagRD
	}
	kind := a.kind
	if kind == 0 {
		kind = wire.TypeA
	}
	return wire.AppendQuery(nil, 4711, flags, wire.Question{Name: name, Type: kind, Class: wire.ClassIN}, edns)
}

func (a ask) read(t testing.TB, x *names.Exchange) {
	t.Helper()
	peer := names.Peer{Transport: a.transport, Remote: netip.MustParseAddrPort("192.0.2.1:5353")}
	if rcode, err := x.Read(a.query(t), peer); err != nil || rcode != wire.RCodeNoError {
		t.Fatal(rcode, err)
	}
	limit := a.limit
	if limit == 0 {
		limit = 65535
	}
	x.Begin(make([]byte, 0, min(limit, 4096)+wire.WriterSlack), limit)
}

// answer is what the next resolver knows about a question: records as lines
// of a zone file.
type answer struct {
	rcode      wire.RCode
	flags      wire.Flags
	answers    []string
	authority  []string
	additional []string
	options    wire.Options
	err        error
}

func (a *answer) to(x *names.Exchange) error {
	if a.err != nil {
		return a.err
	}
	x.RCode = a.rcode
	x.Reply.Flags |= a.flags
	for i, lines := range [...][]string{a.answers, a.authority, a.additional} {
		x.Reply.SetSection(wire.SectionAnswer + wire.Section(i))
		for _, line := range lines {
			r := record(line)
			if err := x.Reply.Raw(r.Name, r.Type, r.Class, r.TTL, r.Data); err != nil {
				return err
			}
		}
	}
	for o := a.options; ; {
		code, data, rest, ok := o.Next()
		if !ok {
			return nil
		}
		x.AddOption(code, data)
		o = rest
	}
}

// record reads "owner TTL type data".
func record(line string) wire.Record {
	fields := strings.Fields(line)
	ttl, err := strconv.ParseUint(fields[1], 10, 32)
	if err != nil {
		panic(err)
	}
	kind, err := wire.ParseType(fields[2])
	if err != nil {
		panic(err)
	}
	var words []wire.Word
	for _, f := range fields[3:] {
		words = append(words, wire.Word{Text: []byte(f)})
	}
	data, err := wire.AppendRdataFromText(nil, kind, words, wire.Root)
	if err != nil {
		panic(err)
	}
	return wire.Record{Name: wire.MustParseName(fields[0]), Type: kind, Class: wire.ClassIN, TTL: uint32(ttl), Data: data}
}

// tableResolver is a resolver with a table: what is not in it does not exist.
type tableResolver struct {
	table map[string]*answer // by "name TYPE", lower case
	asked []string
	slow  bool // TryResolve has to wait
}

func (b *tableResolver) Resolve(_ context.Context, x *names.Exchange) error {
	q := x.Question()
	text := strings.ToLower(q.Name.String()) + " " + q.Type.String()
	b.asked = append(b.asked, text)
	if a := b.table[text]; a != nil {
		return a.to(x)
	}
	return names.ErrPass
}

func (b *tableResolver) TryResolve(x *names.Exchange) error {
	if b.slow {
		return names.ErrSlow
	}
	return b.Resolve(context.Background(), x)
}

// takeAsked returns what was asked since the last call.
func (b *tableResolver) takeAsked() []string {
	asked := b.asked
	b.asked = nil
	return asked
}

// reply finishes x and reads what it says.
func reply(t testing.TB, x *names.Exchange) *wire.Message {
	t.Helper()
	m, err := wire.ParseMessage(slices.Clone(x.Finish()))
	if err != nil {
		t.Fatalf("reply cannot be read: %v", err)
	}
	return m
}

// lines are the records of a section as text, blanks for tabs.
func lines(records []wire.Record) (lines []string) {
	for _, r := range records {
		lines = append(lines, strings.Join(strings.Fields(r.String()), " "))
	}
	return lines
}
