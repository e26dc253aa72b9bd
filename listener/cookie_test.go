package listener

import (
	"bytes"
	"context"
	"encoding/hex"
	"net/netip"
	"testing"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The examples of RFC 9018 Appendix A. The client of A.3 comes with a
// cookie that is older than an hour: its hash fits when it is asked about in time.
func TestCookiesOfRFC9018(t *testing.T) {
	const first = "e5e973e5a6b2a43f48e7dc849e37bfcf"
	for _, c := range []struct {
		name    string
		secrets []string
		client  string
		now     uint32
		sent    string
		state   cookieState
		reply   string
	}{
		{"A.1", []string{first}, "198.51.100.100", 1559731985, "2464c4abcf10c957", cookieClient,
			"2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
		{"A.2", []string{first}, "198.51.100.100", 1559734385, "2464c4abcf10c957010000005cf79f111f8130c3eee29480", cookieGood,
			"2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
		{"A.3", []string{first}, "203.0.113.203", 1559734700, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", cookieBad,
			"fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"},
		{"A.4", []string{"445536bcd2513298075a5d379663c962", "dd3bdf9344b678b185a6f5cb60fca715"}, "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961,
			"22681ab97d52c298010000005cf7c57926556bd0934c72f8", cookieGood,
			"22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
	} {
		var secrets [][16]byte
		for _, s := range c.secrets {
			secrets = append(secrets, [16]byte(unhex(t, s)))
		}
		m := newCookieMaker(secrets)
		sent, client := unhex(t, c.sent), netip.MustParseAddr(c.client)
		state, keep := m.check(sent, client, c.now)
		if state != c.state || keep {
			t.Errorf("%s: state %d, kept %v", c.name, state, keep)
		}
		if got := m.make([8]byte(sent), client, c.now); !bytes.Equal(got[:], unhex(t, c.reply)) {
			t.Errorf("%s: reply has %x", c.name, got)
		}
	}
	m := newCookieMaker([][16]byte{[16]byte(unhex(t, first))})
	if state, _ := m.check(unhex(t, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5"), netip.MustParseAddr("203.0.113.203"), 1559727985); state != cookieGood {
		t.Errorf("reserved octets make a cookie bad")
	}
}

func TestCookiesHaveTheirTime(t *testing.T) {
	m := newCookieMaker(nil)
	client := netip.MustParseAddr("192.0.2.1")
	for _, made := range []uint32{1559731985, 1<<32 - 10, 5} { // the time of cookies goes round in 2106
		data := m.make([8]byte{1}, client, made)
		for _, c := range []struct {
			age   int32
			state cookieState
			keep  bool
		}{
			{0, cookieGood, true}, {1800, cookieGood, true}, {1801, cookieGood, false}, {3600, cookieGood, false},
			{3601, cookieBad, false}, {-300, cookieGood, true}, {-301, cookieBad, false}, {-1 << 31, cookieBad, false},
		} {
			if state, keep := m.check(data[:], client, made+uint32(c.age)); state != c.state || keep != c.keep {
				t.Errorf("made at %d, aged %d: state %d, kept %v", made, c.age, state, keep)
			}
		}
	}
}

func TestForeignCookiesAreBad(t *testing.T) {
	m, client := newCookieMaker(nil), netip.MustParseAddr("192.0.2.1")
	good := m.make([8]byte{1}, client, 1000)
	if state, _ := m.check(good[:], client, 1000); state != cookieGood {
		t.Fatalf("state %d", state)
	}
	for i := range good {
		bad := good
		bad[i] ^= 1
		if state, _ := m.check(bad[:], client, 1000); state != cookieBad {
			t.Errorf("octet %d is not looked at", i)
		}
	}
	other := newCookieMaker(nil)
	if state, _ := other.check(good[:], client, 1000); state != cookieBad {
		t.Error("two servers have the same secret")
	}
	for _, a := range []string{"192.0.2.2", "2001:db8::1", "::192.0.2.1"} {
		if state, _ := m.check(good[:], netip.MustParseAddr(a), 1000); state != cookieBad {
			t.Errorf("good for %s too", a)
		}
	}
	for n := 16; n <= 40; n++ {
		if state, _ := m.check(append(good[:], make([]byte, 16)...)[:n], client, 1000); (state == cookieGood) != (n == 24) {
			t.Errorf("%d octets: state %d", n, state)
		}
	}
}

// cookieQuery is modern with a COOKIE option, or without a question.
func cookieQuery(cookie []byte, questions int) []byte {
	e := wire.EDNS{UDPSize: 1232, Options: wire.Options{}.AppendOption(wire.OptionCookie, cookie)}
	if questions == 0 {
		return e.AppendTo(packet(0, [4]uint16{3: 1}))
	}
	return Question(1, "www.example.", &e)
}

func TestRepliesHaveCookies(t *testing.T) {
	now := time.Unix(1559731985, 0)
	var valid bool
	p := newPure(t, Config{Resolver: watcher{&valid}, ErrorsPerSecond: -1})
	p.edge.rules.Load().cookies.now = func() time.Time { return now }
	ask := func(query []byte, peer names.Peer) (Reply, []byte) {
		t.Helper()
		got, isSlow := p.try(query, peer)
		if isSlow {
			t.Fatal("slow")
		}
		r := ParseReply(t, got)
		cookie, _ := r.EDNS.Options.Find(wire.OptionCookie)
		return r, bytes.Clone(cookie)
	}
	mine := []byte("12345678")
	for _, peer := range []names.Peer{client, {Transport: names.TCP, Remote: netip.MustParseAddrPort("[2001:db8::1]:53")}} {
		for questions := range 2 {
			r, fresh := ask(cookieQuery(mine, questions), peer)
			if r.RCode != 0 || r.Answers != questions || len(fresh) != 24 || !bytes.HasPrefix(fresh, mine) || valid {
				t.Fatalf("reply %+v, cookie %x", r, fresh)
			}
			r, again := ask(cookieQuery(fresh, questions), peer)
			if r.RCode != 0 || r.Answers != questions || !bytes.Equal(again, fresh) || valid != (questions == 1) {
				t.Errorf("reply %+v, cookie %x, told to be good: %v", r, again, valid)
			}
			valid = false
			bad := bytes.Clone(fresh)
			bad[23]++
			r, again = ask(cookieQuery(bad, questions), peer)
			want := wire.RCodeNoError
			if questions == 0 {
				want = wire.RCodeBadCookie
			}
			if r.RCode != want || r.Answers != questions || !bytes.Equal(again, fresh) || valid {
				t.Errorf("reply %+v to a bad cookie, cookie %x", r, again)
			}
			for n := range 50 {
				if n == 8 || n >= 16 && n <= 40 {
					continue
				}
				if r, cookie := ask(cookieQuery(make([]byte, n), questions), peer); r.RCode != wire.RCodeFormErr || cookie != nil || r.Answers != 0 {
					t.Errorf("%d octets: %+v", n, r)
				}
			}
		}
	}
	for what, query := range map[string][]byte{
		"no OPT":          packet(0, [4]uint16{}),
		"no cookie":       packet(0, [4]uint16{3: 1}, opt),
		"a second record": append(cookieQuery(mine, 0)[:12:12], append([]byte(aRecord), cookieQuery(mine, 0)[12:]...)...),
	} {
		if what == "a second record" {
			query[11] = 2
		}
		if r, _ := ask(query, client); r.RCode != wire.RCodeFormErr {
			t.Errorf("no question, %s: %v", what, r.RCode)
		}
	}
}

// watcher is an Echo that tells whether it heard of a good cookie.
type watcher struct{ valid *bool }

func (w watcher) TryResolve(x *names.Exchange) error {
	*w.valid = x.Peer.CookieValid
	return Echo{}.TryResolve(x)
}

func (w watcher) Resolve(_ context.Context, x *names.Exchange) error { return w.TryResolve(x) }
