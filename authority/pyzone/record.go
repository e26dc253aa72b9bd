package pyzone

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/wire"
)

// MaxFile is the most octets of a pyzone that are read.
const MaxFile = 1 << 28

// maxTTL is the largest TTL (RFC 2181 8).
const maxTTL = 1<<31 - 1

// Record is one record of a pyzone. It is valid until the function it is passed to
// returns.
type Record struct {
	wire.Record
	Position diagnostic.Position // of the record class
	HasTTL   bool                // the TTL was given with the record, not by the SOA
}

// ReadFile reads the pyzone at path and passes each of its records to emit: the
// SOA first, the others in their order. A record without a TTL has the minimum
// of the SOA. Records of other domains are passed to emit like all others.
//
// Origin is the owner of the SOA, the zero name if there is none. Errors are added
// to problems, including those of opening or reading the file; the reader continues
// with the next record until problems is full. A record with an error is not passed
// to emit.
//
// ReadFile returns the error of emit, which ends the reading. If problems is nil, it
// also returns the errors that problems would have received.
func ReadFile(path string, problems *diagnostic.List, emit func(*Record) error) (origin wire.Name, err error) {
	if problems == nil {
		problems = new(diagnostic.List)
		origin, err = ReadFile(path, problems, emit)
		return origin, cmp.Or(err, problems.Err())
	}
	text, err := readFile(path)
	if err != nil {
		problems.Add(&diagnostic.Problem{Position: diagnostic.Position{File: path}, Err: err})
		return wire.Name{}, nil
	}
	return Read(text, path, problems, emit)
}

// readFile reads at most one octet more than is allowed.
func readFile(path string) ([]byte, error) {
	f, _, err := files.Open(path)
	if err != nil {
		return nil, errors.Unwrap(err) // the path is the position already
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxFile+1))
}

// Read is [ReadFile] for text in memory. Problems call it file. The text must not
// change until Read returns.
func Read(text []byte, file string, problems *diagnostic.List, emit func(*Record) error) (origin wire.Name, err error) {
	if problems == nil {
		problems = new(diagnostic.List)
		origin, err = Read(text, file, problems, emit)
		return origin, cmp.Or(err, problems.Err())
	}
	whole := diagnostic.Position{File: file}
	if len(text) > MaxFile {
		problems.Errorf(whole, "pyzone is larger than %d octets", MaxFile)
		return wire.Name{}, nil
	}
	before := problems.Errors
	z := zone{problems: problems, file: file, emit: emit}
	p := newParser(text, file, problems, z.record)
	if err := p.parse(); err != nil {
		return z.origin, err
	}
	switch {
	case problems.Errors > before: // what is missing may be in what could not be read
	case p.zoneAt == place{}:
		problems.Errorf(whole, "no zone defined: a pyzone assigns a list of records to the name zone")
	case z.origin.IsZero():
		problems.Errorf(p.position(p.zoneAt), "zone has no SOA record")
	}
	return z.origin, nil
}

// zone makes records from calls. Records before the SOA wait for it.
type zone struct {
	problems *diagnostic.List
	file     string
	emit     func(*Record) error

	origin  wire.Name // of the SOA; zero before it
	soaAt   place
	ttl     uint32 // of records that have none of their own
	waiting []Record
	buf     []byte // the owner and the data of the record being made
}

func (z *zone) position(at place) diagnostic.Position {
	return diagnostic.Position{File: z.file, Line: at.line, Column: at.column}
}

// record is called by the parser. It returns only errors of emit.
func (z *zone) record(c *call) error {
	r, ok := z.build(c)
	if !ok {
		return nil
	}
	switch {
	case r.Type == wire.TypeTSIG:
		z.problems.Warnf(r.Position, diagnostic.LeftOut, "record left out: a TSIG signs one message and does not belong in a zone")
		return nil
	case r.Type == wire.TypeSOA:
		return z.begin(&r, c.at)
	case z.origin.IsZero():
		r.Name, r.Data = r.Name.Clone(), slices.Clone(r.Data)
		z.waiting = append(z.waiting, r)
		return nil
	}
	return z.hand(&r)
}

// begin emits the SOA and the records before it.
func (z *zone) begin(soa *Record, at place) error {
	if !z.origin.IsZero() {
		z.problems.Errorf(soa.Position, "zone has a second SOA record; the first is at %v", z.soaAt)
		return nil
	}
	z.origin, z.soaAt = soa.Name.Clone(), at
	z.ttl = min(binary.BigEndian.Uint32(soa.Data[len(soa.Data)-4:]), maxTTL) // MINIMUM is the last field
	if err := z.hand(soa); err != nil {
		return err
	}
	for i := range z.waiting {
		if err := z.hand(&z.waiting[i]); err != nil {
			return err
		}
	}
	z.waiting = nil
	return nil
}

func (z *zone) hand(r *Record) error {
	if !r.HasTTL {
		r.TTL = z.ttl
	}
	return z.emit(r)
}

