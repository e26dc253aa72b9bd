// Command driver does to a server what the measurements of run.sh need: updates
// from many clients at once, changes in bulk, transfers that cost the client little,
// and NOTIFY.
//
//	driver updates -clients 100 -time 5s ZONE SERVER   prints updates a second, those that failed, and the 99th percentile of their time in ms
//	driver change  -count 10000 ZONE SERVER            adds half as many records as count, and removes them
//	driver ixfr    -serial 7 ZONE SERVER               prints how many records came
//	driver axfr    -time 5s ZONE SERVER                transfers again and again, and prints how often
//	driver serial  ZONE SERVER                         prints the serial number
//	driver notify  ZONE SERVER
//	driver all     -count 10000 -serial 2 ZONE SERVER  waits until zones z0 to z9999 below ZONE have a serial number, and prints the seconds; with -notify it sends NOTIFY for each before
//
// SERVER is an address with a port.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

var (
	clients  = flag.Int("clients", 1, "how many `clients` send updates at once")
	duration = flag.Duration("time", 5*time.Second, "for how `long`")
	count    = flag.Int("count", 10000, "how many `changes`")
	most     = flag.Int("most", 0, "how many updates each client sends at the `most`; 0: as many as there is time for")
	first    = flag.Bool("notify", false, "send NOTIFY for each zone first")
	serial   = flag.Uint("serial", 1, "the `serial` number that the client has")
)

var commands = map[string]func(zone, server string) error{
	"updates": updates, "change": change, "ixfr": ixfr, "axfr": axfr, "serial": printSerial, "notify": notify, "all": all,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: driver updates|change|ixfr|axfr|serial|notify|all [options] ZONE SERVER")
		os.Exit(2)
	}
	flag.CommandLine.Parse(os.Args[2:])
	if err := commands[os.Args[1]](dns.Fqdn(flag.Arg(0)), flag.Arg(1)); err != nil {
		fmt.Fprintln(os.Stderr, "driver:", err)
		os.Exit(1)
	}
}

// updates has each client add one record after the other, and wait for each reply.
func updates(zone, server string) error {
	var all sync.WaitGroup
	took, failed := make([][]time.Duration, *clients), make([]int, *clients)
	end := time.Now().Add(*duration)
	for client := range *clients {
		all.Go(func() {
			conn, err := dns.Dial("udp", server)
			if err != nil {
				failed[client]++
				return
			}
			defer conn.Close()
			for i := 0; time.Now().Before(end) && (*most == 0 || i < *most); i++ {
				began := time.Now()
				if err := add(conn, zone, fmt.Sprintf("u%d-%d-%d.%s", os.Getpid(), client, i, zone)); err != nil {
					failed[client]++
					continue
				}
				took[client] = append(took[client], time.Since(began))
			}
		})
	}
	all.Wait()
	sum := slices.Sorted(slices.Values(slices.Concat(took...)))
	if len(sum) == 0 {
		return errors.New("no update was done")
	}
	failures := 0
	for _, n := range failed {
		failures += n
	}
	fmt.Printf("%.0f %d %.1f\n", float64(len(sum))/duration.Seconds(), failures, sum[len(sum)*99/100].Seconds()*1000)
	return nil
}

func add(conn *dns.Conn, zone, name string) error {
	m := new(dns.Msg)
	m.SetUpdate(zone)
	m.Insert([]dns.RR{address(name)})
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	return exchange(conn, m)
}

func address(name string) dns.RR {
	return &dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 300}, A: net.IPv4(192, 0, 2, 7)}
}

func exchange(conn *dns.Conn, m *dns.Msg) error {
	if err := conn.WriteMsg(m); err != nil {
		return err
	}
	for {
		reply, err := conn.ReadMsg()
		switch {
		case err != nil:
			return err
		case reply.Id != m.Id: // of a query that was given up
		case reply.Rcode != dns.RcodeSuccess:
			return errors.New(dns.RcodeToString[reply.Rcode])
		default:
			return nil
		}
	}
}

// change makes count changes with few requests: additions, then the removals of what
// was added.
func change(zone, server string) error {
	conn, err := dns.DialTimeout("tcp", server, 10*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Minute))
	const each = 500
	for _, isAdded := range []bool{true, false} {
		for from := 0; from < *count/2; from += each {
			m := new(dns.Msg)
			m.SetUpdate(zone)
			for i := from; i < min(from+each, *count/2); i++ {
				rr := address(fmt.Sprintf("change%d.%s", i, zone))
				if isAdded {
					m.Insert([]dns.RR{rr})
				} else {
					m.Remove([]dns.RR{rr})
				}
			}
			if err := exchange(conn, m); err != nil {
				return err
			}
		}
	}
	return nil
}

