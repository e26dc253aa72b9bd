//go:build interop

package interop

import (
	"testing"
)

// TestPyzone serves the example zone of Twisted Names' how-to twice, as a
// pyzone and written as a master file: the two cannot be told apart.
func TestPyzone(t *testing.T) {
	const origin = "example-domain.com."
	master := zoneFile{Origin: origin, File: absolute(t, "testdata/pyzone/example-domain.com.zone")}
	python := zoneFile{Origin: origin, File: absolute(t, "testdata/pyzone/example-domain.com"), Pyzone: true}
	a := startAll(t, []zoneFile{python}, ours{})[0]
	b := startAll(t, []zoneFile{master}, ours{})[0]
	peer := startAll(t, []zoneFile{master}, nsd{})[0]

	known, err := learn(peer, []zoneFile{master})
	if err != nil {
		t.Fatal(err)
	}
	queries := everyOwner(known)
	askAll([]*server{a, b}, queries, func(q query, answers []*answer, errs []error) {
		if errs[0] != nil || errs[1] != nil {
			t.Fatalf("%s: pyzone: %v, master file: %v", q, errs[0], errs[1])
		}
		for _, d := range compare(answers[0], answers[1]) {
			t.Errorf("%s: ours is the pyzone, theirs the master file: %s", q, d)
		}
	})
	judgeAll(t, []*server{b, peer}, known, queries)
}
