//go:build interop

package recursion

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// badly is a server that does not answer as it should, until the test ends.
type badly struct {
	host *host
	// source has the answers of servers that answer now and then.
	source netip.AddrPort
	done   context.Context
}

// serveBadly starts h.
func serveBadly(t *testing.T, h *host) {
	t.Helper()
	at := netip.AddrPortFrom(h.Addr, 53)
	udp, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	done, end := context.WithCancel(context.Background())
	t.Cleanup(func() {
		end()
		udp.Close()
		tcp.Close()
	})
	b := &badly{host: h, source: netip.AddrPortFrom(realAddr(h.Tier, int(h.Addr.As4()[3])%programs, 0), 53), done: done}
	go b.serveUDP(udp)
	go b.serveTCP(tcp)
}

func (b *badly) serveUDP(conn *net.UDPConn) {
	buf := make([]byte, 65535)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		query := append([]byte(nil), buf[:n]...)
		go func() {
			if reply := b.reply(query, false); reply != nil {
				conn.WriteToUDPAddrPort(reply, from)
			}
		}()
	}
}

func (b *badly) serveTCP(listener *net.TCPListener) {
	for {
		conn, err := listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		go b.serveConn(conn)
	}
}

// serveConn answers one question after the other.
func (b *badly) serveConn(conn net.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(b.done, func() { conn.Close() })
	defer stop()
	var size [2]byte
	for {
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		reply := b.reply(query, true)
		if reply == nil {
			continue
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}

// reply is what the host says to a query; nil: nothing.
func (b *badly) reply(query []byte, overTCP bool) []byte {
	m, err := wire.ParseMessage(query)
	if err != nil || len(m.Questions) != 1 {
		return nil
	}
	switch b.host.Conduct {
	case silent:
		return nil
	case refuses:
		return only(m, wire.RCodeRefused, 0)
	case fails:
		return only(m, wire.RCodeServFail, 0)
	case notImp:
		return only(m, wire.RCodeNotImp, 0)
	case formErr:
		if m.EDNS != nil {
			return only(m, wire.RCodeFormErr, 0)
		}
	case ignoreEDNS:
		if m.EDNS != nil {
			return nil
		}
	case truncates:
		if !overTCP {
			return only(m, wire.RCodeNoError, wire.FlagTC)
		}
	case lowercases:
		m.Questions[0].Name = m.Questions[0].Name.Fold()
		if query, err = m.AppendTo(nil); err != nil {
			return nil
		}
	}
	querier := names.Querier{TCP: overTCP, KeepTruncated: true, Timeouts: []time.Duration{time.Second}}
	reply, err := querier.Query(b.done, query, b.source)
	if err != nil {
		return nil
	}
	return reply.Message
}

// only is a reply with only its question.
func only(m *wire.Message, rcode wire.RCode, flags wire.Flags) []byte {
	reply := wire.Message{ID: m.ID, Flags: wire.FlagQR | m.Flags&wire.FlagRD | flags, RCode: rcode, Questions: m.Questions}
	b, err := reply.AppendTo(nil)
	if err != nil {
		return nil
	}
	return b
}
