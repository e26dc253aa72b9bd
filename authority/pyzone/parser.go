package pyzone

import (
	"fmt"
	"slices"

	"github.com/names-dns/names/authority/diagnostic"
)

// maxArguments is the most arguments of a call: character-strings of one octet
// each that fill the data of a record.
const maxArguments = 65535

// valueKind is the type of a literal.
type valueKind uint8

const (
	none valueKind = iota
	boolean
	integer
	float
	textString
	byteString
	list
	tuple
)

var kindWords = [...]string{"None", "a boolean", "a number", "a float", "a string", "a bytes string", "a list", "a tuple"}

func (k valueKind) String() string { return kindWords[k] }

// value is a literal. Of lists and tuples, which no record class accepts, only the
// kind is kept.
type value struct {
	kind     valueKind
	negative bool   // the number has a minus in front
	integer  uint64 // without its sign
	float    float64
	octets   []byte // of a string; text is UTF-8
}

// argument is one argument of a call.
type argument struct {
	at      place
	keyword []byte // as written; empty for a positional one
	value   value
}

// call is a record class with its arguments. It is reused for the next one.
type call struct {
	at        place
	class     []byte // as written
	arguments []argument
}

// parser reads the statements of a pyzone and passes each call in the list called
// zone to record. Its methods return false after they have reported an error; a
// caller that can continue after it does so.
type parser struct {
	lexer
	token      token
	startsLine bool // token is the first of its line
	variables  map[string]value
	zoneAt     place // of the assignment to zone; zero: there was none
	call       call
	record     func(*call) error
}

func newParser(text []byte, file string, problems *diagnostic.List, record func(*call) error) *parser {
	p := &parser{lexer: newLexer(text, file, problems), variables: map[string]value{}, record: record}
	p.advance()
	return p
}

func (p *parser) advance() {
	line := p.line
	p.token = p.lexer.next()
	p.startsLine = p.token.at.line > line
}

// parse reads all of the text. It returns only errors of record.
func (p *parser) parse() error {
	for p.token.kind != endOfFile && !p.problems.Full() {
		if p.token.kind == endOfLine {
			p.advance()
			continue
		}
		if p.token.at.column != 1 {
			p.errorf(p.token.at, "unexpected indent: statements of a pyzone begin in the first column")
			p.skipStatement()
			continue
		}
		ok, err := p.readLine()
		if err != nil {
			return err
		}
		if !ok {
			p.skipStatement()
		}
	}
	return nil
}

// readLine reads the statements of one logical line.
func (p *parser) readLine() (ok bool, err error) {
	for {
		if ok, err := p.statement(); !ok || err != nil {
			return ok, err
		}
		if p.token.is(";") {
			p.advance()
			if p.token.kind == endOfLine || p.token.kind == endOfFile {
				return true, nil
			}
			continue
		}
		return p.endStatement(), nil
	}
}

func (p *parser) endStatement() bool {
	if p.token.kind == endOfLine || p.token.kind == endOfFile {
		return true
	}
	return p.unsupported("the end of the line")
}

// skipStatement moves to the next line that begins in the first column: indented
// lines belong to the statement with the error.
func (p *parser) skipStatement() {
	for p.token.kind != endOfFile {
		ended := p.token.kind == endOfLine
		p.advance()
		if ended && p.token.at.column == 1 && p.token.kind != endOfLine {
			return
		}
	}
}

// statements maps the words that begin statements to their names.
var statements = map[string]string{
	"import": "import statements", "from": "import statements", "def": "function definitions",
	"class": "class definitions", "if": "if statements", "for": "for loops", "while": "while loops",
	"with": "with statements", "try": "try statements", "return": "return statements",
	"del": "del statements", "assert": "assert statements", "global": "global statements",
	"nonlocal": "nonlocal statements", "raise": "raise statements", "async": "async statements",
	"pass": "pass statements", "break": "break statements", "continue": "continue statements",
	"elif": "if statements", "else": "else branches", "except": "try statements", "finally": "try statements",
	"lambda": "lambda expressions", "yield": "yield expressions", "await": "await expressions",
	"not": "operators",
}

// operatorWords maps the words that join or begin expressions to their names.
var operatorWords = map[string]string{
	"and": "operators", "or": "operators", "not": "operators", "in": "operators", "is": "operators",
	"if": "conditional expressions", "else": "conditional expressions",
	"for": "comprehensions", "async": "comprehensions",
	"lambda": "lambda expressions", "yield": "yield expressions", "await": "await expressions",
}

// refuse reports a construct of Python that a pyzone cannot have.
func (p *parser) refuse(at place, construct string) bool {
	p.errorf(at, "%s are not supported: a pyzone is read, not run", construct)
	return false
}