// build makes a record from a call. It checks every argument, so that each mistake
// is reported.
func (z *zone) build(c *call) (Record, bool) {
	before := z.problems.Errors
	fail := func(at place, format string, args ...any) {
		z.problems.Errorf(z.position(at), string(c.class)+": "+format, args...)
	}
	class, ok := classes[string(c.class)]
	if !ok {
		z.problems.Errorf(z.position(c.at), "%.40q is not a record class of a pyzone", c.class)
		return Record{}, false
	}
	b := bind(class, c, fail)
	r := Record{
		Record:   wire.Record{Type: class.rrtype, Class: wire.ClassIN},
		Position: z.position(c.at),
	}

	z.buf = z.buf[:0]
	put := func(a *argument, name string, f form) {
		out, err := f(z.buf, &a.value)
		if err != nil {
			fail(a.at, "argument %s %w", name, err)
			return
		}
		z.buf = out
	}
	if b.owner == nil {
		fail(c.at, "the owner is missing: the first argument of every record")
	} else {
		put(b.owner, "name", domainName)
	}
	ownerLen := len(z.buf)
	for i, p := range class.parameters {
		if b.values[i] != nil {
			put(b.values[i], p.name, p.form)
		} else if p.required {
			fail(c.at, "argument %s is missing", p.name)
		} else {
			z.buf = append(z.buf, p.absent...)
		}
	}
	for i := range b.strings {
		put(&b.strings[i], "text", characterString)
	}
	if class.strings && len(b.strings) == 0 {
		z.buf = append(z.buf, 0) // RFC 1035 3.3.14: one or more; Twisted sends none
	}
	if b.ttl != nil && b.ttl.value.kind != none {
		ttl, err := seconds(&b.ttl.value, maxTTL)
		if err != nil {
			fail(b.ttl.at, "argument ttl %w", err)
		}
		r.TTL, r.HasTTL = uint32(ttl), true
	}
	if z.problems.Errors > before {
		return Record{}, false
	}

	r.Data = z.buf[ownerLen:]
	if class.rrtype == wire.TypeA6 {
		r.Data = trimA6(r.Data)
	}
	if len(r.Data) > 65535 {
		fail(c.at, "data is longer than 65535 octets")
		return Record{}, false
	}
	if err := wire.CheckRdata(r.Type, r.Data); err != nil {
		fail(c.at, "%w", err)
		return Record{}, false
	}
	name, _, err := wire.BorrowName(z.buf)
	if err != nil {
		fail(c.at, "%w", err)
		return Record{}, false
	}
	r.Name = name
	return r, true
}

// bound is a call with its arguments by parameter; nil for a parameter without one.
type bound struct {
	owner   *argument
	values  [maxParameters]*argument
	strings []argument
	ttl     *argument
}

// maxParameters is how many parameters the class with the most has.
const maxParameters = 7

// bind finds the parameter of every argument: positional ones are the owner,
// the parameters in their order, and the TTL.
func bind(class *class, c *call, fail func(place, string, ...any)) (b bound) {
	rest := c.arguments
	positional := 0
	for positional < len(rest) && rest[positional].keyword == nil {
		positional++
	}
	for i := range rest[:positional] {
		a := &rest[i]
		switch {
		case i == 0:
			b.owner = a
		case class.strings:
			b.strings = rest[1:positional]
		case i-1 < len(class.parameters):
			b.values[i-1] = a
		case i-1 == len(class.parameters):
			b.ttl = a
		case i-2 == len(class.parameters):
			fail(a.at, "has at most %d arguments", len(class.parameters)+2)
		}
	}
	for i := positional; i < len(rest); i++ {
		a := &rest[i]
		if a.keyword == nil {
			fail(a.at, "an argument without a keyword comes after one with a keyword")
			continue
		}
		where := b.find(class, a.keyword)
		switch {
		case where == nil:
			fail(a.at, "there is no argument %.40q", a.keyword)
		case *where != nil:
			fail(a.at, "argument %s is given twice", a.keyword)
		default:
			*where = a
		}
	}
	return b
}

// find returns where the argument with that keyword belongs. For Twisted name is
// always the owner; after an owner it can only be the parameter.
func (b *bound) find(class *class, keyword []byte) **argument {
	if string(keyword) == "name" && b.owner == nil {
		return &b.owner
	}
	if string(keyword) == "ttl" {
		return &b.ttl
	}
	for i, p := range class.parameters {
		if p.name == string(keyword) || class.rrtype == wire.TypeMX && p.name == "name" && string(keyword) == "exchange" {
			return &b.values[i]
		}
	}
	if string(keyword) == "name" {
		return &b.owner
	}
	return nil
}

// class is a record class of Twisted Names.
type class struct {
	rrtype     wire.Type
	parameters []parameter // their wire forms in this order are the data
	strings    bool        // any number of character-strings instead
}

// parameter is one parameter of a record class.
type parameter struct {
	name     string
	form     form
	required bool
	absent   string // wire form of an argument that is not given
}

func required(name string, f form) parameter { return parameter{name: name, form: f, required: true} }

