package wire

import (
	"cmp"
	"encoding/binary"
)

// SVCB says where and how a service is reached (RFC 9460 2).
type SVCB struct {
	Priority uint16 // 0: AliasMode, Params mean nothing
	Target   Name   // the root: the owner itself, or in AliasMode that there is none
	Params   SvcParams
}

// Type returns [TypeSVCB].
func (*SVCB) Type() Type { return TypeSVCB }

// Parse reads the wire form.
func (d *SVCB) Parse(c *Cursor) error {
	d.Priority = c.Uint16()
	d.Target = c.Name()
	d.Params = c.svcParams()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *SVCB) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = binary.BigEndian.AppendUint16(b, d.Priority)
	b = d.Target.AppendTo(b)
	return append(b, d.Params...)
}

func (d *SVCB) validate() error {
	return cmp.Or(requireName("Target", d.Target), fieldSvcParams.require("Params", d.Params))
}

// Len is the length of the wire form in octets.
func (d *SVCB) Len() int { return 2 + d.Target.Len() + len(d.Params) }

func (d SVCB) String() string { return rdataString(&d) }

// HTTPS is SVCB for HTTP (RFC 9460 9).
type HTTPS struct{ SVCB }

// Type returns [TypeHTTPS].
func (*HTTPS) Type() Type { return TypeHTTPS }

func (d HTTPS) String() string { return rdataString(&d) }
