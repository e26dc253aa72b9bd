package authority

import (
	"fmt"
	"strings"
	"time"

	"github.com/names-dns/names/wire"
)

// SerialPolicy is how the next serial number of a zone is chosen when records
// change and the change does not bring a number of its own.
type SerialPolicy uint8

const (
	// SerialIncrement adds one.
	SerialIncrement SerialPolicy = iota
	// SerialUnixTime takes the seconds since 1970.
	SerialUnixTime
	// SerialDate takes the date in UTC and a counter of two digits, as in
	// 2026113000 (RFC 1912 2.2).
	SerialDate
)

var serialPolicyNames = [...]string{"increment", "unixtime", "date"}

func (p SerialPolicy) String() string {
	if int(p) < len(serialPolicyNames) {
		return serialPolicyNames[p]
	}
	return fmt.Sprintf("serial policy %d", uint8(p))
}

// ParseSerialPolicy reads "increment", "unixtime" or "date".
func ParseSerialPolicy(text string) (SerialPolicy, error) {
	for p, name := range serialPolicyNames {
		if text == name {
			return SerialPolicy(p), nil
		}
	}
	return 0, fmt.Errorf("serial policy %q is not one of %s", text, strings.Join(serialPolicyNames[:], ", "))
}

// Next is the serial number after present. If the number that the policy wants
// does not come after it (RFC 1982 3.2) - it was changed already in this second,
// a hundred times on this day, or was ahead of the time - one is added.
func (p SerialPolicy) Next(present wire.Serial, now time.Time) wire.Serial {
	want := present
	switch p {
	case SerialUnixTime:
		want = wire.Serial(now.Unix())
	case SerialDate:
		year, month, day := now.UTC().Date()
		want = wire.Serial(uint32(year*10000+int(month)*100+day) * 100)
	}
	if present.Less(want) {
		return want
	}
	return present + 1
}

// AdvanceSerial makes Commit choose the next serial number by a policy, if the
// edits so far make a difference and do not change the number themselves.
func (t *Txn) AdvanceSerial(p SerialPolicy, now time.Time) {
	if c := t.Changes(); p != SerialIncrement && c.From == c.To && !c.IsEmpty() {
		t.SetSerial(p.Next(t.base.serial, now))
	}
}
