package upstream

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

var serverAddr = netip.MustParseAddrPort("192.0.2.53:53")

// scene is a server that does what a test wants, and time that passes by command.
type scene struct {
	*testing.T
	network upstreamtest.Network
	client  *Client
	server  *Server
}

func play(t *testing.T, c Config, act func(s *scene)) {
	synctest.Test(t, func(t *testing.T) {
		s := &scene{T: t}
		c.Network = &s.network
		s.client = NewClient(c)
		s.server = s.client.Server(serverAddr)
		act(s)
		s.server.Close()
		s.client.Wait()
		s.network.Wait()
		if _, open, _ := s.network.Sockets(); open != 0 {
			t.Errorf("%d sockets are still open", open)
		}
		if left := members(&s.client.own.queries); len(left) != 0 {
			t.Errorf("queries %v are still remembered", left)
		}
		if left := members(&s.client.own.cookies); len(left) != 0 {
			t.Errorf("cookies %v are still remembered", left)
		}
	})
}

// members lists what is in a set.
func members[T comparable](s *set[T]) (list []T) {
	for i := range s.shards {
		for v := range s.shards[i].members {
			list = append(list, v)
		}
	}
	return list
}

func (s *scene) serve(udp, tcp upstreamtest.Handler) { s.network.Serve(serverAddr, udp, tcp) }

func newQuery(name string) *Query {
	return &Query{
		Question: wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN},
		Flags:    wire.FlagRD, Budget: NewBudget(20, 1<<20),
	}
}

func (s *scene) ask() (Reply, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return s.server.Ask(ctx, newQuery("www.Example.com."))
}

// mustAnswer asks and wants the answer 192.0.2.7, the question in the case it was asked in.
func (s *scene) mustAnswer() Reply {
	s.Helper()
	r, err := s.ask()
	if err != nil {
		s.Fatalf("no answer: %v", err)
	}
	m, err := wire.ParseMessage(r.Message)
	if err != nil {
		s.Fatal(err)
	}
	if len(m.Answers) != 1 || m.Answers[0].String() != "www.Example.com.\t300\tIN\tA\t192.0.2.7" || m.Questions[0].Name.String() != "www.Example.com." {
		s.Fatalf("wrong answer:\n%v", m)
	}
	return r
}

func right(q *upstreamtest.Query) { q.Answer("@ A 192.0.2.7") }

func silent(*upstreamtest.Query) {}

// count counts the queries that h gets.
func count(n *int, h upstreamtest.Handler) upstreamtest.Handler {
	return numbered(n, func(q *upstreamtest.Query, _ int) { h(q) })
}

// numbered counts the queries that h gets and tells it the number of each,
// from 1.
func numbered(n *int, h func(q *upstreamtest.Query, number int)) upstreamtest.Handler {
	var mu sync.Mutex
	return func(q *upstreamtest.Query) {
		mu.Lock()
		*n++
		number := *n
		mu.Unlock()
		h(q, number)
	}
}

func TestAsk(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		s.serve(func(q *upstreamtest.Query) {
			time.Sleep(30 * time.Millisecond)
			right(q)
		}, nil)
		if r := s.mustAnswer(); r.RTT != 30*time.Millisecond || r.RCode != wire.RCodeNoError {
			t.Errorf("RTT %v, RCODE %v", r.RTT, r.RCode)
		}
	})
}

// Packets without the ID, which an attacker off the path has to guess, are
// waited past; after a few the question goes over TCP.
func TestForeignPackets(t *testing.T) {
	var heard []string
	unexpected := func(_ netip.AddrPort, why string) { heard = append(heard, why) }
	forge := func(q *upstreamtest.Query) {
		m := q.Reply()
		m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 203.0.113.66")
		m.ID++
		q.SendMessage(m)
	}
	play(t, Config{Unexpected: unexpected}, func(s *scene) {
		s.serve(func(q *upstreamtest.Query) { forge(q); forge(q); right(q) }, nil)
		s.mustAnswer()
		if len(heard) != 2 || heard[0] != "wrong ID" {
			t.Errorf("heard of %q", heard)
		}
	})
	heard = nil
	play(t, Config{Unexpected: unexpected}, func(s *scene) {
		overTCP := 0
		s.serve(func(q *upstreamtest.Query) {
			for range 10 {
				forge(q)
			}
		}, count(&overTCP, right))
		s.mustAnswer()
		if len(heard) != maxForeign || overTCP != 1 {
			t.Errorf("%d packets were looked at, %d questions went over TCP", len(heard), overTCP)
		}
	})
}

