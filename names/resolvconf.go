package names

import (
	"errors"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/wire"
)

// ResolvConf is what resolv.conf(5) says: which servers a stub resolver asks, and how.
type ResolvConf struct {
	Servers  []netip.AddrPort // in the order of the file; never empty
	Search   []wire.Name      // names are completed with each of these in order
	Ndots    int              // names with this many dots are tried as they are first
	Timeout  time.Duration    // of one try with one server
	Attempts int              // rounds over the servers
	Rotate   bool             // begin with another server each time
	EDNS0    bool             // send an OPT record
	TrustAD  bool             // the servers and the way to them are trusted to validate
	UseTCP   bool             // ask over TCP from the start
}

// Bounds of what a file may ask for, those of resolv.conf(5); more servers and
// search names are read than the C library takes.
const (
	maxServers    = 16
	maxResolvConf = 1 << 20 // octets
	maxSearch     = 32
	maxNdots      = 15
	maxTimeout    = 30 * time.Second
	maxAttempts   = 5
)

// defaultResolvConf is what an empty file means.
func defaultResolvConf() *ResolvConf {
	return &ResolvConf{Ndots: 1, Timeout: 5 * time.Second, Attempts: 2}
}

// ReadResolvConf reads the file at path, which has to be a regular file of at
// most a mebibyte. A file that is not there says what an
// empty one says: ask 127.0.0.1.
func ReadResolvConf(path string) (*ResolvConf, error) {
	text, err := files.Read(path, maxResolvConf)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return ParseResolvConf(string(text)), nil
}

// ParseResolvConf reads the text of a file. As in every C library, lines and
// options that make no sense are passed over: the file is the system's, and
// names have to be resolved all the same. Unlike there, a server may have a
// port: "192.0.2.1:5353", "[2001:db8::1]:5353".
func ParseResolvConf(text string) *ResolvConf {
	c := defaultResolvConf()
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		line, _, _ = strings.Cut(line, ";")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "nameserver":
			if len(words) > 1 && len(c.Servers) < maxServers {
				if server, ok := parseServer(words[1]); ok {
					c.Servers = append(c.Servers, server)
				}
			}
		case "domain", "search": // the last line of either counts
			c.Search = nil
			for _, w := range words[1:] {
				if name, err := wire.ParseName(w); err == nil && len(c.Search) < maxSearch {
					c.Search = append(c.Search, name)
				}
				if words[0] == "domain" {
					break
				}
			}
		case "options":
			for _, w := range words[1:] {
				c.option(w)
			}
		}
	}
	if len(c.Servers) == 0 {
		c.Servers = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 53)}
	}
	return c
}

func parseServer(text string) (netip.AddrPort, bool) {
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return netip.AddrPortFrom(a.Unmap(), 53), true
	}
	if a, err := netip.ParseAddrPort(text); err == nil {
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), true
	}
	return netip.AddrPort{}, false
}

func (c *ResolvConf) option(text string) {
	key, value, _ := strings.Cut(text, ":")
	n, err := strconv.Atoi(value)
	isNumber := err == nil && n >= 0
	switch {
	case key == "ndots" && isNumber:
		c.Ndots = min(n, maxNdots)
	case key == "timeout" && isNumber:
		c.Timeout = min(time.Duration(max(n, 1))*time.Second, maxTimeout)
	case key == "attempts" && isNumber:
		c.Attempts = min(max(n, 1), maxAttempts)
	case key == "rotate":
		c.Rotate = true
	case key == "edns0":
		c.EDNS0 = true
	case key == "trust-ad":
		c.TrustAD = true
	case key == "use-vc":
		c.UseTCP = true
	}
}

// Candidates returns the names to ask for, in order, for the name that a user gives as text:
// a name that ends in a dot is meant as it is, one with at least Ndots dots is
// tried as it is first, and others with the search names first. Equal names are
// tried once.
func (c *ResolvConf) Candidates(text string) ([]wire.Name, error) {
	name, err := wire.ParseName(text)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(text, ".") || len(c.Search) == 0 {
		return []wire.Name{name}, nil
	}
	var all []wire.Name
	add := func(n wire.Name) {
		if !slices.ContainsFunc(all, n.Equal) {
			all = append(all, n)
		}
	}
	if name.LabelCount()-1 >= c.Ndots {
		add(name)
	}
	for _, suffix := range c.Search {
		labels := append([]byte(name.Wire()[:name.Len()-1]), suffix.Wire()...)
		if n, _, err := wire.NameFromWire(labels); err == nil { // else too long with this one
			add(n)
		}
	}
	add(name)
	return all, nil
}
