package zonefile

import (
	"bytes"
	"fmt"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// Bounds of one entry. The longest data is 65,535 octets: in the generic form that
// is as many hexadecimal pairs, each of which may be a separate word, and four
// characters for each octet if all are escaped.
const (
	maxWords   = 2*65535 + 16
	maxWordLen = 4*65535 + 16
)

// scanner splits the text of one file into entries, and these into words. An entry
// is a line with words, or several lines joined by parentheses (RFC 1035 5.1).
type scanner struct {
	file     string
	text     []byte
	more     bool // the file continues after text, which is whole lines
	at       int  // the next octet
	line     int  // the line it is on
	problems *diagnostic.List

	// The entry that next read last.
	words  []wire.Word // slices of text; reused by the next entry
	start  int         // its first octet, which is the first of a line
	first  int         // the line that is
	blank  bool        // it starts with a blank: the owner is inherited
	broken bool        // an error in it was reported, or will be when the entry is complete

	// The first error in the entry that is being read.
	fault   error
	faultAt int

	ended bool // an entry was so wrong that nothing after it is read
}

// octetKind is how the scanner treats an octet outside quotes and comments.
type octetKind uint8

const (
	ordinary octetKind = iota
	blank
	lineEnd
	comment
	opening
	closing
	quote
	escape
	nul
)

var octetKinds = [256]octetKind{
	' ': blank, '\t': blank, '\f': blank,
	'\n': lineEnd, '\r': lineEnd,
	';': comment, '(': opening, ')': closing, '"': quote, '\\': escape,
	0: nul,
}

// newScanner returns a scanner of text that starts on line 1.
func newScanner(file string, text []byte, problems *diagnostic.List) scanner {
	return scanner{file: file, text: text, line: 1, problems: problems}
}

// trimMark returns the text of a file without the octets that some editors
// mark UTF-8 with.
func trimMark(text []byte) []byte { return bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF")) }

// resume continues with text, which follows the last one in the file and begins
// with what next left of that.
func (s *scanner) resume(text []byte, more bool) {
	s.text, s.more, s.at = text, more, 0
}

// next moves to the next entry that has words or an error. It returns false if
// there is none. It does not read an entry that may continue in more text: at is
// then where it starts, or else the end of the text.
func (s *scanner) next() bool {
	text, i := s.text, s.at
	s.beginEntry(i)
	depth, opened := 0, 0 // parentheses that are open, and where the outermost is
	for i < len(text) {
		switch octetKinds[text[i]] {
		case blank:
			i++
			continue
		case lineEnd:
			i = s.endLine(i)
			if depth > 0 {
				continue
			}
			if len(s.words) > 0 || s.broken {
				s.at = i
				return s.finishEntry()
			}
			s.beginEntry(i)
		case comment:
			i = endOfComment(text, i)
		case opening:
			if depth == 0 {
				opened = i
			}
			depth++
			i++
		case closing:
			if depth--; depth < 0 {
				s.fail(i, "closing parenthesis without an opening one")
				depth = 0
			}
			i++
		case quote:
			i = s.quotedWord(i)
		case nul:
			s.failNul(i)
			i++
		default:
			i = s.word(i)
		}
		if len(s.words) > maxWords {
			s.fail(s.start, "entry has more than %d words", maxWords)
			i, s.ended = len(text), true
		}
	}
	if s.more && !s.ended {
		s.at, s.line = s.start, s.first
		return false
	}
	s.at = i
	if depth > 0 {
		s.fail(opened, "parenthesis is never closed")
	}
	return s.finishEntry()
}

// beginEntry begins an entry at octet i, where a line starts.
func (s *scanner) beginEntry(i int) {
	s.words = s.words[:0]
	s.start, s.first = i, s.line
	s.blank = i < len(s.text) && octetKinds[s.text[i]] == blank
	s.broken, s.fault = false, nil
}

// finishEntry reports the error in the entry, and returns whether it is an entry.
func (s *scanner) finishEntry() bool {
	if s.fault != nil {
		s.problems.Errorf(s.position(s.faultAt), "%w", s.fault)
	}
	return len(s.words) > 0 || s.broken
}

// endLine returns the octet after the line end at octet i: LF, CR LF or CR.
func (s *scanner) endLine(i int) int {
	s.line++
	if s.text[i] == '\r' && i+1 < len(s.text) && s.text[i+1] == '\n' {
		return i + 2
	}
	return i + 1
}

// endOfComment returns where the line ends that the comment at octet i is on.
func endOfComment(text []byte, i int) int {
	for i < len(text) && octetKinds[text[i]] != lineEnd {
		i++
	}
	return i
}

// word adds the word without quotes that starts at octet i and returns the octet
// after it. A backslash escapes the octet after it; the word keeps both (package
// wire reads escapes).
func (s *scanner) word(i int) int {
	text, start := s.text, i
	i = skipOrdinary(text, i)
	for ; i < len(text) && octetKinds[text[i]] == escape; i = skipOrdinary(text, i) {
		if i+1 == len(text) || octetKinds[text[i+1]] == lineEnd || text[i+1] == 0 {
			s.fail(i, "backslash with nothing after it")
			i++
			continue
		}
		i += 2
	}
	s.add(start, i, false)
	return i
}

// quotedWord adds the word in quotes that starts at octet i and returns the octet
// after it. The end of the line also ends it, and is an error, unless it is a line
// feed after a backslash.
func (s *scanner) quotedWord(i int) int {
	text, start := s.text, i
	for i++; i < len(text) && octetKinds[text[i]] != lineEnd; i++ {
		switch octetKinds[text[i]] {
		case quote:
			s.add(start+1, i, true)
			return i + 1
		case nul:
			s.failNul(i)
		case escape:
			switch {
			case i+1 == len(text) || text[i+1] == '\r':
				// The loop ends there.
			case text[i+1] == 0:
				s.failNul(i + 1)
				i++
			case text[i+1] == '\n':
				s.line++
				i++
			default:
				i++
			}
		}
	}
	s.fail(start, "quote is never closed")
	return i
}

func (s *scanner) add(start, end int, quoted bool) {
	if end-start > maxWordLen {
		s.fail(start, "word is longer than %d octets", maxWordLen)
		return
	}
	s.words = append(s.words, wire.Word{Text: s.text[start:end], Quoted: quoted})
}

// fail records an error at an octet of the entry that is being read, for
// finishEntry to report. Only the first error of an entry is reported: the others
// usually follow from it.
func (s *scanner) fail(offset int, format string, args ...any) {
	if !s.broken {
		s.fault, s.faultAt = fmt.Errorf(format, args...), offset
	}
	s.broken = true
}

func (s *scanner) failNul(offset int) {
	s.fail(offset, "octet 0 in the text: this is not a zone file, or it is damaged")
}

// failWord reports an error in word i of the entry. If the entry has no such word,
// the position is after the last one.
func (s *scanner) failWord(i int, err error) {
	at := 0
	if i < len(s.words) {
		at = s.offset(i)
	} else {
		at = s.end(len(s.words) - 1)
	}
	if !s.broken {
		if i < len(s.words) {
			err = adviseFault(s.words[i].Text, err)
		}
		s.problems.Errorf(s.position(at), "%w", err)
	}
	s.broken = true
}

// offset is where word i starts, at its quote if it has one.
func (s *scanner) offset(i int) int {
	w := s.words[i]
	at := cap(s.text) - cap(w.Text) // both reach to the end of the same memory
	if w.Quoted {
		at--
	}
	return at
}

// end is the octet after word i and its quote.
func (s *scanner) end(i int) int {
	w := s.words[i]
	at := cap(s.text) - cap(w.Text) + len(w.Text)
	if w.Quoted {
		at++
	}
	return at
}

// position is the place of an octet of the entry.
func (s *scanner) position(offset int) diagnostic.Position {
	line, start := s.first, s.start
	for i := s.start; i < offset; i++ {
		switch {
		case s.text[i] == '\n', s.text[i] == '\r' && i+1 < len(s.text) && s.text[i+1] != '\n':
			line++
			start = i + 1
		}
	}
	return diagnostic.Position{File: s.file, Line: line, Column: offset - start + 1}
}

// keyword returns word i if it can be a keyword: if it exists and has no quotes.
func (s *scanner) keyword(i int) ([]byte, bool) {
	if i >= len(s.words) || s.words[i].Quoted {
		return nil, false
	}
	return s.words[i].Text, true
}

// quoteWord shows a word in an error, bounded.
func quoteWord(text []byte) string {
	const most = 60
	if len(text) > most {
		return fmt.Sprintf("%q…", text[:most])
	}
	return fmt.Sprintf("%q", text)
}