// A packet with the right ID and something else wrong is forged or comes from a
// faulty server: the question goes over TCP at once, and the server is not
// waited for. Over TCP such a reply is useless.
func TestDoubtfulReplies(t *testing.T) {
	for _, c := range []struct {
		why     string
		spoil   func(m *wire.Message)
		udpOnly bool // TCP proves who sent it
	}{
		{"wrong question", func(m *wire.Message) {
			m.Questions = []wire.Question{{Name: wire.Root, Type: wire.TypeA, Class: wire.ClassIN}}
		}, false},
		{"wrong question", func(m *wire.Message) { m.Questions[0].Type = wire.TypeAAAA }, false},
		{"wrong question", func(m *wire.Message) { m.Questions[0].Class = wire.ClassCH }, false},
		{"wrong question", func(m *wire.Message) { m.Questions[0].Type, m.RCode = wire.TypeAAAA, wire.RCodeServFail }, false},
		{"wrong question", func(m *wire.Message) { m.Questions = append(m.Questions, m.Questions[0]) }, false},
		{"wrong question", func(m *wire.Message) { m.Questions = nil }, false},
		{"wrong question", func(m *wire.Message) { m.Questions, m.RCode = nil, wire.RCodeNXDomain }, false},
		{"wrong question", func(m *wire.Message) { m.Questions, m.Answers, m.EDNS = nil, nil, nil }, false},
		{"not a response to a query", func(m *wire.Message) { m.Flags &^= wire.FlagQR }, false},
		{"not a response to a query", func(m *wire.Message) { m.Flags = m.Flags.WithOpcode(wire.OpcodeNotify) }, false},
		{"wrong cookie", func(m *wire.Message) {
			m.EDNS.Options = wire.Options(nil).AppendOption(wire.OptionCookie, []byte("12345678abcdefgh"))
		}, true},
		{"wrong cookie", func(m *wire.Message) {
			m.EDNS.Options = wire.Options(nil).AppendOption(wire.OptionCookie, []byte("1234567"))
		}, true},
	} {
		t.Run(c.why, func(t *testing.T) {
			forge := func(q *upstreamtest.Query) {
				m := q.Reply()
				m.Questions = slices.Clone(m.Questions)
				if c.spoil(m); m.EDNS != nil && m.RCode == wire.RCodeNoError {
					m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 203.0.113.66")
				}
				q.SendMessage(m)
			}
			var heard []string
			unexpected := func(_ netip.AddrPort, why string) { heard = append(heard, why) }
			play(t, Config{Unexpected: unexpected}, func(s *scene) {
				s.serve(forge, right)
				s.mustAnswer()
				if len(heard) != 1 || heard[0] != c.why {
					t.Errorf("heard of %q", heard)
				}
			})
			if c.udpOnly {
				return
			}
			play(t, Config{}, func(s *scene) {
				s.serve(truncated, forge)
				if _, err := s.ask(); !errors.Is(err, ErrMismatch) {
					t.Errorf("over TCP: got %v", err)
				}
			})
		})
	}
}

// bare answers with a header and nothing else, whatever its counts say.
func bare(r wire.RCode, questions byte) upstreamtest.Handler {
	return func(q *upstreamtest.Query) {
		b := []byte{byte(q.ID >> 8), byte(q.ID), 0x80, byte(r), 0, questions, 0, 0, 0, 0, 0, 0}
		q.Send(b)
	}
}

