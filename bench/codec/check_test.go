package codec

import (
	"bytes"
	"testing"

	"github.com/miekg/dns"
	"github.com/names-dns/names/wire"
	"golang.org/x/net/dns/dnsmessage"
)

// The comparison is fair: all three codecs write the same octets and read
// seven records from them.
func TestCodecsAgree(t *testing.T) {
	for _, m := range messages {
		packet := m.packet(t)
		other, err := m.forDnsmessage().pack(nil)
		if err != nil || !bytes.Equal(packet, other) {
			t.Errorf("%s: dnsmessage writes %v\n%x, wire\n%x", m.name, err, other, packet)
		}
		other, err = m.forMiekg().Pack()
		if err != nil || !bytes.Equal(packet, other) {
			t.Errorf("%s: miekg/dns writes %v\n%x, wire\n%x", m.name, err, other, packet)
		}
		var r wire.Reader
		var p dnsmessage.Parser
		if n, err := readWire(&r, new(typed), packet); n != 7 || err != nil {
			t.Errorf("%s: wire reads %d records, %v", m.name, n, err)
		}
		if n, err := readDnsmessage(&p, packet); n != 7 || err != nil {
			t.Errorf("%s: dnsmessage reads %d records, %v", m.name, n, err)
		}
		if n, err := readMiekg(new(dns.Msg), packet); n != 7 || err != nil {
			t.Errorf("%s: miekg/dns reads %d records, %v", m.name, n, err)
		}
	}
	if options, err := queryDnsmessage(new(dnsmessage.Parser), query()); options != 1 || err != nil {
		t.Errorf("dnsmessage reads %d options from a query, %v", options, err)
	}
}
