//go:build invariants

package wire

import "testing"

// A name kept past Reset is scribbled over; a clone of it is not.
func TestLentNamesAreScribbled(t *testing.T) {
	var r Reader
	if err := r.Reset(mxReply(t)); err != nil {
		t.Fatal(err)
	}
	q, err := r.Question()
	if err != nil {
		t.Fatal(err)
	}
	kept, clone := q.Name, q.Name.Clone()
	if err := r.Reset(mxReply(t)); err != nil {
		t.Fatal(err)
	}
	for i := range kept.Len() {
		if kept.Wire()[i] != 0xDB {
			t.Fatalf("a name kept for too long is still %q", kept.Wire())
		}
	}
	if clone.String() != "example.com." {
		t.Errorf("the clone is %s", clone)
	}
}
