package sign

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/wire"
)

// Knot DNS (keymgr, 3.2) has another form for requests and responses: what the apex has from
// each of some times on. A request has the DNSKEY records of the server's keys only; the
// machine with the key of the keys adds its own, and CDS and CDNSKEY records.
//
//	;; KeySigningRequest 1.0 1796088680 (2026-12-01T01:31:20Z) =========
//	example.com. 3600 DNSKEY 256 3 13 ...
//	;; KeySigningRequest 1.0 generated at 2026-12-01T01:31:20Z by Knot DNS 3.2.6
//
// A response has ";; SignedKeyResponse", and RRSIG records. There is no digest: who could
// change a request on its way could have other keys of the zone signed, as with our form; those
// that the parent would know are refused.

const knotRequestTitle, knotResponseTitle = ";; KeySigningRequest 1.0 ", ";; SignedKeyResponse 1.0 "

// KnotRequest is a request, or a response, in the form of Knot DNS.
type KnotRequest struct {
	Zone    wire.Name
	IsDone  bool // it is a response
	Periods []KnotPeriod
}

// KnotPeriod is what the apex has from a time on, until the next one begins.
type KnotPeriod struct {
	From time.Time
	Sets []RequestSet
}

// IsKnotRequest reports whether a text is in the form of Knot DNS.
func IsKnotRequest(text []byte) bool {
	return bytes.HasPrefix(text, []byte(knotRequestTitle)) || bytes.HasPrefix(text, []byte(knotResponseTitle))
}

// AppendText appends the text of it.
func (r *KnotRequest) AppendText(b []byte, now time.Time) []byte {
	title := knotRequestTitle
	if r.IsDone {
		title = knotResponseTitle
	}
	for _, p := range r.Periods {
		b = fmt.Appendf(b, "%s%d (%s) =========\n", title, p.From.Unix(), p.From.UTC().Format(time.RFC3339))
		record := func(set *RequestSet, kind wire.Type, data []byte) {
			b = zonefile.AppendRecord(b, &wire.Record{Name: r.Zone, Type: kind, Class: wire.ClassIN, TTL: set.TTL, Data: data})
		}
		for i := range p.Sets {
			set := &p.Sets[i]
			for _, data := range set.Data {
				record(set, set.Type, data)
			}
			for j := range set.Signatures {
				record(set, wire.TypeRRSIG, set.Signatures[j].AppendTo(nil, nil))
			}
		}
	}
	return fmt.Appendf(b, "%sgenerated at %s by names\n", title, now.UTC().Format(time.RFC3339))
}

// ParseKnotRequest reads a request or a response of Knot DNS. file is for errors.
func ParseKnotRequest(text []byte, file string) (*KnotRequest, error) {
	if len(text) > MaxRequest {
		return nil, fmt.Errorf("%s: %d octets: at most %d are read", file, len(text), MaxRequest)
	}
	if !IsKnotRequest(text) {
		return nil, fmt.Errorf("%s: it does not begin with %q or %q", file, knotRequestTitle, knotResponseTitle)
	}
	r := &KnotRequest{IsDone: bytes.HasPrefix(text, []byte(knotResponseTitle))}
	title := knotRequestTitle
	if r.IsDone {
		title = knotResponseTitle
	}
	parts := strings.Split("\n"+string(text), "\n"+title)[1:]
	if last := parts[len(parts)-1]; !strings.HasPrefix(last, "generated ") {
		return nil, fmt.Errorf("%s: the last line, %q, is missing: the file was cut off", file, title+"generated ...")
	}
	if len(parts) > maxSets {
		return nil, fmt.Errorf("%s: more than %d periods", file, maxSets)
	}
	records := 0
	for _, part := range parts[:len(parts)-1] {
		head, body, _ := strings.Cut(part, "\n")
		if err := r.parsePeriod(head, body, &records); err != nil {
			return nil, fmt.Errorf("%s: the part that begins at %.40q: %w", file, head, err)
		}
	}
	switch n := len(r.Periods); {
	case n == 0 || r.Zone.IsZero():
		return nil, fmt.Errorf("%s: it has no records", file)
	case r.Periods[n-1].From.Sub(r.Periods[0].From) > maxRequest:
		return nil, fmt.Errorf("%s: it is for more than two years", file)
	}
	return r, nil
}

