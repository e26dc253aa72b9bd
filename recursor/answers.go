package recursor

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// AnswerFilter fails answers of Next that say what answers must not say: that a name of
// anybody's is at an address of the client's own network (DNS rebinding), or is an alias
// for what the operator does not want. If it comes before a cache, a hit costs nothing; if
// it is for some clients only, it has to come after one that they share with others.
type AnswerFilter struct {
	Next names.Resolver

	Denied      *names.PeerSet // addresses that no answer may have; IPv6 addresses made of them neither
	Except      *names.PeerSet // but for these
	DeniedNames []wire.Name    // no alias may point to one of these, or below it
	Exempt      []wire.Name    // zones whose names may have any address and alias
}

// Resolve answers x, or fails.
func (f *AnswerFilter) Resolve(ctx context.Context, x *names.Exchange) error {
	if err := f.Next.Resolve(ctx, x); err != nil {
		return err
	}
	return f.check(x)
}

// TryResolve answers x if Next has the answer at once, or fails.
func (f *AnswerFilter) TryResolve(x *names.Exchange) error {
	if err := names.Try(f.Next, x); err != nil {
		return err
	}
	return f.check(x)
}

// WantsBatches reports whether Next wants batches.
func (f *AnswerFilter) WantsBatches() bool { return names.BatchPreparerOf(f.Next) != nil }

// PrepareBatch passes queries to Next.
func (f *AnswerFilter) PrepareBatch(queries []wire.Query) {
	if p := names.BatchPreparerOf(f.Next); p != nil {
		p.PrepareBatch(queries)
	}
}

// check looks at the answer to x.
func (f *AnswerFilter) check(x *names.Exchange) error {
	if name := x.Question().Name; slices.ContainsFunc(f.Exempt, name.HasSuffix) {
		return nil
	}
	c := answerChecks.Get().(*answerCheck)
	defer answerChecks.Put(c)
	if err := c.reader.Reset(x.Reply.Finish()); err != nil {
		return err
	}
	if err := c.reader.SkipQuestions(); err != nil {
		return err
	}
	for {
		h, err := c.reader.Next()
		if err == wire.ErrSectionDone {
			return nil
		}
		if err != nil {
			return err
		}
		if found := f.find(c, h); found != "" {
			return &Failure{Code: wire.ExtendedErrorBlocked, Text: "the answer has " + found, Answered: true}
		}
	}
}

// answerCheck is what the look at an answer needs.
type answerCheck struct {
	reader wire.Reader
	alias  wire.CNAME
	svcb   wire.SVCB
}

var answerChecks = sync.Pool{New: func() any { return new(answerCheck) }}

// find returns what a record must not say; "" if there is nothing.
func (f *AnswerFilter) find(c *answerCheck, h wire.RecordHeader) string {
	switch h.Type {
	case wire.TypeA, wire.TypeAAAA:
		return f.findAddress(c.reader.Raw())
	case wire.TypeCNAME, wire.TypeDNAME:
		if len(f.DeniedNames) == 0 || c.reader.Parse(&c.alias) != nil {
			return ""
		}
		if target := c.alias.Target; slices.ContainsFunc(f.DeniedNames, target.HasSuffix) {
			return fmt.Sprintf("an alias for %v, which is not wanted", target)
		}
	case wire.TypeSVCB, wire.TypeHTTPS:
		if c.reader.Parse(&c.svcb) != nil {
			return ""
		}
		for key, value := range c.svcb.Params.All() {
			size := 16
			switch key {
			case wire.SvcIPv4Hint:
				size = 4
			case wire.SvcIPv6Hint:
			default:
				continue
			}
			for ; len(value) >= size; value = value[size:] {
				if found := f.findAddress(value[:size]); found != "" {
					return found
				}
			}
		}
	}
	return ""
}

// findAddress looks at an address, and at the one of IPv4 that it may be made of.
func (f *AnswerFilter) findAddress(b []byte) string {
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		return ""
	}
	for _, a := range [...]netip.Addr{a.Unmap(), embedded(a)} {
		if a.IsValid() && f.Denied.Contains(a) && !f.Except.Contains(a) {
			return fmt.Sprintf("the address %v, which names from elsewhere must not have", a)
		}
	}
	return ""
}

// embedded is the address of IPv4 in one of IPv6 that translates it (RFC 6052), or has
// it in its last octets (RFC 4291 2.5.5.1); the zero value if there is none.
func embedded(a netip.Addr) netip.Addr {
	if a.Is4() || !translated.Contains(a) && !compatible.Contains(a) {
		return netip.Addr{}
	}
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

var (
	translated = netip.MustParsePrefix("64:ff9b::/96")
	compatible = netip.MustParsePrefix("::/96")
)
