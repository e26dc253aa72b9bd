package fuzz

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// messageTexts are packets as servers and clients send them.
var messageTexts = []string{
	`;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 4660
;; flags: qr aa rd ra ad cd; QUERY: 1
;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags: do co; udp: 1232
; NSID: 6e 73 31 ("ns1")
; COOKIE: 0102030405060708090a0b0c0d0e0f10
; CLIENT-SUBNET: 192.0.2.0/25/24
; EDE: 3 (Stale Answer): (a \(b\))
; TCP KEEPALIVE: 12.5 secs
; KEY-TAG: 20326, 38696
; ZONEVERSION: 2 SOA-SERIAL 7
; REPORT-CHANNEL: agent.example.
; CHAIN: example.
; DAU: 8 13
; EXPIRE
; PAD: (5 bytes)
; OPT=65001: 00 ff (".." )
;; QUESTION SECTION:
;example.com. IN MX
;; ANSWER SECTION:
example.com. 3600 IN MX 10 mail.example.com.
;; ADDITIONAL SECTION:
mail.example.com. 3600 IN A 192.0.2.1
mail.example.com. 3600 IN AAAA 2001:db8::1`,
	`;; ->>HEADER<<- status: NXDOMAIN, id: 1
;; flags: qr; MBZ: 0x4; QUERY: 1
;; QUESTION SECTION:
;NX.Example. IN A
;; AUTHORITY SECTION:
example. 300 IN SOA ns1.example. root.example. 1 3600 900 604800 300
example. 300 IN RRSIG SOA 13 1 300 20260101000000 20250101000000 12345 example. AAECAw==
*.example. 300 IN NSEC a.example. A MX RRSIG NSEC TYPE65280`,
	`;; ->>HEADER<<- opcode: UPDATE, id: 7
;; ZONE SECTION:
;example. IN SOA
;; PREREQUISITE SECTION:
a.example. 0 ANY ANY
b.example. 0 NONE A
;; UPDATE SECTION:
c.example. 0 ANY MX
d.example. 60 IN SVCB 1 . alpn="h2,h3" port=853
;; ADDITIONAL SECTION:
key. 0 ANY TSIG hmac-sha256. 1700000000 300 4 AAECAw== 1 NOERROR 0`,
	`;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 6699
;; flags: qr; QUERY: 1
;; QUESTION SECTION:
;www.example.org. IN A
;; AUTHORITY SECTION:
org. 172800 IN NS a0.org.afilias-nst.info.
org. 172800 IN NS b0.org.afilias-nst.org.
org. 86400 IN DS 26974 8 2 4FEDE294C53F438A158C41D39489CD78A86BEB0D8A0AEAFF14745C0D16E1DE32
;; ADDITIONAL SECTION:
a0.org.afilias-nst.info. 172800 IN A 199.19.56.1
b0.org.afilias-nst.org. 172800 IN AAAA 2001:500:c::1`,
	`;; ->>HEADER<<- opcode: NOTIFY, id: 8
;; QUESTION SECTION:
;version.bind. CH TXT
;; ANSWER SECTION:
version.bind. 0 CH TXT "a \"b\" \\ \200" ""
x. 1 IN TYPE65280 \# 3 010203
y. 1 IN NAPTR 1 2 "u" "E2U+sip" "!^.*$!sip:x@example!" .
a.gtld.example. 172800 IN A 192.0.2.30
z. 1 IN CAA 0 issue "ca.example; a=b"
w. 1 IN LOC 52 22 23.000 N 4 53 32.000 E -2.00m 1m 10000m 10m
v. 1 IN APL 1:192.0.2.0/24 !2:2001:db8::/32`,
}

// messagePackets are packets no text gives, in hexadecimal.
var messagePackets = []string{
	// A query of dig for example.com with a cookie, as it leaves dig.
	"8f14" + "0120" + "0001000000000001" + "076578616d706c6503636f6d00" + "00010001" +
		"00" + "0029" + "04d0" + "00000000" + "000c" + "000a0008" + "88e9c6d1d2a3b4c5",
	// A name that points to itself.
	"0000" + "0000" + "0001000000000000" + "c00c" + "00010001",
	// An SRV record with its host compressed, which RFC 2782 forbids and some do.
	"0000" + "8000" + "0001000100000000" + "0161" + "00" + "00210001" +
		"c00c" + "00210001" + "00000001" + "0008" + "000100020003" + "c00c",
	// Two questions, and an OPT record that is cut.
	"0000" + "0000" + "0002000000000001" + "00" + "00010001" + "00" + "00010001" + "00" + "0029" + "04d0",
}