// Twelve octets are an answer if they are an error: the server has spoken, and
// is not waited for.
func TestBareErrors(t *testing.T) {
	for _, rcode := range []wire.RCode{wire.RCodeFormErr, wire.RCodeServFail, wire.RCodeNotImp, wire.RCodeRefused, wire.RCodeNotAuth} {
		for _, questions := range []byte{0, 1, 2} {
			for _, overTCP := range []bool{false, true} {
				play(t, Config{}, func(s *scene) {
					if s.serve(bare(rcode, questions), nil); overTCP {
						s.serve(truncated, bare(rcode, questions))
					}
					r, err := s.ask()
					if err != nil || r.RCode != rcode || !r.Heard || r.HasQuestion {
						t.Errorf("TCP %v, %v, %d questions: %+v, %v", overTCP, rcode, questions, r, err)
					}
					if f, _ := s.server.initialForm(time.Now()); !f.mixed || !f.edns {
						t.Errorf("TCP %v, %v: it is asked in the form %+v from now on", overTCP, rcode, f)
					}
				})
			}
		}
	}
}

// What comes after the end of a message belongs to nothing (RFC 1035 4.1).
func TestTrailingOctets(t *testing.T) {
	trailing := func(q *upstreamtest.Query) {
		m := q.Reply()
		m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 192.0.2.7")
		b, err := m.AppendTo(nil)
		if err != nil {
			t.Error(err)
		}
		q.Send(append(b, 0, 0, 0))
	}
	for _, udp := range []upstreamtest.Handler{trailing, truncated} {
		play(t, Config{}, func(s *scene) {
			s.serve(udp, trailing)
			if r, err := s.ask(); err != nil || !bytes.Contains(r.Message, []byte{192, 0, 2, 7}) {
				t.Errorf("got %x, %v", r.Message, err)
			}
		})
	}
}

// An error whose records cannot be followed is that error.
func TestErrorCutShort(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		s.serve(func(q *upstreamtest.Query) {
			m := q.Reply()
			m.RCode, m.Answers = wire.RCodeServFail, upstreamtest.Records(q.Questions[0].Name, "@ A 192.0.2.7")
			m.EDNS = nil
			b, _ := m.AppendTo(nil)
			q.Send(b[:len(b)-3])
		}, nil)
		if r, err := s.ask(); err != nil || r.RCode != wire.RCodeServFail {
			t.Errorf("got %v, %v", r.RCode, err)
		}
	})
}

func TestShortPacketIsForeign(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		s.serve(func(q *upstreamtest.Query) {
			q.Send(nil)
			q.Send(make([]byte, wire.HeaderLen-1))
			right(q)
		}, nil)
		s.mustAnswer()
	})
}

// Guessing that goes on is not given in to: no TCP, no answer.
func TestGuessingWithoutTCP(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		asked := 0
		s.serve(count(&asked, func(q *upstreamtest.Query) {
			m := q.Reply()
			m.ID++
			for range 10 {
				q.SendMessage(m)
			}
			right(q)
		}), nil)
		var overTCP *TCPError
		if _, err := s.ask(); !errors.As(err, &overTCP) || !errors.Is(err, syscall.ECONNREFUSED) || asked != 1 {
			t.Errorf("asked %d times, got %v", asked, err)
		}
		if f, _ := s.server.initialForm(time.Now()); !f.mixed {
			t.Error("the case was given up for it")
		}
	})
}

func lowerCase(q *upstreamtest.Query) {
	m := q.Reply()
	m.Questions = []wire.Question{m.Questions[0]}
	m.Questions[0].Name = m.Questions[0].Name.Fold()
	m.Answers = upstreamtest.Records(m.Questions[0].Name, "@ A 192.0.2.7")
	q.SendMessage(m)
}

func TestWrongCaseIsSettledOverTCP(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		var udp, tcp int
		s.serve(count(&udp, lowerCase), count(&tcp, lowerCase))
		s.mustAnswer()
		s.mustAnswer()
		if udp != 2 || tcp != 1 {
			t.Errorf("asked %d times over UDP and %d times over TCP", udp, tcp)
		}
		time.Sleep(caseMemory)
		s.mustAnswer()
		if udp != 3 || tcp != 2 {
			t.Errorf("an hour later: asked %d times over UDP and %d times over TCP", udp, tcp)
		}
	})
}

// A server that repeats the case over TCP was not the one who answered: the
// case counts on.
func TestForgedCaseIsNotBelieved(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		s.serve(lowerCase, right)
		s.mustAnswer()
		if f, _ := s.server.initialForm(time.Now()); !f.mixed {
			t.Error("the case was given up")
		}
	})
}

