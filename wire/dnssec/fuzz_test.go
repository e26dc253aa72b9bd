package dnssec

import (
	"testing"

	"github.com/names-dns/names/wire"
)

// FuzzDNSKEY: data is a key that can be verified with, or an error. A key is
// not a different one when it is parsed by fewer algorithms.
func FuzzDNSKEY(f *testing.F) {
	for _, e := range examples {
		f.Add(record(f, e.key).Data, []byte("signature"))
	}
	f.Fuzz(func(t *testing.T, data, signature []byte) {
		key, err := all.ParseKey(data)
		if err != nil {
			return
		}
		if wire.CheckRdata(wire.TypeDNSKEY, data) != nil {
			t.Errorf("key from data that is not a DNSKEY's: %X", data)
		}
		if key.Tag != KeyTag(data) {
			t.Errorf("tag %d of a key, %d of its data", key.Tag, KeyTag(data))
		}
		if len(signature) < 32 && key.Verify(data, signature) {
			t.Errorf("a signature of %d octets verifies", len(signature))
		}
		key.Verify(data, signature)
		for _, digestType := range []uint8{DigestSHA1, DigestSHA256, DigestSHA384} {
			digest, err := AppendDigest(nil, wire.Root, data, digestType)
			if err != nil || !DigestMatches(&wire.DS{DigestType: digestType, Digest: digest}, wire.Root, data) {
				t.Errorf("digest of type %d does not match itself: %v", digestType, err)
			}
		}
	})
}

// FuzzRRSIG: the octets that a signature is over are those of the twin, for
// whatever records and signatures there are.
func FuzzRRSIG(f *testing.F) {
	f.Add([]byte("\x01a\x07Example\x00"), uint16(1), []byte("\xC0\x00\x02\x01"), []byte("\xC0\x00\x02\x01"),
		rrsigData(f, "a. 1 IN RRSIG A 13 2 300 2 1 7 example. AAAA"))
	f.Add([]byte("\x01*\x07example\x00"), uint16(15), []byte("\x00\x0a\x01A\x00"), []byte("\x00\x05\x00"),
		rrsigData(f, "a. 1 IN RRSIG MX 8 1 300 2 1 7 example. AAAA"))
	f.Add([]byte("\x01a\x01b\x00"), uint16(47), []byte("\x01C\x00\x00\x01\x40"), []byte{},
		rrsigData(f, "a. 1 IN RRSIG NSEC 15 0 300 2 1 7 . AAAA"))
	f.Fuzz(func(t *testing.T, owner []byte, typ uint16, data1, data2, signature []byte) {
		name, _, err := wire.NameFromWire(owner)
		if err != nil || len(data1) > 65535 || len(data2) > 65535 {
			return
		}
		var sig wire.RRSIG
		c := wire.CursorOver(signature)
		if sig.Parse(&c) != nil {
			return
		}
		set := &RRset{Name: name, Type: wire.Type(typ), Class: wire.ClassIN, Data: [][]byte{data1, data2}}
		if CheckRRSIG(&sig, set) == nil {
			if sig.Covered != set.Type || !name.HasSuffix(sig.Signer) || int(sig.Labels) < sig.Signer.LabelCount() {
				t.Errorf("%v passes for %v %v", &sig, name, set.Type)
			}
		}
		checkAgainstTwin(t, set, &sig)
	})
}

func rrsigData(t testing.TB, line string) []byte { return record(t, line).Data }

// FuzzNSEC: a name is covered when it sorts between owner and next, around the
// end of the zone if need be; the twin sorts keys.
func FuzzNSEC(f *testing.F) {
	f.Add([]byte("\x01a\x00"), []byte("\x01c\x00\x00\x01\x40"), []byte("\x01b\x00"))
	f.Add([]byte("\x01c\x00"), []byte("\x00\x00\x01\x40"), []byte("\x01d\x01c\x00"))
	f.Add([]byte("\x01a\x00"), []byte("\x01\x00\x01a\x00\x00\x07\x22\x00\x00\x00\x00\x03\x80"), []byte("\x01A\x00"))
	f.Fuzz(func(t *testing.T, owner, data, name []byte) {
		o, _, err := wire.NameFromWire(owner)
		if err != nil {
			return
		}
		n, _, err := wire.NameFromWire(name)
		if err != nil {
			return
		}
		var nsec wire.NSEC
		c := wire.CursorOver(data)
		if nsec.Parse(&c) != nil {
			return
		}
		ok, xk, nk := o.Key(), nsec.Next.Key(), n.Key()
		want := ok.Compare(nk) < 0 && nk.Compare(xk) < 0
		if xk.Compare(ok) <= 0 { // the last one
			want = ok.Compare(nk) < 0
		}
		if got := Covers(o, nsec.Next, n); got != want {
			t.Errorf("%v to %v covers %v: %v", o, nsec.Next, n, got)
		}
		for typ := range nsec.Types.All() {
			if !nsec.Types.Has(typ) {
				t.Errorf("%v is and is not in %X", typ, nsec.Types)
			}
		}
	})
}

// FuzzNSEC3: a record is taken apart or refused, and a hash is below it,
// above it, or one of its two ends.
func FuzzNSEC3(f *testing.F) {
	const owner = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example."
	f.Add(wire.MustParseName(owner).AppendTo(nil), record(f, owner+" 300 IN NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A").Data, []byte("\x01a\x00"))
	f.Add(wire.MustParseName(owner).AppendTo(nil), record(f, owner+" 300 IN NSEC3 1 0 0 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NS SOA").Data, []byte("\x00"))
	f.Fuzz(func(t *testing.T, owner, data, name []byte) {
		o, _, err := wire.NameFromWire(owner)
		if err != nil {
			return
		}
		n, _, err := wire.NameFromWire(name)
		if err != nil {
			return
		}
		r, err := ParseNSEC3(o, data)
		if err != nil {
			return
		}
		if back, err := r.Zone.Prepend(r.Owner.Label()); err != nil || !back.Equal(o) {
			t.Errorf("%v is read as %v: %v", o, back, err)
		}
		h, err := HashName(n, r.Iterations, r.Salt)
		if (err != nil) != (r.Iterations > MaxIterations) {
			t.Errorf("%d iterations: %v", r.Iterations, err)
		}
		if err != nil {
			return
		}
		other := NSEC3{Owner: r.Next, Next: r.Owner}
		isEnd := h == r.Owner || h == r.Next
		if r.Owner != r.Next && r.Covers(h) == other.Covers(h) && !isEnd || isEnd && (r.Covers(h) || other.Covers(h)) {
			t.Errorf("%v covers %v: %v, the other way round %v", o, h.Label(), r.Covers(h), other.Covers(h))
		}
	})
}
