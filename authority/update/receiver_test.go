package update

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// ask gives a request to a receiver as a server does. The reply is parsed.
func ask(t testing.TB, r *Receiver, client string, message []byte) (*wire.Message, error) {
	t.Helper()
	var x names.Exchange
	peer := newPeer(client)
	x.Peer = peer
	x.Query.Parse(message)
	if _, err := x.Open(); err != nil {
		t.Fatal(err)
	}
	x.Peer = peer
	x.Begin(nil, 1232)
	err := r.TryResolve(&x)
	if err == names.ErrSlow {
		err = r.Resolve(context.Background(), &x)
	}
	if err != nil {
		return nil, err
	}
	m, parseErr := wire.ParseMessage(x.Finish())
	if parseErr != nil {
		t.Fatal(parseErr)
	}
	return m, nil
}

func message(t testing.TB, r *Request) []byte {
	t.Helper()
	b, err := r.AppendTo(nil, 7)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sure is a policy that lets the key "k." do all.
func sure(t testing.TB) Policy { return Policy{rule(t, "keys=k. types=ANY")} }

func newReceiver(z *authority.Zone, c *ZoneConfig) *Receiver {
	return NewReceiver(ReceiverConfig{
		Zone: func(name wire.Name, class wire.Class) (*authority.Zone, *ZoneConfig) {
			if name.Equal(z.Origin()) && class == z.Class() {
				return z, c
			}
			return nil, nil
		},
		Now: func() time.Time { return time.Date(2026, 11, 30, 23, 59, 59, 0, time.UTC) },
	})
}

// refusing is a journal that cannot write.
type refusing struct{}

func (refusing) Append(*authority.Txn, authority.Receipt) (authority.Receipt, error) {
	return nil, errors.New("disk is full")
}

// TestReceiver: what the client gets, and what is counted.
func TestReceiver(t *testing.T) {
	z := newZone(t, "www A 192.0.2.1")
	r := newReceiver(z, &ZoneConfig{Policy: sure(t)})
	other := NewRequest(wire.MustParseName("example.org."))
	other.RemoveName(other.Zone)
	chaos := parse(t, "del www")
	chaos.Class = wire.ClassCH
	for i, test := range []struct {
		client string
		query  []byte
		want   wire.RCode
		zone   string
		count  func(s Stats) uint64
	}{
		{"192.0.2.1 k.", message(t, parse(t, "add a A 192.0.2.2")), 0, "11; a A 192.0.2.2; www A 192.0.2.1", func(s Stats) uint64 { return s.Applied }},
		{"192.0.2.1 k.", message(t, parse(t, "add a A 192.0.2.2")), 0, "11; a A 192.0.2.2; www A 192.0.2.1", func(s Stats) uint64 { return s.Unchanged }},
		{"192.0.2.1", message(t, parse(t, "del www")), wire.RCodeRefused, "11; a A 192.0.2.2; www A 192.0.2.1", func(s Stats) uint64 { return s.Refused }},
		// a client that may do nothing learns nothing from prerequisites
		{"192.0.2.1", message(t, parse(t, "yxdomain none; del www")), wire.RCodeRefused, "11; a A 192.0.2.2; www A 192.0.2.1", func(s Stats) uint64 { return s.Refused - 1 }},
		{"192.0.2.1 k.", message(t, parse(t, "nxdomain a; del www")), wire.RCodeYXDomain, "11; a A 192.0.2.2; www A 192.0.2.1", func(s Stats) uint64 { return s.Unmet }},
		{"192.0.2.1 k.", message(t, parse(t, "del www; add example.org. A 192.0.2.1")), wire.RCodeNotZone, "11; a A 192.0.2.2; www A 192.0.2.1", func(s Stats) uint64 { return s.NotZone }},
		{"192.0.2.1 k.", message(t, other), wire.RCodeNotAuth, "11; a A 192.0.2.2; www A 192.0.2.1", func(s Stats) uint64 { return s.NotZone - 1 }},
		{"192.0.2.1 k.", message(t, chaos), wire.RCodeNotAuth, "11; a A 192.0.2.2; www A 192.0.2.1", func(s Stats) uint64 { return s.NotZone - 2 }},
		{"192.0.2.1 k.", message(t, parse(t, "add a TXT a"))[:40], wire.RCodeFormErr, "11; a A 192.0.2.2; www A 192.0.2.1", func(s Stats) uint64 { return s.Malformed }},
		{"192.0.2.1 k.", message(t, parse(t, "del www; del a; add a CNAME b")), 0, "12; a CNAME b", func(s Stats) uint64 { return s.Applied - 1 }},
	} {
		m, err := ask(t, r, test.client, test.query)
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if m.RCode != test.want || m.ID != 7 || m.Flags.Opcode() != wire.OpcodeUpdate || !m.Flags.Has(wire.FlagQR) || len(m.Answers)+len(m.Authority) != 0 {
			t.Errorf("%d: reply is\n%v", i, m)
		}
		if got := rest(z); got != test.zone {
			t.Errorf("%d: zone is %s, want %s", i, got, test.zone)
		}
		if got := test.count(r.Stats()); got != 1 {
			t.Errorf("%d: %+v", i, r.Stats())
		}
	}
	if s := r.Stats(); s.Applied+s.Unchanged+s.Forwarded+s.Unmet+s.Refused+s.Malformed+s.NotZone+s.Failed+s.Shed != 10 {
		t.Errorf("%+v is not 10 requests", s)
	}
}

// What is not durable is not acknowledged, nor visible.
func TestNotDurable(t *testing.T) {
	z := newZone(t, "")
	z.SetPipeline(&authority.Pipeline{Journal: refusing{}})
	r := newReceiver(z, &ZoneConfig{Policy: sure(t)})
	m, err := ask(t, r, "192.0.2.1 k.", message(t, parse(t, "add a A 192.0.2.2")))
	if err == nil || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("%v, %v", m, err)
	}
	if rest(z) != "10" || r.Stats().Failed != 1 {
		t.Errorf("zone is %s, %+v", rest(z), r.Stats())
	}
}