func TestWrongCaseWithoutTCP(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		asked := 0
		s.serve(count(&asked, lowerCase), nil)
		s.mustAnswerInLowerCase()
		s.mustAnswerInLowerCase()
		if asked != 3 {
			t.Errorf("asked %d times, not twice and then once", asked)
		}
	})
}

// mustAnswerInLowerCase is mustAnswer for servers that own what they say in lower case.
func (s *scene) mustAnswerInLowerCase() {
	s.Helper()
	if r, err := s.ask(); err != nil || r.RCode != wire.RCodeNoError {
		s.Fatalf("RCODE %v, error %v", r.RCode, err)
	}
}

func TestCaseIsMixed(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		seen := map[string]bool{}
		s.serve(func(q *upstreamtest.Query) {
			seen[q.Questions[0].Name.String()] = true
			right(q)
		}, nil)
		for range 20 {
			s.mustAnswer()
		}
		if len(seen) < 15 {
			t.Errorf("20 questions had only %d mixes of case", len(seen))
		}
	})
	play(t, Config{PlainCase: true}, func(s *scene) {
		s.serve(func(q *upstreamtest.Query) {
			if got := q.Questions[0].Name.String(); got != "www.Example.com." {
				t.Errorf("asked for %s", got)
			}
			lowerCase(q)
		}, nil)
		s.mustAnswerInLowerCase()
	})
}

func TestMixCaseChangesLettersOnly(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	bits := make([]byte, 32)
	for i := range bits {
		bits[i] = 0xFF
	}
	mixCase(all, bits)
	for i, c := range all {
		want := byte(i)
		if 'a' <= want && want <= 'z' {
			want -= 'a' - 'A'
		}
		if c != want {
			t.Errorf("octet %d became %d", i, c)
		}
	}
}

// EDNS is left out for servers that do not know it, and tried again later.
func TestServersWithoutEDNS(t *testing.T) {
	for name, reject := range map[string]upstreamtest.Handler{
		"FORMERR, header only": func(q *upstreamtest.Query) {
			m := q.Reply()
			m.RCode, m.EDNS, m.Questions = wire.RCodeFormErr, nil, nil
			q.SendMessage(m)
		},
		"FORMERR": func(q *upstreamtest.Query) {
			m := q.Reply()
			m.RCode, m.EDNS = wire.RCodeFormErr, nil
			q.SendMessage(m)
		},
		"NOTIMP": func(q *upstreamtest.Query) {
			m := q.Reply()
			m.RCode, m.EDNS = wire.RCodeNotImp, nil
			q.SendMessage(m)
		},
		"BADVERS": func(q *upstreamtest.Query) { q.Fail(wire.RCodeBadVers) },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, Config{}, func(s *scene) {
				asked := 0
				s.serve(count(&asked, func(q *upstreamtest.Query) {
					if q.EDNS != nil {
						reject(q)
						return
					}
					right(q)
				}), nil)
				s.mustAnswer()
				s.mustAnswer()
				if asked != 3 {
					t.Errorf("asked %d times, not twice and then once", asked)
				}
				time.Sleep(ednsMemory)
				s.mustAnswer()
				if asked != 5 {
					t.Errorf("asked %d times: EDNS was not tried again", asked)
				}
			})
		})
	}
}

