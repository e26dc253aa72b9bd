// Package zonetest makes zones of text, for the tests of the packages below
// authority.
package zonetest

import (
	"errors"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/wire"
)

// Snapshot reads a zone from the text of a master file. What is wrong with it ends
// the test.
func Snapshot(t testing.TB, origin wire.Name, text string) *authority.Snapshot {
	t.Helper()
	var problems diagnostic.List
	b := authority.NewBuilder(origin, wire.ClassIN, &problems)
	err := zonefile.Read([]byte(text), "zone", zonefile.Options{Origin: origin}, &problems, func(r *zonefile.Record) error {
		b.Add(r.Record, r.Position)
		return nil
	})
	if err = errors.Join(err, problems.Err()); err != nil {
		t.Fatal(err)
	}
	s, err := b.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	return s
}
