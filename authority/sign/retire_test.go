package sign

import (
	"errors"
	"testing"
)

// TestRetire: the key that is named leaves, and no other; one that waits is not used.
func TestRetire(t *testing.T) {
	l := newLife(t, KeyPolicy{TwoKeys: true}, prompt())
	l.days(10)
	var old *Key
	for _, k := range l.inUse() {
		if k.Progress.Role == RoleKeys {
			old = k
		}
	}
	waiting := ksk(t)
	for hasTag(l.set.Keys, waiting) {
		waiting = ksk(t)
	}
	l.set.Keys = append(l.set.Keys, waiting)
	if err := l.set.Retire(waiting.Tag); err != nil || !waiting.Progress.IsGone() {
		t.Errorf("%v, %v", err, waiting.Progress)
	}
	if err := l.set.Retire(waiting.Tag); !errors.Is(err, ErrLeaving) {
		t.Error(err)
	}
	if err := l.set.Retire(old.Tag ^ 0x5555); err == nil {
		t.Error("a key retires that is not there")
	}
	if err := l.set.Retire(old.Tag); err != nil {
		t.Fatal(err)
	}
	done, err := l.set.Advance(l.now)
	if err != nil || len(done) == 0 || done[0].Key == waiting || old.Progress.Goal != Hidden {
		t.Errorf("%v, %v", done, err)
	}
	for _, transition := range done {
		if transition.Key.Progress.Role != RoleKeys {
			t.Errorf("%s", transition)
		}
	}
	if err := l.set.Retire(done[0].Key.Tag); !errors.Is(err, ErrRolling) {
		t.Error(err)
	}
}
