package names

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/wire"
)

const (
	zoneSOA  = "example.com. 60 IN SOA ns.example.com. root.example.com. 7 2 3 4 5\n"
	otherSOA = "example.com. 60 IN SOA ns.example.com. root.example.com. 8 2 3 4 5\n"
	zoneNS   = "example.com. 60 IN NS ns.example.com.\n"
	zoneA    = "ns.example.com. 60 IN A 192.0.2.7\n"
	outside  = "ns.example.net. 60 IN A 192.0.2.7\n"
)

// part is one message of a transfer.
func (a asked) part(lines ...string) *wire.Message {
	return a.reply(";; ANSWER SECTION:\n" + strings.Join(lines, ""))
}

func TestLookupZone(t *testing.T) {
	for _, test := range []struct {
		name string
		send func(a asked) []*wire.Message
		want string
	}{
		{"all in one message", func(a asked) []*wire.Message {
			return []*wire.Message{a.part(zoneSOA, zoneNS, zoneA, zoneSOA)}
		}, "SOA NS A <nil>"},
		{"a record in each", func(a asked) []*wire.Message {
			return []*wire.Message{a.part(zoneSOA), a.part(zoneNS), a.part(zoneA), a.part(zoneSOA)}
		}, "SOA NS A <nil>"},
		{"the question only once", func(a asked) []*wire.Message {
			later := a.part(zoneNS, zoneSOA)
			later.Questions = nil
			return []*wire.Message{a.part(zoneSOA), later}
		}, "SOA NS <nil>"},
		{"an empty message in between", func(a asked) []*wire.Message {
			return []*wire.Message{a.part(zoneSOA), a.part(), a.part(zoneSOA)}
		}, "SOA <nil>"},
		{"only SOA", func(a asked) []*wire.Message { return []*wire.Message{a.part(zoneSOA, zoneSOA)} }, "SOA <nil>"},
		{"records from elsewhere", func(a asked) []*wire.Message {
			return []*wire.Message{a.part(zoneSOA, outside, zoneA, zoneSOA)}
		}, "SOA A <nil>"},
		{"refused", func(a asked) []*wire.Message { return []*wire.Message{a.rcode(wire.RCodeRefused)} },
			"example.com. AXFR: server refused to answer (REFUSED, server 192.0.2.2:53)"},
		{"refused later", func(a asked) []*wire.Message {
			return []*wire.Message{a.part(zoneSOA), a.rcode(wire.RCodeServFail)}
		}, "SOA example.com. AXFR: server failed (SERVFAIL, server 192.0.2.1:53)"},
		{"another ID", func(a asked) []*wire.Message {
			m := a.part(zoneSOA, zoneSOA)
			m.ID++
			return []*wire.Message{m}
		}, "example.com AXFR: reply does not match the query (server 192.0.2.2:53)"},
		{"another ID later", func(a asked) []*wire.Message {
			m := a.part(zoneSOA)
			m.ID++
			return []*wire.Message{a.part(zoneSOA), m}
		}, "SOA example.com AXFR: reply does not match the query (server 192.0.2.1:53)"},
		{"a query", func(a asked) []*wire.Message { return []*wire.Message{a.message} },
			"example.com AXFR: reply does not match the query (server 192.0.2.2:53)"},
		{"another question", func(a asked) []*wire.Message {
			m := a.part(zoneSOA, zoneSOA)
			m.Questions = []wire.Question{exampleQuestion}
			return []*wire.Message{m}
		}, "example.com AXFR: reply does not match the query (server 192.0.2.2:53)"},
		{"no question at first", func(a asked) []*wire.Message {
			m := a.part(zoneSOA, zoneSOA)
			m.Questions = nil
			return []*wire.Message{m}
		}, "example.com AXFR: reply does not match the query (server 192.0.2.2:53)"},
		{"truncated", func(a asked) []*wire.Message {
			m := a.part(zoneSOA, zoneSOA)
			m.Flags |= wire.FlagTC
			return []*wire.Message{m}
		}, "example.com AXFR: malformed zone transfer: a message is truncated (server 192.0.2.2:53)"},
		{"empty", func(a asked) []*wire.Message { return []*wire.Message{a.part()} },
			"example.com AXFR: malformed zone transfer: it is empty (server 192.0.2.2:53)"},
		{"no SOA", func(a asked) []*wire.Message { return []*wire.Message{a.part(zoneNS)} },
			"example.com AXFR: malformed zone transfer: it begins with example.com. NS, not the SOA of the zone (server 192.0.2.2:53)"},
		{"changed meanwhile", func(a asked) []*wire.Message { return []*wire.Message{a.part(zoneSOA, otherSOA)} },
			"SOA example.com AXFR: malformed zone transfer: serial 7 became 8 on the way (server 192.0.2.1:53)"},
		{"more after the end", func(a asked) []*wire.Message { return []*wire.Message{a.part(zoneSOA, zoneSOA, zoneA)} },
			"SOA example.com AXFR: malformed zone transfer: records after the last SOA (server 192.0.2.1:53)"},
		{"lost", func(a asked) []*wire.Message { return []*wire.Message{a.part(zoneSOA, zoneA), nil} },
			"SOA A example.com AXFR: connection closed before the reply was complete (server 192.0.2.1:53)"},
		{"stuck", func(a asked) []*wire.Message { return []*wire.Message{a.part(zoneSOA, zoneA)} },
			"SOA A example.com AXFR: no reply within 5s (server 192.0.2.1:53)"},
		{"large", func(a asked) []*wire.Message {
			return []*wire.Message{a.part(zoneSOA), a.part(strings.Repeat(zoneA, 2000)), a.part(zoneSOA)}
		}, "SOA example.com AXFR: zone exceeds the size limit (server 192.0.2.1:53)"},
	} {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream(t, func(a asked) (all [][]byte) {
				if a.network != "tcp" || a.message.Flags.Has(wire.FlagRD) {
					t.Errorf("asked over %s, RD %v", a.network, a.message.Flags.Has(wire.FlagRD))
				}
				for _, m := range test.send(a) {
					if m == nil {
						return append(all, nil)
					}
					all = append(all, sent(m)...)
				}
				return all
			})
			c := newTestClient(t, u, func(c *ClientConfig) { c.MaxTransfer = 10000 })
			var got []string
			var failure error
			for r, err := range c.LookupZone(t.Context(), "example.com") {
				if failure != nil {
					t.Errorf("%s: more after an error", test.name)
				}
				if failure = err; err == nil {
					got = append(got, r.Type.String())
				}
			}
			expect(t, test.name, strings.Join(append(got, fmt.Sprint(failure)), " "), test.want)
			synctest.Wait()
		})
	}
}

