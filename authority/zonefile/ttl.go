package zonefile

import (
	"errors"
	"math"
)

// maxTTL is the largest TTL there is (RFC 2181 8).
const maxTTL = math.MaxInt32

var errTTL = errors.New("not a TTL: a number of seconds, or numbers with the units w, d, h, m, s such as 1h30m")

// ttlUnits is how many seconds a unit has, by its letter in lower case.
var ttlUnits = [256]uint64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}

// parseTTL reads a TTL: a plain number of seconds, or numbers each with a
// unit, in either case and in any order. It fails beyond 32 bits; the caller handles
// values above maxTTL.
func parseTTL(text []byte) (uint32, error) {
	total, number, digits := uint64(0), uint64(0), 0
	for _, c := range text {
		if '0' <= c && c <= '9' {
			number = number*10 + uint64(c-'0')
			digits++
		} else {
			unit := ttlUnits[c|0x20]
			if unit == 0 || digits == 0 {
				return 0, errTTL
			}
			total += number * unit
			number, digits = 0, 0
		}
		if max(total, number) > math.MaxUint32 {
			return 0, errTTLTooLong
		}
	}
	switch {
	case digits == len(text) && digits > 0:
		return uint32(number), nil
	case digits > 0 || len(text) == 0:
		return 0, errTTL // 1h30: of what?
	}
	return uint32(total), nil
}

var errTTLTooLong = errors.New("TTL does not fit 32 bits")
