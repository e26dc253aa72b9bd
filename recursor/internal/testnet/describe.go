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
			}
			rest = next
		}
	}
	for s := wire.SectionAnswer; s <= wire.SectionAdditional; s++ {
		var records []string
		for _, r := range m.Section(s) {
			text := strings.Replace(r.String(), "\tIN\t", "\t", 1)
			records = append(records, s.String()+": "+strings.Join(strings.Fields(text), " "))
		}
		if s != wire.SectionAnswer { // the order of an answer tells the chain
			slices.Sort(records)
		}
		lines = append(lines, records...)
	}
	return lines
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
	if extended, ok := err.(interface{ ExtendedError() (uint16, string) }); ok {
		code, _ := extended.ExtendedError()
		lines = append(lines, describeExtended(wire.ExtendedErrorCode(code)))
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
