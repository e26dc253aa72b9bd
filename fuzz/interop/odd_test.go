//go:build interop

package interop

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/wire"
)

// unbound is NLnet Labs' resolver, with the zones as its own.
type unbound struct{}

func (unbound) Name() string   { return "unbound" }
func (unbound) Binary() string { return "unbound" }

func (unbound) Arguments(dir string, port uint16, zones []zoneFile) ([]string, error) {
	var conf strings.Builder
	fmt.Fprintf(&conf, `server:
	interface: 127.0.0.1@%d
	num-threads: 1
	directory: %q
	pidfile: ""
	chroot: ""
	username: ""
	use-syslog: no
	do-daemonize: no
	module-config: "iterator"
	local-zone: test. nodefault
remote-control:
	control-enable: no
`, port, dir)
	for _, z := range zones {
		fmt.Fprintf(&conf, "auth-zone:\n\tname: %q\n\tzonefile: %q\n\tfor-downstream: yes\n\tfor-upstream: yes\n", z.Origin, z.File)
	}
	file := filepath.Join(dir, "unbound.conf")
	return []string{"-d", "-c", file}, os.WriteFile(file, []byte(conf.String()), 0o600)
}

// kresd is CZ.NIC's Knot Resolver. It has no zones: it is asked for localhost,
// which it answers by itself.
type kresd struct{}

func (kresd) Name() string   { return "kresd" }
func (kresd) Binary() string { return "kresd" }

func (kresd) Arguments(dir string, port uint16, _ []zoneFile) ([]string, error) {
	if err := os.Mkdir(filepath.Join(dir, "cache"), 0o700); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "kresd.conf")
	text := fmt.Sprintf(`net.listen('127.0.0.1', %d, { kind = 'dns' })
trust_anchors.remove('.')
cache.open(10 * MB, 'lmdb://%s/cache')
`, port, dir)
	return []string{"-n", "-c", file, dir}, os.WriteFile(file, []byte(text), 0o600)
}

// oddQuery is a packet that no client of the usual kind sends, and what comes of
// it: an RCODE, with the flags and records that matter, or "none".
type oddQuery struct {
	title  string
	packet []byte
	want   string
}

