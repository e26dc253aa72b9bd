package wire

import (
	"errors"
	"strconv"
	"time"
)

// Serial is a zone's serial number, a point on a circle of 2³² (RFC 1982).
type Serial uint32

// ErrSerialStep is returned for a step of half of the range or more, for
// which RFC 1982 3.1 defines no addition.
var ErrSerialStep = errors.New("serial number grows by half of its range or more at once")

// Less reports whether s comes before o. Two serials that are exactly half
// the circle apart have no order: neither is less (RFC 1982 3.2).
func (s Serial) Less(o Serial) bool {
	d := uint32(o - s)
	return d != 0 && d < 1<<31
}

// Compare returns -1, 0 or 1, and false if the two have no order.
func (s Serial) Compare(o Serial) (int, bool) {
	switch {
	case s == o:
		return 0, true
	case s.Less(o):
		return -1, true
	case o.Less(s):
		return 1, true
	}
	return 0, false
}

// Add returns the serial n steps after s.
func (s Serial) Add(n uint32) (Serial, error) {
	if n > 1<<31-1 {
		return 0, ErrSerialStep
	}
	return s + Serial(n), nil
}

func (s Serial) String() string { return strconv.FormatUint(uint64(s), 10) }

// serialTimeForm is YYYYMMDDHHmmSS (RFC 4034 3.2).
const serialTimeForm = "20060102150405"

// SerialFromTime returns the seconds since 1970 modulo 2³², as RRSIG counts
// time (RFC 4034 3.1.5).
func SerialFromTime(t time.Time) Serial { return Serial(uint32(t.Unix())) }

// Time returns the moment nearest to near that s stands for: RRSIG times
// begin again in 2106.
func (s Serial) Time(near time.Time) time.Time {
	d := int32(uint32(s) - uint32(near.Unix()))
	return time.Unix(near.Unix()+int64(d), 0).UTC()
}

// ParseSerialTime reads YYYYMMDDHHmmSS (RFC 4034 3.2).
func ParseSerialTime[T string | []byte](text T) (Serial, error) {
	ok := len(text) == len(serialTimeForm)
	number := func(from, to int) (n int) {
		for i := from; i < to && ok; i++ {
			ok = isDigit(text[i])
			n = n*10 + int(text[i]-'0')
		}
		return n
	}
	year, month, day := number(0, 4), number(4, 6), number(6, 8)
	hour, minute, second := number(8, 10), number(10, 12), number(12, 14)
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	// What is too large for its place Date carries over to the next.
	if !ok || month > 12 || t.Day() != day || hour > 23 || minute > 59 || second > 59 {
		return 0, errors.New("time is not of the form YYYYMMDDHHmmSS: " + quoteForError(text))
	}
	return SerialFromTime(t), nil
}

// AppendTime appends s as YYYYMMDDHHmmSS, read as a time between 1970 and 2106.
func (s Serial) AppendTime(b []byte) []byte {
	return time.Unix(int64(s), 0).UTC().AppendFormat(b, serialTimeForm)
}