// EDNS is left out for servers that are silent to it, for a short while; not
// for those that are just slow or not there.
func TestServersSilentToEDNS(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		var mu sync.Mutex // a server that is silent is not waited for
		var withEDNS, without int
		hears := func(q *upstreamtest.Query) bool { return q.EDNS == nil }
		s.serve(func(q *upstreamtest.Query) {
			mu.Lock()
			defer mu.Unlock()
			if q.EDNS == nil {
				without++
			} else {
				withEDNS++
			}
			if hears(q) {
				right(q)
			}
		}, nil)
		// count returns what the server was asked since it was called last, and
		// has it behave as h from now on.
		count := func(h func(q *upstreamtest.Query) bool) (with, plain int) {
			mu.Lock()
			defer mu.Unlock()
			with, plain, withEDNS, without = withEDNS, without, 0, 0
			if h != nil {
				hears = h
			}
			return with, plain
		}
		try := func() error {
			ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
			defer cancel()
			_, err := s.server.Ask(ctx, newQuery("www.example.com."))
			return err
		}
		for i := range 2 {
			if err := try(); err == nil {
				t.Fatalf("question %d was answered", i)
			}
		}
		err := try()
		if with, plain := count(nil); err != nil || with != 2 || plain != 1 {
			t.Fatalf("%d questions with EDNS, %d without: %v", with, plain, err)
		}
		err = try()
		if with, _ := count(nil); err != nil || with != 0 {
			t.Errorf("EDNS was tried again at once: %v", err)
		}
		time.Sleep(silenceMemory)
		count(func(q *upstreamtest.Query) bool { return q.EDNS != nil })
		if err := try(); err != nil {
			t.Errorf("EDNS is not understood, and was before: %v", err)
		}
		count(func(*upstreamtest.Query) bool { return false })
		for range 6 {
			try()
		}
		if with, plain := count(nil); with != 6 || plain != 0 {
			t.Errorf("a server that knew EDNS was asked %d times without", plain)
		}
		time.Sleep(ednsMemory)
		for range 6 {
			try()
		}
		if with, plain := count(nil); with != 4 || plain != 2 {
			t.Errorf("a server that may have been replaced was asked %d times with EDNS, %d without", with, plain)
		}
	})
}

// A burst of questions to an unknown server says nothing about EDNS.
func TestBurstIsNoSilence(t *testing.T) {
	s := NewClient(Config{}).Server(serverAddr)
	now := time.Now()
	for i := range 100 {
		if f, _ := s.initialForm(now.Add(time.Duration(i) * time.Millisecond)); !f.edns {
			t.Fatalf("question %d is asked without EDNS", i)
		}
	}
}

func TestServersThatDislikeCookies(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		asked := 0
		s.serve(count(&asked, func(q *upstreamtest.Query) {
			switch {
			case q.EDNS == nil:
				t.Error("EDNS was left out")
			case len(q.EDNS.Options) > 0:
				q.Fail(wire.RCodeFormErr)
			default:
				right(q)
			}
		}), nil)
		s.mustAnswer()
		s.mustAnswer()
		if asked != 3 {
			t.Errorf("asked %d times, not twice and then once", asked)
		}
	})
}

// A server that answers FORMERR to everything has said what it has to say, and
// nothing about EDNS.
func TestFormErrInEveryForm(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		asked := 0
		s.serve(count(&asked, func(q *upstreamtest.Query) { q.Fail(wire.RCodeFormErr) }), nil)
		if r, err := s.ask(); err != nil || r.RCode != wire.RCodeFormErr || asked != 3 {
			t.Errorf("asked %d times: RCODE %v, error %v", asked, r.RCode, err)
		}
		if f, _ := s.server.initialForm(time.Now()); !f.edns {
			t.Error("EDNS was given up for it")
		}
	})
}

func withCookie(q *upstreamtest.Query, server string) *wire.Message {
	m := q.Reply()
	data, _ := q.EDNS.Options.Find(wire.OptionCookie)
	m.EDNS.Options = m.EDNS.Options.AppendOption(wire.OptionCookie, append(append([]byte(nil), data[:8]...), server...))
	return m
}

func serverCookie(q *upstreamtest.Query) string {
	data, _ := q.EDNS.Options.Find(wire.OptionCookie)
	return string(data[8:])
}

func TestCookies(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		var got []string
		s.serve(func(q *upstreamtest.Query) {
			got = append(got, serverCookie(q))
			m := withCookie(q, "cookie:"+string(rune('a'+len(got))))
			m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 192.0.2.7")
			q.SendMessage(m)
		}, nil)
		s.mustAnswer()
		s.mustAnswer()
		s.mustAnswer()
		if text := strings.Join(got, " "); text != " cookie:b cookie:c" {
			t.Errorf("the server was sent the cookies %q", text)
		}
	})
	play(t, Config{NoCookies: true}, func(s *scene) {
		s.serve(func(q *upstreamtest.Query) {
			if len(q.EDNS.Options) > 0 {
				t.Error("there is a cookie")
			}
			right(q)
		}, nil)
		s.mustAnswer()
	})
}

