package wire

// TXT is descriptive text (RFC 1035 3.3.14).
type TXT struct {
	Strings CharacterStrings // at least one
}

// Type returns [TypeTXT].
func (*TXT) Type() Type { return TypeTXT }

// Parse reads the wire form.
func (d *TXT) Parse(c *Cursor) error {
	d.Strings = c.characterStrings()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *TXT) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	return append(b, d.Strings...)
}

func (d *TXT) validate() error { return fieldStrings.require("Strings", d.Strings) }

// Len is the length of the wire form in octets.
func (d *TXT) Len() int { return len(d.Strings) }

func (d TXT) String() string { return rdataString(&d) }

// SPF is a mail sender policy; withdrawn in favour of TXT (RFC 7208 3.1).
type SPF struct{ TXT }

// Type returns [TypeSPF].
func (*SPF) Type() Type { return TypeSPF }

func (d SPF) String() string { return rdataString(&d) }

// NINFO is text about the state of a zone.
type NINFO struct{ TXT }

// Type returns [TypeNINFO].
func (*NINFO) Type() Type { return TypeNINFO }

func (d NINFO) String() string { return rdataString(&d) }

// AVC is text for application visibility and control.
type AVC struct{ TXT }

// Type returns [TypeAVC].
func (*AVC) Type() Type { return TypeAVC }

func (d AVC) String() string { return rdataString(&d) }

// RESINFO is what a recursor says about itself, as key=value strings (RFC 9606
// 3).
type RESINFO struct{ TXT }

// Type returns [TypeRESINFO].
func (*RESINFO) Type() Type { return TypeRESINFO }

func (d RESINFO) String() string { return rdataString(&d) }

// WALLET is the public address of a wallet: a currency and an address.
type WALLET struct{ TXT }

// Type returns [TypeWALLET].
func (*WALLET) Type() Type { return TypeWALLET }

func (d WALLET) String() string { return rdataString(&d) }

// CLA says which convergence layers the bundle protocol node has.
type CLA struct{ TXT }

// Type returns [TypeCLA].
func (*CLA) Type() Type { return TypeCLA }

func (d CLA) String() string { return rdataString(&d) }
