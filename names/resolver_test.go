package names

import (
	"context"
	"testing"
)

func TestTry(t *testing.T) {
	if err := Try(&says{}, nil); err != ErrSlow {
		t.Errorf("%v from a resolver that cannot say at once", err)
	}
	if err := Try(&saysAtOnce{says{word: ErrDrop}}, nil); err != ErrDrop {
		t.Errorf("%v from one that can", err)
	}
	called := false
	f := ResolverFunc(func(context.Context, *Exchange) error { called = true; return ErrPass })
	if err := f.Resolve(context.Background(), nil); err != ErrPass || !called {
		t.Errorf("%v, called %v", err, called)
	}
	if err := Try(f, nil); err != ErrSlow {
		t.Errorf("%v from a function", err)
	}
}

func TestTransportString(t *testing.T) {
	for want, transport := range map[string]Transport{"udp": UDP, "tcp": TCP, "unknown": 99} {
		if got := transport.String(); got != want {
			t.Errorf("%d is %q", transport, got)
		}
	}
}
