package names

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/internal/filewatch"
	"github.com/names-dns/names/wire"
)

// ClientConfig says which servers a [Client] asks, and how. The zero value
// follows this machine's resolv.conf and hosts file.
type ClientConfig struct {
	// Servers are asked in this order, before those of ResolvConf.
	Servers []netip.AddrPort

	// ResolvConf is a file as resolv.conf(5) describes it, read again when it
	// has changed. Empty means /etc/resolv.conf if there are no Servers
	// and no Resolver, and no file otherwise.
	ResolvConf string

	// Resolver is asked instead of servers: a chain in this program, say.
	Resolver Resolver

	// HostsFile is searched before a server is asked for addresses or their
	// names, and read again when it has changed. By default it is /etc/hosts; a
	// missing file is empty.
	HostsFile string

	// NoHosts leaves the hosts file out.
	NoHosts bool

	// Timeouts says how long each server may take to reply, once for each
	// round over the servers. By default resolv.conf says how long and how
	// often: twice 5 s.
	Timeouts []time.Duration

	// Search holds the names that names with few dots are completed with, and
	// Ndots how many dots are enough for a name to be tried as it is first. By
	// default resolv.conf decides: none, and one. For no dots at all, set -1.
	Search []string
	Ndots  int

	// Rotate begins with another server for each query, EDNS0 sends an OPT
	// record and cookies, TrustAD believes servers that say the data is
	// authentic, UseTCP asks over TCP from the start: even if resolv.conf does
	// not say so.
	Rotate, EDNS0, TrustAD, UseTCP bool

	// MaxTransfer is how many octets [Client.LookupZone] reads at most. By
	// default 1 GiB.
	MaxTransfer int64

	// ToASCII makes the xn-- form of an internationalised name (RFC 5891), with
	// which its records are found. It gets the part that begins with the first
	// label that is not ASCII. By default such names are an error, ErrNotASCII,
	// so that programs without them need not build the tables that this takes:
	// ToASCII of golang.org/x/net/idna's Lookup is one for those that do.
	ToASCII func(name string) (string, error)

	// Dial connects to a server, as for [Querier].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Log receives tries without a reply, at level debug. By default nothing is
	// logged.
	Log *slog.Logger
}

// Files that a client reads by default.
const (
	systemResolvConf = "/etc/resolv.conf"
	systemHosts      = "/etc/hosts"
)

const (
	defaultMaxTransfer = 1 << 30
	clientUDPSize      = 1232 // fits the smallest packet IPv6 allows unfragmented
)

// Client is a stub resolver: it asks servers that do the work, or a resolver
// in the same program. Its look-ups have the signatures of [net.Resolver], so
// that it can stand in for one; [Lookup] knows every type of record.
//
// The zero Client does what the system's files say. A client may be used by
// many goroutines; equal queries that are under way at the same time are sent
// once. It must not be copied.
type Client struct {
	config ClientConfig
	once   sync.Once
	failed error // of start

	file     filewatch.Checker // of resolv.conf
	settings atomic.Pointer[settings]
	hosts    *Hosts // nil: none
	hostsAge filewatch.Checker

	turn    atomic.Uint32 // which server is the first, with Rotate
	calls   calls
	streams streams
	cookies cookies
}

// settings is what configuration and resolv.conf say together.
type settings struct {
	ResolvConf
	timeouts []time.Duration
}

// Default is a client for programs that need no configuration. It does what the
// system's files say, and reads them when it is first used.
var Default = new(Client)

// NewClient returns a client, or an error if the configuration is invalid or a
// file cannot be read. Missing files are empty.
func NewClient(config ClientConfig) (*Client, error) {
	c := &Client{config: config}
	if err := c.start(); err != nil {
		return nil, err
	}
	return c, nil
}

// start checks the configuration and reads the files, once.
func (c *Client) start() error {
	c.once.Do(func() { c.failed = c.prepare() })
	return c.failed
}