// statement reads an assignment, or a string by itself, which is a comment of
// several lines.
func (p *parser) statement() (ok bool, err error) {
	t := p.token
	switch {
	case t.kind == broken:
		return false, nil
	case t.kind == text:
		_, ok := p.value()
		return ok, nil
	case t.kind != word:
		return p.unsupported("an assignment"), nil
	case statements[string(t.source)] != "":
		return p.refuse(t.at, statements[string(t.source)]), nil
	case operatorWords[string(t.source)] != "", isLiteralWord(&t):
		return p.unsupported("an assignment"), nil
	}
	name := string(t.source)
	p.advance()
	if !p.token.is("=") {
		return p.notAssigned(t), nil
	}
	p.advance()
	if name == "zone" {
		return p.zone(t.at)
	}
	v, ok := p.value()
	if !ok {
		return false, nil
	}
	if p.token.is("=") {
		return p.refuse(p.token.at, "chained assignments"), nil
	}
	p.variables[name] = v
	return true, nil
}

// notAssigned reports what comes after a word that begins a statement and is not
// assigned to.
func (p *parser) notAssigned(name token) bool {
	switch {
	case p.token.is(":"):
		return p.refuse(p.token.at, "annotations")
	case p.token.is(","):
		return p.refuse(p.token.at, "assignments to several names")
	case p.token.is("("):
		return p.refuse(name.at, "function calls outside the list zone")
	case p.token.kind == punctuation && len(p.token.source) > 1 && p.token.source[len(p.token.source)-1] == '=':
		return p.refuse(p.token.at, "augmented assignments and comparisons")
	}
	return p.unsupported("\"=\"")
}

// unsupported reports the present token in the place of want. If the token can only
// belong to one construct, the error names that.
func (p *parser) unsupported(want string) bool {
	t := &p.token
	if t.kind == broken {
		return false
	}
	if t.kind == word && operatorWords[string(t.source)] != "" {
		return p.refuse(t.at, operatorWords[string(t.source)])
	}
	if t.kind == punctuation {
		switch string(t.source) {
		case ".":
			return p.refuse(t.at, "attributes")
		case "[":
			return p.refuse(t.at, "subscripts")
		case "(":
			return p.refuse(t.at, "calls of anything but record classes")
		case "{":
			return p.refuse(t.at, "dictionaries and sets")
		case ":=":
			return p.refuse(t.at, "assignment expressions")
		case ")", "]", "}", ",", ":", ";", "=", "->", "...":
		default:
			return p.refuse(t.at, "operators")
		}
	}
	p.errorf(t.at, "%s is expected, not %v", want, *t)
	return false
}

// String describes t for an error.
func (t token) String() string {
	const most = 40
	switch t.kind {
	case endOfFile:
		return "the end of the file"
	case endOfLine:
		return "the end of the line"
	case text:
		return "a string"
	}
	if len(t.source) > most {
		return fmt.Sprintf("%q…", t.source[:most])
	}
	return fmt.Sprintf("%q", t.source)
}

// zone reads the list or tuple of records that is assigned to zone.
func (p *parser) zone(at place) (ok bool, err error) {
	if p.zoneAt != (place{}) {
		p.errorf(at, "zone is assigned a second time; the first is at %v", p.zoneAt)
		return false, nil
	}
	p.zoneAt = at
	if !p.token.is("[") && !p.token.is("(") {
		return p.notList(), nil
	}
	close := string(closing[p.token.source[0]])
	depth := len(p.brackets)
	p.advance()
	for !p.token.is(close) {
		if len(p.brackets) < depth || p.problems.Full() {
			return false, nil // it was not closed, or by the wrong bracket, which has been reported
		}
		if !p.element(close) {
			p.skipElement(depth)
			continue
		}
		if err := p.record(&p.call); err != nil {
			return false, err
		}
	}
	p.advance()
	return true, nil
}

// notList reports what is assigned to zone instead of a list.
func (p *parser) notList() bool {
	t := p.token
	if t.kind != word || operatorWords[string(t.source)] != "" {
		return p.unsupported("a list of records")
	}
	if p.advance(); p.token.is("(") || p.token.is(".") || p.token.is("[") {
		return p.unsupported("a list of records")
	}
	p.errorf(t.at, "a list of records is expected, not %v", t)
	return false
}

// element reads one call and the comma after it.
func (p *parser) element(close string) bool {
	if !p.readCall() {
		return false
	}
	if p.token.is(",") {
		p.advance()
		return true
	}
	if p.token.is(close) {
		return true
	}
	return p.unsupported(fmt.Sprintf(`"," or %q after a record`, close))
}

// skipElement moves past the comma that ends the element with the error, or to the
// bracket that closes the list, in which brackets are depth deep. A record class at
// the start of a line also begins a record: brackets that are open there were
// forgotten.
func (p *parser) skipElement(depth int) {
	for len(p.brackets) >= depth {
		if p.startsLine && p.token.kind == word && classes[string(p.token.source)] != nil {
			p.brackets = p.brackets[:depth]
			return
		}
		comma := p.token.is(",") && len(p.brackets) == depth
		p.advance()
		if comma {
			return
		}
	}
}

