package zonefile

import (
	"bytes"
	"fmt"
	"path/filepath"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// FindOrigin reads no further than originWithin, originBlock at once: what
// stands before the first record are comments and a directive or two.
const (
	originWithin = 1 << 20
	originBlock  = 2 << 10
)

// FindOrigin returns the origin that the file at path sets itself: that of the
// first $ORIGIN if there is one before every record and $INCLUDE, no name
// otherwise. What is wrong with the rest of the file is left to [ReadFile].
func FindOrigin(path string, o Options) (wire.Name, error) {
	problems := &diagnostic.List{}
	o.blockSize = originBlock
	r := newReader(o, problems, nil)
	c, err := r.open(path)
	if err != nil {
		return wire.Name{}, fmt.Errorf("%s: %w", path, err)
	}
	defer c.file.Close()
	defer r.borrow()()
	r.enter(path, r.options.Origin)
	defer r.leave()
	b := block{memory: r.spareBlock}
	defer func() { r.spareBlock = b.memory }()
	for left := originWithin; left > 0 && !b.last; left -= len(b.text) {
		if err := c.next(&b); err != nil {
			return wire.Name{}, fmt.Errorf("%s: %w", path, err)
		}
		if !r.beginBlock(&b) {
			continue
		}
		for r.scanner.next() {
			word, ok := r.scanner.keyword(0)
			switch isDirective := ok && !r.scanner.blank && !r.scanner.broken; {
			case isDirective && bytes.EqualFold(word, []byte("$TTL")):
			case isDirective && bytes.EqualFold(word, []byte("$ORIGIN")):
				r.readOrigin()
				return r.origin, problems.Err()
			default:
				return wire.Name{}, nil
			}
		}
		r.endBlock()
	}
	return wire.Name{}, nil
}

// OriginFromPath returns the name of the file itself as an origin: example.com
// for zones/example.com.
func OriginFromPath(path string) (wire.Name, error) {
	return wire.ParseName(filepath.Base(path))
}
