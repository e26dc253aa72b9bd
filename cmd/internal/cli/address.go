package cli

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// ParseAddress reads ADDR, ADDR:PORT or [ADDR]:PORT.
func ParseAddress(text string, port uint16) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return netip.AddrPortFrom(a.Unmap(), port), nil
	}
	host, service, err := net.SplitHostPort(text)
	if err == nil {
		a, errAddress := netip.ParseAddr(host)
		n, errPort := strconv.ParseUint(service, 10, 16)
		if errAddress == nil && errPort == nil {
			return netip.AddrPortFrom(a.Unmap(), uint16(n)), nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("%q is not an IP address, with or without a port", text)
}

// ParseServer takes a server apart that is written as an address or a name, with
// a port or without: 192.0.2.1, 192.0.2.1:53, 192.0.2.1#53, ::1, [::1]:53,
// ::1#53, example.com, example.com:53. Port 0 means that there is none.
func ParseServer(text string) (host string, port uint16, err error) {
	bare := text
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		bare = text[1 : len(text)-1]
	}
	if a, err := netip.ParseAddr(bare); err == nil {
		return a.String(), 0, nil
	}
	host, service, found := strings.Cut(text, "#")
	if !found {
		colon := strings.LastIndexByte(text, ':')
		if colon < 0 {
			return text, 0, nil
		}
		host, service = text[:colon], text[colon+1:]
	}
	n, err := strconv.ParseUint(service, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("server %q: port %q is not between 1 and 65535", text, service)
	}
	if bare, ok := strings.CutPrefix(host, "["); ok {
		host, ok = strings.CutSuffix(bare, "]")
		if !ok {
			return "", 0, fmt.Errorf("server %q: there is a [ without its ]", text)
		}
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return a.String(), uint16(n), nil
	}
	if host == "" || strings.ContainsAny(host, ":[]#") {
		return "", 0, fmt.Errorf("server %q is neither an address nor a name, with or without a port", text)
	}
	return host, uint16(n), nil
}