// oddQueries are about the name n, which has an A record.
func oddQueries(n wire.Name) []oddQuery {
	q := wire.Question{Name: n, Type: wire.TypeA, Class: wire.ClassIN}
	plain := wire.AppendQuery(nil, 1, wire.FlagRD, q, nil)
	edns := wire.AppendQuery(nil, 1, wire.FlagRD, q, &wire.EDNS{UDPSize: 1232})
	opt := edns[len(plain):]
	counted := func(b []byte, answer, authority, additional uint16) []byte {
		b = bytes.Clone(b)
		for i, count := range []uint16{answer, authority, additional} {
			binary.BigEndian.PutUint16(b[6+2*i:], count)
		}
		return b
	}
	with := func(b []byte, parts ...[]byte) []byte {
		b = bytes.Clone(b)
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	tsig := tsigRecord()
	flags := func(f wire.Flags) []byte { return wire.AppendQuery(nil, 1, wire.FlagRD|f, q, nil) }
	return []oddQuery{
		{"a query", plain, "NOERROR"},
		{"a zero octet after the end", with(plain, make([]byte, 1)), "NOERROR"},
		{"500 zeros after the end", with(plain, make([]byte, 500)), "NOERROR"},
		{"noise after the end", with(edns, []byte("noise that belongs to nothing")), "NOERROR"},
		{"OPT that is not counted", with(plain, opt), "FORMERR"},
		{"OPT in the answer section", counted(with(plain, opt), 1, 0, 0), "FORMERR"},
		{"OPT in the authority section", counted(with(plain, opt), 0, 1, 0), "FORMERR"},
		{"OPT twice", counted(with(plain, opt, opt), 0, 0, 2), "FORMERR"},
		{"TSIG of an unknown key", counted(with(plain, tsig), 0, 0, 1), "NOTAUTH BADKEY"},
		{"TSIG of an unknown key, after OPT", counted(with(edns, tsig), 0, 0, 2), "NOTAUTH BADKEY"},
		{"TSIG before OPT", counted(with(plain, tsig, opt), 0, 0, 2), "FORMERR"},
		{"TSIG twice", counted(with(plain, tsig, tsig), 0, 0, 2), "FORMERR"},
		{"TSIG in the answer section", counted(with(plain, tsig), 1, 0, 0), "FORMERR"},
		{"CD, at an authority", flags(wire.FlagCD), "NOERROR"},
		{"a header only", plain[:12], "FORMERR"},
		{"a response", flags(wire.FlagQR), "none"},
		{"an error", with(plain[:2], []byte{0x80, 0x01}, plain[4:]), "none"},
		{"opcode 7", with(plain[:2], []byte{0x38, 0x00}, plain[4:]), "NOTIMP"},
		{"opcode 7 with RCODE 1", with(plain[:2], []byte{0x38, 0x01}, plain[4:]), "none"},
	}
}

// tsigRecord is a TSIG record of a key that no server has.
func tsigRecord() []byte {
	b := wire.MustParseName("unknown.").AppendTo(nil)
	b = binary.BigEndian.AppendUint16(b, uint16(wire.TypeTSIG))
	b = binary.BigEndian.AppendUint16(b, uint16(wire.ClassAny))
	b = binary.BigEndian.AppendUint32(b, 0)
	data := wire.MustParseName("hmac-sha256.").AppendTo(nil)
	data = append(data, 0, 0)
	data = binary.BigEndian.AppendUint32(data, uint32(time.Now().Unix()))
	data = binary.BigEndian.AppendUint16(data, 300)
	data = binary.BigEndian.AppendUint16(data, 32)
	data = append(data, make([]byte, 32)...)
	data = append(data, 0, 1, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	return append(b, data...)
}

// markerID is that of the query that follows each packet: a server that answers it first
// has no reply to the packet.
const markerID = 0xACE

// exchange sends a packet about a question and says what comes of it.
func exchange(t *testing.T, s *server, packet []byte) string {
	t.Helper()
	conn, err := net.Dial("udp4", s.Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, b := range [][]byte{packet, wire.AppendQuery(nil, markerID, wire.FlagRD, oddQuestion(s), nil)} {
		if _, err := conn.Write(b); err != nil {
			return "none" // it does not listen
		}
	}
	conn.SetReadDeadline(time.Now().Add(eventually.Limit))
	buf := make([]byte, 65535)
	n, err := conn.Read(buf)
	if err != nil {
		return "none"
	}
	if h, err := wire.ParseHeader(buf[:n]); err == nil && h.ID == markerID {
		return "none"
	}
	m, err := wire.ParseMessage(buf[:n])
	if err != nil {
		h, err := wire.ParseHeader(buf[:n])
		if err != nil {
			return "unreadable"
		}
		return h.Flags.RCode().String()
	}
	text := m.RCode.String()
	for _, r := range m.Additional {
		if r.Type == wire.TypeTSIG && len(r.Data) > 4 {
			text += " " + wire.RCode(binary.BigEndian.Uint16(r.Data[len(r.Data)-4:])).String() // before the length of other data, which is 0
		}
	}
	if m.RCode == wire.RCodeNoError && len(m.Answers) == 0 {
		text += " empty"
	}
	if m.Flags.Has(wire.FlagCD) {
		text += " cd"
	}
	return text
}

// oddServers starts all servers with a zone of one name.
func oddServers(t *testing.T) []*server {
	file := filepath.Join(t.TempDir(), "odd.test.zone")
	if err := os.WriteFile(file, []byte("$ORIGIN odd.test.\n$TTL 60\n@ SOA ns root 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	zones := []zoneFile{{Origin: "odd.test.", File: file}}
	servers := startAll(t, zones, ours{}, nsd{}, knot{}, bind{}, unbound{})
	k := start(t, kresd{}, nil)
	err := eventually.Try(k.exited, func() error { // it has no zone that it could be asked for
		if said := exchange(t, k, wire.AppendQuery(nil, 1, wire.FlagRD, oddQuestion(k), nil)); said != "NOERROR" {
			return fmt.Errorf("kresd says %s", said)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, k.printed())
	}
	return append(servers, k)
}

func oddQuestion(s *server) wire.Question {
	q := wire.Question{Name: wire.MustParseName("www.odd.test."), Type: wire.TypeA, Class: wire.ClassIN}
	if s.Name == "kresd" {
		q.Name = wire.MustParseName("localhost.")
	}
	return q
}

// TestOddQueries sends what belongs to no query, or is in the wrong place, to all
// servers. What we say is fixed; what the others say is logged, as the table
// in docs/odd-replies.md has it.
func TestOddQueries(t *testing.T) {
	servers := oddServers(t)
	var table strings.Builder
	table.WriteString("| query |")
	for _, s := range servers {
		fmt.Fprintf(&table, " %s |", s.Name)
	}
	for i, row := range oddQueries(wire.Root) {
		fmt.Fprintf(&table, "\n| %s |", row.title)
		for _, s := range servers {
			said := exchange(t, s, oddQueries(oddQuestion(s).Name)[i].packet)
			fmt.Fprintf(&table, " %s |", said)
			if s.Name == "names" && said != row.want {
				t.Errorf("%s: %s, want %s", row.title, said, row.want)
			}
		}
	}
	t.Log("\n" + table.String())
}

// TestServicesThatAnswer starts a conversation between each server and what is at
// the ports of services that answer whatever they get, and counts the packets
// that it takes in a second. Ours end at once.
func TestServicesThatAnswer(t *testing.T) {
	servers := oddServers(t)
	chargen := func([]byte) []byte {
		return []byte(` !"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_` + "\r\n")
	}
	daytime := func([]byte) []byte { return []byte("Monday, November 30, 2026 00:00:00-UTC\r\n") }
	tftp := func([]byte) []byte { return []byte("\x00\x05\x00\x04Illegal TFTP operation\x00") }
	formerr := func(b []byte) []byte { // a DNS server that says FORMERR to what it gets, whatever that is
		if len(b) < 12 {
			return nil
		}
		return append(append(bytes.Clone(b[:2]), 0, 1), make([]byte, 8)...)
	}
	var table strings.Builder
	for _, row := range []struct {
		title string
		port  int
		say   func([]byte) []byte
		most  int // of ours
	}{
		{"chargen, port 19", 19, chargen, 0},
		{"daytime, port 13", 13, daytime, 0},
		{"TFTP errors, port 69", 69, tftp, 0},
		{"TFTP errors, a port of its own", 0, tftp, 0},
		{"FORMERR without QR, port 53", 53, formerr, 0},
		{"chargen, another port", 0, chargen, 0},
	} {
		fmt.Fprintf(&table, "\n| %s |", row.title)
		for _, s := range servers {
			n, err := converse(s.Addr, row.port, row.say)
			if errors.Is(err, os.ErrPermission) {
				t.Skipf("port %d: %v", row.port, err)
			} else if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&table, " %d |", n)
			if s.Name == "names" && n > row.most {
				t.Errorf("%s: %d packets, more than %d", row.title, n, row.most)
			}
		}
	}
	t.Log(table.String())
}

// converse has a service at a port begin, and answer whatever it gets, for a
// second. It returns how many packets it got. Each server's is at another
// address, so that none pays for the others.
func converse(server netip.AddrPort, port int, say func([]byte) []byte) (packets int, err error) {
	conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 77), Port: port}, net.UDPAddrFromAddrPort(server))
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(time.Second))
	buf := make([]byte, 65535)
	first := say(make([]byte, 12))
	for range 3 { // one may be lost
		if _, err := conn.Write(first); err != nil {
			return packets, err
		}
	}
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return packets, nil
		}
		packets++
		conn.Write(say(buf[:n]))
	}
}
