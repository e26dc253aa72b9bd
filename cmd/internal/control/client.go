package control

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"

	"github.com/names-dns/names/internal/files"
)

// reach is how a server is reached.
type reach struct {
	socket string // on this machine
	server string // ADDRESS:PORT of another; "": the socket is used
	ca     string // files
	cert   string
	key    string
	token  string
}

// maxReply bounds what is read of a reply: a line for each of a million zones.
const maxReply = 1 << 30

// client asks a server.
type client struct {
	http  http.Client
	where string // for people
	base  url.URL
	token string
}

// newClient returns a client for the server that r reaches.
func newClient(r reach) (*client, error) {
	c := &client{where: r.socket, base: url.URL{Scheme: "http", Host: "names"}, http: http.Client{Timeout: 10 * time.Minute}} // a reload of many zones takes its time
	if r.server == "" {
		if r.ca != "" || r.cert != "" || r.key != "" || r.token != "" {
			return nil, Usagef("--ca, --cert, --key and --token-file go with --server")
		}
		c.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", r.socket)
		}}
		return c, nil
	}
	c.where, c.base = r.server, url.URL{Scheme: "https", Host: r.server}
	config := &tls.Config{MinVersion: tls.VersionTLS13}
	if r.ca != "" {
		text, err := files.Read(r.ca, maxSecretFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s has no certificate in PEM", r.ca)
		}
	}
	if r.cert != "" || r.key != "" {
		pair, err := tls.LoadX509KeyPair(r.cert, r.key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if r.token != "" {
		var err error
		if c.token, err = ReadToken(r.token, 1); err != nil {
			return nil, err
		}
	}
	c.http.Transport = &http.Transport{TLSClientConfig: config}
	return c, nil
}

// ask returns the reply to a request.
func (c *client) ask(method, path string, args []string) (body []byte, err error) {
	u := c.base
	u.Path, u.RawQuery = path, url.Values{"arg": args}.Encode()
	request, err := http.NewRequest(method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.explain(err)
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(response.Body, maxReply)); err != nil {
		return nil, c.explain(err)
	}
	if response.StatusCode == http.StatusOK {
		return body, nil
	}
	var f failure
	if err := json.Unmarshal(body, &f); err != nil || f.Error == "" {
		return nil, fmt.Errorf("%s: the server replies with status %s", c.where, response.Status)
	}
	if response.StatusCode == http.StatusBadRequest {
		return nil, Usagef("%s", f.Error)
	}
	return nil, errors.New(f.Error)
}

// explain says why there is no reply, and what to do.
func (c *client) explain(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	switch {
	case c.base.Scheme == "https":
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w %s: is the server running, and does its configuration have [control] socket?", ErrNoServer, c.where)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s may only be used by the user and the group of the server: run this as root, or join the group", c.where)
	}
	return fmt.Errorf("the server does not answer at %s: %w", c.where, err)
}

// Ask does a verb of the server at a Unix socket, and returns its reply as JSON.
func Ask(socket string, words ...string) ([]byte, error) {
	c, err := newClient(reach{socket: socket})
	if err != nil {
		return nil, err
	}
	defer c.http.CloseIdleConnections() // the server has few places
	return c.run(words, false)
}

// ErrNoServer is the error of Ask if no server answers at the socket.
var ErrNoServer = errors.New("there is no socket")

// Show writes a reply for people.
func Show(to io.Writer, body []byte) error { return show(to, body) }
