package odoh

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/names-dns/names/listener/odoh/odohtest"
)

func plainOf(query string, padding ...byte) []byte {
	return appendSized(appendSized(nil, []byte(query)), padding)
}

func TestOpenAndSeal(t *testing.T) {
	keys, now := new(Keys), time.Unix(1e9, 0)
	configs, left, err := keys.Configs(now)
	if err != nil || left != publishedFor {
		t.Fatalf("%v, %v", left, err)
	}
	message, client := odohtest.Seal(t, configs, []byte("a query"), 0, 0, 0)
	query, a, err := keys.Open(message, now)
	if err != nil || string(query) != "a query" {
		t.Fatalf("%q, %v", query, err)
	}
	for _, length := range []int{0, 1, 464, 465, 10000, maxReply} {
		reply := bytes.Repeat([]byte{7}, length)
		sealed, err := a.Seal(reply)
		if err != nil {
			t.Fatal(err)
		}
		if got := client.Open(t, sealed); !bytes.Equal(got, reply) {
			t.Errorf("a reply of %d octets comes as %d", length, len(got))
		}
	}
	if _, err := a.Seal(make([]byte, maxReply+1)); err == nil {
		t.Error("a reply that does not fit is encrypted")
	}

	for what, plain := range map[string][]byte{
		"padding that is not zero": plainOf("x", 0, 1), "no query": plainOf(""), "no padding": appendSized(nil, []byte("x")),
		"more than that": append(plainOf("x"), 0), "nothing": nil,
	} {
		message, _ := odohtest.SealPlain(t, configs, plain)
		if _, _, err := keys.Open(message, now); err != ErrMessage {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range message {
		wrong := bytes.Clone(message)
		wrong[i] ^= 1
		if _, _, err := keys.Open(wrong, now); !errors.Is(err, ErrMessage) && !errors.Is(err, ErrKey) {
			t.Errorf("octet %d is wrong: %v", i, err)
		}
		if _, _, err := keys.Open(message[:i], now); !errors.Is(err, ErrMessage) {
			t.Errorf("the first %d octets: %v", i, err)
		}
	}
}

// A key is published for a day, is recognised for another, and then gone.
func TestKeysRotate(t *testing.T) {
	keys, start := new(Keys), time.Unix(1e9, 0)
	first, _, err := keys.Configs(start)
	if err != nil {
		t.Fatal(err)
	}
	message, _ := odohtest.Seal(t, first, []byte("x"))
	for _, c := range []struct {
		after time.Duration
		same  bool
		want  error
	}{{publishedFor - 1, true, nil}, {publishedFor, false, nil}, {recognisedFor - 1, false, nil}, {recognisedFor, false, ErrKey}} {
		now := start.Add(c.after)
		configs, left, err := keys.Configs(now)
		if err != nil || bytes.Equal(configs, first) != c.same || left <= 0 {
			t.Errorf("after %v: the same %v, for %v, %v", c.after, !c.same, left, err)
		}
		if _, _, err := keys.Open(message, now); err != c.want {
			t.Errorf("after %v: %v", c.after, err)
		}
		if len(keys.all) > 2 {
			t.Errorf("%d keys", len(keys.all))
		}
	}
	if _, _, err := new(Keys).Open(message, start); err != ErrKey {
		t.Errorf("another server: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	keys, now := new(Keys), time.Unix(1e9, 0)
	configs, _, err := keys.Configs(now)
	if err != nil {
		f.Fatal(err)
	}
	message, _ := odohtest.Seal(f, configs, []byte("a query"), 0)
	f.Add(message, []byte("x"))
	f.Add([]byte{1, 0, 0, 0, 0}, plainOf("a query", 0))
	f.Fuzz(func(t *testing.T, message, plain []byte) {
		if query, a, err := keys.Open(message, now); err == nil && (len(query) == 0 || a == nil) {
			t.Error("neither a query nor an error")
		}
		if len(plain) > 60000 {
			return
		}
		sealed, client := odohtest.SealPlain(t, configs, plain)
		query, a, err := keys.Open(sealed, now)
		if err != nil {
			return
		}
		reply, err := a.Seal(query)
		if err != nil || !bytes.Equal(client.Open(t, reply), query) {
			t.Errorf("a reply: %v", err)
		}
	})
}