// readCall reads a record class and its arguments into p.call.
func (p *parser) readCall() bool {
	t := p.token
	if t.kind != word || operatorWords[string(t.source)] != "" {
		return p.unsupported("a record")
	}
	p.advance()
	if !p.token.is("(") {
		if p.token.is(",") || p.token.is("]") || p.token.is(")") {
			p.errorf(t.at, "a record is expected, not %v: a call such as A('example.com', '192.0.2.1')", t)
			return false
		}
		return p.unsupported(`"("`)
	}
	p.call = call{at: t.at, class: t.source, arguments: p.call.arguments[:0]}
	p.advance()
	for !p.token.is(")") {
		if !p.argument() {
			return false
		}
		if p.token.is(",") {
			p.advance()
		} else if !p.token.is(")") {
			return p.unsupported(`"," or ")" after an argument`)
		}
	}
	p.advance()
	return true
}

// argument reads one argument of p.call.
func (p *parser) argument() bool {
	a := argument{at: p.token.at}
	if p.token.is("*") || p.token.is("**") {
		return p.refuse(p.token.at, "unpacked arguments")
	}
	name := p.token
	v, ok := value{}, false
	if name.kind == word && !isLiteralWord(&name) && operatorWords[string(name.source)] == "" {
		p.advance()
		if p.token.is("=") {
			a.keyword = name.source
			p.advance()
			v, ok = p.value()
		} else {
			v, ok = p.variable(&name)
		}
	} else {
		v, ok = p.value()
	}
	if !ok {
		return false
	}
	a.value = v
	if len(p.call.arguments) == maxArguments {
		p.errorf(a.at, "call has more than %d arguments", maxArguments)
		return false
	}
	p.call.arguments = append(p.call.arguments, a)
	return true
}

func isLiteralWord(t *token) bool { return t.is("None") || t.is("True") || t.is("False") }

// variable is the value of a name. The parser is at the token after the name.
func (p *parser) variable(name *token) (value, bool) {
	v, ok := p.variables[string(name.source)]
	switch {
	case p.token.is("("):
		return value{}, p.refuse(name.at, "calls of anything but record classes")
	case p.token.kind == word, p.token.is("."), p.token.is("["):
		return value{}, p.unsupported("the end of the value")
	case !ok:
		p.errorf(name.at, "name %v has no value: only literals assigned above the zone have one", *name)
	}
	return v, ok
}

// value reads a literal.
func (p *parser) value() (value, bool) {
	t := p.token
	switch {
	case t.kind == text:
		return p.concatenation()
	case t.kind == number:
		p.advance()
		v, err := parseNumber(t.source)
		if err != nil {
			p.errorf(t.at, "%v", err)
		}
		return v, err == nil
	case t.is("-"), t.is("+"):
		return p.signed(t.is("-"))
	case t.is("("), t.is("["):
		return p.display()
	case t.is("*"), t.is("**"):
		return value{}, p.refuse(t.at, "unpacked arguments")
	case t.kind != word || operatorWords[string(t.source)] != "":
		return value{}, p.unsupported("a literal")
	}
	p.advance()
	switch string(t.source) {
	case "None":
		return value{kind: none}, true
	case "True":
		return value{kind: boolean, integer: 1}, true
	case "False":
		return value{kind: boolean}, true
	}
	return p.variable(&t)
}

// signed reads a number with its sign.
func (p *parser) signed(minus bool) (value, bool) {
	p.advance()
	if p.token.kind != number {
		return value{}, p.unsupported("a number after the sign")
	}
	v, ok := p.value()
	v.negative = minus && (v.integer != 0 || v.float != 0)
	return v, ok
}

// concatenation reads adjacent strings, which are one.
func (p *parser) concatenation() (value, bool) {
	first := p.token
	v := value{kind: textString, octets: first.value}
	if first.octets {
		v.kind = byteString
	}
	p.advance()
	if p.token.kind == text {
		v.octets = slices.Clone(v.octets) // the text must not be written to
	}
	for p.token.kind == text {
		if p.token.octets != first.octets {
			p.errorf(p.token.at, "strings of bytes and of text cannot be joined")
			return value{}, false
		}
		if len(v.octets)+len(p.token.value) > maxString {
			p.errorf(first.at, "string is longer than %d octets", maxString)
			return value{}, false
		}
		v.octets = append(v.octets, p.token.value...)
		p.advance()
	}
	return v, p.token.kind != broken
}

// display reads a list, a tuple, or a value in parentheses.
func (p *parser) display() (value, bool) {
	open := p.token
	close := string(closing[open.source[0]])
	v := value{kind: list}
	if close == ")" {
		v.kind = tuple
	}
	p.advance()
	for elements := 0; !p.token.is(close); elements++ {
		element, ok := p.value()
		if !ok {
			return value{}, false
		}
		if p.token.is(",") {
			p.advance()
			continue
		}
		if !p.token.is(close) {
			return value{}, p.unsupported(fmt.Sprintf(`"," or %q`, close))
		}
		if elements == 0 && close == ")" {
			v = element // parentheses without a comma do not make a tuple
		}
	}
	p.advance()
	return v, true
}
