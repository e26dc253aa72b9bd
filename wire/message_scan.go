package wire

import "errors"

// What can be wrong with the words of a text.
var (
	ErrUnclosedQuote = errors.New("quoted text is not closed on its line")
	ErrParenthesis   = errors.New("parentheses are not balanced")
)

// wordScanner cuts text into words as zone files do (RFC 1035 5.1): a pair of
// parentheses makes several lines one, a semicolon starts a comment, quotes
// hold a word with blanks together.
type wordScanner struct {
	text  string
	at    int // the next octet
	line  int // the line at is in, from 1
	start int // where that line starts
}

// wordPlace is where a word starts; both count from 1.
type wordPlace struct{ line, column int }

func (s *wordScanner) column() int { return s.at - s.start + 1 }

// peek returns the next octet, a line end at the end of the text.
func (s *wordScanner) peek() byte {
	if s.at == len(s.text) {
		return '\n'
	}
	return s.text[s.at]
}

func (s *wordScanner) newLine() {
	s.at++
	s.line++
	s.start = s.at
}

// nextLine goes to the first word or semicolon of the next line that has one;
// false at the end of the text.
func (s *wordScanner) nextLine() bool {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case '\n':
			s.newLine()
		case ' ', '\t', '\r':
			s.at++
		default:
			return true
		}
	}
	return false
}

// restOfLine returns what is left of the line, its end read but left out.
func (s *wordScanner) restOfLine() string {
	from := s.at
	for s.at < len(s.text) && s.text[s.at] != '\n' {
		s.at++
	}
	return s.text[from:s.at]
}

// entry reads the words up to the end of the line, or after it as long as a
// parenthesis is open.
func (s *wordScanner) entry() (words []Word, places []wordPlace, err error) {
	open := 0 // parentheses
	for {
		here := wordPlace{s.line, s.column()}
		fail := func(err error) ([]Word, []wordPlace, error) {
			return nil, nil, &TextError{here.line, here.column, err}
		}
		switch c := s.peek(); c {
		case ' ', '\t', '\r':
			s.at++
		case ';':
			s.restOfLine()
		case '(':
			open++
			s.at++
		case ')':
			if open == 0 {
				return fail(ErrParenthesis)
			}
			open--
			s.at++
		case '\n':
			if open == 0 {
				return words, places, nil
			}
			if s.at == len(s.text) {
				return fail(ErrParenthesis)
			}
			s.newLine()
		default:
			word, err := s.word()
			if err != nil {
				return fail(err)
			}
			words, places = append(words, word), append(places, here)
		}
	}
}

// word reads one word. Quotes inside a word keep blanks in it and are left
// out, as in alpn="h2,h3".
func (s *wordScanner) word() (Word, error) {
	w := Word{Text: []byte{}, Quoted: s.peek() == '"'}
	inQuotes := false
	for {
		switch c := s.peek(); c {
		case '\n':
			if inQuotes {
				return w, ErrUnclosedQuote
			}
			return w, nil
		case ' ', '\t', '\r', ';', '(', ')':
			if !inQuotes {
				return w, nil
			}
		case '"':
			s.at++
			inQuotes = !inQuotes
			if w.Quoted && !inQuotes {
				return w, nil
			}
			continue
		case '\\':
			w.Text = append(w.Text, c)
			s.at++
			if s.peek() == '\n' {
				return w, ErrEscape
			}
		}
		w.Text = append(w.Text, s.text[s.at])
		s.at++
	}
}
