package check

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/cmd/internal/cli"
)

// textReport writes what names check finds for people: each problem with its
// line and a caret, and in the end the sums.
type textReport struct {
	out, problems io.Writer
	inputs        *inputs
	isQuiet       bool // nothing about zones that are right
	colours       colours

	files, wrong     int
	errors, warnings int
}

func (r *textReport) file(f *checkedFile) {
	r.files++
	if !f.isRight() {
		r.wrong++
	}
	r.errors += f.problems.Errors
	r.warnings += f.problems.Warnings
	sources := sourcesOf(f.problems, r.inputs)
	for _, p := range f.problems.Problems {
		r.problem(p, sources)
	}
	r.rest(f)
	if f.err != nil && !errors.As(f.err, new(*diagnostic.List)) {
		r.errors++
		fmt.Fprintln(r.problems, f.err)
	}
	if f.refused {
		fmt.Fprintf(r.problems, "%s: refused for its warnings, as --strict wants\n", f.path)
	}
	if f.isRight() && !r.isQuiet {
		for _, zone := range f.zones {
			fmt.Fprintf(r.out, "%s: %s\n", f.path, describeZone(zone))
		}
	}
}

// problem writes one problem, and under it the line that it is on.
func (r *textReport) problem(p *diagnostic.Problem, sources sources) {
	c := &r.colours
	grade := c.red + "error: " + c.off
	if p.Warning {
		grade = c.yellow + "warning: " + c.off
	}
	at := p.Position.String()
	if at != "" {
		at = c.bold + at + ":" + c.off + " "
	}
	code := ""
	if p.Code != "" {
		code = c.dim + " [" + string(p.Code) + "]" + c.off
	}
	fmt.Fprintf(r.problems, "%s%s%v%s\n", at, grade, p.Err, code)
	if line, ok := sources[p.Position.File][p.Position.Line]; ok {
		text, mark := underline(line, p.Position.Column, p.About)
		margin := fmt.Sprintf("%5d", p.Position.Line)
		fmt.Fprintf(r.problems, "%s%s |%s %s\n", c.dim, margin, c.off, text)
		fmt.Fprintf(r.problems, "%s%s |%s %s%s%s\n", c.dim, strings.Repeat(" ", len(margin)), c.off, c.green, mark, c.off)
	}
}

// rest says how many problems were not shown, and of which kinds.
func (r *textReport) rest(f *checkedFile) {
	shown := map[diagnostic.Code]int{}
	errors, warnings := f.problems.Errors, f.problems.Warnings
	for _, p := range f.problems.Problems {
		if p.Warning {
			warnings--
			shown[p.Code]++
		} else {
			errors--
		}
	}
	if errors > 0 {
		more := "more"
		if f.problems.Full() {
			more = "more at least: the rest of the file was not read"
		}
		fmt.Fprintf(r.problems, "%s: and %s %s\n", f.path, cli.Count(errors, "error"), more)
	}
	if warnings > 0 {
		var kinds []string
		for _, code := range f.problems.Codes() {
			if n := f.problems.Count(code) - shown[code]; n > 0 {
				kinds = append(kinds, fmt.Sprintf("%s %d", code, n))
			}
		}
		fmt.Fprintf(r.problems, "%s: and %s more (%s)\n", f.path, cli.Count(warnings, "warning"), strings.Join(kinds, ", "))
	}
}

// summary says how many files were checked, if there is more than one or
// something to say about them.
func (r *textReport) summary() error {
	if r.files < 2 && r.errors+r.warnings == 0 {
		return nil
	}
	_, err := fmt.Fprintf(r.problems, "%s checked, %d right, %d wrong: %s, %s\n", cli.Count(r.files, "file"),
		r.files-r.wrong, r.wrong, cli.Count(r.errors, "error"), cli.Count(r.warnings, "warning"))
	return err
}

// sources are lines of files, by path and number.
type sources map[string]map[int]string

// sourcesOf reads the lines that problems are on.
func sourcesOf(problems *diagnostic.List, in *inputs) sources {
	wanted := map[string]map[int]bool{}
	for _, p := range problems.Problems {
		if at := p.Position; at.Line > 0 {
			if wanted[at.File] == nil {
				wanted[at.File] = map[int]bool{}
			}
			wanted[at.File][at.Line] = true
		}
	}
	found := sources{}
	for path, lines := range wanted {
		found[path] = in.lines(path, lines)
	}
	return found
}

// Lines that are shown are cut to a window around the place.
const (
	shownBefore = 60 // runes before the place
	shownAfter  = 80 // and after it
)

// underline returns a line as it can be shown on a terminal, and what is to
// stand under it: a caret at the word that is to blame. That is the word at a
// column, or the name about if the line has it after that.
func underline(line string, column int, about string) (text, mark string) {
	start := min(max(column-1, 0), len(line))
	if at, n := findName(line[start:], about); n > 0 {
		return window(line, start+at, n)
	}
	end := start
	for end < len(line) && !strings.ContainsRune(" \t\f;()", rune(line[end])) {
		end++
	}
	if start < len(line) && line[start] == '"' {
		if i := strings.IndexByte(line[start+1:], '"'); i >= 0 {
			end = start + 1 + i + 1
		}
	}
	return window(line, start, end-start)
}