func (r *KnotRequest) parsePeriod(head, body string, records *int) error {
	digits, _, _ := strings.Cut(head, " ")
	unix, err := strconv.ParseUint(digits, 10, 33)
	if err != nil {
		return fmt.Errorf("it does not begin with a time in seconds: %w", err)
	}
	p := KnotPeriod{From: time.Unix(int64(unix), 0).UTC()}
	if n := len(r.Periods); n > 0 && !p.From.After(r.Periods[n-1].From) {
		return errors.New("it does not begin after the one before it")
	}
	if strings.Contains(body, "$") {
		return errors.New("a directive, where there are only records")
	}
	var signatures []wire.RRSIG
	options := zonefile.Options{Origin: wire.Root, Open: func(string) (io.ReadCloser, error) { return nil, fs.ErrPermission }}
	err = zonefile.Read([]byte(body), "records", options, nil, func(record *zonefile.Record) error {
		if *records++; *records > maxWanted {
			return fmt.Errorf("more than %d records", maxWanted)
		}
		if r.Zone.IsZero() {
			r.Zone = record.Name.Clone()
		}
		if !record.Name.Equal(r.Zone) {
			return fmt.Errorf("a record at %s, not at %s", record.Name, r.Zone)
		}
		if record.Type == wire.TypeRRSIG {
			var sig wire.RRSIG
			c := wire.CursorOver(bytes.Clone(record.Data))
			if err := sig.Parse(&c); err != nil {
				return err
			}
			signatures = append(signatures, sig)
			return nil
		}
		return p.add(record)
	})
	if err != nil {
		return err
	}
	if !r.IsDone && (len(signatures) > 0 || slices.ContainsFunc(p.Sets, func(s RequestSet) bool { return s.Type != wire.TypeDNSKEY })) {
		return errors.New("a request has more than DNSKEY records")
	}
	for _, sig := range signatures {
		i := slices.IndexFunc(p.Sets, func(s RequestSet) bool { return s.Type == sig.Covered })
		if i < 0 {
			return fmt.Errorf("a signature of %v records, of which there are none", sig.Covered)
		}
		p.Sets[i].Signatures = append(p.Sets[i].Signatures, sig)
	}
	for i := range p.Sets {
		p.Sets[i].sort()
	}
	r.Periods = append(r.Periods, p)
	return nil
}

// add adds a record to the set of its type.
func (p *KnotPeriod) add(record *zonefile.Record) error {
	if record.Type != wire.TypeDNSKEY && record.Type != wire.TypeCDS && record.Type != wire.TypeCDNSKEY {
		return fmt.Errorf("records of type %v are not signed in advance", record.Type)
	}
	i := slices.IndexFunc(p.Sets, func(s RequestSet) bool { return s.Type == record.Type })
	if i < 0 {
		i, p.Sets = len(p.Sets), append(p.Sets, RequestSet{OfflineSet: OfflineSet{Type: record.Type, TTL: record.TTL}})
	}
	set := &p.Sets[i]
	switch {
	case set.TTL != record.TTL:
		return errors.New("records of a set have different TTLs")
	case len(set.Data) == maxSetRecords:
		return fmt.Errorf("a set of more than %d records", maxSetRecords)
	case slices.ContainsFunc(set.Data, func(data []byte) bool { return string(data) == string(record.Data) }):
		return errors.New("a set has a record twice")
	}
	set.Data = append(set.Data, bytes.Clone(record.Data))
	return nil
}

// Sign is what the machine that has the private halves does with a request of Knot DNS. Keys
// are added and sign as the times in their files say.
func (r *KnotRequest) Sign(keys []*Key) (*KnotRequest, error) {
	if r.IsDone {
		return nil, errors.New("this is a response, not a request")
	}
	keys = slices.DeleteFunc(slices.Clone(keys), func(k *Key) bool {
		return k.Record.Flags != RoleKeys.flags() || k.private == nil || k.IsOffline()
	})
	done := &KnotRequest{Zone: r.Zone, IsDone: true}
	for i, p := range r.Periods {
		end := p.From.Add(time.Second)
		if i+1 < len(r.Periods) {
			end = r.Periods[i+1].From
		}
		for at := p.From; at.Before(end); at = at.Add(requestStep) {
			signed, err := p.sign(r.Zone, at, keys)
			if err != nil {
				return nil, fmt.Errorf("zone %s: from %s on: %w", r.Zone, at.Format(time.RFC3339), err)
			}
			done.Periods = append(done.Periods, signed)
		}
	}
	return done, nil
}

