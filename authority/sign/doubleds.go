package sign

import "slices"

// A key that the parent knows can be exchanged in two orders, as the parent is asked in the
// middle or at both ends:
//
//   - double signature (RFC 6781 4.1.2, RFC 7583 3.3.1): the new key is published and signs
//     along, the parent exchanges the DS records, the old key goes;
//   - double DS (RFC 7583 3.3.2): the parent has the DS records of both, the keys are exchanged
//     at once, the parent drops the old DS record. The DNSKEY RRset never has both, and a
//     spare is known to the parent before anybody can see it.
//
// Neither is a script: this file says only which part of the new key goes first.

// isDoubleDS reports whether the DS record of a key comes before its DNSKEY record. That
// needs another one for resolvers to go by meanwhile: of the same algorithm, since they may
// expect keys of each algorithm that the DS records have (RFC 6840 5.11), and one whose key is
// not known to others, which is to go as soon as it can. An offline key signs for this order if
// the policy has it when the request is made; otherwise the step waits for the next request.
func (s *KeySet) isDoubleDS(k *Key) bool { return s.predecessor(k) != nil }

// predecessor is the key that resolvers go by while only the DS record of k is there; nil: k
// does not come in this order.
func (s *KeySet) predecessor(k *Key) *Key {
	if !s.Policy.DoubleDS || s.Policy.Unsign || !k.Progress.Role.has(PartDS) || k.Progress.Goal != Omnipresent {
		return nil
	}
	i := slices.IndexFunc(s.Keys, func(o *Key) bool {
		p := o.Progress
		return p != nil && p.Goal == Hidden && !p.Compromised && o.Record.Algorithm == k.Record.Algorithm && p.Role.has(PartDS) &&
			p.Parts[PartDS].State == Omnipresent && p.Parts[PartDNSKEY].State == Omnipresent && p.Parts[PartKeySignature].State == Omnipresent
	})
	if i < 0 {
		return nil
	}
	return s.Keys[i]
}