// A check of the program may refuse a change.
func TestCheckRefuses(t *testing.T) {
	z := newZone(t, "")
	z.SetPipeline(&authority.Pipeline{Check: []authority.Stage{func(*authority.Txn) error { return errors.New("frozen") }}})
	r := newReceiver(z, &ZoneConfig{Policy: sure(t)})
	m, err := ask(t, r, "192.0.2.1 k.", message(t, parse(t, "add a A 192.0.2.2")))
	if err != nil || m.RCode != wire.RCodeRefused {
		t.Errorf("%v, %v", m, err)
	}
}

// A zone that was signed elsewhere is only changed by clients that may bring
// signatures, or if there is a signer.
func TestSignedZone(t *testing.T) {
	const signed = "@ NSEC ns NS SOA RRSIG NSEC\n@ RRSIG SOA 13 1 60 20300101000000 20200101000000 1 example. AAAA\nns NSEC example. A RRSIG NSEC\n"
	for _, test := range []struct {
		rule   string
		signer bool
		want   wire.RCode
	}{
		{"keys=k. types=ANY", false, wire.RCodeRefused},
		{"keys=k. types=ANY,RRSIG", false, wire.RCodeNoError},
		{"keys=k. types=ANY", true, wire.RCodeNoError},
	} {
		z := newZone(t, signed)
		if z.Snapshot().Signed() != "NSEC" {
			t.Fatal("the zone is not signed")
		}
		if test.signer {
			z.SetPipeline(&authority.Pipeline{Sign: []authority.Stage{func(*authority.Txn) error { return nil }}})
		}
		r := newReceiver(z, &ZoneConfig{Policy: Policy{rule(t, test.rule)}})
		m, err := ask(t, r, "192.0.2.1 k.", message(t, parse(t, "add a A 192.0.2.2")))
		if err != nil || m.RCode != test.want {
			t.Errorf("%s, signer %v: %v, %v", test.rule, test.signer, m, err)
		}
	}
}

func TestZoneThatIsNotLoaded(t *testing.T) {
	z := authority.NewEmptyZone(origin, wire.ClassIN)
	r := newReceiver(z, &ZoneConfig{Policy: sure(t)})
	var extended names.ExtendedErrorer
	if m, err := ask(t, r, "192.0.2.1 k.", message(t, parse(t, "del a"))); !errors.As(err, &extended) {
		t.Errorf("%v, %v", m, err)
	}
}

