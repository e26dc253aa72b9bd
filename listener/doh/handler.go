package doh

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/odoh"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// DefaultPath is where queries are answered if nothing else is said.
const DefaultPath = "/dns-query"

// mediaType is that of messages (RFC 8484 6).
const mediaType = "application/dns-message"

// maxMessage is how long a message may be.
const maxMessage = 65535

// bodyTime is how long a client may take to send a query, and to take a reply.
const bodyTime = 5 * time.Second

// waitTime is how long an answer may take, in addition.
const waitTime = 15 * time.Second

// Handler answers GET and POST at one path; at all others there is nothing.
type Handler struct {
	// Edge answers the queries.
	Edge *listener.Edge

	// Path is where. By default [DefaultPath].
	Path string

	// JSON has questions in the variables name, type, cd and do of a URL answered in JSON,
	// too.
	JSON bool

	// Oblivious are the keys of queries that clients encrypt for the server, which come by
	// way of proxies (RFC 9230). Nil: there are none.
	Oblivious *odoh.Keys

	// Proxies are the servers whose word is taken for which client they ask for
	// (X-Forwarded-For). Nil: none.
	Proxies *names.PeerSet
}

// exchange is the memory for one query.
type exchange struct {
	x      names.Exchange
	reader wire.Reader
	query  bytes.Buffer
	text   []byte // of a variable
	space  []byte

	isJSON  bool         // the reply is to be in the JSON form
	problem error        // what is wrong with a question in that form
	sealed  *odoh.Answer // encrypts the reply; nil: it goes as it is
}

var exchanges = sync.Pool{New: func() any { return &exchange{space: make([]byte, 0, 4096)} }}

// keptBuffer is the largest buffer that is kept for the next query.
const keptBuffer = 16 << 10

func (e *exchange) giveBack() {
	e.sealed = nil
	if e.query.Cap() > keptBuffer {
		e.query = bytes.Buffer{}
	}
	if cap(e.space) > keptBuffer {
		e.space = make([]byte, 0, 4096)
	}
	if cap(e.text) > keptBuffer {
		e.text = nil
	}
	exchanges.Put(e)
}

func (h *Handler) path() string { return cmp.Or(h.Path, DefaultPath) }

// ServeHTTP answers one query.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.Oblivious != nil && r.URL.Path == odoh.ConfigsPath {
		serveConfigs(w, r, h.Oblivious)
		return
	}
	if r.URL.Path != h.path() {
		fail(w, http.StatusNotFound)
		return
	}
	e := exchanges.Get().(*exchange)
	defer e.giveBack()
	if status := e.read(w, r, h); status != 0 {
		if e.problem != nil {
			http.Error(w, e.problem.Error(), status)
		} else {
			fail(w, status)
		}
		return
	}
	query := e.query.Bytes()
	reply := h.Edge.Answer(r.Context(), &e.x, query, h.peer(r), e.space)
	if reply == nil {
		if len(query) < wire.HeaderLen || query[2]&0x80 != 0 {
			fail(w, http.StatusBadRequest)
			return
		}
		panic(http.ErrAbortHandler) // no reply is meant: the stream ends without one
	}
	if b := e.x.Reply.Buffer(); cap(b) > cap(e.space) {
		e.space = b[:0]
	}
	kind, body := contentType, reply
	if e.isJSON {
		var err error
		kind = jsonType
		if body, err = e.appendJSON(nil, reply); err != nil {
			fail(w, http.StatusInternalServerError)
			return
		}
	}
	cacheable := "max-age=" + strconv.FormatUint(uint64(e.freshness(reply)), 10)
	if e.sealed != nil {
		var err error
		kind, cacheable = obliviousType, "no-store" // it is for one query only
		if body, err = e.sealed.Seal(reply); err != nil {
			fail(w, http.StatusInternalServerError)
			return
		}
	}
	header := w.Header()
	header["Content-Type"] = kind
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	header["Cache-Control"] = []string{cacheable}
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}

var contentType = []string{mediaType}

// fail ends a request with a status and nothing else.
func fail(w http.ResponseWriter, status int) {
	if status == http.StatusMethodNotAllowed {
		w.Header()["Allow"] = []string{"GET, HEAD, POST"}
	}
	w.Header()["Content-Length"] = []string{"0"}
	w.WriteHeader(status)
}

// read reads the query of a request, in the forms that h offers. It returns the status
// if there is none.
func (e *exchange) read(w http.ResponseWriter, r *http.Request, h *Handler) (status int) {
	e.query.Reset()
	e.isJSON, e.problem, e.sealed = false, nil, nil
	control := http.NewResponseController(w)
	deadline := time.Now().Add(bodyTime)
	control.SetReadDeadline(deadline) // where that is not possible the server's own timeouts hold
	control.SetWriteDeadline(deadline.Add(waitTime))
	defer control.SetReadDeadline(time.Time{})
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		status, found := e.readParameter(r.URL.RawQuery)
		if found || !h.JSON {
			return status
		}
		q, err := parseJSONQuestion(r.URL.RawQuery)
		if err != nil {
			e.problem = err
			return http.StatusBadRequest
		}
		e.isJSON = true
		e.query.Write(q.appendQuery(e.query.AvailableBuffer()))
		return 0
	case http.MethodPost:
		return e.readBody(r, h.Oblivious)
	}
	return http.StatusMethodNotAllowed
}