func (c *Client) prepare() error {
	config := &c.config
	for _, server := range config.Servers {
		if !server.IsValid() || server.Port() == 0 {
			return fmt.Errorf("server %v is not an address with a port", server)
		}
	}
	if i := slices.IndexFunc(config.Timeouts, func(t time.Duration) bool { return t <= 0 }); i >= 0 {
		return fmt.Errorf("timeout of %v is not positive", config.Timeouts[i])
	}
	for _, suffix := range config.Search {
		if _, err := config.parseName(suffix); err != nil {
			return fmt.Errorf("search list: %w", err)
		}
	}
	if config.ResolvConf == "" && len(config.Servers) == 0 && config.Resolver == nil {
		config.ResolvConf = systemResolvConf
	}
	if config.MaxTransfer <= 0 {
		config.MaxTransfer = defaultMaxTransfer
	}
	conf := defaultResolvConf()
	if config.ResolvConf != "" {
		c.file.Path = config.ResolvConf
		c.file.HasChanged() // from what it is before it is read
		var err error
		if conf, err = ReadResolvConf(config.ResolvConf); err != nil {
			return err
		}
	}
	c.settings.Store(config.apply(conf))
	if config.NoHosts {
		return nil
	}
	if config.HostsFile == "" {
		config.HostsFile = systemHosts
	}
	c.hosts = &Hosts{path: config.HostsFile}
	c.hosts.file.Store(parseHosts(nil))
	c.hostsAge.Path = config.HostsFile
	c.hostsAge.HasChanged()
	if err := c.hosts.Reload(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if config.Log != nil {
		c.hosts.Report().Warn(config.HostsFile, config.Log)
	}
	return nil
}

// apply lets the configuration have its way over resolv.conf.
func (config *ClientConfig) apply(conf *ResolvConf) *settings {
	s := &settings{ResolvConf: *conf, timeouts: config.Timeouts}
	s.Servers = append(slices.Clone(config.Servers), conf.Servers...)
	s.Rotate = s.Rotate || config.Rotate
	s.EDNS0 = s.EDNS0 || config.EDNS0
	s.TrustAD = s.TrustAD || config.TrustAD
	s.UseTCP = s.UseTCP || config.UseTCP
	if config.Search != nil {
		s.Search = nil
		for _, suffix := range config.Search {
			name, _ := config.parseName(suffix) // checked at the start
			s.Search = append(s.Search, name)
		}
	}
	if config.Ndots != 0 {
		s.Ndots = max(config.Ndots, 0)
	}
	if len(s.timeouts) == 0 {
		s.timeouts = slices.Repeat([]time.Duration{s.Timeout}, s.Attempts)
	}
	return s
}

// current returns the settings, after a look whether resolv.conf has changed.
// If it has and cannot be read, the old ones stay.
func (c *Client) current() (*settings, error) {
	if err := c.start(); err != nil {
		return nil, err
	}
	if c.config.ResolvConf != "" && c.file.HasChanged() {
		conf, err := ReadResolvConf(c.config.ResolvConf)
		if err == nil {
			c.settings.Store(c.config.apply(conf))
		} else if c.config.Log != nil {
			c.config.Log.Warn("resolv.conf cannot be read", "error", err)
		}
	}
	return c.settings.Load(), nil
}

// currentHosts returns the hosts file as it is now, nil if there is none.
func (c *Client) currentHosts() *Hosts {
	if c.start() != nil || c.hosts == nil {
		return nil
	}
	if c.hostsAge.HasChanged() {
		err := c.hosts.Reload()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			c.hosts.file.Store(parseHosts(nil))
		case c.config.Log == nil:
		case err != nil:
			c.config.Log.Warn("cannot read hosts file", "error", err)
		default:
			c.hosts.Report().Warn(c.config.HostsFile, c.config.Log)
		}
	}
	return c.hosts
}

