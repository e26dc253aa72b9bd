//go:build invariants

package zonefile

import "github.com/names-dns/names/wire"

// lender gives copies of records to emit and scribbles over them afterwards,
// so that whoever kept one finds out at once.
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
	for _, b := range [][]byte{l.owner, l.data} {
		for i := range b {
			b[i] = 0xDB
		}
	}
	l.record = Record{}
	return err
}
