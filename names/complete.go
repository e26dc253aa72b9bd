package names

import (
	"errors"
	"sync"

	"github.com/names-dns/names/wire"
)

// MaxAliases is how many aliases lead from a name to its answer at the most,
// through zones, caches and other servers together. Other resolvers follow as
// many or fewer.
const MaxAliases = 16

// Complete goes on from an answer that leads on (x.LeadsOn): it asks for the
// name that the last alias points to, and so on, until the chain ends, and makes
// of all parts the answer of x (RFC 1034 4.3.2 step 3a). It does nothing if
// there is no alias to go on from.
//
// The function ask answers one such question, in the words of [Resolver]: from
// zones, from a cache, by asking other servers. If it passes, x remains as far
// as it got. If it says [ErrSlow], so does Complete, with the reply of x as it
// was in the beginning. Loops and lengths are those of the whole chain. ask
// borrows its exchange, and sees the flags RD, CD and AD and the EDNS flags of
// the query.
//
// AA is that of the first part (RFC 1035 4.1.1), AD that of all parts together
// (RFC 6840 5.8), the RCODE that of the last one (RFC 6604 3).
func Complete(x *Exchange, ask func(x *Exchange) error) error {
	c := completions.Get().(*completion)
	defer completions.Put(c)
	switch err := c.run(x, ask); err {
	case nil, errNowhere:
		return nil
	case ErrPass:
		if c.count == 1 {
			return nil // the first part is still what x has
		}
		c.join(x)
		x.LeadsOn = true
		return nil
	default:
		x.Restart()
		return err
	}
}

// completion is an answer that is made of several.
type completion struct {
	chain [MaxAliases + 1][wire.MaxNameLen]byte // the names of the chain
	names [MaxAliases + 1]wire.Name             // borrowed from chain
	links int                                   // how many there are, the name asked for included
	parts [MaxAliases + 1]*part
	count int
	rdata []byte

	writing int          // the number of the part that is being written
	written []writtenSet // for isNew
}

// part is one answer on the way.
type part struct {
	x       Exchange // unused in the first part
	query   []byte
	message []byte // the reply
	reader  wire.Reader
	flags   wire.Flags
}

var completions = sync.Pool{New: func() any { return new(completion) }}

var (
	// errNowhere means that there is no alias to go on from.
	errNowhere = errors.New("the answer has no alias")

	errChainLoop = &chainError{"the aliases lead back to a name before"}
	errChainLong = &chainError{"there are more aliases than a resolver follows"}
)

// chainError says what is wrong with a chain of aliases.
type chainError struct{ text string }

func (e *chainError) Error() string { return e.text }

// Unwrap makes it one of the causes that callers know.
func (e *chainError) Unwrap() error { return ErrAliases }

// ExtendedError is what the client learns (RFC 8914).
func (e *chainError) ExtendedError() (code uint16, text string) {
	return uint16(wire.ExtendedErrorInvalidData), e.text
}

// run asks for the parts and joins them.
func (c *completion) run(x *Exchange, ask func(x *Exchange) error) error {
	c.links, c.count = 0, 0
	c.add(x.Query.Question.Name)
	first := c.next()
	first.message = append(first.message[:0], x.Reply.Finish()...)
	first.flags = x.Reply.Flags
	for p := first; ; {
		start := c.links
		if err := c.follow(p); err != nil {
			return err
		}
		switch {
		case c.count == 1 && c.links == start:
			return errNowhere
		case c.count > 1 && (c.links == start || !p.x.LeadsOn):
			c.join(x)
			return nil
		}
		p = c.next()
		c.prepare(p, x)
		if err := ask(&p.x); err != nil {
			c.count--
			return err
		}
		p.message, p.flags = append(p.message[:0], p.x.Reply.Finish()...), p.x.Reply.Flags
		if !hasAnswer(p.x.RCode) {
			x.Restart()
			x.RCode = p.x.RCode
			passOptions(x, &p.x)
			return nil
		}
	}
}

// hasAnswer reports whether a reply with that RCODE is an answer.
func hasAnswer(r wire.RCode) bool {
	return r == wire.RCodeNoError || r == wire.RCodeNXDomain || r == wire.RCodeYXDomain
}

// add notes a name of the chain.
func (c *completion) add(name wire.Name) {
	c.names[c.links], _, _ = wire.BorrowName(name.AppendTo(c.chain[c.links][:0]))
	c.links++
}

// next returns the next part.
func (c *completion) next() *part {
	if c.parts[c.count] == nil {
		c.parts[c.count] = new(part)
	}
	c.count++
	return c.parts[c.count-1]
}