// CloseIdleConnections closes the connections that are kept for the next query
// over TCP. They are closed after a few seconds anyway.
func (c *Client) CloseIdleConnections() { c.streams.closeAll() }

// Exchange sends a message and returns the reply, whatever its RCODE, from the
// first server that has one: SERVFAIL, NOTIMP and REFUSED count only if
// no other server has a better reply. The ID of m is not sent: queries have one
// that cannot be guessed, and the reply has that of m again.
//
// A reply to another question is ignored. If the server cannot read the OPT
// record of m (RFC 6891 7), it is asked again without one. The error is an
// [*Error].
func (c *Client) Exchange(ctx context.Context, m *wire.Message) (*wire.Message, error) {
	reply, _, err := c.exchange(ctx, m)
	return reply, err
}

// source is where a reply comes from.
type source struct {
	server netip.AddrPort // not valid if a resolver in this program was asked
	cause  error          // why that failed, if it did
}

// exchange is Exchange, and says where the reply comes from.
func (c *Client) exchange(ctx context.Context, m *wire.Message) (*wire.Message, source, error) {
	fail := func(server netip.AddrPort, err error) error {
		e := &Error{Server: server, Err: err}
		var inner *Error
		if errors.As(err, &inner) {
			*e = *inner
		}
		if len(m.Questions) > 0 {
			e.Name, e.Type = m.Questions[0].Name.String(), m.Questions[0].Type
		}
		return e
	}
	s, err := c.current()
	if err != nil {
		return nil, source{}, fail(netip.AddrPort{}, err)
	}
	query, err := m.AppendTo(nil)
	if err != nil {
		return nil, source{}, fail(netip.AddrPort{}, err)
	}
	setID(query, 0)
	r, err := c.calls.do(ctx, string(query), func(ctx context.Context) (*Reply, error) { return c.send(ctx, s, query) })
	if err != nil {
		return nil, source{}, fail(netip.AddrPort{}, err)
	}
	reply, err := wire.ParseMessage(r.Message)
	if err != nil {
		return nil, source{}, fail(r.Server, fmt.Errorf("%w: %w", ErrMalformed, err))
	}
	if reply.RCode == wire.RCodeFormErr && m.EDNS != nil && reply.EDNS == nil {
		without := *m
		without.EDNS = nil
		without.RCode &= 0xF
		return c.exchange(ctx, &without)
	}
	reply.ID = m.ID
	return reply, source{r.Server, r.cause}, nil
}

func setID(message []byte, id uint16) { message[0], message[1] = byte(id>>8), byte(id) }

// send asks the servers, or the resolver in their place.
func (c *Client) send(ctx context.Context, s *settings, query []byte) (*Reply, error) {
	setID(query, randomUint16())
	if c.config.Resolver != nil {
		return c.askResolver(ctx, s, query)
	}
	querier := Querier{
		Timeouts: s.timeouts, TCP: s.UseTCP, SecondOpinion: true, Dial: c.config.Dial,
		streams: &c.streams, cookies: &c.cookies,
	}
	if log := c.config.Log; log != nil {
		querier.Failed = func(server netip.AddrPort, transport Transport, err error) {
			log.Debug("no reply", "server", server, "transport", transport, "error", err)
		}
	}
	return querier.Query(ctx, query, c.servers(s)...)
}

// servers returns the servers in the order in which they are to be asked.
func (c *Client) servers(s *settings) []netip.AddrPort {
	if !s.Rotate || len(s.Servers) < 2 {
		return s.Servers
	}
	first := int((c.turn.Add(1) - 1) % uint32(len(s.Servers)))
	return slices.Concat(s.Servers[first:], s.Servers[:first])
}

// askResolver asks the resolver of the configuration, for as long as servers
// would be given in all.
func (c *Client) askResolver(ctx context.Context, s *settings, query []byte) (*Reply, error) {
	var timeout time.Duration
	for _, t := range s.timeouts {
		timeout += t
	}
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	start := time.Now()
	message, cause := answer(within, c.config.Resolver, query)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case message == nil, within.Err() != nil:
		return nil, &lateError{timeout}
	}
	return &Reply{Message: message, Transport: TCP, Time: time.Since(start), cause: cause}, nil
}

