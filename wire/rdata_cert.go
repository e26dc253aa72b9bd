package wire

import "encoding/binary"

// CERT is a certificate or a list of revoked ones (RFC 4398 2).
type CERT struct {
	CertType    uint16
	KeyTag      uint16
	Algorithm   Algorithm
	Certificate []byte
}

// Type returns [TypeCERT].
func (*CERT) Type() Type { return TypeCERT }

// Parse reads the wire form.
func (d *CERT) Parse(c *Cursor) error {
	d.CertType = c.Uint16()
	d.KeyTag = c.Uint16()
	d.Algorithm = Algorithm(c.Uint8())
	d.Certificate = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *CERT) AppendTo(b []byte, _ *Compressor) []byte {
	b = binary.BigEndian.AppendUint16(b, d.CertType)
	b = binary.BigEndian.AppendUint16(b, d.KeyTag)
	b = append(b, byte(d.Algorithm))
	return append(b, d.Certificate...)
}

// Len is the length of the wire form in octets.
func (d *CERT) Len() int { return 5 + len(d.Certificate) }

func (d CERT) String() string { return rdataString(&d) }

// certTypes are the mnemonics of RFC 4398 2.1.
var certTypes = map[uint16]string{
	1: "PKIX", 2: "SPKI", 3: "PGP", 4: "IPKIX", 5: "ISPKI", 6: "IPGP", 7: "ACPKIX", 8: "IACPKIX",
	253: "URI", 254: "OID",
}

var certTypesByName = invert(certTypes)

// certType reads the mnemonic or number of a certificate type.
func (w *wordReader) certType() {
	if text := w.word("a certificate type"); text != nil {
		n, ok := parseCode(text, certTypesByName, "")
		if !ok {
			w.expected("a certificate type")
		}
		w.append16(n)
	}
}

func appendCertTypeText(b []byte, n uint16) []byte {
	if s, ok := certTypes[n]; ok {
		return append(b, s...)
	}
	return appendUint(b, uint64(n))
}

// appendCertAlgorithmText appends the mnemonic, as BIND does for this type
// alone. 0 is not an algorithm here (RFC 4398 2).
func appendCertAlgorithmText(b []byte, n uint8) []byte {
	if n == 0 {
		return append(b, '0')
	}
	return append(b, Algorithm(n).String()...)
}
