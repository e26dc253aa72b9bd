package sign

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/wire"
)

// Requests and responses are text, so that the operator of a machine without a network can
// read what it signs:
//
//	names-keys-request 1
//	zone example.com.
//	set
//	example.com. 3600 IN DNSKEY 256 3 13 ...
//	example.com. 3600 IN DNSKEY 257 3 13 ...
//	sign 12345 20261130195104 20261214205104
//	end 5f1c...
//
// A response begins with names-keys-response, and has RRSIG records in place of the lines
// that begin with sign. The last line has the SHA-256 digest of all before it.

const (
	requestTitle, responseTitle = "names-keys-request 1", "names-keys-response 1"

	// MaxRequest bounds a request or a response, in octets.
	MaxRequest    = 4 << 20
	maxSets       = 1000
	maxSetRecords = 100
	maxWanted     = 10_000
)

// AppendText appends a request, or a response, as text.
func (r *Request) AppendText(b []byte) []byte {
	start := len(b)
	title := requestTitle
	if r.IsDone {
		title = responseTitle
	}
	b = fmt.Appendf(b, "%s\nzone %s\n", title, r.Zone)
	for i := range r.Sets {
		set := &r.Sets[i]
		b = append(b, "set\n"...)
		for _, data := range set.Data {
			b = zonefile.AppendRecord(b, &wire.Record{Name: r.Zone, Type: set.Type, Class: wire.ClassIN, TTL: set.TTL, Data: data})
		}
		for _, w := range set.Wanted {
			b = fmt.Appendf(b, "sign %d %s %s\n", w.Tag, w.From.UTC().Format(timeLayout), w.Until.UTC().Format(timeLayout))
		}
		for j := range set.Signatures {
			b = zonefile.AppendRecord(b, &wire.Record{Name: r.Zone, Type: wire.TypeRRSIG, Class: wire.ClassIN, TTL: set.TTL, Data: set.Signatures[j].AppendTo(nil, nil)})
		}
	}
	sum := sha256.Sum256(b[start:])
	return fmt.Appendf(b, "end %s\n", hex.EncodeToString(sum[:]))
}

// ParseRequest reads a request or a response. file is for errors. Whether signatures verify
// is looked at by [KeySet.Accept].
func ParseRequest(text []byte, file string) (*Request, error) {
	if len(text) > MaxRequest {
		return nil, fmt.Errorf("%s: %d octets: at most %d are read", file, len(text), MaxRequest)
	}
	at := bytes.LastIndex(text, []byte("\nend "))
	if at < 0 {
		return nil, fmt.Errorf("%s: the last line, which has the digest, is missing: the file was cut off", file)
	}
	body, last := text[:at+1], strings.TrimSuffix(string(text[at+1:]), "\n")
	if sum := sha256.Sum256(body); last != "end "+hex.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("%s: the digest in the last line is another one: the file was changed on its way", file)
	}
	p := requestParser{r: new(Request)}
	for n, line := range strings.Split(strings.TrimSuffix(string(body), "\n"), "\n") {
		if err := p.line(n, line); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n+1, err)
		}
	}
	if p.r.Zone.IsZero() {
		return nil, fmt.Errorf("%s: the line with the zone is missing", file)
	}
	for i := range p.r.Sets {
		set := &p.r.Sets[i]
		if len(set.Data) == 0 {
			return nil, fmt.Errorf("%s: a set has no records", file)
		}
		set.sort()
		for j := range set.Data[1:] {
			if bytes.Equal(set.Data[j], set.Data[j+1]) {
				return nil, fmt.Errorf("%s: a set has a record twice", file)
			}
		}
	}
	return p.r, nil
}

type requestParser struct {
	r      *Request
	wanted int
}

func (p *requestParser) line(n int, line string) (err error) {
	words := strings.Fields(line)
	switch {
	case n == 0:
		if line != requestTitle && line != responseTitle {
			return fmt.Errorf("%.40q is not %q or %q", line, requestTitle, responseTitle)
		}
		p.r.IsDone = line == responseTitle
		return nil
	case n == 1:
		if len(words) != 2 || words[0] != "zone" {
			return errors.New("the second line is not \"zone NAME\"")
		}
		if p.r.Zone, err = wire.ParseName(words[1]); err == nil && p.r.Zone.IsZero() {
			err = errors.New("the zone has no name")
		}
		return err
	case line == "set":
		if len(p.r.Sets) == maxSets {
			return fmt.Errorf("more than %d sets", maxSets)
		}
		p.r.Sets = append(p.r.Sets, RequestSet{})
		return nil
	case len(p.r.Sets) == 0:
		return errors.New("a record before the first line \"set\"")
	}
	set := &p.r.Sets[len(p.r.Sets)-1]
	if p.wanted++; p.wanted > maxWanted {
		return fmt.Errorf("more than %d records and signatures", maxWanted)
	}
	if len(words) > 0 && words[0] == "sign" {
		return set.parseWanted(words, p.r.IsDone)
	}
	record, err := parseRecordLine(line)
	if err != nil {
		return err
	}
	switch {
	case !record.Name.Equal(p.r.Zone):
		return fmt.Errorf("a record at %s, not at %s", record.Name, p.r.Zone)
	case record.Type == wire.TypeRRSIG:
		if !p.r.IsDone {
			return errors.New("a request has a signature")
		}
		var sig wire.RRSIG
		c := wire.CursorOver(record.Data)
		if err := sig.Parse(&c); err != nil {
			return err
		}
		set.Signatures = append(set.Signatures, sig)
		return nil
	case record.Type != wire.TypeDNSKEY && record.Type != wire.TypeCDS && record.Type != wire.TypeCDNSKEY:
		return fmt.Errorf("records of type %v are not signed in advance", record.Type)
	case len(set.Data) > 0 && (record.Type != set.Type || record.TTL != set.TTL):
		return errors.New("records of a set have different types or TTLs")
	case len(set.Data) == maxSetRecords:
		return fmt.Errorf("a set of more than %d records", maxSetRecords)
	}
	set.Type, set.TTL, set.Data = record.Type, record.TTL, append(set.Data, record.Data)
	return nil
}