// RFC 7873 5.3: once more with the new cookie, then over TCP.
func TestBadCookie(t *testing.T) {
	for _, limit := range []int{1, 1000} {
		play(t, Config{}, func(s *scene) {
			var udp, tcp int
			s.serve(numbered(&udp, func(q *upstreamtest.Query, number int) {
				m := withCookie(q, "cookie:1")
				if m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 192.0.2.7"); number <= limit {
					m.RCode, m.Answers = wire.RCodeBadCookie, nil
				}
				q.SendMessage(m)
			}), count(&tcp, right))
			s.mustAnswer()
			if udp != 2 || tcp != limit/1000 {
				t.Errorf("asked %d times over UDP, %d times over TCP", udp, tcp)
			}
		})
	}
}

// A reply without the cookie that the server is known to send may be forged.
func TestMissingCookie(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		var udp, tcp int
		s.serve(numbered(&udp, func(q *upstreamtest.Query, number int) {
			if number > 1 {
				right(q)
				return
			}
			m := withCookie(q, "cookie:1")
			m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 192.0.2.7")
			q.SendMessage(m)
		}), count(&tcp, right))
		s.mustAnswer()
		s.mustAnswer() // over TCP, if there is no cookie either: it is forgotten
		s.mustAnswer()
		if udp != 3 || tcp != 1 {
			t.Errorf("asked %d times over UDP, %d times over TCP", udp, tcp)
		}
	})
}

// cookieServer answers with a cookie, and at times with what forge sends in its
// place.
func cookieServer(isForged *bool, forge upstreamtest.Handler) upstreamtest.Handler {
	return func(q *upstreamtest.Query) {
		if *isForged {
			forge(q)
			return
		}
		m := q.Reply()
		if q.EDNS != nil {
			m = withCookie(q, "cookie:1")
		}
		m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 192.0.2.7")
		q.SendMessage(m)
	}
}

// A server that is known to send cookies is believed without them only over
// TCP: whatever is forged over UDP, the question goes there, and EDNS, cookies
// and mixed case stay.
func TestForgedDowngrade(t *testing.T) {
	for name, forge := range map[string]upstreamtest.Handler{
		"FORMERR, twelve octets":  bare(wire.RCodeFormErr, 0),
		"NOTIMP, twelve octets":   bare(wire.RCodeNotImp, 0),
		"REFUSED, twelve octets":  bare(wire.RCodeRefused, 0),
		"SERVFAIL, twelve octets": bare(wire.RCodeServFail, 1),
		"FORMERR with OPT":        func(q *upstreamtest.Query) { q.Fail(wire.RCodeFormErr) },
		"BADVERS":                 func(q *upstreamtest.Query) { q.Fail(wire.RCodeBadVers) },
		"BADCOOKIE":               func(q *upstreamtest.Query) { q.Fail(wire.RCodeBadCookie) },
		"no OPT": func(q *upstreamtest.Query) {
			m := q.Reply()
			m.EDNS, m.Answers = nil, upstreamtest.Records(q.Questions[0].Name, "@ A 203.0.113.66")
			q.SendMessage(m)
		},
		"lower case": lowerCase,
	} {
		t.Run(name, func(t *testing.T) {
			play(t, Config{}, func(s *scene) {
				isForged, overTCP := false, 0
				s.serve(cookieServer(&isForged, forge), count(&overTCP, cookieServer(new(bool), nil)))
				s.mustAnswer()
				isForged = true
				s.mustAnswer()
				if overTCP != 1 {
					t.Errorf("%d questions went over TCP", overTCP)
				}
				if f, _ := s.server.initialForm(time.Now()); f != (queryForm{edns: true, cookie: true, mixed: true}) {
					t.Errorf("it is asked in the form %+v from now on", f)
				}
				isForged = false
				s.mustAnswer()
				if overTCP != 1 {
					t.Errorf("%d questions went over TCP", overTCP)
				}
			})
			play(t, Config{}, func(s *scene) { // without TCP there is no answer, and nothing is learned
				isForged := false
				s.serve(cookieServer(&isForged, forge), nil)
				s.mustAnswer()
				isForged = true
				var overTCP *TCPError
				if _, err := s.ask(); !errors.As(err, &overTCP) {
					t.Errorf("got %v", err)
				}
				if f, _ := s.server.initialForm(time.Now()); f != (queryForm{edns: true, cookie: true, mixed: true}) {
					t.Errorf("it is asked in the form %+v from now on", f)
				}
			})
		})
	}
}

