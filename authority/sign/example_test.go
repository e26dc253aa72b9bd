package sign_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// A zone that is signed now, and with each change.
func Example() {
	dir, err := os.MkdirTemp("", "keys")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	origin := wire.MustParseName("example.com.")
	key, err := sign.GenerateKey(wire.AlgorithmECDSAP256SHA256, wire.FlagZoneKey|wire.FlagSecureEntry, 0, time.Now())
	if err != nil {
		log.Fatal(err)
	}
	if err := key.Write(dir, origin); err != nil {
		log.Fatal(err)
	}
	var problems diagnostic.List
	b := authority.NewBuilder(origin, wire.ClassIN, &problems)
	soa := &wire.SOA{Primary: origin, Mailbox: origin, Serial: 1, Refresh: 2, Retry: 3, Expire: 4, Minimum: 5}
	ns := &wire.NS{Host: wire.MustParseName("ns.example.net.")}
	for _, data := range []wire.Rdata{soa, ns} {
		b.Add(wire.Record{Name: origin, Type: data.Type(), Class: wire.ClassIN, TTL: 300, Data: data.AppendTo(nil, nil)}, diagnostic.Position{})
	}
	contents, err := b.Freeze()
	if err != nil {
		log.Fatal(err)
	}
	zone := authority.NewZone(contents)

	keys, err := sign.ReadKeys(dir, zone.Origin())
	if err != nil {
		log.Fatal(err)
	}
	signer, err := sign.New(sign.Policy{}, keys, nil)
	if err != nil {
		log.Fatal(err)
	}
	zone.SetPipeline(&authority.Pipeline{Sign: []authority.Stage{signer.Stage}})
	due, err := signer.Refresh(zone) // at once, and every signer.Policy().Step()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(due, zone.Snapshot().Records(), zone.Snapshot().Signed())
	// Output: 1 8 NSEC
}

// A server that computes its answers, signed in two lines.
func ExampleNewOnline() {
	key, err := sign.GenerateKey(wire.AlgorithmECDSAP256SHA256, wire.FlagZoneKey|wire.FlagSecureEntry, 0, time.Now())
	if err != nil {
		log.Fatal(err)
	}
	keys := []*sign.Key{key} // or those of sign.ReadKeys

	signed, err := sign.NewOnline(names.ResolverFunc(workstations), sign.OnlineConfig{
		Zone:    wire.MustParseName("example.com."),
		Servers: []wire.Name{wire.MustParseName("ns.example.net.")}, // as the parent has them
		Keys:    keys,
	})
	if err != nil {
		log.Fatal(err)
	}

	var x names.Exchange // a server has one
	question := wire.Question{Name: wire.MustParseName("workstation7.example.com."), Type: wire.TypeA, Class: wire.ClassIN}
	x.Read(wire.AppendQuery(nil, 1, 0, question, &wire.EDNS{UDPSize: 1232, Flags: wire.FlagDO}), names.Peer{})
	x.Begin(nil, 1232)
	if err := signed.Resolve(context.Background(), &x); err != nil {
		log.Fatal(err)
	}
	reply, err := wire.ParseMessage(x.Finish())
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range reply.Answers {
		fmt.Println(r.Name, r.Type)
	}
	// Output:
	// workstation7.example.com. A
	// workstation7.example.com. RRSIG
}

// workstations has an address for every workstation there could be.
func workstations(_ context.Context, x *names.Exchange) error {
	q := x.Question()
	if q.Type != wire.TypeA || !strings.HasPrefix(q.Name.FirstLabel(), "workstation") {
		return names.ErrPass
	}
	return x.Reply.Record(q.Name, wire.ClassIN, 60, &wire.A{Addr: netip.MustParseAddr("192.0.2.7")})
}
