package wire

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// DNSKEY is a public key of the zone (RFC 4034 2.1).
type DNSKEY struct {
	Flags     uint16
	Protocol  uint8 // 3
	Algorithm Algorithm
	PublicKey []byte
}

// Type returns [TypeDNSKEY].
func (*DNSKEY) Type() Type { return TypeDNSKEY }

// Parse reads the wire form.
func (d *DNSKEY) Parse(c *Cursor) error {
	d.Flags = c.Uint16()
	d.Protocol = c.Uint8()
	d.Algorithm = Algorithm(c.Uint8())
	d.PublicKey = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *DNSKEY) AppendTo(b []byte, _ *Compressor) []byte {
	b = binary.BigEndian.AppendUint16(b, d.Flags)
	b = append(b, d.Protocol, byte(d.Algorithm))
	return append(b, d.PublicKey...)
}

// Len is the length of the wire form in octets.
func (d *DNSKEY) Len() int { return 4 + len(d.PublicKey) }

func (d DNSKEY) String() string { return rdataString(&d) }

// CDNSKEY is a key the parent is to make DS records of (RFC 7344 3.2).
type CDNSKEY struct{ DNSKEY }

// Type returns [TypeCDNSKEY].
func (*CDNSKEY) Type() Type { return TypeCDNSKEY }

func (d CDNSKEY) String() string { return rdataString(&d) }

// KEY is a public key of before RFC 4034, or one for SIG(0) (RFC 2535 3.1).
type KEY struct{ DNSKEY }

// Type returns [TypeKEY].
func (*KEY) Type() Type { return TypeKEY }

func (d KEY) String() string { return rdataString(&d) }

// RKEY is a key to encrypt NAPTR records with; an experiment.
type RKEY struct{ DNSKEY }

// Type returns [TypeRKEY].
func (*RKEY) Type() Type { return TypeRKEY }

func (d RKEY) String() string { return rdataString(&d) }

// Flags of a key. Those above the lower octet were taken out of use by RFC
// 3445, the zone key apart.
const (
	FlagZoneKey     uint16 = 0x0100 // RFC 4034 2.1.1
	FlagSecureEntry uint16 = 0x0001 // key signing key (RFC 4034 2.1.1)
	FlagRevoked     uint16 = 0x0080 // RFC 5011 7
	flagsNoKey      uint16 = 0xC000 // no key follows (RFC 2535 3.1.2)
)

// keyFlagNames are the mnemonics of RFC 2535 7.1 and their successors. They
// are joined with "|".
var keyFlagNames = map[string]uint16{
	"NOCONF": 0x4000, "NOAUTH": 0x8000, "NOKEY": flagsNoKey, "FLAG2": 0x2000, "EXTEND": 0x1000,
	"FLAG4": 0x0800, "FLAG5": 0x0400, "USER": 0, "ZONE": FlagZoneKey, "HOST": 0x0200, "NTYP3": 0x0300,
	"FLAG8": 0x0080, "FLAG9": 0x0040, "FLAG10": 0x0020, "FLAG11": 0x0010, "SIG0": 0,
	"SIG1": 1, "SIG2": 2, "SIG3": 3, "SIG4": 4, "SIG5": 5, "SIG6": 6, "SIG7": 7, "SIG8": 8,
	"SIG9": 9, "SIG10": 10, "SIG11": 11, "SIG12": 12, "SIG13": 13, "SIG14": 14, "SIG15": 15,
	"KSK": FlagSecureEntry, "REVOKE": FlagRevoked,
}

// keyProtocolsByName are the mnemonics of RFC 2535 7.1.
var keyProtocolsByName = map[string]uint8{"NONE": 0, "TLS": 1, "EMAIL": 2, "DNSSEC": 3, "IPSEC": 4, "ALL": 255}

// key reads flags, protocol, algorithm and the key in base64, which is left
// out where the flags say that there is none.
func (w *wordReader) key() {
	flags := w.keyFlags()
	w.append16(flags)
	code8(w, "a protocol, its mnemonic or a number from 0 to 255", keyProtocolsByName)
	w.algorithm()
	w.base64Rest(flags&flagsNoKey != flagsNoKey)
}

// keyFlags reads a number, decimal or with 0x in hex, or mnemonics with "|" in between.
func (w *wordReader) keyFlags() uint16 {
	const what = "flags, their mnemonics or a number from 0 to 65535"
	text := w.word(what)
	if n, ok := parseUint(text, 1<<16-1); ok {
		return uint16(n)
	}
	if hasPrefixFold(text, "0x") {
		n, err := strconv.ParseUint(string(text[2:]), 16, 16)
		if err != nil {
			w.expected(what)
		}
		return uint16(n)
	}
	flags := uint16(0)
	for name := range strings.SplitSeq(string(text), "|") {
		bits, ok := keyFlagNames[strings.ToUpper(name)]
		if !ok && w.err == nil {
			w.expected(what)
		}
		flags |= bits
	}
	return flags
}

func appendKeyText(b []byte, c *Cursor) []byte {
	flags := c.Uint16()
	b = append(appendUint(b, uint64(flags)), ' ')
	b = append(appendUint(b, uint64(c.Uint8())), ' ')
	b = appendUint(b, uint64(c.Uint8()))
	if flags&flagsNoKey == flagsNoKey && c.Len() == 0 {
		return b
	}
	return appendBase64(append(b, ' '), c.restForText())
}
