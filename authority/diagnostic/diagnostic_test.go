package diagnostic

import (
	"errors"
	"io"
	"testing"
)

func TestPosition(t *testing.T) {
	for at, want := range map[Position]string{
		{}:                                  "",
		{File: "zone"}:                      "zone",
		{File: "zone", Line: 3}:             "zone:3",
		{File: "zone", Line: 3, Column: 14}: "zone:3:14",
		{File: "zone", Column: 14}:          "zone",
	} {
		if got := at.String(); got != want {
			t.Errorf("%#v: %q, want %q", at, got, want)
		}
	}
}

func TestProblem(t *testing.T) {
	at := Position{File: "zone", Line: 3, Column: 14}
	for _, test := range []struct {
		problem Problem
		want    string
	}{
		{Problem{Position: at, Err: io.EOF}, "zone:3:14: EOF"},
		{Problem{Position: at, Warning: true, Err: io.EOF}, "zone:3:14: warning: EOF"},
		{Problem{Err: io.EOF}, "EOF"},
		{Problem{Warning: true, Err: io.EOF}, "warning: EOF"},
	} {
		if got := test.problem.Error(); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
		if !errors.Is(&test.problem, io.EOF) {
			t.Errorf("%v does not wrap its cause", &test.problem)
		}
	}
}

func TestList(t *testing.T) {
	var l List
	if l.Err() != nil || l.Full() {
		t.Errorf("an empty list is an error: %v, full: %v", l.Err(), l.Full())
	}
	at := Position{File: "zone", Line: 1, Column: 1}
	l.Limit = 2
	for range 3 {
		l.Warnf(at, HostName, "odd")
	}
	if l.Err() != nil || l.Full() || l.Warnings != 3 || len(l.Problems) != 2 {
		t.Errorf("warnings: %v, full: %v, %d of %d kept", l.Err(), l.Full(), len(l.Problems), l.Warnings)
	}
	l.Errorf(at, "wrong: %w", io.EOF)
	l.Errorf(at, "bad")
	l.MaxErrors = 2
	if l.Full() {
		t.Error("full at its limit")
	}
	if got, want := l.Error(), "zone:1:1: wrong: EOF\nzone:1:1: bad"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	l.Errorf(at, "worse")
	if !l.Full() || l.Errors != 3 || len(l.Problems) != 4 {
		t.Errorf("full: %v, %d kept", l.Full(), len(l.Problems))
	}
	if got, want := l.Error(), "zone:1:1: wrong: EOF\nzone:1:1: bad\nand 1 more at least"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	l.MaxErrors = 0
	if got, want := l.Error(), "zone:1:1: wrong: EOF\nzone:1:1: bad\nand 1 more"; got != want || l.Full() {
		t.Errorf("%q, want %q", got, want)
	}
	problem, ok := errors.AsType[*Problem](l.Err())
	if !ok || problem.Position != at || !errors.Is(l.Err(), io.EOF) {
		t.Errorf("the list does not wrap its problems: %v", problem)
	}
}

// TestDefaultLimit: the zero list keeps as many as the constant says.
func TestDefaultLimit(t *testing.T) {
	var l List
	for range 2 * Limit {
		l.Errorf(Position{}, "wrong")
	}
	if len(l.Problems) != Limit || l.Errors != 2*Limit {
		t.Errorf("%d of %d kept", len(l.Problems), l.Errors)
	}
}

// TestListWarnings: the first of each kind is kept, those that are ignored are
// not counted, and lists that are joined know as much as one.
func TestListWarnings(t *testing.T) {
	fill := func(l *List, from, to int) {
		for i := from; i < to; i++ {
			l.Warnf(Position{File: "zone", Line: i}, HostName, "odd host")
			l.Warnf(Position{File: "zone", Line: i}, Iterations, "ignored")
		}
	}
	whole := List{Limit: 2, Ignore: []Code{Iterations}}
	fill(&whole, 0, 10)
	whole.Warnf(Position{}, MissingDot, "rare")
	whole.Warnf(Position{}, MissingDot, "rare")

	joined := List{Limit: 2, Ignore: []Code{Iterations}}
	first, second := joined.Fork(), joined.Fork()
	fill(first, 0, 5)
	fill(second, 5, 10)
	joined.Join(first)
	joined.Join(second)
	joined.Join(nil)
	joined.Warnf(Position{}, MissingDot, "rare")
	joined.Warnf(Position{}, MissingDot, "rare")
	for name, l := range map[string]*List{"whole": &whole, "joined": &joined} {
		if len(l.Problems) != 3 || l.Warnings != 12 || l.Count(HostName) != 10 || l.Count(MissingDot) != 2 || l.Count(Iterations) != 0 {
			t.Errorf("%s: %v, %d warnings, counts %v", name, l.Problems, l.Warnings, l.counts)
		}
		if codes := l.Codes(); len(codes) != 2 || codes[0] != HostName {
			t.Errorf("%s: %v", name, codes)
		}
	}
}

func TestNilList(t *testing.T) {
	var l *List
	if l.Full() || l.Err() != nil || l.Error() != "" || l.Unwrap() != nil {
		t.Error("a nil list does not read as an empty one")
	}
	var got List
	if got.Join(l); got.Errors != 0 {
		t.Error("a nil list adds something")
	}
}
