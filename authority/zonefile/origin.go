package zonefile

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// originWithin is how far FindOrigin reads: what stands before the first record
// are comments and a directive or two.
const originWithin = 1 << 20

// FindOrigin returns the origin that the file at path sets itself: that of the
// first $ORIGIN if there is one before every record and $INCLUDE, no name
// otherwise. What is wrong with the rest of the file is left to [ReadFile].
func FindOrigin(path string, o Options) (wire.Name, error) {
	o = o.withDefaults()
	file, err := o.Open(path)
	if err != nil {
		return wire.Name{}, fmt.Errorf("%s: %w", path, withoutPath(err))
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, originWithin))
	if err != nil {
		return wire.Name{}, fmt.Errorf("%s: %w", path, withoutPath(err))
	}
	if len(text) == originWithin {
		text = text[:bytes.LastIndexByte(text, '\n')+1] // the last line may be cut
	}
	problems := &diagnostic.List{}
	r := newReader(o, problems, nil)
	r.scanner = newScanner(path, trimMark(text), problems)
	r.setOrigin(o.Origin)
	for r.scanner.next() && !r.scanner.broken {
		word, ok := r.scanner.keyword(0)
		switch {
		case ok && !r.scanner.blank && bytes.EqualFold(word, []byte("$TTL")):
			continue
		case ok && !r.scanner.blank && bytes.EqualFold(word, []byte("$ORIGIN")):
			r.readOrigin()
			return r.origin, problems.Err()
		}
		break
	}
	return wire.Name{}, nil
}

// OriginFromPath returns the name of the file itself as an origin: example.com
// for zones/example.com.
func OriginFromPath(path string) (wire.Name, error) {
	return wire.ParseName(filepath.Base(path))
}
