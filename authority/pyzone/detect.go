package pyzone

import (
	"bytes"
	"regexp"
)

// LooksLike reports whether text, the beginning of a file, is that of a pyzone and
// not of a master file: the first line that is not blank or a comment is an
// assignment.
func LooksLike(text []byte) bool {
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' {
			return assignment.Match(line)
		}
		text = rest
	}
	return false
}

var assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*\s*=(\s*[\[({'"0-9A-Za-z_-]|$)`)
