// Package validate proves DNS replies with DNSSEC (RFC 4033 to 4035, RFC 5155,
// RFC 6840), or says why it cannot.
//
// A [Validator] judges each RRset of a [Reply] and the reply as a whole: secure,
// insecure, bogus or indeterminate, with a reason for operators. It asks for
// DS and DNSKEY records through a [Fetcher], from the trust anchors down, and
// remembers what it found out about zones. It does not need a recursor: any
// client that gets whole replies can use one.
//
// Two rules decide everything. Insecurity has one source: a proof, signed by
// the parent, that a delegation has no usable DS record (or no trust anchor
// above, or a negative one). And a limit that is reached is a failure: what
// cannot be afforded is never taken for unsigned.
//
// Read validate.go first, then chain.go, signature.go and denial.go.
package validate
