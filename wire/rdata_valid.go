package wire

import (
	"fmt"
	"net/netip"
)

// Fields of typed data can hold what no record can say: no name, an IPv6
// address in an A record, a string longer than its length octet can count. The
// validate method of a type reports the first such field. Its AppendTo then
// appends nothing, which is not valid data of the type either, so that nothing
// else is written in place of what was meant.

// ValidateRdata reports which field of d is impossible. What it wraps is
// [ErrRdata], or [ErrEmptyName] for a name that is not set.
func ValidateRdata(d Rdata) error {
	v, ok := d.(interface{ validate() error })
	if !ok {
		return nil
	}
	if err := v.validate(); err != nil {
		return fmt.Errorf("%v record: %w", d.Type(), err)
	}
	return nil
}

// NewRecord returns a record with the wire form of d. It shares no memory with
// d.
func NewRecord(owner Name, class Class, ttl uint32, d Rdata) (Record, error) {
	if owner.IsZero() {
		return Record{}, ErrEmptyName
	}
	if err := ValidateRdata(d); err != nil {
		return Record{}, err
	}
	r := Record{Name: owner, Type: d.Type(), Class: class, TTL: ttl, Data: d.AppendTo(nil, nil)}
	if err := CheckRdata(r.Type, r.Data); err != nil {
		return Record{}, fmt.Errorf("%v record: %w", r.Type, err)
	}
	return r, nil
}

func requireName(field string, n Name) error {
	if n.IsZero() {
		return fmt.Errorf("%s: %w", field, ErrEmptyName)
	}
	return nil
}

// requireIPv4 takes IPv4 addresses in their IPv6-mapped form, too.
func requireIPv4(field string, a netip.Addr) error {
	if !a.Unmap().Is4() {
		return fmt.Errorf("%w: %s is not an IPv4 address: %v", ErrRdata, field, a)
	}
	return nil
}

func requireIPv6(field string, a netip.Addr) error {
	switch {
	case !a.Is6():
		return fmt.Errorf("%w: %s is not an IPv6 address: %v", ErrRdata, field, a)
	case a.Zone() != "":
		return fmt.Errorf("%w: %s has a zone, which records cannot say: %v", ErrRdata, field, a)
	}
	return nil
}

// requireString wants what fits after a length octet.
func requireString(field string, s []byte) error { return requireLength(field, s, maxStringLen) }

func requireLength(field string, b []byte, most int) error {
	if len(b) > most {
		return fmt.Errorf("%w: %s has %d octets, %d are possible", ErrRdata, field, len(b), most)
	}
	return nil
}

func requireOctets(field string, b []byte) error {
	if len(b) == 0 {
		return fmt.Errorf("%w: %s is empty", ErrRdata, field)
	}
	return nil
}

func requireUint48(field string, n uint64) error {
	if n >= 1<<48 {
		return fmt.Errorf("%w: %s of %d takes more than 48 bits", ErrRdata, field, n)
	}
	return nil
}

func requireCAATag(field string, tag []byte) error {
	if !isCAATag(tag) {
		return fmt.Errorf("%w: %s is not made of letters and digits", ErrRdata, field)
	}
	return nil
}

// require reports what is wrong with data that is to be all of a field.
func (f field) require(name string, data []byte) error {
	c := CursorOver(data)
	f.skip(&c)
	if err := c.Close(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