// Each message may take its time, however long that is in all.
func TestLookupZoneTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, func(a asked) [][]byte { return sent(a.part(zoneSOA), a.part(zoneA), a.part(zoneNS), a.part(zoneSOA)) })
		u.pause = func(asked) time.Duration { return 4 * time.Second }
		c := newTestClient(t, u, nil)
		for _, err := range c.LookupZone(t.Context(), "example.com") {
			if err != nil {
				t.Error(err)
			}
		}
		expect(t, "took", time.Since(u.start), 16*time.Second)
		synctest.Wait()
	})
}

// A caller that has enough, or no time left, ends the transfer.
func TestLookupZoneStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, func(a asked) [][]byte { return sent(a.part(zoneSOA), a.part(zoneA)) })
		c := newTestClient(t, u, func(c *ClientConfig) { c.Timeouts = []time.Duration{time.Hour} })
		for range c.LookupZone(t.Context(), "example.com") {
			break
		}
		synctest.Wait()
		expect(t, "open", u.stillOpen(), 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var failure error
		for _, err := range c.LookupZone(ctx, "example.com") {
			failure = err
		}
		if !errors.Is(failure, context.DeadlineExceeded) || time.Since(u.start) != time.Minute {
			t.Errorf("%v after %v", failure, time.Since(u.start))
		}
		synctest.Wait()
	})
}

// The next server is asked where one does not begin.
func TestLookupZoneAsksElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, func(a asked) [][]byte {
			if a.address == "192.0.2.1:53" {
				return [][]byte{nil}
			}
			return sent(a.part(zoneSOA, zoneA, zoneSOA))
		})
		c := newTestClient(t, u, nil)
		count := 0
		for _, err := range c.LookupZone(t.Context(), "example.com") {
			if err != nil {
				t.Error(err)
			}
			count++
		}
		expect(t, "records", count, 2)
		expect(t, "asked", strings.Join(u.asked(), ", "), "tcp 192.0.2.1:53 example.com. AXFR, tcp 192.0.2.2:53 example.com. AXFR")
		for _, err := range c.LookupZone(t.Context(), "a..b") {
			expect(t, "error", err, `a..b AXFR: name "a..b": label is empty`)
		}
		synctest.Wait()
	})
}
