package recursor

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// encryptedA has the server at serverA asked by exchange.
func encryptedA(exchange func(ctx context.Context, query []byte) ([]byte, error)) map[netip.AddrPort]*upstream.Transport {
	return map[netip.AddrPort]*upstream.Transport{serverA: {Protocol: names.HTTPS, Name: "https://a.example", Exchange: exchange}}
}

// rightReply is what the handler right sends.
func rightReply(query []byte) []byte {
	m, err := wire.ParseMessage(query)
	if err != nil {
		panic(err)
	}
	m.Flags |= wire.FlagQR | wire.FlagRA
	m.Answers = upstreamtest.Records(m.Questions[0].Name, "@ A 192.0.2.7")
	b, err := m.AppendTo(nil)
	if err != nil {
		panic(err)
	}
	return b
}

// A server with a transport is asked by that only, and the next one when it fails.
func TestTransportFails(t *testing.T) {
	var failure error
	c := ForwardConfig{Transports: encryptedA(func(_ context.Context, query []byte) ([]byte, error) {
		pass(time.Millisecond)
		if failure != nil {
			return nil, failure
		}
		return rightReply(query), nil
	})}
	play(t, c, func(s *scene) {
		s.serve(serverA, func(*upstreamtest.Query) { t.Error("asked over UDP") }, nil)
		s.serve(serverB, silent, nil)
		namestest.Ask(s, s.f, "www.example.com.", wire.TypeA)
		if status := s.f.Servers()[0]; status.Name != "https://a.example" || status.Transport != names.HTTPS || status.RTT != time.Millisecond {
			t.Errorf("%+v", status)
		}
		failure = errors.New("certificate refused")
		s.serve(serverB, right, nil)
		pass(time.Minute)
		for range 5 {
			namestest.Ask(s, s.f, "www.example.com.", wire.TypeA)
		}
		if log := s.log.String(); !strings.Contains(log, `msg="upstream server is dead" server=https://a.example why="certificate refused"`) {
			t.Errorf("the log has:\n%s", log)
		}
	})
}

// A query that makes a server end its connection does not make it dead for others.
func TestQueryThatEndsConnections(t *testing.T) {
	c := ForwardConfig{Servers: []netip.AddrPort{serverA}, Transports: encryptedA(func(_ context.Context, query []byte) ([]byte, error) {
		if bytes.Contains(query, []byte("evil")) {
			return nil, errors.New("the connection was closed")
		}
		return rightReply(query), nil
	})}
	play(t, c, func(s *scene) {
		for range 20 {
			namestest.Ask(s, s.f, "www.example.com.", wire.TypeA)
			if _, err := namestest.Try(s, s.f, "evil.example.com.", wire.TypeA); err == nil {
				t.Error("there is an answer to the question that has none")
			}
			pass(100 * time.Millisecond)
		}
		if log := s.log.String(); strings.Contains(log, "dead") {
			t.Errorf("the log has:\n%s", log)
		}
	})
}
