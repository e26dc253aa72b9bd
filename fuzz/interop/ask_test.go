//go:build interop

package interop

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/names-dns/names/wire"
)

// query is one question and how it is asked.
type query struct {
	Name   wire.Name
	Type   wire.Type
	Class  wire.Class
	Opcode wire.Opcode
	Flags  wire.Flags // RD, AD, CD as sent
	Buffer uint16     // UDP size of the OPT record; 0: no OPT record
	DO     bool       // needs Buffer
	TCP    bool
	Why    string // what the question is there to find out

	EDNSVersion uint8 // needs Buffer
}

// String is the query as one would type it for dig.
func (q query) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", q.Name, q.Class, q.Type)
	if q.Opcode != wire.OpcodeQuery {
		fmt.Fprintf(&b, " +opcode=%s", q.Opcode)
	}
	if q.Flags.Has(wire.FlagRD) {
		b.WriteString(" +rd")
	}
	if q.Flags.Has(wire.FlagAD) {
		b.WriteString(" +ad")
	}
	if q.Flags.Has(wire.FlagCD) {
		b.WriteString(" +cd")
	}
	switch {
	case q.DO:
		fmt.Fprintf(&b, " +dnssec +bufsize=%d", q.Buffer)
	case q.Buffer > 0:
		fmt.Fprintf(&b, " +bufsize=%d", q.Buffer)
	}
	if q.EDNSVersion != 0 {
		fmt.Fprintf(&b, " +edns=%d", q.EDNSVersion)
	}
	if q.TCP {
		b.WriteString(" +tcp")
	}
	if q.Why != "" {
		b.WriteString("  ; " + q.Why)
	}
	return b.String()
}

// message is the query on the wire.
func (q query) message(id uint16) []byte {
	var opt *wire.EDNS
	if q.Buffer > 0 {
		opt = &wire.EDNS{UDPSize: q.Buffer, Version: q.EDNSVersion}
		if q.DO {
			opt.Flags = wire.FlagDO
		}
	}
	question := wire.Question{Name: q.Name, Type: q.Type, Class: q.Class}
	return wire.AppendQuery(nil, id, q.Flags.WithOpcode(q.Opcode), question, opt)
}

// replyTime is how long a server on the same machine may take to reply.
const replyTime = 3 * time.Second

// ask sends q and waits for the reply. A server is asked one question at a
// time, and in silence it is asked again once: loopback may drop a datagram
// when the machine is busy.
func (s *server) ask(q query) (*answer, error) {
	for try := 0; ; try++ {
		s.id++
		reply, err := s.exchange(q.message(s.id), q.TCP)
		if err == nil {
			return parseAnswer(reply, q)
		}
		s.hangUp()
		if try == 1 || !q.TCP && !errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, err
		}
	}
}

// exchange sends one message and returns the reply that bears its ID. The
// reply is valid until the next call.
func (s *server) exchange(message []byte, overTCP bool) ([]byte, error) {
	conn, err := s.dial(overTCP)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(replyTime)); err != nil {
		return nil, err
	}
	if overTCP {
		message = append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
	}
	if _, err := conn.Write(message); err != nil {
		return nil, err
	}
	for {
		n, err := s.receive(conn, overTCP)
		if err != nil {
			return nil, err
		}
		// A late reply to an earlier question may still come in.
		if n >= 2 && binary.BigEndian.Uint16(s.buf[:]) == s.id {
			return s.buf[:n], nil
		}
	}
}

func (s *server) receive(conn net.Conn, overTCP bool) (int, error) {
	if !overTCP {
		return conn.Read(s.buf[:])
	}
	if _, err := io.ReadFull(conn, s.buf[:2]); err != nil {
		return 0, err
	}
	return io.ReadFull(conn, s.buf[:binary.BigEndian.Uint16(s.buf[:])])
}

func (s *server) dial(overTCP bool) (net.Conn, error) {
	slot, network := &s.udp, "udp4"
	if overTCP {
		slot, network = &s.tcp, "tcp4"
	}
	if *slot == nil {
		conn, err := net.DialTimeout(network, s.Addr.String(), replyTime)
		if err != nil {
			return nil, err
		}
		*slot = conn
	}
	return *slot, nil
}

// askAll asks every server every query, the servers side by side, and hands
// the answers to each query to report, in the order of the servers. An answer
// is nil if the server did not give one that can be read; the error says why.
func askAll(servers []*server, queries []query, report func(query, []*answer, []error)) {
	type result struct {
		answer *answer
		err    error
	}
	results := make([]chan result, len(servers))
	for i, s := range servers {
		results[i] = make(chan result, 64)
		go func(out chan<- result) {
			defer close(out)
			for _, q := range queries {
				a, err := s.ask(q)
				out <- result{a, err}
			}
		}(results[i])
	}
	for _, q := range queries {
		answers := make([]*answer, len(servers))
		errs := make([]error, len(servers))
		for i := range servers {
			r := <-results[i]
			answers[i], errs[i] = r.answer, r.err
		}
		report(q, answers, errs)
	}
}

// transfer asks for the whole zone and returns its records as they come.
func (s *server) transfer(zone wire.Name) ([]record, error) {
	defer s.hangUp()
	s.id++
	q := query{Name: zone, Type: wire.TypeAXFR, Class: wire.ClassIN, TCP: true}
	reply, err := s.exchange(q.message(s.id), true)
	var records []record
	for soas := 0; ; {
		if err != nil {
			return nil, fmt.Errorf("transfer of %s from %s: %w", zone, s.Name, err)
		}
		a, err2 := parseAnswer(reply, query{})
		if err2 != nil {
			return nil, err2
		}
		if a.RCode != wire.RCodeNoError || len(a.Records[wire.SectionAnswer]) == 0 {
			return nil, fmt.Errorf("transfer of %s from %s: %s", zone, s.Name, a.RCode)
		}
		for _, r := range a.Records[wire.SectionAnswer] {
			if r.Type == wire.TypeSOA {
				soas++
			}
			if soas < 2 {
				records = append(records, r)
			}
		}
		if soas == 2 {
			return records, nil
		}
		var n int
		n, err = s.receive(s.tcp, true)
		reply = s.buf[:n]
	}
}
