package zonefile

import (
	"path/filepath"
	"strings"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// FindOrigin returns the origin that the file at path sets itself: that of the
// first $ORIGIN if there is one before every record and $INCLUDE, no name
// otherwise. What is wrong with the rest of the file is left to [ReadFile].
func FindOrigin(path string, o Options) (wire.Name, error) {
	problems := &diagnostic.List{Limit: 1}
	r := newReader(o, problems, nil)
	text, err := r.load(path)
	if err != nil {
		return wire.Name{}, err
	}
	r.context = context{scanner: newScanner(path, text, problems), origin: o.Origin}
	for r.scanner.next() && !r.scanner.broken {
		word, ok := r.scanner.keyword(0)
		if !ok || r.scanner.blank {
			break
		}
		switch strings.ToUpper(string(word)) {
		case "$ORIGIN":
			r.readOrigin()
			return r.origin, problems.Err()
		case "$TTL":
			continue
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
