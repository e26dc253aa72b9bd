package recursor

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

const inTheClear, encrypted = "192.0.2.7", "192.0.2.8"

// encryptedScene is one authoritative server, whose answers say how it was asked.
type encryptedScene struct {
	*testing.T
	r        *Recursor
	exchange func(ctx context.Context, reply *wire.Message) error // over the encrypted transport
	tried    int                                                  // how often it was asked over that
	asked    int
}

func playEncrypted(t *testing.T, play func(s *encryptedScene)) {
	synctest.Test(t, func(t *testing.T) {
		s := &encryptedScene{T: t, exchange: func(context.Context, *wire.Message) error { return nil }}
		var network upstreamtest.Network
		network.Serve(serverA, func(q *upstreamtest.Query) {
			m := q.Reply()
			m.Flags |= wire.FlagAA
			m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A "+inTheClear)
			q.SendMessage(m)
		}, nil)
		c, err := cache.New(cache.Config{Size: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		s.r, err = New(Config{
			Cache: c, Network: &network, Zones: []ZoneServers{{Zone: wire.MustParseName("example."), Addresses: []netip.AddrPort{serverA}}},
			Encryption: func(a netip.Addr) []*upstream.Transport {
				if a != serverA.Addr() {
					t.Errorf("transports of %v", a)
				}
				return []*upstream.Transport{
					{Protocol: names.TLS, Name: "tls://" + a.String(), Exchange: func(context.Context, []byte) ([]byte, error) { return nil, errors.New("connection refused") }},
					{Protocol: names.QUIC, Name: "quic://" + a.String(), Exchange: s.answer},
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		play(s)
		s.r.Close()
		checkSums(s.T, s.r.Stats())
		network.Wait()
	})
}

// answer is the server over its encrypted transport.
func (s *encryptedScene) answer(ctx context.Context, query []byte) ([]byte, error) {
	s.tried++
	m, err := wire.ParseMessage(query)
	if err != nil {
		return nil, err
	}
	m.Flags |= wire.FlagQR | wire.FlagAA
	m.Answers = upstreamtest.Records(m.Questions[0].Name, "@ A "+encrypted)
	if err := s.exchange(ctx, m); err != nil {
		return nil, err
	}
	return m.AppendTo(nil)
}

// ask asks for a name that was not asked for before, and wants the answer in this way, and
// how often the encrypted transport was tried for it.
func (s *encryptedScene) ask(what, want string, tries int) (took time.Duration) {
	s.Helper()
	s.asked++
	before, began := s.tried, time.Now()
	m := namestest.Ask(s, s.r, "host"+strconv.Itoa(s.asked)+".example.", wire.TypeA)
	took = time.Since(began)
	synctest.Wait()
	if len(m.Answers) != 1 || !strings.HasSuffix(m.Answers[0].String(), want) {
		s.Errorf("%s: %v, not %s", what, m.Answers, want)
	}
	if s.tried-before != tries {
		s.Errorf("%s: tried %d times, not %d", what, s.tried-before, tries)
	}
	return took
}

func (s *encryptedScene) is(what string, want EncryptionState) {
	s.Helper()
	all := s.r.Servers()
	if len(all) != 1 || all[0].Encryption != want || (want == EncryptionWorks) != (all[0].EncryptedBy == names.QUIC) {
		s.Errorf("%s: %+v, not %v", what, all, want)
	}
}

// A server is asked in the clear until it was heard over an encrypted transport, and then
// by that as long as it is heard.
func TestOpportunisticEncryption(t *testing.T) {
	playEncrypted(t, func(s *encryptedScene) {
		s.ask("nothing is known", inTheClear, 1)
		s.is("after the first", EncryptionWorks)
		for range 5 {
			s.ask("it is known", encrypted, 1)
		}
		time.Sleep(encryptedSession)
		s.ask("the connection may have ended", inTheClear, 1)
		s.ask("it is open again", encrypted, 1)
		if status := s.r.Servers()[0]; status.Dead || status.Waiting != 0 {
			t.Errorf("%+v", status)
		}
		time.Sleep(encryptionPersistence)
		s.is("after three days", EncryptionUnknown)
		if got, want := s.r.Stats().Encryption, (EncryptionStats{Queries: 6, Succeeded: 2}); got != want {
			t.Errorf("%+v, not %+v", got, want)
		}
	})
}

// What does not work over an encrypted transport is asked in the clear at once, and not
// tried again for a day.
func TestOpportunisticEncryptionFails(t *testing.T) {
	for what, exchange := range map[string]func(context.Context, *wire.Message) error{
		"an error": func(context.Context, *wire.Message) error { return errors.New("connection reset") },
		"REFUSED": func(_ context.Context, m *wire.Message) error {
			m.RCode, m.Answers = wire.RCodeRefused, nil
			return nil
		},
		"a resolver": func(_ context.Context, m *wire.Message) error {
			m.Flags &^= wire.FlagAA
			m.RCode = wire.RCodeServFail
			return nil
		},
	} {
		playEncrypted(t, func(s *encryptedScene) {
			s.ask("nothing is known", inTheClear, 1)
			works := s.exchange
			s.exchange = exchange
			if took := s.ask(what, inTheClear, 1); took != 0 {
				t.Errorf("%s: took %v", what, took)
			}
			if what == "an error" {
				s.ask("is it still there", inTheClear, 1)
			}
			s.is(what, EncryptionFails)
			s.exchange = works
			for range 5 {
				s.ask("after it has failed", inTheClear, 0)
				time.Sleep(time.Hour)
			}
			time.Sleep(encryptionDamping)
			s.ask("a day later", inTheClear, 1)
			s.is("a day later", EncryptionWorks)
			if stats := s.r.Stats(); stats.Encryption.Fallbacks != 1 || stats.UpstreamSent != uint64(s.asked)+1 || stats.Answered != uint64(s.asked) {
				t.Errorf("%s: %+v", what, stats)
			}
		})
	}
}

// A server that is silent over an encrypted transport is asked in the clear after the time
// that any server is given, and then at once.
func TestOpportunisticEncryptionHangs(t *testing.T) {
	playEncrypted(t, func(s *encryptedScene) {
		s.ask("nothing is known", inTheClear, 1)
		s.exchange = func(ctx context.Context, _ *wire.Message) error {
			<-ctx.Done()
			return ctx.Err()
		}
		if took := s.ask("it is silent", inTheClear, 1); took > time.Second/2 {
			t.Errorf("took %v", took)
		}
		if took := s.ask("and still is", inTheClear, 1); took != 0 {
			t.Errorf("took %v", took)
		}
		if took := s.ask("while it is tried", inTheClear, 0); took != 0 {
			t.Errorf("took %v", took)
		}
		time.Sleep(encryptionTimeout)
		synctest.Wait()
		s.is("after four seconds", EncryptionTimesOut)
		s.ask("after it has timed out", inTheClear, 0)
	})
}

// The resolver can be closed while an attempt is on its way.
func TestCloseWhileEncryptionIsTried(t *testing.T) {
	playEncrypted(t, func(s *encryptedScene) {
		s.exchange = func(ctx context.Context, _ *wire.Message) error {
			<-ctx.Done()
			return ctx.Err()
		}
		s.ask("it is silent", inTheClear, 1)
		began := time.Now()
		s.r.Close()
		if took := time.Since(began); took != 0 {
			t.Errorf("took %v", took)
		}
	})
}

// Attempts and connections are bounded.
func TestEncryptionIsBounded(t *testing.T) {
	crowded := 0
	o := newOpportunist(func(netip.Addr) []*upstream.Transport { return nil }, upstream.NewClient(upstream.Config{}), func() { crowded++ })
	defer o.end()
	began := time.Now()
	var later []func()
	try := func(now time.Time) {
		o.try(&server{Server: o.client.Server(serverA), encryption: new(encryption)}, wire.Question{}, now, func(f func()) { later = append(later, f) })
	}
	for range maxEncryptionTrials + 1 {
		try(began)
	}
	if len(later) != maxEncryptionTrials || crowded != 1 {
		t.Errorf("%d attempts at once, %d too many", len(later), crowded)
	}
	for _, f := range later {
		f()
	}
	for range maxEncryptedSessions {
		if !o.keep(&encryption{lastUse: began}, began) {
			t.Fatal("there is no room for connections")
		}
	}
	if o.keep(new(encryption), began.Add(encryptedSessionLimit-1)) {
		t.Error("there is room for one more")
	}
	if full := began.Add(encryptedSessionLimit); !o.full.Equal(full) {
		t.Errorf("looked for room again at %v, not %v", o.full, full)
	}
	if !o.keep(new(encryption), began.Add(encryptedSessionLimit)) || len(o.sessions) != 1 {
		t.Error("connections that have ended take room")
	}
}
