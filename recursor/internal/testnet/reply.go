package testnet

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/names-dns/names/wire"
)

// respond returns the reply to q of a server at addr that behaves as b and has
// zones, nil if it says nothing, and in a few words what it said.
func (b *behaviour) respond(addr netip.Addr, zones []*Zone, q *query) (packet []byte, said string) {
	switch b.says {
	case nothing:
		return nil, "silent"
	case unreachable:
		return nil, "unreachable"
	case bomb:
		return b.send(compressionBomb(q), q), "compression bomb"
	}
	m := b.message(addr, zones, q)
	said = describeReply(m, q)
	packet, err := m.AppendTo(nil)
	if b.truncates && !q.overTCP || err != nil || len(packet) > b.limitFor(q) {
		m.Flags |= wire.FlagTC
		m.Answers, m.Authority, m.Additional = nil, nil, nil
		said = "truncated"
		packet = mustAppend(m)
	}
	if b.lowercases {
		lowercaseQuestion(packet)
	}
	return b.send(packet, q), said + b.faults()
}

// mustAppend returns a message that fits any packet.
func mustAppend(m *wire.Message) []byte {
	packet, err := m.AppendTo(nil)
	if err != nil {
		panic(fmt.Sprintf("testnet: a reply without records cannot be sent: %v", err))
	}
	return packet
}

// message returns the reply before it is damaged.
func (b *behaviour) message(addr netip.Addr, zones []*Zone, q *query) *wire.Message {
	m := &wire.Message{ID: q.ID, Flags: wire.FlagQR | q.Flags&(wire.FlagRD|wire.FlagCD), Questions: q.Questions}
	if q.EDNS != nil {
		m.EDNS = &wire.EDNS{UDPSize: 1232, Flags: q.EDNS.Flags & wire.FlagDO}
	}
	if b.cookies || b.demandsCookies {
		isGood := exchangeCookies(addr, q, m)
		if b.demandsCookies && !isGood && !q.overTCP && m.EDNS != nil {
			m.RCode = wire.RCodeBadCookie
			return m
		}
	}
	switch b.says {
	case justRCode:
		m.RCode = b.rcode
		if z := find(zones, q.question()); z != nil && (b.rcode == wire.RCodeNXDomain || b.rcode == wire.RCodeNoError) {
			m.Flags |= wire.FlagAA
			a := answerer{zone: z, reply: m}
			a.deny()
		}
	case literally:
		b.quote(m)
	default:
		answer(zones, q.question(), q.EDNS != nil && q.EDNS.DO(), m)
	}
	if b.notAuthoritative {
		m.Flags &^= wire.FlagAA
	}
	for s, section := range map[wire.Section]*[]wire.Record{
		wire.SectionAnswer: &m.Answers, wire.SectionAuthority: &m.Authority, wire.SectionAdditional: &m.Additional,
	} {
		if b.drops[s] {
			*section = nil
		}
		*section = append((*section)[:len(*section):len(*section)], b.adds[s]...)
	}
	if !b.agent.IsZero() && m.EDNS != nil {
		m.EDNS.Options = m.EDNS.Options.Append(&wire.ReportChannel{Agent: b.agent})
	}
	if b.noEDNS && m.RCode <= 15 {
		m.EDNS = nil
	}
	if !b.wrongQuestion.IsZero() {
		wrong := q.question()
		wrong.Name = b.wrongQuestion
		m.Questions = []wire.Question{wrong}
	}
	return m
}

// quote makes m what a story has literally, as far as it says.
func (b *behaviour) quote(m *wire.Message) {
	l := b.literal
	m.RCode, m.Answers, m.Authority, m.Additional = l.RCode, l.Answers, l.Authority, l.Additional
	m.Flags |= wire.FlagAA
	if l.Flags != 0 {
		m.Flags = l.Flags
	}
	if l.EDNS != nil {
		m.EDNS = l.EDNS
	}
	if len(l.Questions) > 0 {
		m.Questions = l.Questions
	}
}

// limitFor is how many octets the reply may have.
func (b *behaviour) limitFor(q *query) int {
	if q.overTCP {
		return 65535
	}
	limit := 512 // RFC 1035 2.3.4
	if q.EDNS != nil {
		limit = max(limit, int(q.EDNS.UDPSize))
	}
	if b.limit > 0 {
		limit = min(limit, b.limit)
	}
	return limit
}

