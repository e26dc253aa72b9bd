package config

import (
	"cmp"
	"fmt"
	"strings"
)

// Position is a place in a file. Lines and columns count from 1; a column
// counts octets.
type Position struct {
	File         string
	Line, Column int // 0: the file as a whole
}

func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Problem is something wrong with a configuration, and where it is.
type Problem struct {
	Position
	Text string
}

func (p Problem) Error() string { return p.Position.String() + ": " + p.Text }

// Problems is everything that is wrong with a configuration, one a line.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].Error()
	}
	return strings.Join(lines, "\n")
}

// maxProblems bounds how many problems are reported.
const maxProblems = 100

// inOrder compares problems by their lines. Those of one file are together
// already.
func inOrder(a, b Problem) int {
	if a.File != b.File {
		return 0
	}
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}
