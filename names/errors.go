package names

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/names-dns/names/wire"
)

// Causes of failed look-ups, wrapped in an [Error] that says more.
var (
	ErrNotExist       = errors.New("name does not exist")                     // NXDOMAIN
	ErrNoData         = errors.New("name has no data of this type")           // NOERROR without an answer
	ErrFormat         = errors.New("server could not read the query")         // FORMERR
	ErrServer         = errors.New("server failed")                           // SERVFAIL
	ErrNotImplemented = errors.New("server does not know this kind of query") // NOTIMP
	ErrRefused        = errors.New("server refused to answer")                // REFUSED
	ErrRCode          = errors.New("server answered with an error")           // every other RCODE
	ErrTimeout        = errors.New("no reply in time")
	ErrMalformed      = errors.New("reply is malformed")
	ErrAliases        = errors.New("CNAME loop, or chain too long")
	ErrNotASCII       = errors.New("name is not ASCII: use its xn-- form, or set ToASCII in the client's configuration")
)

// Error is why a look-up failed.
//
// [errors.Is] finds the cause, one of the Err variables of this package, an
// error of package net, or that of a context. [errors.As] finds a
// [*net.DNSError] in it, for code that was written for package net.
type Error struct {
	Name     string               // what was asked for, as it was given
	Type     wire.Type            // the type of record that was asked for
	RCode    wire.RCode           // what the server replied; NOERROR without a reply
	Server   netip.AddrPort       // the server that failed; not valid if none was asked
	Extended []wire.ExtendedError // extended errors in the reply (RFC 8914)
	Err      error                // the cause
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Name != "" {
		fmt.Fprintf(&b, "%s %v: ", e.Name, e.Type)
	}
	fmt.Fprint(&b, e.Err)
	var details []string
	if e.RCode != wire.RCodeNoError {
		details = append(details, e.RCode.String())
	}
	if e.Server.IsValid() {
		details = append(details, "server "+e.Server.String())
	}
	for i := range e.Extended {
		details = append(details, "extended error "+string(e.Extended[i].AppendText(nil)))
	}
	if len(details) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(details, ", "))
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Is makes every kind of late reply an [ErrTimeout].
func (e *Error) Is(target error) bool { return target == ErrTimeout && e.Timeout() }

// As fills in a [*net.DNSError].
func (e *Error) As(target any) bool {
	d, ok := target.(**net.DNSError)
	if !ok {
		return false
	}
	*d = &net.DNSError{
		UnwrapErr: e.Err, Err: e.Err.Error(), Name: e.Name,
		IsTimeout: e.Timeout(), IsTemporary: e.Temporary(), IsNotFound: isNotFound(e),
	}
	if e.Server.IsValid() {
		(*d).Server = e.Server.String()
	}
	return true
}

// Timeout reports whether there was no reply in time; it is part of
// [net.Error].
func (e *Error) Timeout() bool {
	if errors.Is(e.Err, ErrTimeout) || errors.Is(e.Err, context.DeadlineExceeded) {
		return true
	}
	var network net.Error
	return errors.As(e.Err, &network) && network.Timeout()
}

// Temporary reports whether asking again may help; it is part of [net.Error].
func (e *Error) Temporary() bool { return e.Timeout() || errors.Is(e.Err, ErrServer) }

// ExtendedError returns what a forwarding server tells its client about the
// failure: the extended error of its upstream, or which kind of server could not
// be reached (RFC 8914 4).
func (e *Error) ExtendedError() (code uint16, text string) {
	switch {
	case len(e.Extended) > 0:
		return uint16(e.Extended[0].Code), e.Extended[0].Text
	case e.RCode != wire.RCodeNoError:
		return uint16(wire.ExtendedErrorOther), "upstream replied " + e.RCode.String()
	case e.Timeout():
		return uint16(wire.ExtendedErrorNoReachableAuthority), "upstream did not reply"
	}
	return uint16(wire.ExtendedErrorNetworkError), "upstream cannot be reached"
}

// isNotFound reports whether err says that there is no such thing, rather than
// that it could not be found out.
func isNotFound(err error) bool { return errors.Is(err, ErrNotExist) || errors.Is(err, ErrNoData) }

// rcodeErrors are the causes that have a variable of their own.
var rcodeErrors = map[wire.RCode]error{
	wire.RCodeFormErr:  ErrFormat,
	wire.RCodeServFail: ErrServer,
	wire.RCodeNXDomain: ErrNotExist,
	wire.RCodeNotImp:   ErrNotImplemented,
	wire.RCodeRefused:  ErrRefused,
}

// replyError turns the RCODE of a reply into an error, nil for NOERROR.
func replyError(q wire.Question, m *wire.Message, from source) error {
	if m.RCode == wire.RCodeNoError {
		return nil
	}
	cause, ok := rcodeErrors[m.RCode]
	if !ok {
		cause = ErrRCode
	}
	e := &Error{Name: q.Name.String(), Type: q.Type, RCode: m.RCode, Server: from.server, Extended: extendedErrors(m), Err: cause}
	if from.cause == nil {
		return e
	}
	e.Err = fmt.Errorf("%w: %w", cause, from.cause)
	var extended ExtendedErrorer
	if len(e.Extended) == 0 && errors.As(from.cause, &extended) { // the query had no OPT record to ask for it
		code, text := extended.ExtendedError()
		e.Extended = []wire.ExtendedError{{Code: wire.ExtendedErrorCode(code), Text: text}}
	}
	return e
}

// extendedErrors returns what is well-formed of the extended errors in m.
func extendedErrors(m *wire.Message) (all []wire.ExtendedError) {
	if m.EDNS == nil {
		return nil
	}
	for options := m.EDNS.Options; ; {
		code, data, rest, ok := options.Next()
		if !ok {
			return all
		}
		var e wire.ExtendedError
		if code == wire.OptionExtendedError && e.Parse(data) == nil {
			all = append(all, e)
		}
		options = rest
	}
}
