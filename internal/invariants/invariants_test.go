package invariants

import (
	"bytes"
	"testing"
)

func TestPoison(t *testing.T) {
	b := []byte("lent")
	Poison(b)
	if bytes.Equal(b, []byte("lent")) == Enabled {
		t.Errorf("enabled: %v; %q", Enabled, b)
	}
}
