package listener

import (
	"bytes"
	"context"
	"reflect"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// halfSlow answers names of one label at once, and others later.
type halfSlow struct{ Echo }

func (h halfSlow) TryResolve(x *names.Exchange) error {
	if x.Question().Name.Len() > 3 {
		return names.ErrSlow
	}
	return h.Echo.Resolve(context.Background(), x)
}

// An Answerer says and counts what Edge.Answer does, and does not count before the replies are sent.
func TestAnswerer(t *testing.T) {
	var sums [2]Stats
	var replies [2][][]byte
	for i := range 2 {
		e, err := NewEdge(Config{Resolver: halfSlow{}, MaxSlow: 1})
		if err != nil {
			t.Fatal(err)
		}
		a := NewAnswerer(e)
		a.Sent()
		for _, name := range []string{"a.", "b.", "a.b.", "c."} {
			query := wire.AppendQuery(nil, 7, 0, wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}, nil)
			var x names.Exchange
			var reply []byte
			if i == 0 {
				reply = e.Answer(t.Context(), &x, query, names.Peer{Transport: names.HTTPS}, nil)
			} else {
				var isSlow bool
				reply, isSlow = a.Try(&x, query, names.Peer{Transport: names.HTTPS}, nil)
				if isSlow {
					var later names.Exchange
					x.DetachInto(&later)
					reply = e.AnswerSlow(t.Context(), &later)
				}
			}
			replies[i] = append(replies[i], bytes.Clone(reply))
		}
		if i == 1 {
			if n := e.Stats().HTTPSQueries; n != 0 {
				t.Errorf("%d queries are counted before their replies are sent", n)
			}
			a.Sent()
			a.Sent()
		}
		sums[i] = e.Stats()
	}
	if !reflect.DeepEqual(replies[0], replies[1]) {
		t.Errorf("%x\n%x", replies[0], replies[1])
	}
	if a, b := sums[0], sums[1]; a.HTTPSQueries != 4 || a.HTTPSQueries != b.HTTPSQueries || a.Replies != b.Replies || a.Slow != b.Slow || a.Slow != 1 {
		t.Errorf("%+v\n%+v", a, b)
	}
}
