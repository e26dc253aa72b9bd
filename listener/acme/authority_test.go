package acme

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/names-dns/names/internal/certificatetest"
)

// authority is a certificate authority in the same process: what it does wrong is up to
// the test. It believes what is signed, and looks for challenges in published.
type authority struct {
	t         *testing.T
	ca        *tls.Certificate
	published *published
	opened    func() // is called when a manager is made, and does not run yet

	mu       sync.Mutex
	life     time.Duration                                                  // of certificates
	window   func() window                                                  // nil: there is no renewal information
	before   func(w http.ResponseWriter, r *http.Request, path string) bool // answers instead, if it reports true
	names    []string                                                       // of certificates; nil: those that were ordered
	proof    string                                                         // the identifier of authorizations; "": those of the order
	pending  bool                                                           // nothing is decided
	nonce    int
	accounts int
	requests int

	customer    string // the identifier of the key that accounts have to be bound to; "": they need not be
	customerKey []byte
	orders      []*order
}

type order struct {
	names       []string
	valid       []bool // of authorizations
	isInvalid   bool
	at          time.Time
	certificate []byte
}

const directory = "https://ca.example/dir"

func newAuthority(t *testing.T) *authority {
	ca := certificatetest.New(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "test authority"}, SubjectKeyId: []byte{1, 2, 3}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(20 * 365 * 24 * time.Hour),
	}, nil)
	return &authority{t: t, ca: ca, published: &published{records: map[string]bool{}}, life: 90 * 24 * time.Hour}
}

// RoundTrip is an [http.RoundTripper]: requests need no network.
func (a *authority) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	a.serve(w, r)
	return w.Result(), nil
}

func (a *authority) serve(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests++
	a.nonce++
	w.Header().Set("Replay-Nonce", fmt.Sprint("nonce", a.nonce))
	if a.before != nil && a.before(w, r, r.URL.Path) {
		return
	}
	const base = "https://ca.example"
	var payload struct {
		Identifiers []struct{ Type, Value string }
		CSR         string

		ExternalAccountBinding struct{ Protected, Payload, Signature string }
	}
	if r.Method == http.MethodPost {
		var signed struct{ Protected, Payload string }
		body, _ := io.ReadAll(r.Body)
		json.Unmarshal(body, &signed)
		text, _ := base64.RawURLEncoding.DecodeString(signed.Payload)
		json.Unmarshal(text, &payload)
	}
	reply := func(status int, value any) {
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(value)
	}
	var kind string
	var n, i int
	fmt.Sscanf(strings.ReplaceAll(r.URL.Path[1:], "/", " "), "%s %d %d", &kind, &n, &i)
	switch kind {
	case "dir":
		d := map[string]any{"newNonce": base + "/nonce", "newAccount": base + "/account", "newOrder": base + "/order", "meta": map[string]string{"termsOfService": base + "/terms"}}
		if a.window != nil {
			d["renewalInfo"] = base + "/info"
		}
		reply(http.StatusOK, d)
	case "nonce":
	case "info":
		suggested := a.window()
		reply(http.StatusOK, map[string]any{"suggestedWindow": map[string]time.Time{"start": suggested.Start, "end": suggested.End}})
	case "account":
		if e := payload.ExternalAccountBinding; a.customer != "" && !a.isCustomer(e.Protected, e.Payload, e.Signature) {
			problem(w, http.StatusForbidden, "externalAccountRequired", "this authority has customers", "")
			return
		}
		status := http.StatusOK
		if a.accounts == 0 {
			status = http.StatusCreated
		}
		a.accounts++
		w.Header().Set("Location", base+"/me")
		reply(status, map[string]string{"status": "valid"})
	case "me":
		reply(http.StatusOK, map[string]string{"status": "valid"})
	case "order":
		status := http.StatusOK
		if n == 0 {
			o := &order{at: time.Now()}
			for _, id := range payload.Identifiers {
				o.names = append(o.names, id.Value)
			}
			o.valid = make([]bool, len(o.names))
			a.orders = append(a.orders, o)
			n, status = len(a.orders), http.StatusCreated
			w.Header().Set("Location", fmt.Sprint(base, "/order/", n))
		}
		reply(status, a.state(n))
	case "authz":
		o := a.orders[n-1]
		name := o.names[i]
		status := map[bool]string{true: "valid", false: "pending"}[o.valid[i]]
		answer := map[string]any{"type": "dns-01", "url": fmt.Sprintf("%s/challenge/%d/%d", base, n, i), "token": fmt.Sprint("token", n, i), "status": status}
		if o.isInvalid {
			status = "invalid"
			answer["status"] = status
			answer["error"] = map[string]any{"type": "urn:ietf:params:acme:error:unauthorized", "detail": "there is no TXT record", "status": 403}
		}
		if a.proof != "" {
			name = a.proof
		}
		reply(http.StatusOK, map[string]any{"status": status, "identifier": map[string]string{"type": "dns", "value": strings.TrimPrefix(name, "*.")}, "challenges": []any{
			map[string]any{"type": "http-01", "url": base + "/no", "token": "no"}, answer}})
	case "challenge":
		o := a.orders[n-1]
		if !a.pending {
			isThere := a.published.has(challengeLabel + "." + strings.TrimPrefix(o.names[i], "*."))
			o.valid[i], o.isInvalid = isThere, o.isInvalid || !isThere
		}
		reply(http.StatusOK, map[string]string{"type": "dns-01", "url": base, "status": "processing"})
	case "finalize":
		der, _ := base64.RawURLEncoding.DecodeString(payload.CSR)
		request, err := x509.ParseCertificateRequest(der)
		if err != nil {
			a.t.Error(err)
			return
		}
		a.issue(a.orders[n-1], request)
		reply(http.StatusOK, a.state(n))
	case "certificate":
		w.Write(a.orders[n-1].certificate)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// isCustomer reports whether a binding is good.
func (a *authority) isCustomer(protected, payload, signature string) bool {
	mac := hmac.New(sha256.New, a.customerKey)
	mac.Write([]byte(protected + "." + payload))
	sent, _ := base64.RawURLEncoding.DecodeString(signature)
	var header struct{ KID, URL string }
	text, _ := base64.RawURLEncoding.DecodeString(protected)
	json.Unmarshal(text, &header)
	return hmac.Equal(sent, mac.Sum(nil)) && header.KID == a.customer && header.URL == "https://ca.example/account"
}

func (a *authority) state(n int) map[string]any {
	o := a.orders[n-1]
	s := map[string]any{"status": "pending", "finalize": fmt.Sprint("https://ca.example/finalize/", n)}
	var urls []string
	for i := range o.names {
		urls = append(urls, fmt.Sprintf("https://ca.example/authz/%d/%d", n, i))
	}
	s["authorizations"] = urls
	if !slices.Contains(o.valid, false) {
		s["status"] = "ready"
	}
	if o.certificate != nil {
		s["status"], s["certificate"] = "valid", fmt.Sprint("https://ca.example/certificate/", n)
	}
	return s
}

func (a *authority) issue(o *order, request *x509.CertificateRequest) {
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(int64(0x80 + len(a.orders))), DNSNames: request.DNSNames, NotBefore: now, NotAfter: now.Add(a.life)}
	if a.names != nil {
		template.DNSNames = a.names
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.ca.Leaf, request.PublicKey, a.ca.PrivateKey)
	if err != nil {
		a.t.Error(err)
	}
	o.certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	o.certificate = append(o.certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.ca.Certificate[0]})...)
}

