package encrypted

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strconv"
	"time"
)

// The limits of a client of HTTP.
const (
	maxConnections = 8
	maxHeader      = 16 << 10
	maxMessage     = 65535
	frameSize      = 16 << 10
	streamRoom     = 64 << 10
	connectionRoom = 1 << 20
	idleTime       = 30 * time.Second
	handshakeTime  = 3 * time.Second
	// A connection on which nothing comes is asked whether it is there (PING), and
	// closed if it does not say so.
	pingAfter = 3 * time.Second
	pingTime  = 2 * time.Second
)

const mediaType = "application/dns-message"

// https carries queries in requests.
type https struct {
	transport RoundTripper
	isGET     bool
	request   http.Request // like all of them
}

func newHTTPS(c *Client, t RoundTripper) *https {
	s := &c.Server
	u := &url.URL{Scheme: "https", Host: hostText(s.Host), Path: s.Path}
	if s.Name != s.Host {
		u.Host = hostText(s.Name)
	}
	if s.Port != 443 {
		u.Host = net.JoinHostPort(s.Name, strconv.Itoa(int(s.Port)))
	}
	return &https{transport: t, isGET: c.config.GET, request: http.Request{
		Method: http.MethodPost, URL: u, Host: u.Host, Proto: "HTTP/2.0", ProtoMajor: 2,
		Header: http.Header{
			"Accept": {mediaType}, "Content-Type": {mediaType},
			"User-Agent":      {""},         // not sent: it tells nothing that the server needs to know (RFC 8484 8.2)
			"Idempotency-Key": {},           // not sent either: the transport may send the request again
			"Cache-Control":   {"no-store"}, // so that no TTL has to be corrected by an age (RFC 8484 5.1)
		},
	}}
}

// http2 sends requests over TLS.
func (c *Client) http2() RoundTripper {
	t := &http.Transport{
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, handshakeTime)
			defer cancel()
			return First(ctx, c, func(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
				return c.dialHTTP(ctx, address)
			})
		},
		ForceAttemptHTTP2: true, DisableCompression: true,
		MaxConnsPerHost: c.config.HTTPConnections, MaxIdleConnsPerHost: c.config.HTTPConnections, IdleConnTimeout: idleTime,
		MaxResponseHeaderBytes: maxHeader,
		HTTP2: &http.HTTP2Config{
			MaxReadFrameSize: frameSize, MaxReceiveBufferPerStream: streamRoom, MaxReceiveBufferPerConnection: connectionRoom,
			SendPingTimeout: pingAfter, PingTimeout: pingTime, WriteByteTimeout: pingTime,
		},
	}
	return t
}

func (c *Client) dialHTTP(ctx context.Context, address netip.AddrPort) (*tls.Conn, error) {
	return c.dial(ctx, address, c.TLS("h2", "http/1.1"))
}

// Exchange sends a query by POST. If the connection turns out to be closed that was used
// before, a new one is tried once.
func (h *https) Exchange(ctx context.Context, query []byte) ([]byte, error) {
	for isSecond := false; ; isSecond = true {
		reply, isUsed, err := h.try(ctx, query)
		if err == nil || isSecond || !isUsed || ctx.Err() != nil || errors.As(err, new(*StatusError)) {
			return reply, err
		}
	}
}

// StatusError is returned if a server answers a request with something else than a
// reply.
type StatusError struct {
	Status string // of HTTP, or what is wrong with the response
}

func (e *StatusError) Error() string { return "answered " + e.Status }

func (h *https) try(ctx context.Context, query []byte) (reply []byte, isUsed bool, err error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { isUsed = i.Reused }})
	request := h.request.WithContext(ctx)
	if h.isGET {
		u := *request.URL
		u.RawQuery = "dns=" + base64.RawURLEncoding.EncodeToString(query) // RFC 8484 4.1
		request.Method, request.URL = http.MethodGet, &u
		request.Header = request.Header.Clone()
		request.Header.Del("Content-Type")
	} else {
		request.ContentLength = int64(len(query))
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(query)), nil }
		request.Body, _ = request.GetBody()
	}
	response, err := h.transport.RoundTrip(request)
	if err != nil {
		return nil, isUsed, err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode != http.StatusOK:
		return nil, isUsed, &StatusError{fmt.Sprintf("%d %s", response.StatusCode, http.StatusText(response.StatusCode))}
	case response.Header.Get("Content-Type") != mediaType:
		return nil, isUsed, &StatusError{fmt.Sprintf("with content of type %.64q, which is not a DNS message", response.Header.Get("Content-Type"))}
	case response.ContentLength > maxMessage:
		return nil, isUsed, &StatusError{"with more than a DNS message has"}
	}
	reply, err = io.ReadAll(io.LimitReader(response.Body, maxMessage+1))
	if len(reply) > maxMessage {
		return nil, isUsed, &StatusError{"with more than a DNS message has"}
	}
	return reply, isUsed, err
}

// Close closes the connections that are not in use.
func (h *https) Close() { h.transport.CloseIdleConnections() }