// findName finds a name in a line: whole, without its last dot, or without
// labels at its end, which the origin may have added.
func findName(line, name string) (at, length int) {
	for text := name; text != "" && text != "."; {
		for at := 0; ; {
			i := strings.Index(line[at:], text)
			if i < 0 {
				break
			}
			at += i
			before := at == 0 || strings.IndexByte(" \t\f(\"", line[at-1]) >= 0
			end := at + len(text)
			after := end == len(line) || strings.IndexByte(" \t\f);\"", line[end]) >= 0
			if before && after && at > 0 {
				return at, len(text)
			}
			at++
		}
		if cut, ok := strings.CutSuffix(text, "."); ok {
			text = cut
		} else if i := strings.LastIndexByte(text, '.'); i > 0 {
			text = text[:i]
		} else {
			break
		}
	}
	return 0, 0
}

// window shows the part of a line around a place. What would move the cursor
// or change the terminal is shown as a dot.
func window(line string, start, length int) (text, mark string) {
	var before, within, after []rune
	for i, c := range line {
		if c == utf8.RuneError || !unicode.IsPrint(c) {
			if c = '·'; line[i] == '\t' {
				c = ' '
			}
		}
		switch {
		case i < start:
			before = append(before, c)
		case i < start+length:
			within = append(within, c)
		default:
			after = append(after, c)
		}
	}
	lead := ""
	if len(before) > shownBefore {
		before, lead = before[len(before)-shownBefore:], "…"
	}
	trail := ""
	if len(within) > shownAfter {
		within, after, trail = within[:shownAfter], nil, "…"
	} else if room := shownAfter - len(within); len(after) > room {
		after, trail = after[:room], "…"
	}
	text = strings.TrimRight(lead+string(before)+string(within)+string(after)+trail, " ")
	mark = strings.Repeat(" ", len(before)+utf8.RuneCountInString(lead)) + "^" + strings.Repeat("~", max(len(within)-1, 0))
	return text, mark
}

// colours are the sequences that colour a terminal; all empty for none.
type colours struct{ red, yellow, green, bold, dim, off string }

// coloursFor returns colours for a terminal whose user has not asked for none
// (no-color.org).
func coloursFor(w io.Writer) colours {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || !cli.IsTerminal(w) {
		return colours{}
	}
	return colours{red: "\x1b[1;31m", yellow: "\x1b[1;33m", green: "\x1b[32m", bold: "\x1b[1m", dim: "\x1b[2m", off: "\x1b[0m"}
}

// jsonReport writes what names check finds for programs: an object a line for
// each file.
type jsonReport struct {
	out    io.Writer
	inputs *inputs
	err    error // of writing
}

// jsonFile is what is printed about a file. docs/checking-zones.md describes it.
type jsonFile struct {
	File     string        `json:"file"`
	OK       bool          `json:"ok"`
	Zones    []jsonZone    `json:"zones"`
	Errors   int           `json:"errors"`
	Warnings int           `json:"warnings"`
	Problems []jsonProblem `json:"problems"`
}

type jsonZone struct {
	Zone    string `json:"zone"`
	Serial  uint32 `json:"serial"`
	Records int    `json:"records"`
	Names   int    `json:"names"`
	Signed  string `json:"signed,omitempty"`
}

type jsonProblem struct {
	Severity string          `json:"severity"`
	Code     diagnostic.Code `json:"code,omitempty"`
	File     string          `json:"file,omitempty"`
	Line     int             `json:"line,omitempty"`
	Column   int             `json:"column,omitempty"`
	Message  string          `json:"message"`
	Source   string          `json:"source,omitempty"`
}

func (r *jsonReport) file(f *checkedFile) {
	o := jsonFile{
		File: f.path, OK: f.isRight(), Zones: []jsonZone{},
		Errors: f.problems.Errors, Warnings: f.problems.Warnings, Problems: []jsonProblem{},
	}
	for _, z := range f.zones {
		o.Zones = append(o.Zones, jsonZone{z.Origin().String(), uint32(z.Serial()), z.Records(), z.Names(), z.Signed()})
	}
	sources := sourcesOf(f.problems, r.inputs)
	for _, p := range f.problems.Problems {
		severity := "error"
		if p.Warning {
			severity = "warning"
		}
		at := p.Position
		o.Problems = append(o.Problems, jsonProblem{
			Severity: severity, Code: p.Code, File: at.File, Line: at.Line, Column: at.Column,
			Message: p.Err.Error(), Source: strings.ToValidUTF8(sources[at.File][at.Line], "\ufffd"),
		})
	}
	if f.err != nil && !errors.As(f.err, new(*diagnostic.List)) {
		o.Errors++
		o.Problems = append(o.Problems, jsonProblem{Severity: "error", File: f.path, Message: f.err.Error()})
	}
	encoder := json.NewEncoder(r.out)
	encoder.SetEscapeHTML(false)
	r.err = cmp.Or(r.err, encoder.Encode(o))
}

func (r *jsonReport) summary() error { return r.err }
