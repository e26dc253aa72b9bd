package listener

import (
	"net"
	"net/netip"
	"strconv"
	"time"
)

// portableIO moves one datagram at a time, by what package net has on every
// system. Several may share a socket.
type portableIO struct {
	conn    PacketConn
	slots   []slot
	control [max(controlLen, 1)]byte
	err     error // why receive has ended
}

func newPortableIO(conn PacketConn, slots []slot) *portableIO {
	return &portableIO{conn: conn, slots: slots[:1]}
}

func (p *portableIO) receive(yield func(n int) bool) {
	s := &p.slots[0]
	for {
		n, controls, _, remote, err := p.conn.ReadMsgUDPAddrPort(s.buf, p.control[:controlLen])
		if err != nil {
			p.err = err
			return
		}
		s.data = s.buf[:n]
		s.from = path{remote: netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())}
		readControl(p.control[:controls], &s.from)
		if !yield(1) {
			return
		}
	}
}

func (p *portableIO) rest(yield func(n int) bool) {
	// A deadline in the past would let nothing be read.
	p.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	p.receive(yield)
}

func (p *portableIO) failure() error { return p.err }

func (p *portableIO) send(n int) (failed int) {
	for i := range p.slots[:n] {
		s := &p.slots[i]
		if s.reply == nil {
			continue
		}
		if err := writeTo(p.conn, s.reply, p.control[:0], s.from); err != nil {
			failed++
		}
	}
	return failed
}

func (p *portableIO) sendOne(reply []byte, to path) error {
	if reply == nil {
		return nil
	}
	var space [max(controlLen, 1)]byte
	return writeTo(p.conn, reply, space[:0], to)
}

func (p *portableIO) stop() { p.conn.SetReadDeadline(longAgo) }

func (p *portableIO) close() { p.conn.Close() }

// writeTo sends a reply along to. Its control message is built in space.
func writeTo(conn PacketConn, reply, space []byte, to path) error {
	remote := to.remote
	if to.scope != 0 && remote.Addr().IsLinkLocalUnicast() && remote.Addr().Zone() == "" {
		remote = netip.AddrPortFrom(remote.Addr().WithZone(strconv.Itoa(int(to.scope))), remote.Port())
	}
	_, _, err := conn.WriteMsgUDPAddrPort(reply, appendControl(space, to), remote)
	return err
}

var _ PacketConn = (*net.UDPConn)(nil)
