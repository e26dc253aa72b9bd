package recursor

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/wire"
)

// What answers must not say, however they say it, and for which names they may.
func TestAnswerFilter(t *testing.T) {
	set := func(texts ...string) *names.PeerSet {
		s, err := names.ParsePeerSet(texts...)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var records []wire.Record
	f := &AnswerFilter{
		Next: tryFunc(func(x *names.Exchange) error {
			for _, r := range records {
				if err := x.Reply.Raw(r.Name, r.Type, r.Class, r.TTL, r.Data); err != nil {
					return err
				}
			}
			return nil
		}),
		Denied: set("private", "0.0.0.0/8", "::", "203.0.113.0/24"), Except: set("10.1.0.0/16"),
		DeniedNames: []wire.Name{wire.MustParseName("ads.example.")}, Exempt: []wire.Name{wire.MustParseName("corp.example.")},
	}
	record := func(name string, d wire.Rdata) wire.Record {
		return wire.Record{Name: wire.MustParseName(name), Type: d.Type(), Class: wire.ClassIN, TTL: 60, Data: d.AppendTo(nil, nil)}
	}
	address := func(text string) wire.Record {
		a := netip.MustParseAddr(text)
		r := wire.Record{Name: wire.MustParseName("www.example."), Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: a.AsSlice()}
		if a.Is6() {
			r.Type = wire.TypeAAAA
		}
		return r
	}
	alias := func(target string) wire.Record {
		return record("www.example.", &wire.CNAME{Target: wire.MustParseName(target)})
	}
	hint := func(key wire.SvcKey, text string) wire.Record {
		return record("www.example.", &wire.SVCB{Priority: 1, Target: wire.Root, Params: wire.SvcParams(nil).Set(key, netip.MustParseAddr(text).AsSlice())})
	}
	for _, c := range []struct {
		what, name string
		records    []wire.Record
		ok         bool
	}{
		{"no records", "www.example.", nil, true},
		{"a public address", "www.example.", []wire.Record{address("192.0.2.1"), address("2001:db8::1")}, true},
		{"a private address", "www.example.", []wire.Record{address("192.0.2.1"), address("192.168.1.1")}, false},
		{"an exempt network", "www.example.", []wire.Record{address("10.1.2.3")}, true},
		{"an exempt zone", "a.CORP.example.", []wire.Record{address("10.9.2.3")}, true},
		{"loopback", "www.example.", []wire.Record{address("127.0.0.1")}, false},
		{"this host", "www.example.", []wire.Record{address("0.0.0.0")}, false},
		{"a denied network", "www.example.", []wire.Record{address("203.0.113.7")}, false},
		{"unique local", "www.example.", []wire.Record{address("fd00::1")}, false},
		{"unspecified", "www.example.", []wire.Record{address("::")}, false},
		{"mapped", "www.example.", []wire.Record{address("::ffff:10.9.0.1")}, false},
		{"translated", "www.example.", []wire.Record{address("64:ff9b::10.9.0.1")}, false},
		{"translated, public", "www.example.", []wire.Record{address("64:ff9b::192.0.2.1")}, true},
		{"compatible", "www.example.", []wire.Record{address("::192.168.0.1")}, false},
		{"an alias", "www.example.", []wire.Record{alias("cdn.example.")}, true},
		{"a denied alias", "www.example.", []wire.Record{alias("x.ADS.example.")}, false},
		{"an alias and a private address", "www.example.", []wire.Record{alias("cdn.example."), address("10.9.0.1")}, false},
		{"a hint", "www.example.", []wire.Record{hint(wire.SvcIPv4Hint, "192.0.2.1")}, true},
		{"a private hint", "www.example.", []wire.Record{hint(wire.SvcIPv4Hint, "10.9.0.1")}, false},
		{"a private hint of IPv6", "www.example.", []wire.Record{hint(wire.SvcIPv6Hint, "fd00::1")}, false},
	} {
		records = c.records
		_, err := namestest.Try(t, f, c.name, wire.TypeA, namestest.WithFlags(wire.FlagRD))
		if failure, ok := errors.AsType[*Failure](err); c.ok && err != nil || !c.ok && (!ok || failure.Code != wire.ExtendedErrorBlocked) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}
