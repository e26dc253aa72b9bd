// Command ratelimit floods a server in the name of a victim, has two honest clients ask
// it meanwhile, and prints how many octets were reflected for each that was sent, and how
// many of their names the honest clients could resolve. It is run by run.sh, in a network
// namespace that has the addresses.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/wire"
)

var (
	server    = flag.String("server", "198.51.100.53:53", "the `address` of the server")
	victim    = flag.String("victim", "192.0.2.1", "the `address` that the flood claims to come from")
	near      = flag.String("near", "192.0.2.7", "the `address` of an honest client of the victim's network")
	elsewhere = flag.String("elsewhere", "203.0.113.7", "the `address` of one of another network")
	rate      = flag.Int("rate", 7000, "queries a second of the flood")
	length    = flag.Duration("time", 8*time.Second, "how long it lasts")
	kind      = flag.String("kind", "one", "one name, `missing` names, or names below a wildcard")
	honest    = flag.Int("honest", 20, "queries a second of each honest client")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "ratelimit:", err)
		os.Exit(1)
	}
}

// name is the one that the flood asks for next.
func name(i int) (string, error) {
	switch *kind {
	case "one":
		return "www.example.", nil
	case "missing":
		return fmt.Sprintf("n%d.example.", i), nil
	case "wildcard":
		return fmt.Sprintf("n%d.wild.example.", i), nil
	}
	return "", fmt.Errorf("--kind %q is not one, missing or wildcard", *kind)
}

func query(id uint16, name string) []byte {
	return wire.AppendQuery(nil, id, 0, wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}, &wire.EDNS{UDPSize: 1232})
}

func run() error {
	if _, err := name(0); err != nil {
		return err
	}
	to, err := netip.ParseAddrPort(*server)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), *length)
	defer cancel()
	flood, err := socket(*victim)
	if err != nil {
		return err
	}
	defer flood.Close()
	var sent, received atomic.Int64
	var all sync.WaitGroup
	all.Go(func() { // the victim only counts
		b := make([]byte, 4096)
		for {
			n, err := flood.Read(b)
			if err != nil {
				return
			}
			received.Add(int64(n))
		}
	})
	clients := []*client{{from: *elsewhere}, {from: *near}}
	for _, c := range clients {
		all.Go(func() { c.run(ctx, to) })
	}
	// Each millisecond what is due by then, so that a late one is made up for.
	began, queries := time.Now(), 0
	for tick := time.NewTicker(time.Millisecond); ctx.Err() == nil; <-tick.C {
		for due := int(time.Since(began).Seconds() * float64(*rate)); queries < due; queries++ {
			n, _ := name(queries)
			q := query(uint16(queries), n)
			if _, err := flood.WriteToUDPAddrPort(q, to); err == nil {
				sent.Add(int64(len(q)))
			}
		}
	}
	took := time.Since(began)
	flood.SetReadDeadline(time.Now().Add(200 * time.Millisecond)) // what is on its way
	all.Wait()
	for _, c := range clients {
		if c.err != nil {
			return fmt.Errorf("honest client %s: %w", c.from, c.err)
		}
	}
	fmt.Printf("| %s | %.0f | %.2f | %.0f | %d of %d | %d of %d |\n", *kind, float64(queries)/took.Seconds(), float64(received.Load())/float64(sent.Load()),
		float64(received.Load())/took.Seconds(), clients[0].resolved, clients[0].asked, clients[1].resolved, clients[1].asked)
	return nil
}

func socket(from string) (*net.UDPConn, error) {
	a, err := netip.ParseAddr(from)
	if err != nil {
		return nil, err
	}
	return net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
}

// client asks for one name as a stub resolver does: three times, and over TCP if the reply
// is truncated.
type client struct {
	from            string
	asked, resolved int
	err             error // of this machine
}

func (c *client) run(ctx context.Context, to netip.AddrPort) {
	conn, err := socket(c.from)
	if err != nil {
		c.err = err
		return
	}
	defer conn.Close()
	tick := time.NewTicker(time.Second / time.Duration(*honest))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		c.asked++
		q := query(uint16(c.asked), "www.example.")
		if c.resolve(conn, to, q) {
			c.resolved++
		}
	}
}

func (c *client) resolve(conn *net.UDPConn, to netip.AddrPort, q []byte) bool {
	b := make([]byte, 4096)
	for range 3 {
		conn.WriteToUDPAddrPort(q, to)
		conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		for {
			n, err := conn.Read(b)
			if err != nil {
				break // again
			}
			if n < wire.HeaderLen || b[0] != q[0] || b[1] != q[1] {
				continue // a late one
			}
			if b[2]&0x02 == 0 { // TC
				return true
			}
			return c.overTCP(to, q)
		}
	}
	return false
}

func (c *client) overTCP(to netip.AddrPort, q []byte) bool {
	d := net.Dialer{Timeout: time.Second, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(c.from), 0))}
	conn, err := d.Dial("tcp4", to.String())
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write(append([]byte{byte(len(q) >> 8), byte(len(q))}, q...)); err != nil {
		return false
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return false
	}
	_, err = io.ReadFull(conn, make([]byte, int(length[0])<<8|int(length[1])))
	return err == nil
}
