package validate

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/names-dns/names/wire"
)

// Sentinel returns an error if the name of a question asks for one: a client wants
// to know whether a key is a trust anchor of the root here (RFC 8509 2). Call it
// for secure answers to clients that have not set CD.
func (v *Validator) Sentinel(q wire.Question) error {
	if q.Type != wire.TypeA && q.Type != wire.TypeAAAA {
		return nil
	}
	label := q.Name.FirstLabel()
	const prefix = "root-key-sentinel-"
	if len(label) < len(prefix) || !strings.EqualFold(label[:len(prefix)], prefix) {
		return nil
	}
	rest := strings.ToLower(label[len(prefix):])
	digits, isAsked := strings.CutPrefix(rest, "is-ta-")
	if !isAsked {
		var isNot bool
		if digits, isNot = strings.CutPrefix(rest, "not-ta-"); !isNot {
			return nil
		}
	}
	tag, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || len(digits) != 5 {
		return nil
	}
	isTrusted := v.anchors.HasTag(wire.Root, uint16(tag))
	switch {
	case isAsked && !isTrusted:
		return fmt.Errorf("sentinel: key %d is not a trust anchor of the root here", tag)
	case !isAsked && isTrusted:
		return fmt.Errorf("sentinel: key %d is a trust anchor of the root here", tag)
	}
	return nil
}
