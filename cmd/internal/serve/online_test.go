package serve

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/listener/listenertest"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// workstations computes addresses, and knows nothing of DNSSEC.
var workstations = names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
	q := x.Question()
	var n byte
	switch _, err := fmt.Sscanf(q.Name.FirstLabel(), "workstation%d", &n); {
	case err != nil:
		x.RCode = wire.RCodeNXDomain
		return nil
	case q.Type != wire.TypeA:
		return nil
	}
	return x.Reply.Record(q.Name, wire.ClassIN, 60, &wire.A{Addr: netip.AddrFrom4([4]byte{172, 0, 2, n})})
})

// askSigned asks with DO set, and returns the reply, all of whose records in the answer and
// the authority section are signed by one of the zone's keys.
func askSigned(t *testing.T, at netip.AddrPort, zone, name string, kind wire.Type) *wire.Message {
	t.Helper()
	exchange := func(name string, kind wire.Type) *wire.Message {
		t.Helper()
		m := wire.Message{ID: 1, Questions: []wire.Question{{Name: wire.MustParseName(name), Type: kind, Class: wire.ClassIN}}, EDNS: &wire.EDNS{UDPSize: 1232, Flags: wire.FlagDO}}
		query, err := m.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		var querier names.Querier
		reply, err := querier.Query(t.Context(), query, at)
		if err != nil {
			t.Fatal(err)
		}
		r, err := wire.ParseMessage(reply.Message)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	algorithms := dnssec.NewAlgorithms(dnssec.Policy{})
	var keys []*dnssec.Key
	for _, r := range exchange(zone, wire.TypeDNSKEY).Answers {
		if r.Type == wire.TypeDNSKEY {
			k, err := algorithms.ParseKey(r.Data)
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, k)
		}
	}
	reply := exchange(name, kind)
	records := append(append([]wire.Record(nil), reply.Answers...), reply.Authority...)
	for _, r := range records {
		if r.Type == wire.TypeRRSIG {
			continue
		}
		isVerified := false
		for _, s := range records {
			var sig wire.RRSIG
			c := wire.CursorOver(s.Data)
			if s.Type != wire.TypeRRSIG || !s.Name.Equal(r.Name) || sig.Parse(&c) != nil || sig.Covered != r.Type {
				continue
			}
			set := dnssec.RRset{Name: r.Name, Type: r.Type, Class: r.Class, TTL: r.TTL}
			for _, other := range records {
				if other.Type == r.Type && other.Name.Equal(r.Name) {
					set.Data = append(set.Data, other.Data)
				}
			}
			var canonical dnssec.Canonical
			canonical.Set(&set)
			message, err := canonical.AppendSigned(nil, &sig)
			for _, k := range keys {
				isVerified = isVerified || err == nil && k.Verify(message, sig.Signature)
			}
		}
		if !isVerified {
			t.Errorf("%s %v: %v is not signed", name, kind, r)
		}
	}
	return reply
}

