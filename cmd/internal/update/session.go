package update

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/authority/update"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// session is what the lines so far have said.
type session struct {
	stdout, stderr io.Writer
	prompt         string // before each line; "": none
	debug          bool

	key     *wire.TSIGKey
	port    uint16
	timeout time.Duration
	local   netip.AddrPort
	server  string // "": the zone's primary
	zone    wire.Name
	text    update.Text
	request update.Request
	answer  *wire.Message
	failed  bool
}

// maxLine is how long a line may be, in octets.
const maxLine = 256 << 10

var errQuit = errors.New("quit")

// run does what the lines say. After a line that cannot be read it does nothing
// more, unless a person can write it again.
func (s *session) run(ctx context.Context, input io.Reader, name string) int {
	s.request.Class = wire.ClassIN
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, maxLine)
	fmt.Fprint(s.stdout, s.prompt)
	n := 0
	for lines.Scan() {
		n++
		err := s.line(ctx, lines.Text())
		switch {
		case err == errQuit:
			return s.exitCode()
		case err != nil:
			fmt.Fprintf(s.stderr, "%s:%d: %v\n", name, n, err)
			s.failed = true
			if s.prompt == "" {
				return cli.ExitFailed
			}
		}
		fmt.Fprint(s.stdout, s.prompt)
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("line is longer than %d octets", maxLine)
		}
		fmt.Fprintf(s.stderr, "%s:%d: %v\n", name, n+1, err)
		return cli.ExitFailed
	}
	if len(s.request.Prerequisites)+len(s.request.Updates) > 0 {
		fmt.Fprintf(s.stderr, "%s:%d: the last request is not sent: end it with a line that says send\n", name, n)
		return cli.ExitFailed
	}
	return s.exitCode()
}

func (s *session) exitCode() int {
	if s.failed {
		return cli.ExitFailed
	}
	return cli.ExitOK
}

// line does what one line says.
func (s *session) line(ctx context.Context, line string) error {
	trimmed := strings.TrimSpace(line)
	if strings.HasPrefix(trimmed, ";") || strings.HasPrefix(trimmed, "#") {
		return nil
	}
	words := strings.Fields(trimmed)
	if len(words) == 0 {
		if len(s.request.Prerequisites)+len(s.request.Updates) == 0 {
			return nil
		}
		words = []string{"send"}
	}
	verb, args := strings.ToLower(words[0]), words[1:]
	if c, ok := commands[verb]; ok {
		if len(args) < c.least || len(args) > c.most {
			return fmt.Errorf("%s: write %s", verb, c.usage)
		}
		return c.do(ctx, s, args)
	}
	err := s.request.Parse(trimmed, s.text)
	if err == update.ErrNotUpdate {
		known := []string{"prereq", "update", "add", "del", "nxdomain", "yxdomain", "nxrrset", "yxrrset"}
		for name := range commands {
			known = append(known, name)
		}
		return fmt.Errorf("%s is not a command%s", verb, cli.DidYouMean(verb, known))
	}
	return err
}

// command is a line that is not about records.
type command struct {
	least, most int // arguments
	usage       string
	do          func(ctx context.Context, s *session, args []string) error
}

var commands map[string]command

func init() {
	commands = map[string]command{
		"server": {1, 2, "server NAME [PORT]", setServer},
		"local":  {1, 2, "local ADDRESS [PORT]", setLocal},
		"zone": {1, 1, "zone NAME", func(_ context.Context, s *session, args []string) (err error) {
			s.zone, err = parseName(args[0])
			return err
		}},
		"origin": {1, 1, "origin NAME", func(_ context.Context, s *session, args []string) (err error) {
			s.text.Origin, err = parseName(args[0])
			return err
		}},
		"class": {1, 1, "class IN", func(_ context.Context, s *session, args []string) (err error) {
			s.request.Class, err = wire.ParseClass(args[0])
			return err
		}},
		"ttl": {1, 1, "ttl SECONDS", func(_ context.Context, s *session, args []string) error {
			n, err := strconv.ParseUint(args[0], 10, 31)
			if err != nil {
				return fmt.Errorf("%q is not a TTL", args[0])
			}
			s.text.TTL, s.text.HasTTL = uint32(n), true
			return nil
		}},
		"key": {2, 2, "key [ALG:]NAME SECRET", func(_ context.Context, s *session, args []string) error {
			key, err := wire.ParseTSIGKey(args[0] + ":" + args[1])
			s.key = &key
			return err
		}},
		"show": {0, 0, "show", func(ctx context.Context, s *session, _ []string) error {
			r := s.request
			r.Zone = cmp.Or(s.zone, wire.Root)
			s.print("Outgoing update query:", messageOf(&r))
			return nil
		}},
		"answer": {0, 0, "answer", func(_ context.Context, s *session, _ []string) error {
			if s.answer != nil {
				s.print("Answer:", s.answer)
			}
			return nil
		}},
		"debug": {0, 0, "debug", func(_ context.Context, s *session, _ []string) error { s.debug = true; return nil }},
		"send":  {0, 0, "send", func(ctx context.Context, s *session, _ []string) error { return s.send(ctx) }},
		"quit":  {0, 0, "quit", func(context.Context, *session, []string) error { return errQuit }},
		"exit":  {0, 0, "exit", func(context.Context, *session, []string) error { return errQuit }},
		"help": {0, 0, "help", func(_ context.Context, s *session, _ []string) error {
			_, err := io.WriteString(s.stdout, Help)
			return err
		}},
		"version": {0, 0, "version", func(_ context.Context, s *session, _ []string) error {
			_, err := fmt.Fprintln(s.stdout, "names", cli.Version())
			return err
		}},
	}
}