// follow goes through the aliases of p.
func (c *completion) follow(p *part) error {
	r := &p.reader
	if err := r.Reset(p.message); err != nil {
		return err
	}
	if err := r.SkipQuestions(); err != nil {
		return err
	}
	for {
		h, err := r.Next()
		if err == wire.ErrSectionDone {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Type != wire.TypeCNAME || !h.Name.Equal(c.names[c.links-1]) {
			continue
		}
		var d wire.CNAME
		if err := r.Parse(&d); err != nil {
			return err
		}
		for _, seen := range c.names[:c.links] {
			if seen.Equal(d.Target) {
				return errChainLoop
			}
		}
		if c.links == len(c.names) {
			return errChainLong
		}
		c.add(d.Target)
	}
}

// prepare makes the exchange of p that of a question for the last name of the
// chain.
func (c *completion) prepare(p *part, x *Exchange) {
	q := wire.Question{Name: c.names[c.links-1], Type: x.Query.Question.Type, Class: x.Query.Question.Class}
	flags := x.Query.Header.Flags & (wire.FlagRD | wire.FlagCD | wire.FlagAD)
	if x.Query.HasEDNS {
		edns := wire.EDNS{UDPSize: clientUDPSize, Flags: x.Query.EDNS.Flags}
		p.query = wire.AppendQuery(p.query[:0], x.Query.Header.ID, flags, q, &edns)
	} else {
		p.query = wire.AppendQuery(p.query[:0], x.Query.Header.ID, flags, q, nil)
	}
	p.x.Read(p.query, x.Peer) // it is well-formed
	reply := p.x.Reply.Buffer()[:0]
	if cap(reply) == 0 || cap(reply) > maxPartBuffer {
		reply = make([]byte, 0, partBuffer+wire.WriterSlack)
	}
	p.x.Begin(reply, 65535)
}

const (
	partBuffer    = 1232    // octets of reply that there is room for at first
	maxPartBuffer = 4 << 10 // a longer buffer is not used again
)

// join writes all parts to x.
func (c *completion) join(x *Exchange) {
	isAuthoritative := c.parts[0].flags & wire.FlagAA
	x.Restart()
	x.Reply.Flags |= isAuthoritative
	last := c.parts[c.count-1]
	if c.count > 1 {
		x.RCode = last.x.RCode
	}
	isSecure := x.DO() || x.Query.Header.Flags.Has(wire.FlagAD)
	for i, p := range c.parts[:c.count] {
		isSecure = isSecure && p.flags.Has(wire.FlagAD)
		if i > 0 {
			passOptions(x, &p.x)
			x.Reply.Flags |= p.flags & wire.FlagTC
		}
	}
	if err := c.write(x); err != nil {
		x.Truncate() // RFC 2181 9
		return
	}
	if isSecure {
		x.Reply.Flags |= wire.FlagAD
	}
}

// write writes the answers of all parts, what proves them, and the rest of the
// last part.
func (c *completion) write(x *Exchange) error {
	c.written = c.written[:0]
	for i, p := range c.parts[:c.count] {
		c.writing = i
		if err := p.reader.Reset(p.message); err != nil {
			return err
		}
		if err := p.reader.SkipQuestions(); err != nil {
			return err
		}
		if err := c.copySection(x, &p.reader, isAnything); err != nil {
			return err
		}
	}
	x.Reply.SetSection(wire.SectionAuthority)
	for i, p := range c.parts[:c.count] {
		c.writing = i
		if err := p.reader.NextSection(); err != nil {
			return err
		}
		wanted := isProof
		if i == c.count-1 {
			wanted = isAnything
		}
		if err := c.copySection(x, &p.reader, wanted); err != nil {
			return err
		}
	}
	r := &c.parts[c.count-1].reader
	if err := r.NextSection(); err != nil {
		return err
	}
	x.Reply.SetSection(wire.SectionAdditional)
	if m := x.Reply.Mark(); c.copySection(x, r, isAnything) != nil {
		x.Reply.Rollback(m) // these are extra
	}
	return nil
}

// copySection appends the records of a section that are wanted.
func (c *completion) copySection(x *Exchange, r *wire.Reader, wanted func(*wire.Reader, wire.RecordHeader) bool) error {
	for {
		h, err := r.Next()
		if err == wire.ErrSectionDone {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Type == wire.TypeOPT || !wanted(r, h) || !c.isNew(r, h) {
			continue
		}
		if c.rdata, err = r.AppendRdata(c.rdata[:0], h.Type); err != nil {
			return err
		}
		if err := x.Reply.Raw(h.Name, h.Type, h.Class, h.TTL, c.rdata); err != nil {
			return err
		}
	}
}

func isAnything(*wire.Reader, wire.RecordHeader) bool { return true }

// isProof reports whether a record of the authority section proves something:
// that a wildcard stands for no name that exists.
func isProof(r *wire.Reader, h wire.RecordHeader) bool {
	t := coveredType(r, h)
	return t == wire.TypeNSEC || t == wire.TypeNSEC3
}

// coveredType is the type of a record; that of what it signs for a signature.
func coveredType(r *wire.Reader, h wire.RecordHeader) wire.Type {
	if raw := r.Raw(); h.Type == wire.TypeRRSIG && len(raw) >= 2 {
		return wire.Type(raw[0])<<8 | wire.Type(raw[1])
	}
	return h.Type
}

// isNew reports whether no part before has the RRset of a record: a chain may
// pass the same DNAME record more than once, and one denial may prove several
// things.
func (c *completion) isNew(r *wire.Reader, h wire.RecordHeader) bool {
	set := writtenSet{h.Name, coveredType(r, h), c.writing}
	if set.kind != wire.TypeDNAME && set.kind != wire.TypeNSEC && set.kind != wire.TypeNSEC3 {
		return true
	}
	for _, other := range c.written {
		if other.part < set.part && other.kind == set.kind && other.owner.Equal(set.owner) {
			return false
		}
	}
	if len(c.written) < maxWritten {
		c.written = append(c.written, set)
	}
	return true
}

// writtenSet is an RRset, with its signatures, that a part has.
type writtenSet struct {
	owner wire.Name
	kind  wire.Type
	part  int
}

// maxWritten bounds what isNew looks through.
const maxWritten = 64

// passOptions adds the extended errors of a part to the reply of x.
func passOptions(x, part *Exchange) {
	for options := part.ReplyEDNS.Options; ; {
		code, data, rest, ok := options.Next()
		if !ok {
			return
		}
		if code == wire.OptionExtendedError {
			x.AddOption(code, data)
		}
		options = rest
	}
}
