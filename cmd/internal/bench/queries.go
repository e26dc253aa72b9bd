package bench

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/wire"
)

// questionList is what is asked, in wire form: the questions one after the
// other, and where each starts.
type questionList struct {
	octets []byte
	starts []uint32 // one more than there are questions
}

const (
	// maxQuestion is the length of the longest question in octets: name, type
	// and class.
	maxQuestion = 255 + 4
	// maxQuestionOctets bounds the memory for questions; those of names of
	// twenty octets and their places take 28 octets each.
	maxQuestionOctets = 1 << 30
	// maxQueryLine is longer than any name, every octet escaped, and its type.
	maxQueryLine = 4096
)

func (l *questionList) len() int { return len(l.starts) - 1 }

// at returns question n, the first being 0.
func (l *questionList) at(n int) []byte { return l.octets[l.starts[n]:l.starts[n+1]] }

// oneQuestion is the list of one question, from the command line.
func oneQuestion(name, kind string) (*questionList, error) {
	l := &questionList{starts: []uint32{0}}
	if err := l.addName([]byte(name)); err != nil {
		return nil, fmt.Errorf("%q is not a name: %w", name, err)
	}
	return l, l.addType([]byte(kind))
}

// readQuestions reads dnsperf's format: a name and a type in each line. What
// begins with ; or # is a comment. Names are absolute. file is what errors call
// the input.
func readQuestions(r io.Reader, file string) (*questionList, error) {
	return readQuestionsUpTo(r, file, maxQuestionOctets)
}

func readQuestionsUpTo(r io.Reader, file string, limit int) (*questionList, error) {
	l := &questionList{starts: []uint32{0}}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, maxQueryLine), maxQueryLine)
	n := 1
	for ; lines.Scan(); n++ {
		if column, err := l.addLine(lines.Bytes()); err != nil {
			return nil, fmt.Errorf("%s:%d:%d: %w", file, n, column, err)
		}
		if len(l.octets)+4*len(l.starts) > min(limit, math.MaxUint32) {
			return nil, fmt.Errorf("%s:%d:1: questions up to here take more than %d octets of memory; split the file", file, n, limit)
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("%s:%d:%d: line goes on after its first %[3]d octets", file, n, maxQueryLine)
	case err != nil:
		return nil, fmt.Errorf("%s:%d: %w", file, n, cli.WithoutPath(err))
	case l.len() == 0:
		return nil, fmt.Errorf("%s: there are no questions: give a name and a type in each line", file)
	}
	return l, nil
}

// addLine reads a line. Columns count octets, from 1.
func (l *questionList) addLine(line []byte) (column int, err error) {
	name, column, rest := cutWord(line, 1)
	if len(name) == 0 {
		return 0, nil
	}
	if err := l.addName(name); err != nil {
		return column, fmt.Errorf("this is not a name: %w", err)
	}
	kind, column, rest := cutWord(rest, column+len(name))
	if len(kind) == 0 {
		return column, errors.New("there is no type after the name")
	}
	if err := l.addType(kind); err != nil {
		return column, err
	}
	if word, column, _ := cutWord(rest, column+len(kind)); len(word) > 0 {
		return column, errors.New("there is something after the type: a line is a name and a type")
	}
	return 0, nil
}

// cutWord cuts the first word off a line, which begins at column. It is empty
// at the end of the line, or where a comment begins; start is where that is.
func cutWord(line []byte, column int) (word []byte, start int, rest []byte) {
	from := 0
	for from < len(line) && isBlank(line[from]) {
		from++
	}
	end := from
	if end < len(line) && line[end] != ';' && line[end] != '#' {
		for end < len(line) && !isBlank(line[end]) {
			end++
		}
	}
	return line[from:end], column + from, line[end:]
}

func isBlank(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// addName adds a name, to which addType has to add the rest of its question.
func (l *questionList) addName(name []byte) (err error) {
	l.octets, err = wire.AppendNameFromText(l.octets, name, wire.Root)
	return err
}

func (l *questionList) addType(kind []byte) error {
	t, err := wire.ParseType(kind)
	if err != nil {
		return err
	}
	l.octets = binary.BigEndian.AppendUint16(l.octets, uint16(t))
	l.octets = binary.BigEndian.AppendUint16(l.octets, uint16(wire.ClassIN))
	l.starts = append(l.starts, uint32(len(l.octets)))
	return nil
}
