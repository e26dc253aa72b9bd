package wiretest

import "testing"

// NoAllocs checks, as a subtest of that name, that do allocates nothing once
// it has run before.
func NoAllocs(t *testing.T, name string, do func()) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Helper()
		if n := testing.AllocsPerRun(100, do); n != 0 {
			t.Errorf("%v allocations, want none", n)
		}
	})
}
