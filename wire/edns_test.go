package wire

import (
	"errors"
	"testing"
)

func TestOPT(t *testing.T) {
	e := EDNS{UDPSize: 1232, Extended: 1, Version: 0, Flags: FlagDO, Options: Options("\x00\x03\x00\x02ns")}
	const octets = "\x00\x00\x29\x04\xd0\x01\x00\x80\x00\x00\x06\x00\x03\x00\x02ns"
	b := e.AppendTo([]byte("x"))
	if string(b) != "x"+octets || e.Len() != len(octets) {
		t.Errorf("OPT is %q of length %d", b, e.Len())
	}
	msg := append(Header{Counts: [4]uint16{0, 0, 0, 1}}.AppendTo(nil), octets...)
	got, err := readOPT(msg)
	if err != nil || got.UDPSize != 1232 || got.Extended != 1 || got.Version != 0 || !got.DO() || string(got.Options) != string(e.Options) {
		t.Errorf("%+v, %v", got, err)
	}
	if rcode := got.RCode(Flags(0)); rcode != RCodeBadVers {
		t.Errorf("rcode %s", rcode)
	}
	for n := HeaderLen; n < len(msg); n++ {
		if _, err := readOPT(msg[:n]); !errors.Is(err, ErrShort) {
			t.Errorf("cut to %d octets: %v", n, err)
		}
	}
}

func readOPT(msg []byte) (EDNS, error) {
	var r Reader
	if err := r.Reset(msg); err != nil {
		return EDNS{}, err
	}
	for r.Section() != SectionAdditional {
		if err := r.NextSection(); err != nil {
			return EDNS{}, err
		}
	}
	h, err := r.Next()
	if err != nil {
		return EDNS{}, err
	}
	return r.EDNS(h)
}

func TestOPTRefused(t *testing.T) {
	header := string(Header{Counts: [4]uint16{0, 0, 0, 1}}.AppendTo(nil))
	for _, test := range []struct {
		what, octets string
		err          error
	}{
		{"owner", "\x01a\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00", ErrOPTOwner},
		{"option without length", "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x03\x00\x03\x00", ErrShort},
		{"option longer than the data", "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x04\x00\x03\x00\x01", ErrShort},
		{"second option cut", "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x05\x00\x03\x00\x00\x00", ErrShort},
	} {
		if e, err := readOPT([]byte(header + test.octets)); !errors.Is(err, test.err) {
			t.Errorf("%s: %+v, %v", test.what, e, err)
		}
		var q Query
		if err := q.Parse([]byte(header + test.octets)); !errors.Is(err, test.err) {
			t.Errorf("%s: Query.Parse says %v", test.what, err)
		}
	}
}

func TestOptionsList(t *testing.T) {
	var o Options
	o = o.AppendOption(OptionNSID, nil)
	o = o.AppendOption(65001, []byte("abc"))
	o = o.AppendOption(OptionNSID, []byte("second"))
	if data, ok := o.Find(65001); !ok || string(data) != "abc" {
		t.Errorf("Find gives %q, %v", data, ok)
	}
	if data, ok := o.Find(OptionNSID); !ok || len(data) != 0 {
		t.Errorf("Find gives the later of two: %q, %v", data, ok)
	}
	if _, ok := o.Find(OptionCookie); ok {
		t.Error("Find finds what is not there")
	}
	count := 0
	for rest := o; ; count++ {
		_, _, next, ok := rest.Next()
		if !ok {
			break
		}
		rest = next
	}
	if count != 3 {
		t.Errorf("%d options, want 3", count)
	}
}
