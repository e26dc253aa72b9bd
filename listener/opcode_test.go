package listener

import (
	"context"
	"strings"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// notified answers as who follows a primary does: what it heard of is in
// zones. It needs time for zones below "slow.".
type notified struct{ zones chan string }

func (n notified) TryResolve(x *names.Exchange) error {
	switch x.Question().Name.FirstLabel() {
	case "slow":
		return names.ErrSlow
	case "pass":
		return names.ErrPass
	}
	return n.Resolve(context.Background(), x)
}

func (n notified) Resolve(_ context.Context, x *names.Exchange) error {
	x.Reply.Flags |= wire.FlagAA
	n.zones <- x.Question().Name.String()
	return nil
}

func TestOpcodesHaveResolversOfTheirOwn(t *testing.T) {
	const (
		notify = wire.Flags(4 << 11)
		update = wire.Flags(5 << 11)
		zone   = "\x07example\x00\x00\x06\x00\x01"
		slow   = "\x04slow\x07example\x00\x00\x06\x00\x01"
		passed = "\x04pass\x07example\x00\x00\x06\x00\x01"
	)
	for _, c := range []struct {
		name  string
		query []byte
		rcode wire.RCode
		heard string // by the resolver of NOTIFY
	}{
		{"NOTIFY", packet(notify|wire.FlagAA, [4]uint16{1}, zone), 0, "example."},
		{"NOTIFY with EDNS", packet(notify, [4]uint16{1, 0, 0, 1}, zone, opt), 0, "example."},
		{"NOTIFY with a hint (RFC 1996 3.7)", packet(notify, [4]uint16{1, 1}, zone, aRecord), 0, "example."},
		{"NOTIFY that takes time", packet(notify, [4]uint16{1}, slow), 0, "slow.example."},
		{"NOTIFY that no resolver takes", packet(notify, [4]uint16{1}, passed), wire.RCodeRefused, ""},
		{"NOTIFY without a question", packet(notify, [4]uint16{}), 0, "."},
		{"NOTIFY of EDNS version 1", packet(notify, [4]uint16{1, 0, 0, 1}, zone, "\x00\x00\x29\x04\xd0\x00\x01\x00\x00\x00\x00"), wire.RCodeBadVers, ""},
		{"NOTIFY cut off", packet(notify, [4]uint16{1}, zone[:5]), wire.RCodeFormErr, ""},
		{"NOTIFY with trailing octets", packet(notify, [4]uint16{1}, zone, "x"), 0, "example."},
		{"NOTIFY for two zones", packet(notify, [4]uint16{2}, zone, zone), wire.RCodeFormErr, ""},
		{"UPDATE", packet(update, [4]uint16{1}, zone), wire.RCodeNotImp, ""},
		{"QUERY", packet(0, [4]uint16{1}, aQuestion), 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := notified{make(chan string, 1)}
			p := newPure(t, Config{Opcodes: map[wire.Opcode]names.Resolver{wire.OpcodeNotify: r}})
			got := ParseReply(t, p.edge.Answer(context.Background(), &p.x, c.query, client, nil))
			query, _ := wire.ParseHeader(c.query)
			if got.RCode != c.rcode || got.Header.Flags.Opcode() != query.Flags.Opcode() {
				t.Errorf("reply is %+v", got)
			}
			heard := ""
			if len(r.zones) > 0 {
				heard = <-r.zones
			}
			if c.heard == "." {
				c.heard = wire.Name{}.String()
				if got.Name != "" {
					t.Errorf("reply has a question: %q", got.Name)
				}
			}
			if heard != c.heard {
				t.Errorf("NOTIFY of %q", heard)
			}
			if isQuery := query.Flags.Opcode() == wire.OpcodeQuery; isQuery != (got.Answers == 1) {
				t.Errorf("%d answers", got.Answers)
			}
		})
	}
}

func TestOpcodesThatMakeNoSense(t *testing.T) {
	for want, opcodes := range map[string]map[wire.Opcode]names.Resolver{
		"QUERY":                         {wire.OpcodeQuery: Echo{}},
		"opcode 16 is above 15":         {16: Echo{}},
		"no resolver for opcode UPDATE": {wire.OpcodeUpdate: nil},
	} {
		if _, err := NewEdge(Config{Resolver: Echo{}, Opcodes: opcodes}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", opcodes, err)
		}
	}
}
