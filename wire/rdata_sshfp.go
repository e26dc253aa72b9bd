package wire

// SSHFP is the fingerprint of a host key of SSH (RFC 4255 3.1).
type SSHFP struct {
	Algorithm       uint8
	FingerprintType uint8
	Fingerprint     []byte
}

// Type returns [TypeSSHFP].
func (*SSHFP) Type() Type { return TypeSSHFP }

// Parse reads the wire form.
func (d *SSHFP) Parse(c *Cursor) error {
	d.Algorithm = c.Uint8()
	d.FingerprintType = c.Uint8()
	d.Fingerprint = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *SSHFP) AppendTo(b []byte, _ *Compressor) []byte {
	b = append(b, d.Algorithm, d.FingerprintType)
	return append(b, d.Fingerprint...)
}

// Len is the length of the wire form in octets.
func (d *SSHFP) Len() int { return 2 + len(d.Fingerprint) }

func (d SSHFP) String() string { return rdataString(&d) }

// fingerprintLen is how many octets fingerprints of a type have (RFC 4255
// 3.1.2, RFC 6594 4.2), 0 where we do not know.
func fingerprintLen(fingerprintType uint8) int {
	switch fingerprintType {
	case 1: // SHA-1
		return 20
	case 2: // SHA-256
		return 32
	}
	return 0
}
