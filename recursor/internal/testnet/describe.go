package testnet

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// describe is a reply as a story has it: the RCODE and flags, extended errors,
// then the records.
func describe(m *wire.Message) []string {
	first := m.RCode.String()
	for _, f := range []struct {
		flag wire.Flags
		name string
	}{{wire.FlagAA, "aa"}, {wire.FlagTC, "tc"}, {wire.FlagAD, "ad"}} {
		if m.Flags.Has(f.flag) {
			first += " " + f.name
		}
	}
	lines := []string{first}
	if m.EDNS != nil {
		for rest := m.EDNS.Options; ; {
			code, data, next, ok := rest.Next()
			if !ok {
				break
			}
			var e wire.ExtendedError
			if code == wire.OptionExtendedError && e.Parse(data) == nil {
				lines = append(lines, describeExtended(e.Code))
				if e.Text != "" {
					lines = append(lines, "because: "+e.Text)
				}
			}
			rest = next
		}
	}
	for s := wire.SectionAnswer; s <= wire.SectionAdditional; s++ {
		var records []string
		for _, r := range m.Section(s) {
			records = append(records, s.String()+": "+describeRecord(&r))
		}
		if s != wire.SectionAnswer { // the order of an answer tells the chain
			slices.Sort(records)
		}
		lines = append(lines, records...)
	}
	return lines
}

// describeRecord is a record as a story has it: of a long signature or key there
// is its length.
func describeRecord(r *wire.Record) string {
	words := strings.Fields(strings.Replace(r.String(), "\tIN\t", "\t", 1))
	data, _ := r.Rdata()
	fields, octets := 0, 0
	switch d := data.(type) {
	case *wire.RRSIG:
		fields, octets = 11, len(d.Signature)
	case *wire.DNSKEY:
		fields, octets = 6, len(d.PublicKey)
	}
	if octets >= 32 && len(words) > fields {
		return fmt.Sprintf("%s (%d octets)", strings.Join(words[:fields], " "), octets)
	}
	return strings.Join(words, " ")
}

// describeError is what comes of an error of a resolver: SERVFAIL for most.
func describeError(err error) []string {
	switch err {
	case names.ErrPass:
		return []string{"passed"}
	case names.ErrDrop:
		return []string{"dropped"}
	}
	lines := []string{wire.RCodeServFail.String()}
	if extended, ok := err.(names.ExtendedErrorer); ok {
		code, text := extended.ExtendedError()
		lines = append(lines, describeExtended(wire.ExtendedErrorCode(code)))
		if text != "" {
			lines = append(lines, "because: "+text)
		}
	}
	return lines
}

// describeExtended is an extended error without its text, which is for people.
func describeExtended(code wire.ExtendedErrorCode) string {
	return strings.TrimSpace(fmt.Sprintf("error: %d %v", uint16(code), code))
}

// summary counts how often each RCODE came.
func summary(replies [][]string) []string {
	counts := map[string]int{}
	for _, r := range replies {
		counts[r[0]]++
	}
	var parts []string
	for _, rcode := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[rcode], rcode))
	}
	return []string{"replies: " + strings.Join(parts, ", ")}
}
