package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestQueryParse(t *testing.T) {
	question := Question{MustParseName("WWW.example."), TypeAAAA, ClassIN}
	edns := EDNS{UDPSize: 4096, Flags: FlagDO, Options: Options{}.AppendOption(OptionCookie, []byte("12345678"))}
	msg := AppendQuery(nil, 99, FlagRD|FlagCD, question, &edns)
	var q Query
	if err := q.Parse(msg); err != nil {
		t.Fatal(err)
	}
	if q.Header.ID != 99 || q.Header.Flags != FlagRD|FlagCD || q.Question != question || !q.HasEDNS ||
		q.EDNS.UDPSize != 4096 || !q.EDNS.DO() || !bytes.Equal(q.EDNS.Options, edns.Options) {
		t.Errorf("%+v", q)
	}
	msg = AppendQuery(nil, 1, 0, question, nil)
	if err := q.Parse(msg); err != nil || q.HasEDNS || q.EDNS.UDPSize != 0 || q.Question != question {
		t.Errorf("without OPT: %+v, %v", q, err)
	}
	if err := q.Parse(make([]byte, HeaderLen)); err != nil || !q.Question.Name.IsZero() {
		t.Errorf("without a question: %+v, %v", q, err)
	}
}

func TestQueryMalformed(t *testing.T) {
	const opt = "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
	header := func(qd, an, ns, ar uint16) string {
		return string(Header{Counts: [4]uint16{qd, an, ns, ar}}.AppendTo(nil))
	}
	const question = "\x01a\x00\x00\x01\x00\x01"
	const tsig = "\x03key\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x00"
	for _, test := range []struct {
		what, octets string
		err          error
	}{
		{"nothing", "", ErrShort},
		{"half a header", header(0, 0, 0, 0)[:11], ErrShort},
		{"no question", header(1, 0, 0, 0), ErrShort},
		{"two questions", header(2, 0, 0, 0) + question + question, ErrQuestionCount},
		{"65535 questions", header(65535, 0, 0, 0) + question, ErrQuestionCount},
		{"half a question", header(1, 0, 0, 0) + question[:6], ErrShort},
		{"question compressed", header(1, 0, 0, 0) + "\xc0\x0c\x00\x01\x00\x01", ErrCompressed},
		{"label type", header(1, 0, 0, 0) + "\x40\x00\x00\x01\x00\x01", ErrLabelType},
		{"OPT without a count", header(1, 0, 0, 0) + question + opt, ErrUncountedOPT},
		{"OPT without a count, after one", header(1, 0, 0, 1) + question + opt + opt, ErrUncountedOPT},
		{"OPT as answer", header(1, 1, 0, 0) + question + opt, ErrOPTSection},
		{"OPT in the authority section", header(1, 0, 1, 1) + question + opt + opt, ErrOPTSection},
		{"TSIG twice", header(1, 0, 0, 2) + question + tsig + tsig, ErrTSIGPlace},
		{"TSIG before OPT", header(1, 0, 0, 2) + question + tsig + opt, ErrTSIGPlace},
		{"TSIG before another record", header(1, 0, 0, 2) + question + tsig + "\x00\x00\x01" + tsig[6:], ErrTSIGPlace},
		{"TSIG as answer", header(1, 1, 0, 0) + question + tsig, ErrTSIGPlace},
		{"TSIG in the authority section", header(1, 0, 1, 1) + question + tsig + opt, ErrTSIGPlace},
		{"answer missing", header(1, 1, 0, 0) + question, ErrShort},
		{"65535 additional", header(1, 0, 0, 65535) + question + opt, ErrShort},
		{"two OPTs", header(1, 0, 0, 2) + question + opt + opt, ErrDuplicateOPT},
		{"OPT with an owner", header(1, 0, 0, 1) + question + "\x01a" + opt, ErrOPTOwner},
		{"OPT with a pointer for owner", header(1, 0, 0, 1) + question + "\xc0\x0e" + opt[1:], ErrOPTOwner},
		{"options cut", header(1, 0, 0, 1) + question + opt[:10] + "\x03\x00\x03\x00", ErrShort},
		{"data cut", header(1, 0, 0, 1) + question + opt[:10] + "\x01", ErrShort},
		{"record with a bad owner", header(1, 0, 0, 1) + question + "\x80" + opt, ErrLabelType},
	} {
		var q Query
		if err := q.Parse([]byte(test.octets)); !errors.Is(err, test.err) {
			t.Errorf("%s: %v, want %v", test.what, err, test.err)
		}
	}
	// What was read before the fault is kept.
	var q Query
	if q.Parse([]byte(header(1, 0, 0, 1) + question)); q.Question.String() != "a.\tIN\tA" {
		t.Errorf("question before a missing OPT: %v", q.Question)
	}
}

