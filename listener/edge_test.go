package listener

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// packet builds a message from its parts: flags, the four counts, the rest.
func packet(flags wire.Flags, counts [4]uint16, parts ...string) []byte {
	b := wire.Header{ID: 0x1234, Flags: flags, Counts: counts}.AppendTo(nil)
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

const (
	aQuestion = "\x03www\x07example\x00\x00\x01\x00\x01"
	opt       = "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
	tsig      = "\x03key\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x00"
	aRecord   = "\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\xc0\x00\x02\x01"
)

// RFC 8906 says what a server must do with each of the things it may not have
// been made for.
func TestRepliesOfRFC8906(t *testing.T) {
	const none = wire.RCode(0xFFFF) // no reply
	for _, c := range []struct {
		name  string
		query []byte
		rcode wire.RCode
		edns  bool
	}{
		{"plain", packet(0, [4]uint16{1}, aQuestion), 0, false},
		{"EDNS", packet(0, [4]uint16{1, 0, 0, 1}, aQuestion, opt), 0, true},
		{"unknown type (3.1.1)", packet(0, [4]uint16{1}, "\x03www\x07example\x00\x03\xe8\x00\x01"), 0, false},
		{"CD (3.1.2)", packet(wire.FlagCD, [4]uint16{1}, aQuestion), 0, false},
		{"AD (3.1.2)", packet(wire.FlagAD, [4]uint16{1}, aQuestion), 0, false},
		{"Z (3.1.3)", packet(wire.FlagZ, [4]uint16{1}, aQuestion), 0, false},
		{"opcode 15 (3.1.4)", packet(wire.Flags(0).WithOpcode(15), [4]uint16{1}, aQuestion), wire.RCodeNotImp, false},
		{"opcode 15, EDNS", packet(wire.Flags(0).WithOpcode(15), [4]uint16{1, 0, 0, 1}, aQuestion, opt), wire.RCodeNotImp, true},
		{"opcode 15 without a body", packet(wire.Flags(0).WithOpcode(15), [4]uint16{}), wire.RCodeNotImp, false},
		{"NOTIFY", packet(wire.Flags(0).WithOpcode(wire.OpcodeNotify), [4]uint16{1}, aQuestion), wire.RCodeNotImp, false},
		{"UPDATE", packet(wire.Flags(0).WithOpcode(wire.OpcodeUpdate), [4]uint16{1}, aQuestion), wire.RCodeNotImp, false},
		{"IQUERY", packet(wire.Flags(0).WithOpcode(wire.OpcodeIQuery), [4]uint16{0, 1}, aRecord), wire.RCodeNotImp, false},
		{"EDNS version 1 (3.2.1)", packet(0, [4]uint16{1, 0, 0, 1}, aQuestion, "\x00\x00\x29\x04\xd0\x00\x01\x00\x00\x00\x00"), wire.RCodeBadVers, true},
		{"unknown option (3.2.2)", packet(0, [4]uint16{1, 0, 0, 1}, aQuestion, "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x06\xfe\x0a\x00\x02hi"), 0, true},
		{"unknown EDNS flag (3.2.3)", packet(0, [4]uint16{1, 0, 0, 1}, aQuestion, "\x00\x00\x29\x04\xd0\x00\x00\x00\x40\x00\x00"), 0, true},
		{"version 1, unknown option (3.2.4)", packet(0, [4]uint16{1, 0, 0, 1}, aQuestion, "\x00\x00\x29\x04\xd0\x00\x01\x00\x00\x00\x06\xfe\x0a\x00\x02hi"), wire.RCodeBadVers, true},
		{"two OPT records", packet(0, [4]uint16{1, 0, 0, 2}, aQuestion, opt, opt), wire.RCodeFormErr, true},
		{"OPT that is not the root's", packet(0, [4]uint16{1, 0, 0, 1}, aQuestion, "\xc0\x0c"+opt[1:]), wire.RCodeFormErr, false},
		{"option longer than OPT", packet(0, [4]uint16{1, 0, 0, 1}, aQuestion, "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x04\x00\x03\x00\x01"), wire.RCodeFormErr, false},
		{"no question", packet(0, [4]uint16{}), wire.RCodeFormErr, false},
		{"two questions", packet(0, [4]uint16{2}, aQuestion, aQuestion), wire.RCodeFormErr, false},
		{"an answer in a query", packet(0, [4]uint16{1, 1}, aQuestion, aRecord), wire.RCodeFormErr, false},
		{"trailing octets", packet(0, [4]uint16{1}, aQuestion, "x"), 0, false},
		{"trailing zeros", packet(0, [4]uint16{1, 0, 0, 1}, aQuestion, opt, "\x00\x00\x00\x00"), 0, true},
		{"OPT without a count", packet(0, [4]uint16{1}, aQuestion, opt), wire.RCodeFormErr, false},
		{"OPT in the authority section", packet(0, [4]uint16{1, 0, 1}, aQuestion, opt), wire.RCodeFormErr, false},
		{"TSIG before OPT", packet(0, [4]uint16{1, 0, 0, 2}, aQuestion, tsig, opt), wire.RCodeFormErr, false},
		{"TSIG twice", packet(0, [4]uint16{1, 0, 0, 2}, aQuestion, tsig, tsig), wire.RCodeFormErr, false},
		{"section that is short", packet(0, [4]uint16{1, 0, 0, 1}, aQuestion), wire.RCodeFormErr, false},
		{"name that goes round", packet(0, [4]uint16{1}, "\xc0\x0c\x00\x01\x00\x01"), wire.RCodeFormErr, false},
		{"label type 01", packet(0, [4]uint16{1}, "\x41x\x00\x00\x01\x00\x01"), wire.RCodeFormErr, false},
		{"question of class ANY", packet(0, [4]uint16{1}, "\x01x\x00\x00\x01\x00\xff"), wire.RCodeFormErr, false},
		{"question for OPT", packet(0, [4]uint16{1}, "\x01x\x00\x00\x29\x00\x01"), wire.RCodeFormErr, false},
		{"long", packet(0, [4]uint16{1, 0, 0, 1}, aQuestion, "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x0f\xff\xfe\x0a\x0f\xfb", string(make([]byte, 4096))), 0, true},
		{"response", packet(wire.FlagQR, [4]uint16{1}, aQuestion), none, false},
		{"malformed response", packet(wire.FlagQR, [4]uint16{1}), none, false},
		{"eleven octets", packet(0, [4]uint16{1})[:11], none, false},
		{"nothing", nil, none, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPure(t, Config{})
			got, isSlow := p.try(c.query, client)
			if isSlow || (got == nil) != (c.rcode == none) {
				t.Fatalf("reply %x", got)
			}
			if got == nil {
				return
			}
			r := ParseReply(t, got)
			if r.RCode != c.rcode || r.HasEDNS != c.edns || r.Header.ID != 0x1234 || !r.Header.Flags.Has(wire.FlagQR) {
				t.Errorf("reply is %+v", r)
			}
			query, _ := wire.ParseHeader(c.query)
			if r.Header.Flags.Opcode() != query.Flags.Opcode() {
				t.Errorf("opcode of the reply is %v", r.Header.Flags.Opcode())
			}
			if f := r.Header.Flags & (wire.FlagZ | wire.FlagAD | wire.FlagRA); f != 0 {
				t.Errorf("flags of the reply have %016b", f)
			}
			if r.HasEDNS && (r.EDNS.Version != 0 || r.EDNS.Flags != 0 || r.EDNS.UDPSize != 1232 || len(r.EDNS.Options) != 0) {
				t.Errorf("OPT of the reply is %+v", r.EDNS)
			}
		})
	}
}

