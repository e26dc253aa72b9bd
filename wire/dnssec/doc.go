// Package dnssec has the parts of DNSSEC that validators and signers share:
// the canonical form of RRsets, key tags, digests of keys, the table of
// algorithms, signatures made and verified, and the hashed names of NSEC3.
//
// An [RRset] in [Canonical] form gives the octets that a signature is over. A
// [Key] is the key of a DNSKEY record, its shape checked once when it is
// parsed; it verifies. A [SigningKey] signs with any crypto.Signer. Which
// algorithms and digests count is said by one table, [Algorithms].
//
// The package decides nothing about trust: chains of keys, proofs of absence
// and limits on the work that strangers cause are the validator's. What is
// bounded here is the work of one call: it is linear in its input, and the
// iterations of NSEC3 have their limit in [HashName].
//
// Nothing here keeps global state or starts a goroutine. Values that do not
// change may be used by several goroutines. Input from the network never
// panics.
package dnssec