// A message ends where its counts say.
func TestQueryEndsWhereItsCountsSay(t *testing.T) {
	question := Question{MustParseName("www.example."), TypeA, ClassIN}
	const tsig = "\x03key\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x00"
	withTSIG := append(AppendQuery(nil, 1, 0, question, &EDNS{}), tsig...)
	withTSIG[11]++
	for what, msg := range map[string][]byte{
		"question":    AppendQuery(nil, 1, 0, question, nil),
		"with EDNS":   AppendQuery(nil, 1, 0, question, &EDNS{UDPSize: 1232}),
		"with TSIG":   withTSIG,
		"header only": make([]byte, HeaderLen),
	} {
		for _, more := range []string{"\x00", "x", strings.Repeat("\x00", 500), "\x03www\x00\x00\x01\x00\x01", "\x00\x00\x29"} {
			var q, whole Query
			if err := whole.Parse(msg); err != nil {
				t.Fatal(err)
			}
			if err := q.Parse(append(bytes.Clone(msg), more...)); err != nil || !bytes.Equal(q.Message, msg) {
				t.Errorf("%s, followed by %q: %x, %v", what, more, q.Message, err)
			}
			if q.Question != whole.Question || q.HasEDNS != whole.HasEDNS || q.TSIG != whole.TSIG {
				t.Errorf("%s, followed by %q: %+v", what, more, q)
			}
		}
	}
	var q Query
	if err := q.Parse(withTSIG); err != nil || string(q.Message[q.TSIG:]) != tsig {
		t.Errorf("TSIG is at %d: %v", q.TSIG, err)
	}
}

// queryBySlowTwin reads with a Reader what Query.Parse reads by itself.
func queryBySlowTwin(msg []byte) (q Query, err error) {
	var r Reader
	if err := r.Reset(msg); err != nil {
		return q, err
	}
	if r.Header().Counts[SectionQuestion] > 1 {
		return q, ErrQuestionCount
	}
	question, err := r.Question()
	if err != nil && err != ErrSectionDone {
		return q, err
	}
	q.Question = question
	for r.Section() != SectionEnd {
		if err := r.NextSection(); err != nil {
			return q, err
		}
		for {
			start := r.dataEnd
			h, err := r.Next()
			if err == ErrSectionDone {
				break
			}
			if err != nil {
				return q, err
			}
			if q.TSIG != 0 || h.Type == TypeTSIG && r.Section() != SectionAdditional {
				return q, ErrTSIGPlace
			}
			if h.Type == TypeTSIG {
				q.TSIG = start
			}
			if h.Type != TypeOPT {
				continue
			}
			if r.Section() != SectionAdditional {
				return q, ErrOPTSection
			}
			if q.HasEDNS {
				return q, ErrDuplicateOPT
			}
			if q.EDNS, err = r.EDNS(h); err != nil {
				return q, err
			}
			q.HasEDNS = true
		}
	}
	if err := r.Close(); err != nil {
		return q, err
	}
	if isOPT(msg[r.dataEnd:]) {
		return q, ErrUncountedOPT
	}
	q.Message = msg[:r.dataEnd]
	return q, nil
}

func FuzzQuery(f *testing.F) {
	question := Question{MustParseName("www.example."), TypeA, ClassIN}
	f.Add(AppendQuery(nil, 1, FlagRD, question, nil))
	f.Add(AppendQuery(nil, 1, FlagRD, question, &EDNS{UDPSize: 1232, Options: Options("\x00\x03\x00\x00")}))
	f.Add(mxReply(f))
	f.Fuzz(func(t *testing.T, msg []byte) {
		var q Query
		err := q.Parse(msg)
		slow, slowErr := queryBySlowTwin(msg)
		if slowErr == nil && err != nil {
			t.Fatalf("Query.Parse says %v, Reader nothing", err)
		}
		if err != nil || slowErr != nil { // Reader looks where pointers lead, Query does not
			return
		}
		if q.Question != slow.Question || q.HasEDNS != slow.HasEDNS || q.TSIG != slow.TSIG || !bytes.Equal(q.Message, slow.Message) || q.EDNS.UDPSize != slow.EDNS.UDPSize ||
			q.EDNS.Flags != slow.EDNS.Flags || q.EDNS.Version != slow.EDNS.Version || q.EDNS.Extended != slow.EDNS.Extended ||
			!bytes.Equal(q.EDNS.Options, slow.EDNS.Options) {
			t.Fatalf("Query.Parse reads %+v, Reader %+v", q, slow)
		}
	})
}