// send returns packet as it is to be sent.
func (b *behaviour) send(packet []byte, q *query) []byte {
	if b.wrongID {
		binary.BigEndian.PutUint16(packet, q.ID+1)
	}
	if b.cutAt > 0 {
		packet = packet[:min(b.cutAt, len(packet))]
	}
	packet = append(packet, make([]byte, b.after)...)
	return packet
}

// faults says what is wrong with the replies of b that what they say does not
// show.
func (b *behaviour) faults() string {
	text := ""
	for _, f := range []struct {
		isThere bool
		what    string
	}{
		{b.wrongID, "wrong ID"},
		{!b.wrongQuestion.IsZero(), "wrong question"},
		{b.lowercases, "name in lower case"},
		{b.fromElsewhere, "from another address"},
		{b.cutAt > 0, "cut off"},
		{b.after > 0, "and zeros"},
	} {
		if f.isThere {
			text += ", " + f.what
		}
	}
	return text
}

// lowercaseQuestion writes the name in the question in lower case, as servers
// do that do not repeat it as it came.
func lowercaseQuestion(packet []byte) {
	for i := wire.HeaderLen; i < len(packet) && packet[i] != 0; {
		end := min(i+1+int(packet[i]), len(packet))
		copy(packet[i+1:end], bytes.ToLower(packet[i+1:end]))
		i = end
	}
}

// exchangeCookies adds the server's cookie to the reply m if q has a cookie,
// and reports whether it has that of the server (RFC 7873 5.2).
func exchangeCookies(addr netip.Addr, q *query, m *wire.Message) bool {
	if q.EDNS == nil {
		return false
	}
	data, ok := q.EDNS.Options.Find(wire.OptionCookie)
	var c wire.Cookie
	if !ok || c.Parse(data) != nil {
		return false
	}
	sum := sha256.Sum256(append(addr.AsSlice(), c.Client[:]...))
	isGood := bytes.Equal(c.Server, sum[:8])
	c.Server = sum[:8]
	m.EDNS.Options = m.EDNS.Options.AppendOption(wire.OptionCookie, c.AppendTo(nil))
	return isGood
}

// compressionBomb returns a reply to q, as large as may be, of records whose
// owner is one label and a pointer to the owner of the record before. To read
// all names costs the square of what it costs to send them.
func compressionBomb(q *query) []byte {
	size := 512
	if q.EDNS != nil {
		size = max(size, int(q.EDNS.UDPSize))
	}
	if q.overTCP {
		size = 65535
	}
	b := mustAppend(&wire.Message{ID: q.ID, Flags: wire.FlagQR | wire.FlagAA, Questions: q.Questions})
	last, count := wire.HeaderLen, uint16(0)
	length := q.question().Name.Len()
	for len(b)+2+2+14 <= size {
		owner := len(b)
		if length+2 <= 255 && last < 1<<14 {
			b = append(b, 1, 'b')
			length += 2
		} else { // too long or too far off to be pointed at: start anew
			last, length = wire.HeaderLen, q.question().Name.Len()
		}
		b = append(b, 0xC0|byte(last>>8), byte(last))
		b = append(b, 0, byte(wire.TypeA), 0, byte(wire.ClassIN), 0, 0, 1, 0, 0, 4, 192, 0, 2, 66)
		if owner < 1<<14 {
			last = owner
		}
		count++
	}
	binary.BigEndian.PutUint16(b[6:], count)
	return b
}

// describeReply says in a few words what a reply to q is.
func describeReply(m *wire.Message, q *query) string {
	hasSOA, cut := false, wire.Name{}
	for _, r := range m.Authority {
		switch r.Type {
		case wire.TypeSOA:
			hasSOA = true
		case wire.TypeNS:
			cut = r.Name
		}
	}
	switch {
	case m.RCode != wire.RCodeNoError:
		return m.RCode.String()
	case len(m.Answers) > 0 && m.Answers[0].Type == wire.TypeCNAME && q.question().Type != wire.TypeCNAME:
		return "alias"
	case len(m.Answers) > 0:
		return "answer"
	case !cut.IsZero() && !hasSOA:
		return "referral to " + cut.Fold().String()
	}
	return "no data"
}