// FuzzMessage reads any octets as a message. What is accepted can be written
// and read back, as octets and as text, and the ways to read agree.
func FuzzMessage(f *testing.F) {
	for _, text := range messageTexts {
		m, err := wire.ParseMessageText(text)
		if err != nil {
			f.Fatalf("%v in\n%s", err, text)
		}
		packet, err := m.AppendTo(nil)
		if err != nil {
			f.Fatal(err)
		}
		if _, err := wire.ParseMessage(packet); err != nil {
			f.Fatalf("%v in\n%s", err, text)
		}
		f.Add(packet)
	}
	for _, digits := range messagePackets {
		packet, err := hex.DecodeString(digits)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packet)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		var q wire.Query
		queryErr := q.Parse(packet)
		m, err := wire.ParseMessage(packet)
		walk, walkErr := walkThrough(packet)
		if err != nil {
			return
		}
		if walkErr != nil {
			t.Fatalf("ParseMessage accepts what Reader refuses: %v", walkErr)
		}
		if queryErr != nil && len(m.Questions) < 2 && !compressedQuestion(packet) {
			t.Fatalf("ParseMessage accepts what Query refuses: %v", queryErr)
		}
		if flat := flatten(m); !slices.Equal(walk, flat) {
			t.Fatalf("Reader:\n%s\nParseMessage:\n%s", strings.Join(walk, "\n"), strings.Join(flat, "\n"))
		}

		text := m.String()
		fromText, err := wire.ParseMessageText(text)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if got := describe(fromText); got != describe(m) {
			t.Fatalf("from text\n%s\nfrom packet\n%s", got, describe(m))
		}

		again, err := m.AppendTo(nil)
		if err == wire.ErrNoSpace {
			return // names that others compressed better than we may
		}
		if err != nil {
			t.Fatalf("%v for\n%s", err, text)
		}
		back, err := wire.ParseMessage(again)
		if err != nil {
			t.Fatalf("%v for\n%s", err, text)
		}
		// Compression may write a name in the case it has elsewhere in the message.
		if got := describe(back); !strings.EqualFold(got, describe(m)) {
			t.Fatalf("read back\n%s\nread first\n%s", got, describe(m))
		}
	})
}

// compressedQuestion reports whether the name of the question is a pointer or
// ends in one, which only Query refuses: there is nothing to point to.
func compressedQuestion(packet []byte) bool {
	_, _, err := wire.BorrowName(packet[min(len(packet), wire.HeaderLen):])
	return err == wire.ErrCompressed
}

// describe is all of a message, data in hexadecimal next to its text.
func describe(m *wire.Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %04x %d\n", m.ID, uint16(m.Flags), m.RCode)
	for _, q := range m.Questions {
		fmt.Fprintf(&b, "%s\n", q)
	}
	for s := wire.SectionAnswer; s <= wire.SectionAdditional; s++ {
		for _, r := range m.Section(s) {
			fmt.Fprintf(&b, "%s %q %d %d %d %s\n", s, r.Name.Wire(), r.Type, r.Class, r.TTL, dataText(r))
		}
	}
	if m.EDNS != nil {
		fmt.Fprintf(&b, "%+v", *m.EDNS)
	}
	return b.String()
}

// dataText is the data of a record, names in it shown so that their case can
// be ignored, all else in hexadecimal.
func dataText(r wire.Record) string {
	folded := wire.AppendCanonicalRdata(nil, r.Type, r.Data)
	return hex.EncodeToString(folded) + " " + string(wire.AppendRdataText(nil, r.Type, r.Data))
}

// walkThrough reads a packet with a Reader, a line per record.
func walkThrough(packet []byte) (lines []string, err error) {
	var r wire.Reader
	if err := r.Reset(packet); err != nil {
		return nil, err
	}
	for {
		q, err := r.Question()
		if err == wire.ErrSectionDone {
			break
		}
		if err != nil {
			return nil, err
		}
		lines = append(lines, q.String())
	}
	for r.Section() != wire.SectionEnd {
		h, err := r.Next()
		if err == wire.ErrSectionDone {
			if err := r.NextSection(); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if h.Type == wire.TypeOPT {
			if _, err := r.EDNS(h); err != nil {
				return nil, err
			}
			continue
		}
		record := wire.Record{Name: h.Name, Type: h.Type, Class: h.Class, TTL: h.TTL}
		if len(r.Raw()) > 0 {
			d := wire.NewRdata(h.Type)
			if err := r.Parse(d); err != nil {
				return nil, err
			}
			record.Data = d.AppendTo(nil, nil)
			if len(record.Data) != d.Len() {
				return nil, fmt.Errorf("%s: Len is %d, AppendTo appends %d octets", h.Type, d.Len(), len(record.Data))
			}
		}
		lines = append(lines, record.String())
	}
	return lines, r.Close()
}

// flatten is what walkThrough returns, from a message.
func flatten(m *wire.Message) (lines []string) {
	for _, q := range m.Questions {
		lines = append(lines, q.String())
	}
	for s := wire.SectionAnswer; s <= wire.SectionAdditional; s++ {
		for _, r := range m.Section(s) {
			lines = append(lines, r.String())
		}
	}
	return lines
}

// TestMessageSeedsAreWhole: a seed that nothing accepts would test nothing.
func TestMessageSeedsAreWhole(t *testing.T) {
	for _, text := range messageTexts {
		m, err := wire.ParseMessageText(text)
		if err != nil {
			t.Fatal(err)
		}
		packet, err := m.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := wire.ParseMessage(packet)
		if err != nil {
			t.Fatal(err)
		}
		repeated, err := again.AppendTo(nil)
		if err != nil || !bytes.Equal(packet, repeated) {
			t.Errorf("%v: written once\n%x\nwritten twice\n%x", err, packet, repeated)
		}
	}
}