func optional(name string, f form, absent string) parameter {
	return parameter{name: name, form: f, absent: absent}
}

// oneName is the class of records whose data is a name.
func oneName(t wire.Type) *class {
	return &class{rrtype: t, parameters: []parameter{required("name", domainName)}}
}

// Wire forms of arguments that are not given: Twisted's defaults.
const (
	zero8     = "\x00"
	zero16    = "\x00\x00"
	zero32    = "\x00\x00\x00\x00"
	rootName  = "\x00"
	noString  = "\x00"
	noAddress = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
)

var classes = map[string]*class{
	"A":     {rrtype: wire.TypeA, parameters: []parameter{required("address", address4)}},
	"NS":    oneName(wire.TypeNS),
	"MD":    oneName(wire.TypeMD),
	"MF":    oneName(wire.TypeMF),
	"CNAME": oneName(wire.TypeCNAME),
	"SOA": {rrtype: wire.TypeSOA, parameters: []parameter{
		required("mname", domainName), required("rname", domainName), optional("serial", time32, zero32),
		optional("refresh", time32, zero32), optional("retry", time32, zero32), optional("expire", time32, zero32),
		optional("minimum", time32, zero32),
	}},
	"MB":   oneName(wire.TypeMB),
	"MG":   oneName(wire.TypeMG),
	"MR":   oneName(wire.TypeMR),
	"NULL": {rrtype: wire.TypeNULL, parameters: []parameter{required("payload", octets)}},
	"WKS": {rrtype: wire.TypeWKS, parameters: []parameter{
		required("address", address4), optional("protocol", uint8Form, zero8), optional("map", octets, ""),
	}},
	"PTR": oneName(wire.TypePTR),
	"HINFO": {rrtype: wire.TypeHINFO, parameters: []parameter{
		optional("cpu", characterString, noString), optional("os", characterString, noString),
	}},
	"MINFO": {rrtype: wire.TypeMINFO, parameters: []parameter{
		optional("rmailbx", domainName, rootName), optional("emailbx", domainName, rootName),
	}},
	"MX": {rrtype: wire.TypeMX, parameters: []parameter{
		optional("preference", uint16Form, zero16), required("name", domainName),
	}},
	"TXT": {rrtype: wire.TypeTXT, strings: true},
	"RP": {rrtype: wire.TypeRP, parameters: []parameter{
		optional("mbox", domainName, rootName), optional("txt", domainName, rootName),
	}},
	"AFSDB": {rrtype: wire.TypeAFSDB, parameters: []parameter{
		optional("subtype", uint16Form, zero16), required("hostname", domainName),
	}},
	"AAAA": {rrtype: wire.TypeAAAA, parameters: []parameter{required("address", address6)}},
	"SRV": {rrtype: wire.TypeSRV, parameters: []parameter{
		optional("priority", uint16Form, zero16), optional("weight", uint16Form, zero16),
		optional("port", uint16Form, zero16), required("target", domainName),
	}},
	"NAPTR": {rrtype: wire.TypeNAPTR, parameters: []parameter{
		optional("order", uint16Form, zero16), optional("preference", uint16Form, zero16),
		optional("flags", characterString, noString), optional("service", characterString, noString),
		optional("regexp", characterString, noString), optional("replacement", domainName, rootName),
	}},
	"A6": {rrtype: wire.TypeA6, parameters: []parameter{
		optional("prefixLen", prefixLength, zero8), optional("suffix", address6, noAddress),
		optional("prefix", domainName, rootName),
	}},
	"DNAME": oneName(wire.TypeDNAME),
	"SSHFP": {rrtype: wire.TypeSSHFP, parameters: []parameter{
		required("algorithm", uint8Form), required("fingerprintType", uint8Form), required("fingerprint", octets),
	}},
	"SPF": {rrtype: wire.TypeSPF, strings: true},
	"TSIG": {rrtype: wire.TypeTSIG, parameters: []parameter{
		required("algorithm", domainName), required("timeSigned", uint48Form), optional("fudge", time16, "\x00\x05"),
		required("MAC", octets16), optional("originalID", uint16Form, zero16), optional("error", uint16Form, zero16),
		optional("otherData", octets16, zero16),
	}},
}

// trimA6 removes from the data of an A6 record what its prefix length makes
// redundant: the leading bits of the address, which the prefix has, or the prefix
// (RFC 2874 3.1). Bits between are zero.
func trimA6(data []byte) []byte {
	prefixLen, suffix, prefix := int(data[0]), data[1:17], data[17:]
	if prefixLen == 0 {
		prefix = nil
	}
	trimmed := []byte{byte(prefixLen)}
	trimmed = append(trimmed, suffix[prefixLen/8:]...)
	if extra := prefixLen % 8; extra != 0 {
		trimmed[1] &= 0xFF >> extra
	}
	return append(trimmed, prefix...)
}

var errAtSign = errors.New(`is "@": names in a pyzone are absolute, so write the name of the zone`)

func errWant(what string, v *value) error { return fmt.Errorf("must be %s, not %v", what, v.kind) }