func (s *RequestSet) parseWanted(words []string, isDone bool) error {
	if isDone || len(words) != 4 {
		return errors.New("not \"sign TAG FROM UNTIL\", or not in a request")
	}
	tag, err := strconv.ParseUint(words[1], 10, 16)
	if err != nil {
		return fmt.Errorf("tag %q: %w", words[1], err)
	}
	w := Wanted{Tag: uint16(tag)}
	if w.From, err = time.Parse(timeLayout, words[2]); err != nil {
		return err
	}
	if w.Until, err = time.Parse(timeLayout, words[3]); err != nil {
		return err
	}
	s.Wanted = append(s.Wanted, w)
	return nil
}

// parseRecordLine reads a line that is one record, and no directive.
func parseRecordLine(line string) (record wire.Record, err error) {
	if strings.ContainsAny(line, "$\"();") {
		return record, errors.New("a line that is not one plain record")
	}
	found := 0
	options := zonefile.Options{Origin: wire.Root, Open: func(string) (io.ReadCloser, error) { return nil, fs.ErrPermission }}
	err = zonefile.Read([]byte(line+"\n"), "record", options, nil, func(r *zonefile.Record) error {
		found++
		record = wire.Record{Name: r.Name.Clone(), Type: r.Type, Class: r.Class, TTL: r.TTL, Data: bytes.Clone(r.Data)}
		return nil
	})
	if err == nil && found != 1 {
		err = errors.New("a line that is not one record")
	}
	return record, err
}

// signaturesPath is where the signatures are that offline keys have made in advance.
func signaturesPath(dir string, zone wire.Name) string {
	return filepath.Join(dir, "K"+fileLabel(zone)+"signatures")
}

// loadSignatures gives offline keys what was accepted before, and verified then; it is again
// before the zone has it.
func (s *KeySet) loadSignatures(dir string, now time.Time) error {
	if !s.hasOffline() {
		return nil
	}
	path := signaturesPath(dir, s.Zone)
	text, err := files.Read(path, MaxRequest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("signatures of offline keys: %w", err)
	}
	r, err := ParseRequest(text, path)
	if err != nil {
		return err
	}
	for i := range r.Sets {
		set := &r.Sets[i]
		for _, sig := range set.Signatures {
			for _, k := range s.Keys {
				if k.IsOffline() && k.Tag == sig.KeyTag && k.Record.Algorithm == sig.Algorithm && sig.Expiration.Time(now).After(now) {
					k.offline().signatures = append(k.offline().signatures, offlineSignature{set.OfflineSet, sig})
				}
			}
		}
	}
	return nil
}

// SaveSignatures writes what offline keys have signed in advance next to the keys.
func (s *KeySet) SaveSignatures(dir string) error {
	r := &Request{Zone: s.Zone, IsDone: true}
	for _, k := range s.Keys {
		if k.offline() == nil {
			continue
		}
		for _, of := range k.offline().signatures {
			i := slices.IndexFunc(r.Sets, func(s RequestSet) bool { return s.equal(&of.set) })
			if i < 0 {
				r.Sets, i = append(r.Sets, RequestSet{OfflineSet: of.set}), len(r.Sets)
			}
			r.Sets[i].Signatures = append(r.Sets[i].Signatures, of.sig)
		}
	}
	return writeFile(signaturesPath(dir, s.Zone), r.AppendText(nil), 0o644)
}

// readPublic reads a .key file.
func readPublic(path string) (zone wire.Name, record wire.DNSKEY, err error) {
	path = strings.TrimSuffix(strings.TrimSuffix(path, ".key"), ".private") + ".key"
	text, err := files.Read(path, maxKeyFile)
	if err != nil {
		return zone, record, fmt.Errorf("key: %w", err)
	}
	return parsePublic(text, path)
}

// publicOf is the public key of a DNSKEY record.
func publicOf(record *wire.DNSKEY) (crypto.PublicKey, error) {
	key := record.PublicKey
	switch record.Algorithm {
	case wire.AlgorithmECDSAP256SHA256:
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append([]byte{4}, key...))
	case wire.AlgorithmECDSAP384SHA384:
		return ecdsa.ParseUncompressedPublicKey(elliptic.P384(), append([]byte{4}, key...))
	case wire.AlgorithmED25519:
		if len(key) == ed25519.PublicKeySize {
			return ed25519.PublicKey(slices.Clone(key)), nil
		}
	case wire.AlgorithmRSASHA256, wire.AlgorithmRSASHA512: // RFC 3110 2
		if len(key) > 4 && key[0] > 0 && key[0] < 4 && len(key) > 1+int(key[0]) {
			e := new(big.Int).SetBytes(key[1 : 1+key[0]])
			return &rsa.PublicKey{N: new(big.Int).SetBytes(key[1+key[0]:]), E: int(e.Int64())}, nil
		}
	default:
		if of := addedOf(record.Algorithm); of != nil {
			return of.Keys.Public(key)
		}
	}
	return nil, fmt.Errorf("the public key of algorithm %v cannot be read", record.Algorithm)
}
