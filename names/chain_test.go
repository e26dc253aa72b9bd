package names

import (
	"context"
	"errors"
	"testing"
)

// says is a resolver that has one word, and counts how often it was asked.
type says struct {
	word  error
	asked int
}

func (s *says) Resolve(context.Context, *Exchange) error { s.asked++; return s.word }

// saysAtOnce is a says that need not wait.
type saysAtOnce struct{ says }

func (s *saysAtOnce) TryResolve(*Exchange) error { s.asked++; return s.word }

func TestChainAsksUntilOneDoesNotPass(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name  string
		words []error
		want  error
		asked int // how many of them
	}{
		{"empty", nil, ErrPass, 0},
		{"all pass", []error{ErrPass, ErrPass}, ErrPass, 2},
		{"the first knows", []error{nil, broken}, nil, 1},
		{"the last knows", []error{ErrPass, ErrPass, nil}, nil, 3},
		{"drop", []error{ErrPass, ErrDrop, nil}, ErrDrop, 2},
		{"an error ends it", []error{broken, nil}, broken, 1},
	} {
		var slow, fast Chain
		for _, w := range c.words {
			slow = append(slow, &says{word: w})
			fast = append(fast, &saysAtOnce{says{word: w}})
		}
		if err := slow.Resolve(context.Background(), nil); err != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
		if err := fast.TryResolve(nil); err != c.want {
			t.Errorf("%s: %v at once", c.name, err)
		}
		for i := range c.words {
			want := 0
			if i < c.asked {
				want = 1
			}
			if n := slow[i].(*says).asked; n != want {
				t.Errorf("%s: resolver %d was asked %d times", c.name, i, n)
			}
			if n := fast[i].(*saysAtOnce).asked; n != want {
				t.Errorf("%s: resolver %d was asked %d times at once", c.name, i, n)
			}
		}
	}
}

func TestChainWaitsOnlyWhereItMust(t *testing.T) {
	first, slow, last := &saysAtOnce{says{word: ErrPass}}, &says{}, &saysAtOnce{}
	c := Chain{first, slow, last}
	if err := Try(c, nil); err != ErrSlow || slow.asked != 0 || last.asked != 0 {
		t.Errorf("%v; the slow one was asked %d times, the last %d", err, slow.asked, last.asked)
	}
	if err := Try(Chain{&saysAtOnce{}, slow}, nil); err != nil || slow.asked != 0 {
		t.Errorf("%v though the first knows", err)
	}
	if err := Try(Chain{first, Chain{first, last}}, nil); err != nil {
		t.Errorf("%v from a chain in a chain", err)
	}
}
