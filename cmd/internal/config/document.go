package config

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// kind is what a value of a file is.
type kind int

const (
	isTable kind = iota
	isArray
	isString
	isInteger
	isBool
	isFloat
	isTime
)

// kindNames say what a value is, with an article.
var kindNames = map[kind]string{
	isTable: "a table", isArray: "a list", isString: "a string", isInteger: "a number",
	isBool: "true or false", isFloat: "a number with a fraction", isTime: "a date or time",
}

// node is a value of a file and where it is.
type node struct {
	position Position
	kind     kind
	text     string // as in the file; of a string, what it stands for
	integer  int64
	truth    bool
	elements []*node  // of an array
	keys     []string // of a table, in the order of the file
	members  map[string]*member
}

// member is what a table has under a key.
type member struct {
	position Position // of the key
	value    *node
}

func newTable(at Position) *node { return &node{position: at, members: map[string]*member{}} }

// set puts value under key. TOML's own rules about keys that are given twice
// have been checked.
func (n *node) set(key string, at Position, value *node) {
	if _, ok := n.members[key]; !ok {
		n.keys = append(n.keys, key)
	}
	n.members[key] = &member{at, value}
}

// table returns the table under key, or the last one of a list of tables. It
// makes it if there is none.
func (n *node) table(key string, at Position) *node {
	m, ok := n.members[key]
	if !ok {
		next := newTable(at)
		n.set(key, at, next)
		return next
	}
	if m.value.kind == isArray && len(m.value.elements) > 0 {
		return m.value.elements[len(m.value.elements)-1]
	}
	return m.value
}

const (
	// maxFile is the largest file that is read, in octets: 100,000 zones take a
	// tenth of that.
	maxFile = 64 << 20
	// maxDepth is how deep lists and tables may lie in each other.
	maxDepth = 100
)

// parse reads TOML. Each value of what it returns says where it is.
func parse(file string, text []byte) (*node, error) {
	if at, deep := tooDeep(text); deep {
		line, column := 1+bytes.Count(text[:at], []byte("\n")), at-bytes.LastIndexByte(text[:at], '\n')
		return nil, Problem{Position{file, line, column}, fmt.Sprintf("lists and tables lie more than %d deep", maxDepth)}
	}
	// The library checks the whole first: syntax, and keys that are given twice.
	if err := toml.Unmarshal(text, new(map[string]any)); err != nil {
		if d, ok := errors.AsType[*toml.DecodeError](err); ok {
			line, column := d.Position()
			return nil, Problem{Position{file, line, column}, notTOML(d.Error())}
		}
		return nil, Problem{Position{File: file}, notTOML(err.Error())}
	}
	d := document{file: file, text: text}
	d.parser.Reset(text)
	root := newTable(Position{file, 1, 1})
	current := root
	for d.parser.NextExpression() {
		switch e := d.parser.Expression(); e.Kind {
		case unstable.KeyValue:
			d.keyValue(current, e)
		case unstable.Table:
			current = root
			for keys := e.Key(); keys.Next(); {
				current = current.table(string(keys.Node().Data), d.at(keys.Node()))
			}
		case unstable.ArrayTable:
			current = d.arrayTable(root, e)
		}
	}
	if err := d.parser.Error(); err != nil {
		return nil, Problem{Position{File: file}, notTOML(err.Error())}
	}
	return root, nil
}

// notTOML is what the library says of a file, and what to write instead.
func notTOML(text string) string {
	text = "this is not TOML: " + strings.TrimPrefix(text, "toml: ")
	for part, advice := range map[string]string{
		"at start of value":    `a string is written in quotes, as in "text"; true and false have small letters`,
		"expected '=' after":   "an option is written as KEY = VALUE, a section as [NAME]",
		"escape character":     `write \\ for each \, or the string in 'single quotes'`,
		"already":              "delete one of the two",
		"start of key":         "an option is written as KEY = VALUE, a section as [NAME]",
		"expected newline":     "each option has a line of its own",
		"cannot have new line": "the string has no closing quote",
	} {
		if strings.Contains(text, part) {
			return text + "; " + advice
		}
	}
	return text
}

// tooDeep looks for brackets that open far more often than they close. It does
// not know strings and comments: these would have to be odd to mislead it.
func tooDeep(text []byte) (at int, deep bool) {
	depth := 0
	for i, c := range text {
		switch c {
		case '[', '{':
			if depth++; depth > maxDepth {
				return i, true
			}
		case ']', '}':
			depth = max(0, depth-1)
		}
	}
	return 0, false
}

// document is a file that is being read.
type document struct {
	file   string
	text   []byte
	parser unstable.Parser

	line, start int // the number of the line that was looked for last, and where it starts
}

// at is where a node is. Most come in the order of the file: the library counts lines from
// its beginning for each, which took a file of 20,000 zones 20 s.
func (d *document) at(n *unstable.Node) Position {
	offset := int(n.Raw.Offset)
	if offset < d.start || d.line == 0 {
		d.line, d.start = 1, 0
	}
	between := d.text[d.start:offset]
	d.line += bytes.Count(between, []byte("\n"))
	d.start += bytes.LastIndexByte(between, '\n') + 1
	return Position{d.file, d.line, offset - d.start + 1}
}

// arrayTable opens another table of the list that e names.
func (d *document) arrayTable(root *node, e *unstable.Node) *node {
	current := root
	keys := e.Key()
	for keys.Next() {
		key, at := string(keys.Node().Data), d.at(keys.Node())
		if !keys.IsLast() {
			current = current.table(key, at)
			continue
		}
		list, ok := current.members[key]
		if !ok {
			current.set(key, at, &node{position: at, kind: isArray})
			list = current.members[key]
		}
		current = newTable(at)
		list.value.elements = append(list.value.elements, current)
	}
	return current
}

// keyValue puts a value into table, or below it if its key has dots.
func (d *document) keyValue(table *node, e *unstable.Node) {
	for keys := e.Key(); keys.Next(); {
		key, at := string(keys.Node().Data), d.at(keys.Node())
		if keys.IsLast() {
			table.set(key, at, d.value(e.Value(), at))
			return
		}
		table = table.table(key, at)
	}
}

// value reads a value. at is where it is if it does not say so itself.
func (d *document) value(v *unstable.Node, at Position) *node {
	if v.Raw.Length > 0 {
		at = d.at(v)
	}
	n := &node{position: at, text: string(v.Data)}
	switch v.Kind {
	case unstable.String:
		n.kind = isString
	case unstable.Bool:
		n.kind, n.truth = isBool, n.text == "true"
	case unstable.Integer:
		var err error
		if n.kind = isInteger; n.text != "" {
			n.integer, err = strconv.ParseInt(n.text, 0, 64)
		}
		if err != nil { // leading zeros, which the library refuses
			n.kind = isFloat
		}
	case unstable.Float:
		n.kind = isFloat
	case unstable.Array:
		n.kind = isArray
		for children := v.Children(); children.Next(); {
			if child := children.Node(); child.Kind != unstable.Comment {
				n.elements = append(n.elements, d.value(child, at))
			}
		}
	case unstable.InlineTable:
		n.members = map[string]*member{}
		for children := v.Children(); children.Next(); {
			if child := children.Node(); child.Kind == unstable.KeyValue {
				d.keyValue(n, child)
			}
		}
	default:
		n.kind = isTime
	}
	return n
}
