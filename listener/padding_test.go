package listener

import (
	"context"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// padded is what a client sends that wants its reply padded.
var padded = Question(1, "www.example.", &wire.EDNS{UDPSize: 1232, Options: wire.Options{}.AppendOption(wire.OptionPadding, make([]byte, 77))})

// txt answers with a TXT record of so many octets.
type txt int

func (n txt) TryResolve(x *names.Exchange) error {
	data := make([]byte, 0, n)
	for len(data) < int(n) {
		part := min(int(n)-len(data)-1, 255)
		data = append(append(data, byte(part)), make([]byte, part)...)
	}
	return x.Reply.Raw(x.Question().Name, wire.TypeTXT, wire.ClassIN, 0, data)
}
func (n txt) Resolve(_ context.Context, x *names.Exchange) error { return n.TryResolve(x) }

func TestRepliesArePaddedWhereNobodyCanRead(t *testing.T) {
	for _, transport := range []names.Transport{names.UDP, names.TCP, names.TLS, names.HTTPS, names.QUIC} {
		for name, query := range map[string][]byte{"plain": plain, "EDNS": modern, "padded": padded} {
			peer := client
			peer.Transport = transport
			got, _ := newPure(t, Config{}).try(query, peer)
			data, isPadded := ParseReply(t, got).EDNS.Options.Find(wire.OptionPadding)
			if want := transport >= names.TLS && name == "padded"; isPadded != want || isPadded != (len(got) == 468) {
				t.Errorf("%s over %v: %d octets, padding %v", name, transport, len(got), isPadded)
			}
			for _, b := range data {
				if b != 0 {
					t.Fatalf("padded with %x", data)
				}
			}
		}
	}
}

// Whatever the reply is, it ends up at one of few lengths, and never beyond
// the limit.
func TestPaddedLengths(t *testing.T) {
	peer := client
	peer.Transport = names.TLS
	bare, _ := newPure(t, Config{Resolver: txt(10)}).try(padded, peer)
	rest := len(bare) - 10 - len(ParseReply(t, bare).EDNS.Options) // without the data, and the padding
	for _, c := range []struct{ unpadded, want int }{              // in octets; unpadded has no option
		{468 - 5, 468}, {468 - 4, 468}, {468 - 3, 936}, {468, 936}, {936 - 4, 936}, {936 - 3, 1404},
		{65520 - 4, 65520}, {65520 - 3, 65535}, {65535 - 5, 65535}, {65535 - 4, 65535}, // 65,520 is 140 times 468
		{65535 - 3, 65535 - 3}, {65535, 65535}, // no room for the option
	} {
		got, _ := newPure(t, Config{Resolver: txt(c.unpadded - rest)}).try(padded, peer)
		if r := ParseReply(t, got); len(got) != c.want || r.RCode != 0 || r.Answers != 1 {
			t.Errorf("%d octets become %d, not %d", c.unpadded, len(got), c.want)
		}
	}
}

func TestPaddingWithOtherOptions(t *testing.T) {
	peer := client
	peer.Transport = names.TLS
	query := Question(1, "www.example.", &wire.EDNS{Options: wire.Options{}.AppendOption(wire.OptionPadding, nil).
		AppendOption(wire.OptionNSID, nil).AppendOption(wire.OptionCookie, []byte("12345678")).AppendOption(wire.OptionKeepalive, nil)})
	p := newPure(t, Config{NSID: "here"})
	got, _ := p.try(query, peer)
	if len(got) != 468 {
		t.Errorf("%d octets", len(got))
	}
	options := ParseReply(t, got).EDNS.Options
	for _, code := range []wire.OptionCode{wire.OptionPadding, wire.OptionNSID, wire.OptionCookie, wire.OptionKeepalive} {
		if _, has := options.Find(code); !has {
			t.Errorf("option %v is missing", code)
		}
	}
	if n := testing.AllocsPerRun(100, func() { p.try(query, peer) }); n > 0 {
		t.Errorf("%v allocations per query", n)
	}
	// RFC 9250 5.5.2: connections of QUIC have timeouts of their own.
	peer.Transport = names.QUIC
	got, _ = p.try(query, peer)
	if _, has := ParseReply(t, got).EDNS.Options.Find(wire.OptionKeepalive); has || len(got) != 468 {
		t.Errorf("over QUIC: %d octets, keepalive %v", len(got), has)
	}
}
