package wire

import "time"

// NextDated returns the serial of the next version of a zone whose serials
// are dates, YYYYMMDDnn (RFC 1912 2.2): the first of that day, or the one
// after s where s has come as far already. More than a hundred versions a day
// borrow from the days to come; the serials grow all the same.
func (s Serial) NextDated(t time.Time) Serial {
	year, month, day := t.Date()
	first := Serial(((year*100+int(month))*100 + day) * 100)
	if s.Less(first) {
		return first
	}
	return s + 1
}