func parseName(text string) (wire.Name, error) {
	name, err := wire.ParseName(text)
	if err != nil {
		return name, fmt.Errorf("name %q: %w", text, err)
	}
	return name, nil
}

func parsePort(text string) (uint16, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not a port", text)
	}
	return uint16(n), nil
}

func setServer(_ context.Context, s *session, args []string) (err error) {
	s.server = args[0]
	if len(args) > 1 {
		s.port, err = parsePort(args[1])
	}
	return err
}

func setLocal(_ context.Context, s *session, args []string) error {
	address, err := netip.ParseAddr(args[0])
	if err != nil {
		return fmt.Errorf("%q is not an address", args[0])
	}
	var port uint16
	if len(args) > 1 {
		if port, err = parsePort(args[1]); err != nil {
			return err
		}
	}
	s.local = netip.AddrPortFrom(address, port)
	return nil
}

func messageOf(r *update.Request) *wire.Message {
	m := r.Message()
	return &m
}

func (s *session) print(title string, m *wire.Message) {
	fmt.Fprintf(s.stdout, "%s\n%v\n", title, m)
}

// dial connects from the address that local has set.
func (s *session) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	if s.local.IsValid() {
		if network == "udp" {
			d.LocalAddr = net.UDPAddrFromAddrPort(s.local)
		} else {
			d.LocalAddr = net.TCPAddrFromAddrPort(s.local)
		}
	}
	return d.DialContext(ctx, network, address)
}

// send sends the request, and begins another one.
func (s *session) send(ctx context.Context) error {
	request := s.request
	s.request = update.Request{Class: request.Class}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var servers []netip.AddrPort
	var err error
	if s.server != "" {
		if servers, err = s.addresses(ctx, s.server); err != nil {
			return err
		}
	}
	request.Zone = s.zone
	if request.Zone.IsZero() || len(servers) == 0 {
		zone, primary, err := s.find(ctx, &request, servers)
		if err != nil {
			return err
		}
		request.Zone = zone
		if len(servers) == 0 {
			if servers, err = s.addresses(ctx, primary); err != nil {
				return err
			}
		}
	}
	if s.debug {
		s.print("Outgoing update query:", messageOf(&request))
	}
	var failures error
	for _, server := range servers {
		client := update.Client{Server: server, Key: s.key, Dial: s.dial}
		reply, err := client.Send(ctx, &request)
		if err != nil {
			failures = errors.Join(failures, fmt.Errorf("%v: %w", server, err))
			continue
		}
		s.answer = reply
		if s.debug {
			s.print("Reply from update query:", reply)
		}
		if reply.RCode != wire.RCodeNoError {
			fmt.Fprintf(s.stderr, "update failed: %v\n", reply.RCode)
			s.failed = true
		}
		return nil
	}
	return failures
}

// addresses are those of a server.
func (s *session) addresses(ctx context.Context, server string) (all []netip.AddrPort, err error) {
	if a, err := netip.ParseAddr(server); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(a, s.port)}, nil
	}
	var client names.Client
	found, err := client.LookupNetIP(ctx, "ip", server)
	if err != nil {
		return nil, fmt.Errorf("server %s: %w", server, err)
	}
	for _, a := range found {
		all = append(all, netip.AddrPortFrom(a, s.port))
	}
	return all, nil
}

// find asks for the zone of the first name of the request, or for the primary of
// the zone that was set: servers, or those of the system.
func (s *session) find(ctx context.Context, r *update.Request, servers []netip.AddrPort) (zone wire.Name, primary string, err error) {
	name := s.zone
	if name.IsZero() {
		records := append(r.Prerequisites, r.Updates...)
		if len(records) == 0 {
			return zone, "", errors.New("there is nothing to send, and no zone")
		}
		name = records[0].Name
	}
	client, err := names.NewClient(names.ClientConfig{Servers: servers, Dial: s.dial})
	if err != nil {
		return zone, "", err
	}
	defer client.CloseIdleConnections()
	// The reply has the SOA record of the zone, as the answer or for the lack of
	// one; not if the name is an alias, for which its parent is asked.
	for ; ; name = name.Parent() {
		m := &wire.Message{Flags: wire.FlagRD, Questions: []wire.Question{{Name: name, Type: wire.TypeSOA, Class: r.Class}}}
		reply, err := client.Exchange(ctx, m)
		if err != nil {
			return zone, "", fmt.Errorf("looking for the zone of %v: %w", name, err)
		}
		for _, record := range append(reply.Answers, reply.Authority...) {
			if record.Type != wire.TypeSOA || !name.HasSuffix(record.Name) || !s.zone.IsZero() && !record.Name.Equal(s.zone) {
				continue
			}
			var soa wire.SOA
			c := wire.CursorOver(record.Data)
			if err := soa.Parse(&c); err != nil {
				return zone, "", err
			}
			return record.Name, soa.Primary.String(), nil
		}
		if !s.zone.IsZero() { // another zone is not the one that was set
			return zone, "", fmt.Errorf("zone %v: no SOA record says which server is its primary: write server NAME", s.zone)
		}
		if name.IsRoot() {
			return zone, "", fmt.Errorf("no SOA record says which zone is to be updated: write zone NAME")
		}
	}
}
