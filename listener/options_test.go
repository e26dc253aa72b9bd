package listener

import (
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// A query full of options that ask for options gets each of them once
// (Unbound's CVE-2026-41292 and CVE-2026-42944).
func TestRepeatedOptionsAreAnsweredOnce(t *testing.T) {
	p := newPure(t, Config{NSID: "ns1.example"})
	var options wire.Options
	for range 150 {
		options = options.AppendOption(wire.OptionNSID, nil)
		options = options.AppendOption(wire.OptionCookie, []byte("12345678"))
		options = options.AppendOption(wire.OptionKeepalive, nil)
		options = options.AppendOption(wire.OptionPadding, nil)
	}
	query := Question(1, "www.example.", &wire.EDNS{UDPSize: 1232, Options: options})
	for _, transport := range []names.Transport{names.UDP, names.TCP} {
		peer := client
		peer.Transport = transport
		got, _ := p.try(query, peer)
		r := ParseReply(t, got)
		if r.RCode != wire.RCodeNoError || r.Answers != 1 {
			t.Errorf("%v: reply is %+v", transport, r)
		}
		times := map[wire.OptionCode]int{}
		for code, _, rest, ok := r.EDNS.Options.Next(); ok; code, _, rest, ok = rest.Next() {
			times[code]++
		}
		for code, n := range times {
			if n > 1 {
				t.Errorf("%v: option %v came %d times", transport, code, n)
			}
		}
		if times[wire.OptionNSID] != 1 || times[wire.OptionCookie] != 1 {
			t.Errorf("%v: options %v", transport, times)
		}
	}
}