func TestSerialPolicies(t *testing.T) {
	for _, test := range []struct {
		policy  authority.SerialPolicy
		updates string
		want    string
	}{
		{authority.SerialIncrement, "add a A 192.0.2.1", "11; a A 192.0.2.1"},
		{authority.SerialDate, "add a A 192.0.2.1", "2026113000; a A 192.0.2.1"},
		{authority.SerialUnixTime, "add a A 192.0.2.1", "1796083199; a A 192.0.2.1"},
		{authority.SerialDate, "del a", "10"},
		{authority.SerialDate, "add @ 60 SOA ns admin 20 7200 3600 1209600 300", "20"},
		{authority.SerialDate, "add @ 60 SOA ns admin 2100000000 7200 3600 1209600 300", "2100000000"},
	} {
		z := newZone(t, "")
		r := newReceiver(z, &ZoneConfig{Policy: sure(t), Serial: test.policy})
		for range 2 { // again changes nothing
			if m, err := ask(t, r, "192.0.2.1 k.", message(t, parse(t, test.updates))); err != nil || m.RCode != 0 {
				t.Fatalf("%v, %v", m, err)
			}
		}
		if got := rest(z); got != test.want {
			t.Errorf("%v, %s: %s, want %s", test.policy, test.updates, got, test.want)
		}
	}
}

// slowly is a journal that takes a second.
type slowly struct{}

func (slowly) Append(*authority.Txn, authority.Receipt) (authority.Receipt, error) {
	return slowly{}, nil
}

func (slowly) Wait() error {
	time.Sleep(time.Second)
	return nil
}

// So many requests may wait, and no more. The reply comes after the journal.
func TestPendingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(t, "")
		z.SetPipeline(&authority.Pipeline{Journal: slowly{}})
		r := newReceiver(z, &ZoneConfig{Policy: sure(t)})
		var shed []wire.Name
		r.config.Shed = func(zone wire.Name) { shed = append(shed, zone) }
		query := message(t, parse(t, "add a A 192.0.2.1"))
		began := time.Now()
		var all sync.WaitGroup
		all.Go(func() {
			if m, err := ask(t, r, "192.0.2.1 k.", query); err != nil || m.RCode != 0 || time.Since(began) != time.Second {
				t.Errorf("%v, %v after %v", m, err, time.Since(began))
			}
		})
		synctest.Wait()
		for range MaxPending - 1 {
			all.Go(func() { ask(t, r, "192.0.2.1 k.", query) })
		}
		synctest.Wait()
		if m, err := ask(t, r, "192.0.2.1 k.", query); err != nil || m.RCode != wire.RCodeServFail || r.Stats().Shed != 1 || len(shed) != 1 || !shed[0].Equal(z.Origin()) {
			t.Errorf("%v, %v, %v", m, err, shed)
		}
		all.Wait()
		if m, err := ask(t, r, "192.0.2.1 k.", query); err != nil || m.RCode != 0 {
			t.Errorf("afterwards: %v, %v", m, err)
		}
		if n := len(r.pending.zones); n != 0 {
			t.Errorf("%d zones are kept for requests that have ended", n)
		}
	})
}

// primary is a server of one connection after another over net.Pipe. reply gives
// the reply to a message.
type primary func(message []byte) []byte

func (p primary) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		var size [2]byte
		if _, err := io.ReadFull(theirs, size[:]); err != nil {
			return
		}
		message := make([]byte, binary.BigEndian.Uint16(size[:]))
		io.ReadFull(theirs, message)
		if reply := p(message); reply != nil {
			theirs.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
		}
	}()
	return ours, nil
}

