package names

import (
	"bytes"
	"context"
	"net"
	"testing"
	"testing/synctest"

	"github.com/names-dns/names/wire"
)

// secret is a connection that looks encrypted.
type secret struct{ net.Conn }

func (secret) HandshakeContext(context.Context) error { return nil }

func TestPadQuery(t *testing.T) {
	clear, encrypted := net.Conn(nil), secret{}
	query := func(name string, e *wire.EDNS) []byte {
		return wire.AppendQuery(nil, 7, wire.FlagRD, wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}, e)
	}
	opt := &wire.EDNS{UDPSize: clientUDPSize}
	long := "123456789012345678901234567890.123456789012345678901234567890.123456789012345678901234567890."
	for _, test := range []struct {
		name  string
		query []byte
		conn  net.Conn
		want  int // octets; 0: as it is
	}{
		{"in the clear", query("a.example.", opt), clear, 0},
		{"no OPT", query("a.example.", nil), encrypted, 0},
		{"short", query("a.example.", opt), encrypted, 128},
		{"full", query("12."+long, opt), encrypted, 128}, // an option without data fills it
		{"one too long", query("123."+long, opt), encrypted, 256},
		{"padded already", query("a.example.", &wire.EDNS{Options: wire.Options{}.AppendOption(wire.OptionPadding, []byte{0})}), encrypted, 0},
		{"malformed", query("a.example.", opt)[:20], encrypted, 0},
	} {
		got := pad(test.query, test.conn)
		if test.want == 0 {
			if !bytes.Equal(got, test.query) {
				t.Errorf("%s: query became %x", test.name, got)
			}
			continue
		}
		m, err := wire.ParseMessage(got)
		if err != nil || len(got) != test.want || m.ID != 7 || !IsReply(asReply(got), test.query) {
			t.Errorf("%s: %d octets became %d, %v", test.name, len(test.query), len(got), err)
		}
	}
}

// asReply sets QR.
func asReply(query []byte) []byte {
	reply := bytes.Clone(query)
	reply[2] |= 0x80
	return reply
}

// Queries over an encrypted connection are padded after their cookie, also
// when the connection is used again.
func TestClientPadsEncryptedQueries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lengths []int
		u := newUpstream(t, func(a asked) [][]byte {
			_, hasCookie := a.message.EDNS.Options.Find(wire.OptionCookie)
			_, isPadded := a.message.EDNS.Options.Find(wire.OptionPadding)
			if !hasCookie || !isPadded {
				t.Errorf("options are %x", a.message.EDNS.Options)
			}
			octets, _ := a.message.AppendTo(nil)
			lengths = append(lengths, len(octets))
			return sent(a.reply(";; ANSWER SECTION:\na.example. 60 IN A 192.0.2.1"))
		})
		c := newTestClient(t, u, func(config *ClientConfig) {
			config.EDNS0, config.UseTCP = true, true
			config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := u.Dial(ctx, network, address)
				return secret{conn}, err
			}
		})
		for range 2 {
			if _, err := c.Query(t.Context(), "a.example", wire.TypeA); err != nil {
				t.Error(err)
			}
		}
		if len(lengths) != 2 || lengths[0] != 128 || lengths[1] != 128 {
			t.Errorf("queries of %v octets", lengths)
		}
		c.CloseIdleConnections()
		synctest.Wait()
	})
}