// sign makes the signatures that are needed from a time in the period on.
func (p *KnotPeriod) sign(zone wire.Name, at time.Time, keys []*Key) (KnotPeriod, error) {
	signed := KnotPeriod{From: at}
	if len(p.Sets) == 0 {
		return signed, errors.New("the request has no DNSKEY records")
	}
	dnskey := OfflineSet{wire.TypeDNSKEY, p.Sets[0].TTL, slices.Clone(p.Sets[0].Data)}
	cds, cdnskey := OfflineSet{Type: wire.TypeCDS, TTL: dnskey.TTL}, OfflineSet{Type: wire.TypeCDNSKEY, TTL: dnskey.TTL}
	if err := p.Sets[0].checkContents(zone, keys); err != nil {
		return signed, err
	}
	var signers []*Key
	for _, k := range keys {
		if k.IsPublished(at) && !slices.ContainsFunc(dnskey.Data, func(data []byte) bool { return string(data) == string(k.Data()) }) {
			dnskey.Data = append(dnskey.Data, k.Data())
		}
		if !k.IsActive(at) {
			continue
		}
		ds, err := k.DS(zone, digestSHA256)
		if err != nil {
			return signed, err
		}
		signers = append(signers, k)
		cds.Data, cdnskey.Data = append(cds.Data, ds.AppendTo(nil, nil)), append(cdnskey.Data, k.Data())
	}
	if len(signers) == 0 {
		return signed, errors.New("no key with flags 257 is here that signs then")
	}
	for _, set := range []OfflineSet{dnskey, cds, cdnskey} {
		set.sort()
		made := RequestSet{OfflineSet: set}
		for _, k := range signers {
			sig, err := k.Sign(set.rrset(zone), zone, wire.SerialFromTime(at.Add(-early)), wire.SerialFromTime(at.Add(requestValidity)))
			if err != nil {
				return signed, err
			}
			made.Signatures = append(made.Signatures, *sig)
		}
		signed.Sets = append(signed.Sets, made)
	}
	return signed, nil
}

// Response is what [KeySet.Accept] takes over.
func (r *KnotRequest) Response() *Request {
	all := &Request{Zone: r.Zone, IsDone: r.IsDone}
	for _, p := range r.Periods {
		for _, set := range p.Sets {
			i := slices.IndexFunc(all.Sets, func(s RequestSet) bool { return s.equal(&set.OfflineSet) })
			if i < 0 {
				i, all.Sets = len(all.Sets), append(all.Sets, RequestSet{OfflineSet: set.OfflineSet})
			}
			all.Sets[i].Signatures = append(all.Sets[i].Signatures, set.Signatures...)
		}
	}
	return all
}

// Knot is the request in the form of Knot DNS: the DNSKEY records of the server's own keys.
// The other machine decides about CDS and CDNSKEY records.
func (r *Request) Knot() *KnotRequest {
	of := &KnotRequest{Zone: r.Zone}
	var end time.Time // when the last signature begins of the set that is the last one
	byFrom := func(a, b Wanted) int { return a.From.Compare(b.From) }
	sets := slices.DeleteFunc(slices.Clone(r.Sets), func(s RequestSet) bool { return s.Type != wire.TypeDNSKEY || len(s.Wanted) == 0 })
	slices.SortStableFunc(sets, func(a, b RequestSet) int {
		return byFrom(slices.MinFunc(a.Wanted, byFrom), slices.MinFunc(b.Wanted, byFrom))
	})
	add := func(from time.Time, set RequestSet) {
		if n := len(of.Periods); n > 0 && !from.After(of.Periods[n-1].From) {
			from = of.Periods[n-1].From.Add(time.Second)
		}
		of.Periods = append(of.Periods, KnotPeriod{from, []RequestSet{set}})
	}
	for _, set := range sets {
		own := RequestSet{OfflineSet: OfflineSet{set.Type, set.TTL, slices.DeleteFunc(slices.Clone(set.Data), isEntryPoint)}}
		add(slices.MinFunc(set.Wanted, byFrom).From.Add(early), own)
		end = slices.MaxFunc(set.Wanted, byFrom).From.Add(early)
	}
	if n := len(of.Periods); n > 0 && end.After(of.Periods[n-1].From) {
		add(end, of.Periods[n-1].Sets[0])
	}
	return of
}

// isEntryPoint reports whether the data of a DNSKEY record has the flag of keys that the
// parent knows.
func isEntryPoint(data []byte) bool { return len(data) > 1 && data[1]&byte(wire.FlagSecureEntry) != 0 }