// A server that was replaced by one that knows neither EDNS nor cookies shows so
// over TCP, or is believed an hour later.
func TestHonestDowngrade(t *testing.T) {
	old := func(q *upstreamtest.Query) {
		if q.EDNS != nil {
			bare(wire.RCodeFormErr, 0)(q)
			return
		}
		right(q)
	}
	play(t, Config{}, func(s *scene) {
		isOld, overTCP := false, 0
		s.serve(cookieServer(&isOld, old), count(&overTCP, old))
		s.mustAnswer()
		isOld = true
		s.mustAnswer()
		s.mustAnswer()
		if overTCP != 2 { // with EDNS and without
			t.Errorf("asked %d times over TCP", overTCP)
		}
	})
	play(t, Config{}, func(s *scene) {
		isOld := false
		s.serve(cookieServer(&isOld, old), nil)
		s.mustAnswer()
		isOld = true
		if _, err := s.ask(); err == nil {
			t.Error("it was believed")
		}
		time.Sleep(cookieMemory)
		s.mustAnswer()
	})
}

// A server that has gone silent is asked without EDNS, which cookies need, over
// TCP only, if it is known to send them.
func TestSilenceIsNoDowngrade(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		isSilent, overTCP, withoutEDNS := false, 0, 0
		s.serve(cookieServer(&isSilent, func(q *upstreamtest.Query) {
			if q.EDNS == nil {
				withoutEDNS++
			}
		}), count(&overTCP, right))
		s.mustAnswer()
		time.Sleep(ednsMemory)
		isSilent = true
		for range 3 {
			s.ask()
		}
		if overTCP != 1 || withoutEDNS != 0 {
			t.Errorf("%d questions went over TCP, %d without EDNS over UDP", overTCP, withoutEDNS)
		}
	})
}

// A server that knows EDNS and sends no cookies may have an error forged: the
// question is asked without EDNS, the next one with it.
func TestEDNSIsNotForgotten(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		asked := 0
		s.serve(numbered(&asked, func(q *upstreamtest.Query, number int) {
			if number == 2 {
				bare(wire.RCodeFormErr, 0)(q)
				return
			}
			right(q)
		}), nil)
		s.mustAnswer()
		s.mustAnswer()
		if f, _ := s.server.initialForm(time.Now()); !f.edns || !f.cookie || asked != 3 {
			t.Errorf("asked %d times, from now on in the form %+v", asked, f)
		}
	})
}

// A server that likes no cookie, even over TCP, is asked without.
func TestBadCookieForEver(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		var udp, tcp int
		reject := func(q *upstreamtest.Query) {
			if q.EDNS != nil && len(q.EDNS.Options) > 0 {
				q.Fail(wire.RCodeBadCookie)
				return
			}
			right(q)
		}
		s.serve(count(&udp, reject), count(&tcp, reject))
		s.mustAnswer()
		if udp != 2 || tcp != 2 {
			t.Errorf("asked %d times over UDP, %d times over TCP", udp, tcp)
		}
		s.mustAnswer()
		if udp != 3 || tcp != 2 {
			t.Errorf("then asked %d times over UDP, %d times over TCP", udp, tcp)
		}
	})
}

func TestCookieBelongsToAnAddress(t *testing.T) {
	s := NewClient(Config{}).Server(serverAddr)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	cookieAt := func(local netip.Addr) [8]byte {
		o := outgoing{form: queryForm{edns: true, cookie: true}}
		s.cookieFor(local, &o)
		return o.cookie
	}
	first := cookieAt(a)
	if cookieAt(a) != first {
		t.Error("the cookie changed by itself")
	}
	if cookieAt(b) == first || cookieAt(a) == first {
		t.Error("a cookie was used from two addresses")
	}
}

func truncated(q *upstreamtest.Query) {
	m := q.Reply()
	m.Flags |= wire.FlagTC
	q.SendMessage(m)
}

