//go:build invariants

package zonefile

import (
	"github.com/names-dns/names/wire"

	"github.com/names-dns/names/internal/invariants"
)

// lender passes copies of records to emit and overwrites them afterwards, so that
// callers that keep one are noticed at once.
type lender struct {
	record      Record
	owner, data []byte
}

func (l *lender) lend(r *Record, emit func(*Record) error) error {
	l.record = *r
	l.owner = r.Name.AppendTo(l.owner[:0])
	l.data = append(l.data[:0], r.Data...)
	l.record.Name, _, _ = wire.BorrowName(l.owner)
	l.record.Data = l.data
	err := emit(&l.record)
	invariants.Poison(l.owner)
	invariants.Poison(l.data)
	l.record = Record{}
	return err
}
