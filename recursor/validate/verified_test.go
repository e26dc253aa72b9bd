package validate

import (
	"crypto"
	"fmt"
	"testing"

	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// counted is the toy algorithm with a count of its verifications.
func counted(count *int) *dnssec.Scheme {
	s := toyScheme(toy)
	parse := s.ParseKey
	s.ParseKey = func(public []byte) (dnssec.PublicKey, error) {
		k, err := parse(public)
		if err != nil {
			return nil, err
		}
		return countedKey{k.(toyKey), count}, nil
	}
	return s
}

type countedKey struct {
	toyKey
	count *int
}

func (k countedKey) Public() crypto.PublicKey { return k.toyKey }

func (k countedKey) Verify(message, signature []byte) bool {
	*k.count++
	return k.toyKey.Verify(message, signature)
}

// counting is a world that counts verifications. take returns how many there were since
// the last time.
func counting(w *world) (take func() int) {
	n := new(int)
	w.config.Algorithms = dnssec.NewAlgorithms(dnssec.Policy{}, counted(n))
	w.v = New(w.config)
	return func() int {
		was := *n
		*n = 0
		return was
	}
}

// TestSignaturesAreVerifiedOnce: an RRset that is in several replies is verified for the
// first of them, one that does not hold as well; with other data, another signature or
// another key it is another one.
func TestSignaturesAreVerifiedOnce(t *testing.T) {
	w := family(t)
	take := counting(w)
	w.want("a.nsec. A", Secure, "")
	if n := take(); n != 4 { // the root's keys, DS and keys of nsec., the address
		t.Errorf("%d signatures were verified for the first name", n)
	}
	w.want("a.nsec. A", Secure, "")
	if n := take(); n != 0 {
		t.Errorf("%d signatures were verified again", n)
	}
	w.want("alias.nsec. A", Secure, "") // the alias is new, and its target is not
	if n := take(); n != 1 {
		t.Errorf("%d signatures were verified for an alias", n)
	}
	w.want("nothing.nsec. A", Secure, "")
	first := take()
	w.want("nothing2.nsec. A", Secure, "") // the same NSEC and SOA records
	if n := take(); first == 0 || n != 0 {
		t.Errorf("%d signatures were verified for one name of a range, %d for another", first, n)
	}
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		if !fetched {
			m.Answers[0].Data = []byte{192, 0, 2, 66}
		}
		return m
	}
	for i, want := range []int{1, 0} {
		w.want("a.nsec. A", Bogus, "is wrong")
		if n := take(); n != want {
			t.Errorf("time %d: %d signatures of a bogus RRset were verified", i+1, n)
		}
	}
	w.change = nil
	w.v.Forget(wire.Root) // zones are found out anew; their signatures are known
	w.want("a.nsec. A", Secure, "")
	if n := take(); n != 0 {
		t.Errorf("%d signatures were verified after zones were forgotten", n)
	}
}

// TestFailuresAreNotForgiven: what is known not to hold counts for each query, so that a
// reply full of it stays limited.
func TestFailuresAreNotForgiven(t *testing.T) {
	w := family(t)
	take := counting(w)
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		if !fetched {
			m.Answers[0].Data = []byte{192, 0, 2, 66}
		}
		return m
	}
	w.want("a.nsec. A", Bogus, "")
	take()
	b := w.v.NewBudget()
	w.checkWith("a.nsec. A", b)
	if n := take(); n != 0 || spent(b, Failures) != 1 || spent(b, Verifications) != 0 {
		t.Errorf("%d verified, %d failures, %d verifications counted", n, spent(b, Failures), spent(b, Verifications))
	}
}

// TestVerifiedAreBounded: signatures are remembered in a fixed number of places.
func TestVerifiedAreBounded(t *testing.T) {
	const count = 4 * 256
	var lines []string
	for i := range count {
		lines = append(lines, a(fmt.Sprintf("n%d.", i), 1))
	}
	w := newWorld(t, signZone(t, ".", options(t, ".", signedtree.NSEC), lines...))
	w.config.MaxSignatures = 256
	take := counting(w)
	for range 2 {
		for i := range count {
			w.want(fmt.Sprintf("n%d. A", i), Secure, "")
		}
	}
	if n, places := take(), len(w.v.verified.rows)*rowLen; places != 256 || n < 2*count-places {
		t.Errorf("%d signatures verified, with %d places", n, places)
	}
}