// Query asks for the records that name, taken as absolute, has of a type in
// class IN, and returns the whole reply. If the RCODE is not NOERROR, there is
// an [*Error] as well as the reply; a reply without records is not an error.
//
// If a resolver in this program was asked and failed, the error wraps what it
// failed with as well as [ErrServer], and has its extended error.
//
// AD is never set unless the servers are trusted to say so (TrustAD).
func (c *Client) Query(ctx context.Context, name string, t wire.Type) (*wire.Message, error) {
	parsed, err := c.config.parseName(name)
	if err != nil {
		return nil, &Error{Name: name, Type: t, Err: err}
	}
	return c.query(ctx, wire.Question{Name: parsed, Type: t, Class: wire.ClassIN})
}

func (c *Client) query(ctx context.Context, q wire.Question) (*wire.Message, error) {
	s, err := c.current()
	if err != nil {
		return nil, &Error{Name: q.Name.String(), Type: q.Type, Err: err}
	}
	m := &wire.Message{Flags: wire.FlagRD, Questions: []wire.Question{q}}
	if s.TrustAD {
		m.Flags |= wire.FlagAD // RFC 6840 5.7
	}
	if s.EDNS0 {
		m.EDNS = &wire.EDNS{UDPSize: clientUDPSize}
	}
	reply, from, err := c.exchange(ctx, m)
	if err != nil {
		return nil, err
	}
	if !s.TrustAD {
		reply.Flags &^= wire.FlagAD
	}
	return reply, replyError(q, reply, from)
}

// Resolve makes the client a [Resolver]: the servers are asked, the hosts file
// and the search list are left out. It is what a small forwarder needs; its
// server has to say which clients may ask.
//
// If there is no answer - SERVFAIL, REFUSED, no reply - it returns an error, which
// carries the extended error that the client will see.
func (c *Client) Resolve(ctx context.Context, x *Exchange) error {
	query := &x.Query
	m := &wire.Message{
		Flags:     wire.FlagRD | query.Header.Flags&wire.FlagCD,
		Questions: []wire.Question{query.Question},
	}
	if s, err := c.current(); err != nil {
		return err
	} else if s.EDNS0 || x.DO() {
		m.EDNS = &wire.EDNS{UDPSize: clientUDPSize}
	}
	if x.DO() {
		m.EDNS.Flags |= wire.FlagDO
	}
	reply, from, err := c.exchange(ctx, m)
	if err != nil {
		return err
	}
	switch reply.RCode {
	case wire.RCodeNoError, wire.RCodeNXDomain, wire.RCodeYXDomain:
	default:
		return replyError(query.Question, reply, from)
	}
	x.RCode = reply.RCode
	x.Reply.Flags |= reply.Flags & wire.FlagRA
	x.LeadsOn = leadsOn(reply, query.Question)
	for section := wire.SectionAnswer; section <= wire.SectionAdditional; section++ {
		x.Reply.SetSection(section)
		for _, r := range reply.Section(section) {
			if r.Type == wire.TypeTSIG || r.Type == wire.TypeSIG {
				continue // they were for us
			}
			err := x.Reply.Raw(r.Name, r.Type, r.Class, r.TTL, r.Data)
			if err != nil && section == wire.SectionAdditional {
				return nil // it is extra
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// leadsOn reports whether the reply to q ends with an alias, and neither has
// what q asks for nor says that there is no such data.
func leadsOn(reply *wire.Message, q wire.Question) bool {
	if reply.RCode != wire.RCodeNoError || isNegative(reply) {
		return false
	}
	end, records, err := follow(reply.Answers, q.Name, q.Type)
	return err == nil && len(records) == 0 && !end.Equal(q.Name)
}