// readParameter reads the variable dns of a URL (RFC 8484 4.1, 6): base64url without
// padding. Others are left alone.
func (e *exchange) readParameter(parameters string) (status int, found bool) {
	for parameter := range strings.SplitSeq(parameters, "&") {
		text, ok := strings.CutPrefix(parameter, "dns=")
		if !ok {
			continue
		}
		text = strings.TrimRight(text, "=")
		n := base64.RawURLEncoding.DecodedLen(len(text))
		if n > maxMessage {
			return http.StatusRequestURITooLong, true
		}
		e.query.Grow(n)
		b := e.query.AvailableBuffer()
		e.text = append(e.text[:0], text...)
		b, err := base64.RawURLEncoding.AppendDecode(b, e.text)
		if err != nil {
			return http.StatusBadRequest, true
		}
		e.query.Write(b)
		return 0, true
	}
	return http.StatusBadRequest, false
}

// readBody reads the body of a request, whose length may not be known before.
func (e *exchange) readBody(r *http.Request, keys *odoh.Keys) (status int) {
	kind := r.Header.Get("Content-Type")
	isOblivious := keys != nil && isKind(kind, odoh.MediaType)
	if !isOblivious && !isKind(kind, mediaType) {
		return http.StatusUnsupportedMediaType
	}
	if r.ContentLength > maxMessage {
		return http.StatusRequestEntityTooLarge
	}
	if _, err := e.query.ReadFrom(io.LimitReader(r.Body, maxMessage+1)); err != nil {
		return http.StatusBadRequest
	}
	if e.query.Len() > maxMessage {
		return http.StatusRequestEntityTooLarge
	}
	if isOblivious {
		return e.open(keys)
	}
	return 0
}

// isKind reports whether a content type is kind, whatever its parameters.
func isKind(contentType, kind string) bool {
	if contentType == kind {
		return true
	}
	before, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(before), kind)
}

// peer is the client.
func (h *Handler) peer(r *http.Request) names.Peer {
	p := names.Peer{Transport: names.HTTPS}
	if a, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		p.Remote = netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
	}
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		p.Local = addrPortOf(a)
	}
	if r.TLS != nil {
		p.TLS = listener.PeerTLS(*r.TLS)
	}
	if h.Proxies.Contains(p.Remote.Addr()) {
		h.identify(&p, r.Header["X-Forwarded-For"])
	}
	return p
}

// identify makes p, a proxy, the client that it asks for.
func (h *Handler) identify(p *names.Peer, lines []string) {
	if client, ok := h.forwarded(lines); ok {
		p.Proxy, p.Remote = p.Remote, netip.AddrPortFrom(client, 0)
		p.TLS = nil // that was the proxy's
	}
}

// forwarded is the client that a proxy asks for: the last address that is not that of
// a proxy itself, since what comes before it may be invented.
func (h *Handler) forwarded(lines []string) (client netip.Addr, ok bool) {
	for i := len(lines) - 1; i >= 0; i-- {
		rest := lines[i]
		for rest != "" {
			var last string
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, last = rest[:comma], rest[comma+1:]
			} else {
				rest, last = "", rest
			}
			a, err := netip.ParseAddr(strings.Trim(strings.TrimSpace(last), "[]"))
			if err != nil {
				return client, ok
			}
			client, ok = a.Unmap().WithZone(""), true
			if !h.Proxies.Contains(client) {
				return client, true
			}
		}
	}
	return client, ok
}

// freshness is how long a reply may be kept, in seconds (RFC 8484 5.1): as long as the
// record of the answer that expires first, or else as the SOA record of a negative
// answer says (RFC 2308 5). Errors are not kept.
func (e *exchange) freshness(reply []byte) uint32 {
	r := &e.reader
	if r.Reset(reply) != nil {
		return 0
	}
	flags := r.Header().Flags
	if code := flags.RCode(); code != wire.RCodeNoError && code != wire.RCodeNXDomain || flags.Has(wire.FlagTC) || r.SkipQuestions() != nil {
		return 0
	}
	least, found := uint32(math.MaxInt32), false
	for {
		h, err := r.Next()
		switch {
		case err == wire.ErrSectionDone && !found && r.Section() == wire.SectionAnswer:
			if r.NextSection() != nil {
				return 0
			}
			continue
		case err == wire.ErrSectionDone && found:
			return least
		case err != nil:
			return 0
		case r.Section() == wire.SectionAnswer:
			least, found = min(least, h.TTL), true
		case h.Type == wire.TypeSOA && len(r.Raw()) >= 4:
			data := r.Raw()
			return min(h.TTL, binary.BigEndian.Uint32(data[len(data)-4:]))
		}
	}
}