func TestTruncatedGoesOverTCP(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		progress := 0
		s.serve(truncated, right)
		q := newQuery("www.Example.com.")
		q.Progress = func() { progress++ }
		r, err := s.server.Ask(context.Background(), q)
		if err != nil || len(r.Message) == 0 || progress != 1 {
			t.Errorf("progress was told %d times, error %v", progress, err)
		}
	})
}

// Servers of old cut a message anywhere, in a record even.
func TestTruncatedInARecord(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		s.serve(func(q *upstreamtest.Query) {
			m := q.Reply()
			m.Flags |= wire.FlagTC
			m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 192.0.2.7")
			b, _ := m.AppendTo(nil)
			q.Send(b[:len(b)-15])
		}, right)
		s.mustAnswer()
	})
}

func TestTruncatedOverTCP(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		s.serve(truncated, truncated)
		if _, err := s.ask(); !errors.Is(err, ErrTruncated) {
			t.Errorf("got %v", err)
		}
	})
}

// Records that cannot be followed to the end may have been cut off on the way:
// TCP has them whole, or the server cannot be understood.
func TestMalformedReply(t *testing.T) {
	malformed := func(q *upstreamtest.Query) {
		m := q.Reply()
		m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 192.0.2.7")
		b, _ := m.AppendTo(nil)
		q.Send(b[:len(b)-15])
	}
	play(t, Config{}, func(s *scene) {
		s.serve(malformed, right)
		s.mustAnswer()
	})
	play(t, Config{}, func(s *scene) {
		s.serve(malformed, malformed)
		if _, err := s.ask(); !errors.Is(err, ErrMalformed) {
			t.Errorf("got %v", err)
		}
	})
}

func TestSilentServer(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		s.serve(silent, nil)
		if _, err := s.ask(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestServerThatIsNotThere(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		if _, err := s.ask(); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("got %v", err)
		}
	})
}

func TestBudget(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		s.serve(truncated, right)
		q := newQuery("www.example.com.")
		q.Budget = NewBudget(1, 1<<20)
		if _, err := s.server.Ask(context.Background(), q); !errors.Is(err, ErrBudget) {
			t.Errorf("a second query: got %v", err)
		}
		q.Budget = NewBudget(10, 20)
		if _, err := s.server.Ask(context.Background(), q); !errors.Is(err, ErrBudget) {
			t.Errorf("more than 20 octets: got %v", err)
		}
	})
}

// A query that comes back to its sender is recognised while it is waited for.
func TestIsOwn(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		seen := 0
		check := func(q *upstreamtest.Query) {
			seen++
			stranger := netip.MustParseAddrPort("198.51.100.1:4242")
			for _, c := range []struct {
				from netip.AddrPort
				id   uint16
				edns bool
				want bool
			}{
				{q.From, q.ID, false, true},
				{q.From, q.ID, true, true},
				{stranger, q.ID, true, true}, // another server passed it on, cookie and all
				{stranger, q.ID, false, false},
				{q.From, q.ID + 1, false, false},
			} {
				m := &wire.Message{ID: c.id, Questions: q.Questions}
				if c.edns {
					m.EDNS = q.EDNS
				}
				b, err := m.AppendTo(nil)
				if err != nil {
					t.Error(err)
				}
				var x names.Exchange
				x.Read(b, names.Peer{Remote: c.from})
				if got := s.client.IsOwn(&x); got != c.want {
					t.Errorf("TCP %v, %+v: got %v", q.TCP, c, got)
				}
			}
		}
		s.serve(func(q *upstreamtest.Query) { check(q); truncated(q) }, func(q *upstreamtest.Query) { check(q); right(q) })
		s.mustAnswer()
		if seen != 2 {
			t.Errorf("the server was asked %d times", seen)
		}
	})
}

// It is asked about every query a server gets.
func TestIsOwnAllocatesNothing(t *testing.T) {
	c := NewClient(Config{})
	o := outgoing{Query: newQuery("www.example.com."), form: queryForm{edns: true, cookie: true}, cookie: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}}
	o.compose(nil, 1232, nil)
	var x names.Exchange
	x.Read(o.packet, names.Peer{Remote: netip.MustParseAddrPort("192.0.2.1:4242")})
	if n := testing.AllocsPerRun(100, func() {
		if c.IsOwn(&x) {
			t.Error("another server's query")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
