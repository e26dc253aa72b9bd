package dnssec

import (
	"errors"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// TestHashName: the names of RFC 5155 A.
func TestHashName(t *testing.T) {
	salt := []byte{0xaa, 0xbb, 0xcc, 0xdd}
	for name, want := range map[string]string{
		"example.":       "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom",
		"a.example.":     "35mthgpgcu1qg68fab165klnsnk3dpvl",
		"ai.example.":    "gjeqe526plbf1g8mklp59enfd789njgi",
		"ns1.example.":   "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
		"NS2.Example.":   "q04jkcevqvmu85r014c7dkba38o0ji5r",
		"w.example.":     "k8udemvp1j2f7eg6jebps17vp3n8i58h",
		"*.w.example.":   "r53bq7cc2uvmubfu5ocmm6pers9tk9en",
		"x.w.example.":   "b4um86eghhds6nea196smvmlo4ors995",
		"y.w.example.":   "ji6neoaepv8b5o6k4ev33abha8ht9fgc",
		"x.y.w.example.": "2vptu5timamqttgl4luu9kg21e0aor3s",
		"xx.example.":    "t644ebqk9bibcna874givr6joj62mlhv",
	} {
		h, err := HashName(wire.MustParseName(name), 12, salt)
		if err != nil || h.Label() != want {
			t.Errorf("%s: %s, %v, not %s", name, h.Label(), err, want)
		}
	}
}

// TestIterationLimit: the limit is in the one function that hashes.
func TestIterationLimit(t *testing.T) {
	name := wire.MustParseName("example.")
	if _, err := HashName(name, MaxIterations, nil); err != nil {
		t.Error(err)
	}
	for _, n := range []uint16{MaxIterations + 1, 150, 2500, 65535} {
		if _, err := HashName(name, n, nil); !errors.Is(err, ErrIterations) {
			t.Errorf("%d iterations: %v", n, err)
		}
	}
}

func TestParseNSEC3(t *testing.T) {
	const owner = "0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM.Example."
	for _, c := range []struct{ owner, data, want string }{
		{owner, "1 0 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A RRSIG", ""},
		{owner, "1 1 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr", ""},
		{owner, "2 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A", "unusable NSEC3: hash algorithm 2"},
		{owner, "1 2 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A", "unusable NSEC3: flags 0x02"},
		{owner, "1 129 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A", "unusable NSEC3: flags 0x81"},
		{owner, "1 0 0 - 2t7b4g4vsa5smi47 A", "unusable NSEC3: next hashed owner has 10 octets, not 20"},
		{"example.", "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A", "unusable NSEC3: first label of example. is not a hash"},
		{"zp9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.", "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A", "unusable NSEC3: first label of zp9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. is not a hash"},
		{".", "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A", "unusable NSEC3: first label of . is not a hash"},
	} {
		n, err := ParseNSEC3(wire.MustParseName(c.owner), record(t, c.owner+" 300 IN NSEC3 "+c.data).Data)
		switch {
		case err != nil && err.Error() != c.want, err == nil && c.want != "":
			t.Errorf("%s %s: %v", c.owner, c.data, err)
		case err == nil && (n.Owner.Label() != strings.ToLower(owner[:32]) || n.Next.Label() != "2t7b4g4vsa5smi47k61mv5bv1a22bojr"):
			t.Errorf("%s %s: %+v", c.owner, c.data, n)
		}
	}
	if _, err := ParseNSEC3(wire.MustParseName(owner), []byte{1, 0, 0}); !errors.Is(err, ErrNSEC3) {
		t.Error(err)
	}
}

func TestCoversHash(t *testing.T) {
	h := func(first byte) (h Hash) { h[0] = first; return h }
	for _, c := range []struct {
		owner, next, hash byte
		want              bool
	}{
		{2, 5, 3, true}, {2, 5, 2, false}, {2, 5, 5, false}, {2, 5, 1, false}, {2, 5, 6, false},
		{5, 2, 6, true}, {5, 2, 1, true}, {5, 2, 5, false}, {5, 2, 2, false}, {5, 2, 3, false}, // the last one
		{5, 5, 6, true}, {5, 5, 4, true}, {5, 5, 5, false}, // the only one
	} {
		n := NSEC3{Owner: h(c.owner), Next: h(c.next)}
		if n.Covers(h(c.hash)) != c.want {
			t.Errorf("%d to %d covers %d: %v", c.owner, c.next, c.hash, !c.want)
		}
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		owner, next, name string
		want              bool
	}{
		{"a.example.", "c.example.", "b.example.", true},
		{"a.example.", "c.example.", "B.EXAMPLE.", true},
		{"a.example.", "C.example.", "b.Example.", true}, // next is kept in its case, compared without
		{"a.example.", "c.example.", "x.a.example.", true},
		{"a.example.", "c.example.", "a.example.", false},
		{"a.example.", "c.example.", "c.example.", false},
		{"a.example.", "c.example.", "d.example.", false},
		{"a.example.", "c.example.", "example.", false},
		{"c.example.", "example.", "d.example.", true}, // the last one
		{"c.example.", "example.", "b.example.", false},
		{"c.example.", "example.", "example.", false},
		{"example.", "example.", "a.example.", true}, // the only one
		{"example.", "example.", "example.", false},
		{"a.example.", `\000.a.example.`, "a.example.", false}, // RFC 9824 3.1
		{"a.example.", `\000.a.example.`, "b.example.", false},
	} {
		if got := Covers(wire.MustParseName(c.owner), wire.MustParseName(c.next), wire.MustParseName(c.name)); got != c.want {
			t.Errorf("%s to %s covers %s: %v", c.owner, c.next, c.name, got)
		}
	}
}