// A secondary passes requests on, signed with the client's key, and gives the
// client what the primary says.
func TestForward(t *testing.T) {
	key, err := wire.ParseTSIGKey("hmac-sha256:k.:c2VjcmV0IG9mIHRoZSB0ZXN0")
	if err != nil {
		t.Fatal(err)
	}
	keys := new(wire.TSIGKeys)
	if err := keys.Add(key); err != nil {
		t.Fatal(err)
	}
	z := newZone(t, "")
	atPrimary := newZone(t, "")
	rcodeOf := func(message []byte) (wire.RCode, *wire.TSIGSession) {
		var q wire.Query
		q.Parse(message)
		if q.TSIG == 0 {
			return wire.RCodeRefused, nil
		}
		session, err := keys.Verify(message, q.TSIG, time.Now())
		if err != nil {
			t.Error(err)
		}
		r, err := ParseRequest(message)
		if err != nil {
			t.Error(err)
		}
		rcode, _ := try(atPrimary, r)
		return rcode, session
	}
	answer := func(change func(m *wire.Message)) primary {
		return func(message []byte) []byte {
			m := wire.Message{ID: binary.BigEndian.Uint16(message), Flags: wire.FlagQR.WithOpcode(wire.OpcodeUpdate)}
			rcode, session := rcodeOf(message)
			m.RCode = rcode
			change(&m)
			reply, err := m.AppendTo(nil)
			if err != nil {
				t.Error(err)
			}
			if session != nil {
				reply = session.Sign(reply, time.Now())
			}
			return reply
		}
	}
	for _, test := range []struct {
		what   string
		client string
		lines  string
		server primary
		want   wire.RCode
		err    string
		result string
	}{
		{"an addition", "192.0.2.1 k.", "add a A 192.0.2.1", answer(func(*wire.Message) {}), 0, "", "11; a A 192.0.2.1"},
		{"a prerequisite", "192.0.2.1 k.", "nxdomain a; del a", answer(func(*wire.Message) {}), wire.RCodeYXDomain, "", "11; a A 192.0.2.1"},
		{"no key", "192.0.2.1", "del a", answer(func(*wire.Message) {}), wire.RCodeRefused, "", "11; a A 192.0.2.1"},
		{"an unknown key", "192.0.2.1 other.", "del a", answer(func(*wire.Message) {}), 0, "not known", "11; a A 192.0.2.1"},
		{"another ID", "192.0.2.1 k.", "del b", answer(func(m *wire.Message) { m.ID++ }), 0, "not to the request", "11; a A 192.0.2.1"},
		{"another opcode", "192.0.2.1 k.", "del b", answer(func(m *wire.Message) { m.Flags = wire.FlagQR }), 0, "not to the request", "11; a A 192.0.2.1"},
		{"not signed", "192.0.2.1 k.", "del b", func(message []byte) []byte {
			m := wire.Message{ID: binary.BigEndian.Uint16(message), Flags: wire.FlagQR.WithOpcode(wire.OpcodeUpdate)}
			b, _ := m.AppendTo(nil)
			return b
		}, 0, "not signed", "11; a A 192.0.2.1"},
		{"no reply", "192.0.2.1 k.", "del b", func([]byte) []byte { return nil }, 0, "EOF", "11; a A 192.0.2.1"},
	} {
		f := &Forwarder{Primaries: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53")}, Keys: keys, Dial: test.server.dial}
		r := newReceiver(z, &ZoneConfig{Policy: Policy{rule(t, "addresses=any")}, Forward: f})
		m, err := ask(t, r, test.client, message(t, parse(t, test.lines)))
		switch {
		case test.err != "":
			if err == nil || !strings.Contains(err.Error(), test.err) || r.Stats().Failed != 1 {
				t.Errorf("%s: %v, %v", test.what, m, err)
			}
		case err != nil || m.RCode != test.want || r.Stats().Forwarded != 1:
			t.Errorf("%s: %v, %v", test.what, m, err)
		}
		if got := rest(atPrimary); got != test.result {
			t.Errorf("%s: primary has %s", test.what, got)
		}
	}
	if got := rest(z); got != "10" {
		t.Errorf("the secondary has changed its zone itself: %s", got)
	}
}

// The next primary is asked if one does not reply; the client waits for none for
// ever.
func TestForwardToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := primary(func([]byte) []byte { time.Sleep(time.Hour); return nil })
		good := primary(func(message []byte) []byte {
			m := wire.Message{ID: binary.BigEndian.Uint16(message), Flags: wire.FlagQR.WithOpcode(wire.OpcodeUpdate), RCode: wire.RCodeYXRRSet}
			b, _ := m.AppendTo(nil)
			return b
		})
		var dialed []string
		f := &Forwarder{
			Primaries: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53"), netip.MustParseAddrPort("192.0.2.2:53")},
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				dialed = append(dialed, network+" "+address)
				if address == "192.0.2.1:53" {
					return silent.dial(ctx, network, address)
				}
				return good.dial(ctx, network, address)
			},
		}
		began := time.Now()
		r := newReceiver(newZone(t, ""), &ZoneConfig{Policy: Policy{rule(t, "addresses=any")}, Forward: f})
		m, err := ask(t, r, "192.0.2.1", message(t, parse(t, "del a")))
		if err != nil || m.RCode != wire.RCodeYXRRSet || time.Since(began) != forwardTimeout || strings.Join(dialed, ",") != "tcp 192.0.2.1:53,tcp 192.0.2.2:53" {
			t.Errorf("%v, %v after %v, dialed %q", m, err, time.Since(began), dialed)
		}
		f.Primaries = nil
		if m, err := ask(t, r, "192.0.2.1", message(t, parse(t, "del a"))); err == nil {
			t.Errorf("without a primary: %v", m)
		}
		time.Sleep(time.Hour) // the silent server ends
	})
}
