package testnet

import (
	"slices"
	"strings"
)

// Updated returns the text of the file with what is expected as it happened in
// the stories that were played. Bounds stay as they are, and so does what was
// not played.
func (f *File) Updated() string {
	rows := strings.Split(f.text, "\n")
	var out []string
	next := 0 // row that is to be copied
	for _, l := range f.expectations() {
		if l.happened == nil {
			continue
		}
		out = append(out, rows[next:l.number]...)
		for _, text := range l.happened {
			out = append(out, "  "+text)
		}
		next = l.last()
	}
	return strings.Join(append(out, rows[next:]...), "\n")
}

// expectations returns the lines that ask or let time pass, in their order.
func (f *File) expectations() []*line {
	var lines []*line
	for _, s := range f.Stories {
		for _, c := range s.commands {
			switch c := c.(type) {
			case *ask:
				lines = append(lines, c.want.line)
			case *advance:
				lines = append(lines, c.want.line)
			}
		}
	}
	slices.SortFunc(lines, func(a, b *line) int { return a.number - b.number })
	return slices.Compact(lines)
}