// filler appends records until the reply is full.
type filler struct{}

func (filler) Resolve(_ context.Context, x *names.Exchange) error {
	for {
		if err := x.Reply.Raw(x.Question().Name, wire.TypeA, wire.ClassIN, 0, echoAddress); err != nil {
			return nil
		}
	}
}
func (f filler) TryResolve(x *names.Exchange) error { return f.Resolve(context.Background(), x) }

func TestRepliesKeepTheLimit(t *testing.T) {
	const record = 16
	for _, c := range []struct {
		client, server int // what each allows; 0: no EDNS, default
		want           int
	}{
		{0, 0, 512}, {1, 0, 512}, {512, 0, 512}, {513, 0, 513}, {1000, 0, 1000}, {1232, 0, 1232}, {4096, 0, 1232},
		{65535, 0, 1232}, {4096, 4096, 4096}, {4096, 512, 512}, {0, 4096, 512},
	} {
		var e *wire.EDNS
		if c.client > 0 {
			e = &wire.EDNS{UDPSize: uint16(c.client)}
		}
		p := newPure(t, Config{Resolver: filler{}, MaxUDPSize: c.server, NSID: "here"})
		got, _ := p.try(Question(1, "www.example.", e), client)
		if len(got) > c.want || len(got) <= c.want-record {
			t.Errorf("client %d, server %d: reply of %d octets, the limit is %d", c.client, c.server, len(got), c.want)
		}
		stream := client
		stream.Transport = names.TCP
		if got, _ := p.try(Question(1, "www.example.", e), stream); len(got) > 65535 || len(got) <= 65535-record {
			t.Errorf("reply of %d octets over TCP", len(got))
		}
	}
}

