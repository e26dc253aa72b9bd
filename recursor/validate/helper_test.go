package validate

import (
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// toy is an algorithm that costs a hash: what is tested here is what is done
// with signatures. Everybody can sign.
const toy wire.Algorithm = 100

type toyKey []byte

func (k toyKey) Public() crypto.PublicKey { return k }

func (k toyKey) Sign(_ io.Reader, message []byte, _ crypto.SignerOpts) ([]byte, error) {
	sum := sha256.Sum256(append([]byte(k), message...))
	return sum[:], nil
}

func (k toyKey) Verify(message, signature []byte) bool {
	sum, _ := k.Sign(nil, message, nil)
	return string(sum) == string(signature)
}

func toyScheme(n wire.Algorithm) *dnssec.Scheme {
	return &dnssec.Scheme{
		Number: n,
		ParseKey: func(public []byte) (dnssec.PublicKey, error) {
			if len(public) != 32 {
				return nil, fmt.Errorf("%w: toy key has %d octets", dnssec.ErrKey, len(public))
			}
			return toyKey(public), nil
		},
		AppendKey: func(b []byte, public crypto.PublicKey) ([]byte, error) { return append(b, public.(toyKey)...), nil },
		Sign:      func(s crypto.Signer, message []byte) ([]byte, error) { return s.Sign(nil, message, nil) },
	}
}

var algorithms = dnssec.NewAlgorithms(dnssec.Policy{}, toyScheme(toy), toyScheme(toy+1))

// now is when tests happen.
var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// newKey returns the toy key of a seed.
func newKey(t testing.TB, seed string) *dnssec.SigningKey {
	t.Helper()
	return newKeyOf(t, algorithms, toy, wire.FlagZoneKey|wire.FlagSecureEntry, seed)
}

func newKeyOf(t testing.TB, a *dnssec.Algorithms, n wire.Algorithm, flags uint16, seed string) *dnssec.SigningKey {
	t.Helper()
	sum := sha256.Sum256([]byte(seed))
	k, err := a.NewSigningKey(n, flags, toyKey(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// options are how zones are signed unless a test says otherwise.
func options(t testing.TB, apex string, denial signedtree.Denial) signedtree.Options {
	return signedtree.Options{
		Denial: denial, Keys: []*dnssec.SigningKey{newKey(t, apex)},
		Inception: wire.SerialFromTime(now.Add(-10 * day)), Expiration: wire.SerialFromTime(now.Add(20 * day)),
	}
}

// parse reads a record: owner, type, data; the TTL is 300.
func parse(t testing.TB, line string) wire.Record {
	t.Helper()
	words := strings.Fields(line)
	typ, err := wire.ParseType(words[1])
	if err != nil {
		t.Fatal(err)
	}
	data, err := rdataFromText(typ, strings.Join(words[2:], " "))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return wire.Record{Name: wire.MustParseName(words[0]), Type: typ, Class: wire.ClassIN, TTL: 300, Data: data}
}

// signZone signs the records of lines, a SOA and a NS record with them.
func signZone(t testing.TB, apex string, o signedtree.Options, lines ...string) *signedtree.Zone {
	t.Helper()
	records := []wire.Record{
		parse(t, apex+" SOA ns.elsewhere. host.elsewhere. 1 3600 600 86400 60"),
		parse(t, apex+" NS ns.elsewhere."),
	}
	for _, line := range lines {
		records = append(records, parse(t, line))
	}
	name := wire.MustParseName(apex)
	signed, err := signedtree.Sign(name, records, o)
	if err != nil {
		t.Fatal(err)
	}
	return &signedtree.Zone{Apex: name, Records: signed}
}

// dsLine is the DS record of a zone that is signed with the key of its name.
func dsLine(t testing.TB, zone string) string {
	t.Helper()
	return dsOf(t, zone, newKey(t, zone), dnssec.DigestSHA256)
}

func dsOf(t testing.TB, zone string, k *dnssec.SigningKey, digestType uint8) string {
	t.Helper()
	ds, err := k.DS(wire.MustParseName(zone), digestType)
	if err != nil {
		t.Fatal(err)
	}
	return zone + " DS " + ds.String()
}

// world is a tree with a validator that asks it.
type world struct {
	testing.TB
	tree    *signedtree.Tree
	config  Config
	fetches atomic.Int32
	// change, if set, may replace a reply; fetched tells true for one that the
	// validator asked for.
	change func(m *wire.Message, fetched bool) *wire.Message
	v      *Validator
}

func newWorld(t testing.TB, zones ...*signedtree.Zone) *world {
	w := &world{TB: t, tree: &signedtree.Tree{Zones: zones}}
	anchors := new(Anchors)
	if err := anchors.AddDNSKEY(wire.Root, &newKey(t, ".").Record); err != nil {
		t.Fatal(err)
	}
	w.config = Config{Fetcher: w, Anchors: anchors, Algorithms: algorithms, Now: func() time.Time { return now }}
	w.v = New(w.config)
	return w
}

var errNoReply = errors.New("no server answers")

// Fetch is the Fetcher of the validator.
func (w *world) Fetch(_ context.Context, name wire.Name, t wire.Type) (*Reply, error) {
	w.fetches.Add(1)
	m := w.ask(wire.Question{Name: name, Type: t, Class: wire.ClassIN}, true)
	if m == nil {
		return nil, errNoReply
	}
	return ReplyFromMessage(m)
}

// ask returns what the tree says, changed if the test wants that.
func (w *world) ask(q wire.Question, fetched bool) *wire.Message {
	m := w.tree.Resolve(q)
	if w.change != nil {
		m = w.change(m, fetched)
	}
	return m
}

// question reads "name type".
func question(t testing.TB, text string) wire.Question {
	t.Helper()
	name, typ, _ := strings.Cut(text, " ")
	code, err := wire.ParseType(typ)
	if err != nil {
		t.Fatal(err)
	}
	return wire.Question{Name: wire.MustParseName(name), Type: code, Class: wire.ClassIN}
}

// check asks a question and judges the reply.
func (w *world) check(text string) Result {
	w.Helper()
	r, _ := w.checkWith(text, nil)
	return r
}

func (w *world) checkWith(text string, b *Budget) (Result, *Reply) {
	w.Helper()
	reply, err := ReplyFromMessage(w.ask(question(w, text), false))
	if err != nil {
		w.Fatal(err)
	}
	return w.v.Check(context.Background(), reply, b), reply
}

// want fails unless a reply has a verdict, and a reason that contains a text.
func (w *world) want(text string, verdict Verdict, reason string) {
	w.Helper()
	r := w.check(text)
	if r.Verdict != verdict || !strings.Contains(r.Reason.Text, reason) || verdict != Secure && r.Reason.Text == "" {
		w.Errorf("%s: %v: %d %q; want %v: %q", text, r.Verdict, r.Reason.Code, r.Reason.Text, verdict, reason)
	}
}

// a is a line with an address.
func a(name string, n int) string { return name + " A 192.0.2." + strconv.Itoa(n) }
