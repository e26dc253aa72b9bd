package names

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/wire"
)

// What a forwarding server tells its clients about a failure.
func TestErrorAsExtendedError(t *testing.T) {
	for _, test := range []struct {
		err  Error
		want string
	}{
		{Error{Err: ErrServer, RCode: wire.RCodeServFail, Extended: []wire.ExtendedError{{Code: wire.ExtendedErrorBogus, Text: "no DS"}, {Code: 9}}}, "6 no DS"},
		{Error{Err: ErrRefused, RCode: wire.RCodeRefused}, "0 upstream replied REFUSED"},
		{Error{Err: &lateError{1}}, "22 upstream did not reply"},
		{Error{Err: context.DeadlineExceeded}, "22 upstream did not reply"},
		{Error{Err: syscall.ECONNREFUSED}, "23 upstream cannot be reached"},
		{Error{Err: errNoServers}, "23 upstream cannot be reached"},
	} {
		code, text := test.err.ExtendedError()
		expect(t, test.err.Err.Error(), fmt.Sprint(code, " ", text), test.want)
	}
}

func TestErrorSays(t *testing.T) {
	server := netip.MustParseAddrPort("[2001:db8::1]:53")
	for _, test := range []struct {
		err                error
		timeout, temporary bool
		want               string
	}{
		{&Error{Name: "a", Type: wire.TypeMX, Server: server, Err: syscall.ECONNREFUSED}, false, false, "a MX: connection refused (server [2001:db8::1]:53)"},
		{&Error{Name: "a", Type: wire.TypeMX, RCode: wire.RCodeServFail, Err: ErrServer}, false, true, "a MX: server failed (SERVFAIL)"},
		{&Error{Err: &net.OpError{Op: "dial", Err: &lateNet{}}}, true, true, "dial: late"},
		{&Error{Err: ErrTimeout}, true, true, "no reply in time"},
	} {
		var e *Error
		var n net.Error
		if !errors.As(test.err, &n) || n.Timeout() != test.timeout || n.Error() != test.want {
			t.Errorf("%v: timeout %v, want %q", n, n.Timeout(), test.want)
		}
		if !errors.As(test.err, &e) || e.Temporary() != test.temporary {
			t.Errorf("%v: temporary %v", e, e.Temporary())
		}
		if errors.Is(test.err, ErrTimeout) != test.timeout {
			t.Errorf("%v: errors.Is finds no timeout", test.err)
		}
		var d *net.DNSError
		if !errors.As(test.err, &d) || d.IsTimeout != test.timeout || d.IsNotFound || (d.Server != "") != (test.err.(*Error).Server.IsValid()) {
			t.Errorf("%v: %+v", test.err, d)
		}
		var other *net.ParseError
		if errors.As(test.err, &other) {
			t.Errorf("%v is a %T", test.err, other)
		}
	}
}

// lateNet is a timeout of package net.
type lateNet struct{}

func (*lateNet) Error() string   { return "late" }
func (*lateNet) Timeout() bool   { return true }
func (*lateNet) Temporary() bool { return false }

func TestCause(t *testing.T) {
	for _, test := range []struct{ err, want error }{
		{&net.OpError{Op: "read", Err: &lateNet{}}, &lateNet{}},
		{io.EOF, errClosed},
		{io.ErrUnexpectedEOF, errClosed},
		{errNoMatch, errNoMatch},
	} {
		expect(t, fmt.Sprint(test.err), cause(test.err), test.want)
	}
}

func TestFramesAreBounded(t *testing.T) {
	if err := frame.Write(io.Discard, make([]byte, 65536)); !errors.Is(err, wire.ErrNoSpace) {
		t.Errorf("65536 octets: %v", err)
	}
	if err := frame.Write(io.Discard, make([]byte, 65535)); err != nil {
		t.Errorf("65535 octets: %v", err)
	}
}