func TestOptionsOfReplies(t *testing.T) {
	p := newPure(t, Config{NSID: "ns1.example"})
	ask := func(e wire.EDNS) Reply {
		got, _ := p.try(Question(1, "www.example.", &e), client)
		return ParseReply(t, got)
	}
	if r := ask(wire.EDNS{Flags: wire.FlagDO | wire.FlagCO}); r.EDNS.Flags != wire.FlagDO || len(r.EDNS.Options) != 0 {
		t.Errorf("OPT is %+v", r.EDNS)
	}
	r := ask(wire.EDNS{Options: wire.Options{}.AppendOption(wire.OptionNSID, nil)})
	if id, _ := r.EDNS.Options.Find(wire.OptionNSID); string(id) != "ns1.example" {
		t.Errorf("OPT is %+v", r.EDNS)
	}
}

// exhausted is an error that the client may learn.
type exhausted struct{}

func (exhausted) Error() string                   { return "quota of 192.0.2.1 is used up" }
func (exhausted) ExtendedError() (uint16, string) { return 32, "try tomorrow" }

func TestErrorsBecomeRepliesInOnePlace(t *testing.T) {
	for _, c := range []struct {
		name      string
		err       error
		transport names.Transport
		rcode     wire.RCode
		extended  string // code and text; empty: none
		tc        bool
	}{
		{"pass", names.ErrPass, names.UDP, wire.RCodeRefused, "\x00\x14", false},
		{"error", errors.New("secret"), names.UDP, wire.RCodeServFail, "\x00\x00", false},
		{"extended", fmt.Errorf("wrapped: %w", exhausted{}), names.UDP, wire.RCodeServFail, "\x00\x20try tomorrow", false},
		{"late", context.DeadlineExceeded, names.TCP, wire.RCodeServFail, "\x00\x00no answer in time", false},
		{"no space", fmt.Errorf("wrapped: %w", wire.ErrNoSpace), names.UDP, 0, "", true},
		{"no space in a stream", wire.ErrNoSpace, names.TCP, wire.RCodeServFail, "\x00\x00", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			p := newPure(t, Config{Log: slog.New(slog.NewTextHandler(&log, nil)), Resolver: names.ResolverFunc(
				func(_ context.Context, x *names.Exchange) error {
					if c.err != names.ErrPass { // what is there already must not get out
						x.Reply.Flags |= wire.FlagAA
						x.RCode = 0
						x.Reply.Raw(x.Question().Name, wire.TypeA, wire.ClassIN, 0, echoAddress)
					}
					return c.err
				})})
			peer := client
			peer.Transport = c.transport
			got := p.edge.Answer(context.Background(), &p.x, modern, peer, nil)
			r := ParseReply(t, got)
			extended, _ := r.EDNS.Options.Find(wire.OptionExtendedError)
			if r.RCode != c.rcode || string(extended) != c.extended || r.Header.Flags.Has(wire.FlagTC) != c.tc || r.Answers != 0 {
				t.Errorf("reply is %+v", r)
			}
			if isLogged := log.Len() > 0; isLogged != (c.rcode == wire.RCodeServFail) {
				t.Errorf("log: %s", &log)
			}
		})
	}
	if got := newPure(t, Config{}).edge.Answer(context.Background(), new(names.Exchange), Question(1, "drop.example.", nil), client, nil); got != nil {
		t.Errorf("ErrDrop is answered: %x", got)
	}
}