// set changes what the authority does.
func (a *authority) set(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
}

func (a *authority) placed() (all []time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, o := range a.orders {
		all = append(all, o.at)
	}
	return all
}

// problem answers with an error (RFC 8555 6.7).
func problem(w http.ResponseWriter, status int, kind, detail, instance string) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "detail": detail, "status": status, "instance": instance})
}

// published is a zone.
type published struct {
	mu      sync.Mutex
	records map[string]bool // "NAME VALUE"
	ever    []string
	err     error // of Publish
}

func (p *published) Publish(_ context.Context, name, value string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	p.records[name+" "+value] = true
	p.ever = append(p.ever, name)
	return nil
}

func (p *published) Remove(name, value string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.records, name+" "+value)
	return nil
}

func (p *published) has(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for r := range p.records {
		if strings.HasPrefix(r, name+" ") {
			return true
		}
	}
	return false
}

// clear removes all records.
func (p *published) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.records)
}

func (p *published) left() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.records)
}

// logText is a log that is read while it is written.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// managed is a manager at work.
type managed struct {
	*Manager
	log    *logText
	issued int
	stop   func()
}

// startManager starts a manager of names whose folder is dir, until the test ends or stop
// is called.
func startManager(t *testing.T, a *authority, dir string, change func(*Config)) *managed {
	t.Helper()
	m := &managed{log: new(logText)}
	c := Config{
		Directory: directory, Names: []string{"dns.example.net", "*.example.net"}, Dir: dir, Challenges: a.published,
		Issued: func() { m.issued++ }, Log: slog.New(slog.NewTextHandler(m.log, nil)),
	}
	if change != nil {
		change(&c)
	}
	var err error
	if m.Manager, err = New(c); err != nil {
		t.Fatal(err)
	}
	m.base = a
	if a.opened != nil {
		a.opened()
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		m.Run(ctx)
	}()
	m.stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	t.Cleanup(m.stop)
	return m
}

var errTest = errors.New("it fails")
