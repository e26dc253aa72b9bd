package validate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/names-dns/names/wire"
)

// ErrDANE is wrapped by errors about certificates that TLSA records do not allow.
var ErrDANE = errors.New("certificate is not allowed by TLSA records")

// Uses of TLSA records (RFC 6698 2.1).
const (
	usageDANETA = 2
	usageDANEEE = 3
)

// CheckTLSA reports with nil that a TLSA record allows the certificates that a server
// has shown, its own first: DANE-EE for that one, whatever its names and times (RFC
// 7671 5.1), or DANE-TA for one that has signed it, with the name and at that time.
// Records that want a public certificate authority besides do not count.
func CheckTLSA(records []*wire.TLSA, chain []*x509.Certificate, name string, now time.Time) error {
	if len(chain) == 0 {
		return fmt.Errorf("%w: there is none", ErrDANE)
	}
	usable := 0
	for _, r := range records {
		switch r.Usage {
		case usageDANEEE:
			usable++
			if matches(r, chain[0]) {
				return nil
			}
		case usageDANETA:
			usable++
			for i, anchor := range chain {
				if matches(r, anchor) && isSignedUnder(chain, i, name, now) {
					return nil
				}
			}
		}
	}
	return fmt.Errorf("%w: none of %d usable records of %s is for it", ErrDANE, usable, name)
}

// matches reports whether r is for that certificate (RFC 6698 2.1.2, 2.1.3).
func matches(r *wire.TLSA, c *x509.Certificate) bool {
	data := c.Raw
	switch r.Selector {
	case 0:
	case 1:
		data = c.RawSubjectPublicKeyInfo
	default:
		return false
	}
	switch r.MatchingType {
	case 0:
		return bytes.Equal(r.Data, data)
	case 1:
		sum := sha256.Sum256(data)
		return bytes.Equal(r.Data, sum[:])
	case 2:
		sum := sha512.Sum512(data)
		return bytes.Equal(r.Data, sum[:])
	}
	return false
}

// isSignedUnder reports whether the first certificate is good for name if the one at
// anchor is trusted.
func isSignedUnder(chain []*x509.Certificate, anchor int, name string, now time.Time) bool {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(chain[anchor])
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: name, CurrentTime: now})
	return err == nil
}

// ServerTLSA returns the TLSA records of a server, which have to be secure: an error
// says that there are none to go by (RFC 6698 3).
func (c *Client) ServerTLSA(ctx context.Context, host wire.Name, port uint16) ([]*wire.TLSA, error) {
	name, err := host.Prepend("_tcp")
	if err == nil {
		name, err = name.Prepend("_" + strconv.Itoa(int(port)))
	}
	if err != nil {
		return nil, err
	}
	a, err := c.LookUp(ctx, name, wire.TypeTLSA)
	if err != nil {
		return nil, err
	}
	if a.Verdict != Secure {
		return nil, &Error{wire.Question{Name: name, Type: wire.TypeTLSA, Class: wire.ClassIN}, a.Verdict, a.Reason}
	}
	var records []*wire.TLSA
	for _, record := range a.Records {
		r := new(wire.TLSA)
		c := wire.CursorOver(record.Data)
		if r.Parse(&c) == nil {
			records = append(records, r)
		}
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("%w: %s has none", ErrDANE, plain(name))
	}
	return records, nil
}

// DialTLS connects to address, and believes that it is host if the TLSA records of
// host and the port allow the certificate that it shows: no certificate authority is
// needed.
func (c *Client) DialTLS(ctx context.Context, host wire.Name, address string) (*tls.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	records, err := c.ServerTLSA(ctx, host, uint16(number))
	if err != nil {
		return nil, err
	}
	dialer := tls.Dialer{Config: &tls.Config{
		ServerName:         plain(host),
		InsecureSkipVerify: true, // VerifyConnection does it
		VerifyConnection: func(s tls.ConnectionState) error {
			return CheckTLSA(records, s.PeerCertificates, plain(host), c.validator.now())
		},
	}}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return conn.(*tls.Conn), nil
}
