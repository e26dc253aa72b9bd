// Package sign signs zones: it adds the keys, the signatures and the proofs of
// what does not exist (RFC 4034, RFC 4035, RFC 5155) to every version of a zone,
// in the transaction that makes the version, so that nothing unsigned is visible.
//
// [Signer.Stage] is a stage of the zone's [authority.Pipeline]. It works on what a
// transaction changes: the RRsets of these names, and the NSEC or NSEC3 records
// next to them. It signs the whole zone only if the zone comes as a whole, or if
// the keys or the kind of proof changed, and takes over the signatures of what
// stayed the same.
//
// A signature is valid from one point of a calendar to another, which follow from
// the owner, the type and the policy alone. So signatures fall due evenly in time,
// two signers with the same keys make the same ones, and nothing has to be
// remembered to know what is due. [Signer.Refresh] signs that again.
//
// A [KeySet] is keys that are exchanged: keyset.go is what they do, caches.go the one
// rule that they keep, calendar.go the proof that they do.
//
// [Online] signs answers that are computed, which no zone has: online.go.
//
// Read next: signer.go, then names.go (which names a transaction concerns),
// denial.go (NSEC and NSEC3), signatures.go, keys.go and keyfile.go.
package sign
