package encrypted

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/names-dns/names/internal/pin"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Server is a server that is asked over an encrypted transport.
type Server struct {
	Protocol names.Transport // TLS, HTTPS or QUIC
	HTTP3    bool            // HTTPS over QUIC
	Host     string          // a name or an address
	Port     uint16
	Path     string     // of HTTPS
	Address  netip.Addr // where it is; the zero value: Host is looked up
	Name     string     // what the certificate has to be for: a name or an address
	Pins     [][32]byte // SHA-256 of public keys (RFC 7858 4.2), which count instead of Name
	NoProof  bool       // any certificate will do: the opportunistic profile (RFC 8310 5)
	Proof    netip.Addr // the certificate has to be for this address, not for Name, which the server is only asked for (RFC 9462 4.2); the zero value: for Name
}

// schemes are what URLs begin with.
var schemes = map[string]Server{
	"tls":   {Protocol: names.TLS, Port: 853},
	"https": {Protocol: names.HTTPS, Port: 443},
	"h3":    {Protocol: names.HTTPS, HTTP3: true, Port: 443},
	"quic":  {Protocol: names.QUIC, Port: 853},
}

// maxURL is the longest URL that is read, in octets.
const maxURL = 1024

// IsURL reports whether text is meant for [Parse], not an address.
func IsURL(text string) bool { return strings.Contains(text, "://") }

// Parse reads a URL:
//
//	tls://HOST[:PORT]
//	quic://HOST[:PORT]
//	https://HOST[:PORT]/PATH   over HTTP/2 or HTTP/1.1
//	h3://HOST[:PORT]/PATH      over HTTP/3
//
// each followed by what is needed of: #NAME, the name that the certificate has to
// be for if it is not HOST; ?pin=BASE64, the server's key, more than one as
// ?pin=A&pin=B; ?opportunistic; and @ADDRESS, where the server is if HOST is a name
// that is not to be looked up.
func Parse(text string) (Server, error) {
	fail := func(format string, args ...any) (Server, error) {
		return Server{}, fmt.Errorf("%q: "+format, append([]any{text}, args...)...)
	}
	scheme, rest, _ := strings.Cut(text, "://")
	s, ok := schemes[strings.ToLower(scheme)]
	switch {
	case !ok:
		return fail("%s:// is not one of tls://, https://, h3://, quic://", scheme)
	case len(text) > maxURL:
		return fail("is longer than %d octets", maxURL)
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		address, err := netip.ParseAddr(strings.Trim(rest[at+1:], "[]"))
		if err != nil {
			return fail("%q after @ is not an address", rest[at+1:])
		}
		s.Address, rest = address.Unmap(), rest[:at]
	}
	for mark := strings.LastIndexAny(rest, "#?"); mark >= 0; mark = strings.LastIndexAny(rest, "#?") {
		part := rest[mark+1:]
		if rest[mark] == '#' {
			if s.Name = strings.ToLower(strings.TrimSuffix(part, ".")); !isName(s.Name) {
				return fail("%q after # is not a name", part)
			}
		} else if err := s.addOptions(part); err != nil {
			return fail("%w", err)
		}
		rest = rest[:mark]
	}
	rest, path, _ := strings.Cut(rest, "/")
	if s.Protocol == names.HTTPS {
		s.Path = "/" + path
		if path == "" {
			s.Path = "/dns-query"
		}
	} else if path != "" {
		return fail("%s:// has no path", scheme)
	}
	if err := s.setHost(rest); err != nil {
		return fail("%w", err)
	}
	if s.Name == "" {
		s.Name = s.Host
	}
	if s.NoProof && len(s.Pins) > 0 {
		return fail("a pin and opportunistic exclude each other: give one of them")
	}
	return s, nil
}

// addOptions reads what is after a question mark.
func (s *Server) addOptions(text string) error {
	for option := range strings.SplitSeq(text, "&") {
		switch key, value, _ := strings.Cut(option, "="); key {
		case "pin":
			key, err := pin.Parse(value)
			if err != nil {
				return err
			}
			s.Pins = append(s.Pins, key)
		case "opportunistic":
			if value != "" {
				return errors.New("opportunistic has no value")
			}
			s.NoProof = true
		default:
			return fmt.Errorf("option %q is not one of pin=, opportunistic", key)
		}
	}
	return nil
}

// setHost reads HOST[:PORT].
func (s *Server) setHost(text string) error {
	host, port := text, ""
	if colon := strings.LastIndexByte(text, ':'); colon >= 0 && (text[0] == '[' && text[colon-1] == ']' || strings.Count(text, ":") == 1) {
		host, port = text[:colon], text[colon+1:]
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("%q is not a port", port)
		}
		s.Port = uint16(n)
	}
	if address, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		if s.Address.IsValid() && s.Address != address.Unmap() {
			return fmt.Errorf("%v and %v are two addresses of one server", address, s.Address)
		}
		s.Address = address.Unmap()
		s.Host = s.Address.WithZone("").String()
		return nil
	}
	if s.Host = strings.ToLower(strings.TrimSuffix(host, ".")); !isName(s.Host) {
		return fmt.Errorf("%q is not the name or address of a server", host)
	}
	return nil
}

// isName reports whether text can be the name of a server in a certificate.
func isName(text string) bool {
	if a, err := netip.ParseAddr(text); err == nil {
		return a.Zone() == "" && a.String() == text
	}
	for _, c := range []byte(text) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	name, err := wire.ParseName(text)
	return err == nil && !name.IsRoot() && !strings.HasSuffix(text, ".")
}

// String is what Parse reads.
func (s *Server) String() string {
	for scheme, like := range schemes {
		if like.Protocol != s.Protocol || like.HTTP3 != s.HTTP3 {
			continue
		}
		text := scheme + "://" + hostText(s.Host)
		if s.Port != like.Port {
			text += ":" + strconv.Itoa(int(s.Port))
		}
		text += s.Path
		mark := "?"
		for _, key := range s.Pins {
			text += mark + "pin=" + pin.Text(key)
			mark = "&"
		}
		if s.NoProof {
			text += mark + "opportunistic"
		}
		if s.Name != s.Host {
			text += "#" + s.Name
		}
		if s.Address.IsValid() && s.Address.String() != s.Host {
			text += "@" + s.Address.String()
		}
		return text
	}
	return "invalid"
}

// Label is a short name for logs and metrics: who is asked, and how.
func (s *Server) Label() string {
	short := *s
	short.Pins, short.NoProof = nil, false
	return short.String()
}

func hostText(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}
