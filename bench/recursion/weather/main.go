// Command weather stands between a resolver and the servers of a test: what is
// sent to an address of theirs it takes to the address behind, and the reply
// back, late or not at all.
//
//	weather -loss 0.2 -delay 200ms 198.18.0.1=198.19.0.1 198.18.1.1=198.19.1.1
//
// Each datagram is lost with the probability given, queries and replies alike;
// the delay is that of the way there and back. Over TCP nothing is lost, and
// every reply is late.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

// weather is what happens on the way.
type weather struct {
	loss  float64
	delay time.Duration
}

// route leads from the address that is asked to the one that answers.
type route struct{ from, to netip.AddrPort }

func main() {
	log.SetFlags(0)
	log.SetPrefix("weather: ")
	var w weather
	flag.Float64Var(&w.loss, "loss", 0, "the probability that a datagram is lost")
	flag.DurationVar(&w.delay, "delay", 0, "how late replies are")
	port := flag.Uint("port", 53, "the port of all addresses")
	flag.Parse()
	switch {
	case w.loss < 0 || w.loss > 1:
		log.Fatal("-loss is from 0 to 1")
	case w.delay < 0 || w.delay > time.Minute:
		log.Fatal("-delay is from 0 to 1m")
	case *port < 1 || *port > 65535:
		log.Fatal("-port is from 1 to 65535")
	case flag.NArg() == 0:
		log.Fatal("no route FROM=TO is given")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for _, arg := range flag.Args() {
		r, err := parseRoute(arg, uint16(*port))
		if err != nil {
			log.Fatal(err)
		}
		if err := w.serve(ctx, r); err != nil {
			log.Fatal(err)
		}
	}
	<-ctx.Done()
}

func parseRoute(text string, port uint16) (route, error) {
	from, to, ok := strings.Cut(text, "=")
	a, err := netip.ParseAddr(from)
	b, err2 := netip.ParseAddr(to)
	if !ok || err != nil || err2 != nil {
		return route{}, errors.New(text + ": a route is FROM=TO, two addresses")
	}
	return route{netip.AddrPortFrom(a, port), netip.AddrPortFrom(b, port)}, nil
}

// serve listens at the near end of r until ctx is done.
func (w weather) serve(ctx context.Context, r route) error {
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(r.from))
	if err != nil {
		return err
	}
	tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(r.from))
	if err != nil {
		udp.Close()
		return err
	}
	context.AfterFunc(ctx, func() { udp.Close(); tcp.Close() })
	go w.serveUDP(udp, r)
	go w.serveTCP(tcp, r)
	return nil
}

// replyTime is how long a server may take; what comes later is lost.
const replyTime = 5 * time.Second

func (w weather) serveUDP(near *net.UDPConn, r route) {
	buf := make([]byte, 65535)
	for {
		n, client, err := near.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || w.isLost() {
			continue
		}
		query := append([]byte(nil), buf[:n]...)
		go w.carry(near, client, query, r)
	}
}

// carry takes a query to the server and the reply back.
func (w weather) carry(near *net.UDPConn, client netip.AddrPort, query []byte, r route) {
	arrives := time.Now().Add(w.delay)
	far, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(r.to))
	if err != nil {
		log.Print(err)
		return
	}
	defer far.Close()
	far.SetDeadline(time.Now().Add(replyTime))
	if _, err := far.Write(query); err != nil {
		return
	}
	reply := make([]byte, 65535)
	n, err := far.Read(reply)
	if err != nil || w.isLost() {
		return
	}
	time.Sleep(time.Until(arrives))
	near.WriteToUDPAddrPort(reply[:n], client)
}

func (w weather) isLost() bool { return w.loss > 0 && rand.Float64() < w.loss }

func (w weather) serveTCP(listener *net.TCPListener, r route) {
	for {
		near, err := listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			go w.join(near, r)
		}
	}
}

// join carries the octets of a connection both ways until either side ends it.
func (w weather) join(near net.Conn, r route) {
	defer near.Close()
	far, err := net.Dial("tcp", r.to.String())
	if err != nil {
		return
	}
	defer far.Close()
	var both sync.WaitGroup
	both.Go(func() {
		io.Copy(far, near)
		far.Close()
	})
	both.Go(func() {
		io.Copy(late{near, w.delay}, far)
		near.Close()
	})
	both.Wait()
}

// late writes after a while.
type late struct {
	io.Writer
	delay time.Duration
}

func (l late) Write(b []byte) (int, error) {
	time.Sleep(l.delay)
	return l.Writer.Write(b)
}