func ixfr(zone, server string) error {
	m := new(dns.Msg)
	m.SetIxfr(zone, uint32(*serial), "ns."+zone, "admin."+zone)
	t := dns.Transfer{ReadTimeout: time.Minute}
	in, err := t.In(m, server)
	if err != nil {
		return err
	}
	records := 0
	for part := range in {
		if part.Error != nil {
			return part.Error
		}
		records += len(part.RR)
	}
	fmt.Println(records)
	return nil
}

// axfr reads transfers and looks at nothing but their ends. The one that is going on
// when the time is over counts as far as it has come.
func axfr(zone, server string) error {
	end := time.Now().Add(*duration)
	octets, times := 0, 0
	for time.Now().Before(end) {
		if err := drain(zone, server, end, &octets); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		} else if err == nil {
			times++
		}
	}
	fmt.Printf("%d transfers, %.1f MiB/s\n", times, float64(octets)/duration.Seconds()/(1<<20))
	return nil
}

func drain(zone, server string, end time.Time, octets *int) error {
	conn, err := net.DialTimeout("tcp", server, 10*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(end)
	m := new(dns.Msg)
	m.SetAxfr(zone)
	if err := (&dns.Conn{Conn: conn}).WriteMsg(m); err != nil {
		return err
	}
	var last []byte // octets of the SOA record that is the first and the last
	buf := make([]byte, 1<<16)
	for {
		if _, err := io.ReadFull(conn, buf[:2]); err != nil {
			return err
		}
		message := buf[:binary.BigEndian.Uint16(buf)]
		if _, err := io.ReadFull(conn, message); err != nil {
			return err
		}
		*octets += len(message)
		if last == nil {
			if err := m.Unpack(message); err != nil {
				return err
			}
			soa, err := soaOf(m)
			if err != nil {
				return err
			}
			last = numbers(soa)
		} else if bytes.HasSuffix(message, last) {
			return nil
		}
	}
}

// numbers are the last octets of an SOA record.
func numbers(soa *dns.SOA) (b []byte) {
	for _, n := range []uint32{soa.Serial, soa.Refresh, soa.Retry, soa.Expire, soa.Minttl} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

func soaOf(reply *dns.Msg) (*dns.SOA, error) {
	for _, rr := range reply.Answer {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa, nil
		}
	}
	return nil, fmt.Errorf("no SOA record: %s", dns.RcodeToString[reply.Rcode])
}

func printSerial(zone, server string) error {
	n, err := serialOf(zone, server)
	if err == nil {
		fmt.Println(n)
	}
	return err
}

func serialOf(zone, server string) (uint32, error) {
	m := new(dns.Msg)
	m.SetQuestion(zone, dns.TypeSOA)
	c := dns.Client{Timeout: 10 * time.Second}
	reply, _, err := c.Exchange(m, server)
	if err != nil {
		return 0, err
	}
	soa, err := soaOf(reply)
	if err != nil {
		return 0, err
	}
	return soa.Serial, nil
}

// notifyRounds is how often a NOTIFY is sent that is not acknowledged, as a primary does
// (RFC 1996 3.6).
const notifyRounds = 5

// all asks for one zone until it has the serial number, then for the next: that is few
// queries more than there are zones.
func all(zone, server string) error {
	began := time.Now()
	name := func(i int) string { return fmt.Sprintf("z%d.%s", i, zone) }
	var pending []int // zones whose NOTIFY is not acknowledged
	for i := 0; *first && i < *count; i++ {
		pending = append(pending, i)
	}
	for round := 0; len(pending) > 0 && round < notifyRounds; round++ {
		pending = slices.DeleteFunc(pending, func(i int) bool { return notifyOnce(name(i), server) == nil })
	}
	if len(pending) > 0 { // a primary gives up, too: the zone's REFRESH is for that
		fmt.Fprintf(os.Stderr, "%d of %d NOTIFY were not acknowledged, %s the first\n", len(pending), *count, name(pending[0]))
	}
	for i := range *count {
		for {
			n, err := serialOf(name(i), server)
			if err == nil && n >= uint32(*serial) {
				break
			}
			if time.Since(began) > *duration {
				return fmt.Errorf("%s has serial %d, %v", name(i), n, err)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	fmt.Printf("%.1f\n", time.Since(began).Seconds())
	return nil
}

func notify(zone, server string) (err error) {
	for range notifyRounds {
		if err = notifyOnce(zone, server); err == nil {
			return nil
		}
	}
	return err
}

func notifyOnce(zone, server string) error {
	m := new(dns.Msg)
	m.SetNotify(zone)
	conn, err := dns.Dial("udp", server)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * time.Second))
	return exchange(conn, m)
}