// TestOnline: answers of another server, and of a pyzone, are signed as they pass; their keys
// are exchanged as those of zones; a zone that goes from the configuration is not answered.
func TestOnline(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	backend := listenertest.Serve(t, workstations)
	writeFile(t, path("computed"), "zone = [SOA('computed.test', mname='ns.example.net', rname='h.computed.test', serial=1, refresh=1, retry=1, expire=1, minimum=1),\n"+
		"NS('computed.test', 'ns.example.net'), A('www.computed.test', '192.0.2.7')]\n")
	const head = "[listen]\naddress = [\"127.0.0.1:0\"]\n[signing]\nkey-dir = \"keys\"\n[policy.default]\ncds = true\nds-check = false\n" +
		"[[zone]]\nname = \"computed.test\"\nfile = \"computed\"\nformat = \"pyzone\"\n[[online]]\nname = \"computed.test\"\nservers = [\"ns.example.net\"]\n"
	config := head + "[[online]]\nname = \"example.com\"\nservers = [\"ns.example.net\", \"ns2.example.net\"]\nfrom = [\"" + backend.String() + "\"]\nsignatures-per-second = 1000\n"
	writeFile(t, path("names.toml"), config)
	s, log := startFromFile(t, path("names.toml"))
	at := s.listener.Addresses()[0]
	if r := askSigned(t, at, "example.com.", "workstation7.example.com.", wire.TypeA); len(r.Answers) != 2 || r.RCode != wire.RCodeNoError {
		t.Fatalf("%v; log:\n%s", r, log())
	}
	if r := askSigned(t, at, "computed.test.", "www.computed.test.", wire.TypeA); len(r.Answers) != 2 {
		t.Fatalf("%v; log:\n%s", r, log())
	}
	for _, name := range []string{"gone.example.com.", "gone.computed.test."} {
		zone := name[strings.Index(name, ".")+1:]
		r := askSigned(t, at, zone, name, wire.TypeA)
		if len(r.Answers) != 0 || len(r.Authority) != 4 || !strings.Contains(fmt.Sprint(r), "NXNAME") {
			t.Errorf("%v", r)
		}
	}
	if r := askSigned(t, at, "example.com.", "example.com.", wire.TypeNS); len(r.Answers) != 3 {
		t.Errorf("%v", r)
	}
	if r := askServer(t, "udp", at, "www.example.org", wire.TypeA, wire.ClassIN); r.RCode != wire.RCodeRefused {
		t.Errorf("another zone: %v", r)
	}

	// Keys are exchanged.
	signing, now := s.transfer.signing, time.Now()
	signing.mu.Lock()
	signing.now = func() time.Time { return now }
	signing.mu.Unlock()
	pass := func(d time.Duration) {
		t.Helper()
		signing.mu.Lock()
		now = now.Add(d)
		signing.mu.Unlock()
		signing.refresh()
	}
	keys := func() (n int) {
		t.Helper()
		for _, r := range askSigned(t, at, "example.com.", "example.com.", wire.TypeDNSKEY).Answers {
			if r.Type == wire.TypeDNSKEY {
				n++
			}
		}
		return n
	}
	pass(26 * time.Hour)
	if r := askSigned(t, at, "example.com.", "example.com.", wire.TypeCDS); len(r.Answers) != 2 {
		t.Errorf("%v; log:\n%s", r, log())
	}
	if _, err := s.doSigningConfirm(t.Context(), []string{"example.com"}); err != nil {
		t.Fatal(err)
	}
	pass(26 * time.Hour)
	if _, err := s.doSigningRoll(t.Context(), []string{"example.com"}); err != nil {
		t.Fatal(err)
	}
	if got := keys(); got != 2 {
		t.Errorf("%d keys while they are exchanged; log:\n%s", got, log())
	}
	pass(3 * time.Hour)
	askSigned(t, at, "example.com.", "workstation7.example.com.", wire.TypeA)
	pass(26 * time.Hour)
	if _, err := s.doSigningConfirm(t.Context(), []string{"example.com"}); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		pass(26 * time.Hour)
	}
	if got := keys(); got != 1 {
		t.Errorf("%d keys at the end; log:\n%s", got, log())
	}
	askSigned(t, at, "example.com.", "workstation7.example.com.", wire.TypeA)
	replies, err := s.doSigningZones(t.Context(), nil)
	if all := replies.([]signedZoneReply); err != nil || len(all) != 2 {
		t.Errorf("%+v, %v", replies, err)
	}
	found := false
	for _, m := range signing.metrics() {
		found = found || m.Name == "names_signing_online_signatures_total" && m.Samples[0].Value > 0
	}
	if !found {
		t.Error("signatures are not counted")
	}

	writeFile(t, path("names.toml"), head)
	if _, err := s.reload(); err != nil {
		t.Fatal(err)
	}
	if r := askServer(t, "udp", at, "workstation7.example.com", wire.TypeA, wire.ClassIN); r.RCode != wire.RCodeRefused {
		t.Errorf("after a reload without the zone: %v", r)
	}
	if r := askSigned(t, at, "computed.test.", "www.computed.test.", wire.TypeA); len(r.Answers) != 2 {
		t.Errorf("%v", r)
	}
	if _, err := s.doSigningKeys(t.Context(), []string{"example.com"}); err == nil {
		t.Error("the keys of a zone that has gone are still looked after")
	}
}
