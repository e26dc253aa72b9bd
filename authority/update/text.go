package update

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/wire"
)

// Text is what lines of a request depend on.
type Text struct {
	Origin wire.Name // of names without a dot at their end; zero: the root, as in nsupdate
	TTL    uint32    // of records without one, if HasTTL
	HasTTL bool
}

// ErrNotUpdate is returned for a line that says nothing about records.
var ErrNotUpdate = errors.New("line is neither a prerequisite nor an update")

// Parse adds to the request what a line of nsupdate's language says:
//
//	[prereq] nxdomain|yxdomain NAME
//	[prereq] nxrrset NAME [CLASS] TYPE
//	[prereq] yxrrset NAME [CLASS] TYPE [DATA]
//	[update] add NAME [TTL] [CLASS] TYPE DATA
//	[update] del[ete] NAME [TTL] [CLASS] [TYPE [DATA]]
//
// The error is [ErrNotUpdate] if the line begins with another word.
func (r *Request) Parse(line string, o Text) error {
	if o.Origin.IsZero() {
		o.Origin = wire.Root
	}
	l := lineReader{rest: line, request: r, text: o}
	verb := strings.ToLower(l.word())
	isWhole := false
	switch verb {
	case "prereq", "update":
		isWhole = true
		section := verb
		verb = strings.ToLower(l.word())
		if isUpdate := verb == "add" || verb == "del" || verb == "delete"; isUpdate != (section == "update") {
			return fmt.Errorf("%s is not followed by %s", section, map[string]string{"prereq": "nxdomain, yxdomain, nxrrset or yxrrset", "update": "add or delete"}[section])
		}
	}
	switch verb {
	case "nxdomain", "yxdomain":
		return l.domain(verb)
	case "nxrrset", "yxrrset":
		return l.set(verb)
	case "add":
		return l.add()
	case "del", "delete":
		return l.remove()
	}
	if isWhole {
		return fmt.Errorf("%q is not a prerequisite: write nxdomain, yxdomain, nxrrset or yxrrset", verb)
	}
	return ErrNotUpdate
}

// lineReader reads a line.
type lineReader struct {
	rest    string
	request *Request
	text    Text
}

// word takes the next word; "" at the end of the line.
func (l *lineReader) word() string {
	l.rest = strings.TrimLeft(l.rest, " \t\r\n")
	end := strings.IndexAny(l.rest, " \t\r\n")
	if end < 0 {
		end = len(l.rest)
	}
	word := l.rest[:end]
	l.rest = l.rest[end:]
	return word
}

// peek is the next word, which is not taken.
func (l *lineReader) peek() string {
	rest := l.rest
	defer func() { l.rest = rest }()
	return l.word()
}

func (l *lineReader) isAtEnd() bool { return l.peek() == "" }

func (l *lineReader) end() error {
	if word := l.peek(); word != "" {
		return fmt.Errorf("%q is a word too many", word)
	}
	return nil
}

func (l *lineReader) name() (wire.Name, error) {
	word := l.word()
	if word == "" {
		return wire.Name{}, errors.New("a name is missing")
	}
	b, err := wire.AppendNameFromText(nil, word, l.text.Origin)
	if err != nil {
		return wire.Name{}, fmt.Errorf("name %q: %w", word, err)
	}
	name, _, err := wire.NameFromWire(b)
	return name, err
}

// class skips a class if there is one. IN, ANY and NONE are what nsupdate takes:
// what the line does decides the class of the record. ANY as the last word is a
// type.
func (l *lineReader) class() error {
	class, err := wire.ParseClass(l.peek())
	if err != nil || class == wire.ClassAny && strings.EqualFold(strings.TrimSpace(l.rest), "ANY") {
		return nil
	}
	if class != l.request.Class && class != wire.ClassAny && class != wire.ClassNone {
		return fmt.Errorf("class %v in a zone of class %v", class, l.request.Class)
	}
	l.word()
	return nil
}

// ttl takes a number if there is one.
func (l *lineReader) ttl() (ttl uint32, ok bool, err error) {
	word := l.peek()
	if word == "" || word[0] < '0' || word[0] > '9' {
		return 0, false, nil
	}
	n, err := strconv.ParseUint(word, 10, 31)
	if err != nil {
		return 0, false, fmt.Errorf("%q is not a TTL", word)
	}
	l.word()
	return uint32(n), true, nil
}

func (l *lineReader) kind() (wire.Type, error) {
	word := l.word()
	if word == "" {
		return 0, errors.New("a type is missing")
	}
	return wire.ParseType(word)
}

// data reads the rest of the line as the data of a record.
func (l *lineReader) data(name wire.Name, kind wire.Type) (wire.Record, error) {
	record := wire.Record{Name: name, Type: kind, Class: l.request.Class}
	var problems diagnostic.List
	found := 0
	text := fmt.Sprintf(". 0 IN %v %s\n", kind, strings.TrimSpace(l.rest))
	err := zonefile.Read([]byte(text), "data", zonefile.Options{Origin: l.text.Origin}, &problems, func(read *zonefile.Record) error {
		record.Data = read.Clone().Data
		found++
		return nil
	})
	if err != nil {
		return record, err
	}
	if problems.Errors > 0 {
		return record, problems.Problems[0].Err
	}
	if found != 1 {
		return record, errors.New("data of one record is expected")
	}
	return record, nil
}

func (l *lineReader) domain(verb string) error {
	name, err := l.name()
	if err == nil {
		err = l.end()
	}
	switch {
	case err != nil:
		return err
	case verb == "nxdomain":
		l.request.RequireNoName(name)
	default:
		l.request.RequireName(name)
	}
	return nil
}

func (l *lineReader) set(verb string) error {
	name, err := l.name()
	if err == nil {
		err = l.class()
	}
	if err != nil {
		return err
	}
	kind, err := l.kind()
	switch {
	case err != nil:
		return err
	case verb == "nxrrset":
		l.request.RequireNoRRset(name, kind)
		return l.end()
	case l.isAtEnd():
		l.request.RequireRRset(name, kind)
		return nil
	}
	record, err := l.data(name, kind)
	if err != nil {
		return err
	}
	l.request.RequireRecords(record)
	return nil
}

func (l *lineReader) add() error {
	name, err := l.name()
	if err != nil {
		return err
	}
	ttl, hasTTL, err := l.ttl()
	if err == nil {
		err = l.class()
	}
	if err != nil {
		return err
	}
	kind, err := l.kind()
	if err != nil {
		return err
	}
	switch {
	case hasTTL:
	case l.text.HasTTL:
		ttl = l.text.TTL
	default:
		return errors.New("the record has no TTL, and there is none for all: write one after the name")
	}
	record, err := l.data(name, kind)
	if err != nil {
		return err
	}
	record.TTL = ttl
	l.request.Add(record)
	return nil
}

func (l *lineReader) remove() error {
	name, err := l.name()
	if err != nil {
		return err
	}
	if _, _, err = l.ttl(); err != nil {
		return err
	}
	if err := l.class(); err != nil {
		return err
	}
	if l.isAtEnd() {
		l.request.RemoveName(name)
		return nil
	}
	kind, err := l.kind()
	switch {
	case err != nil:
		return err
	case l.isAtEnd():
		l.request.RemoveRRset(name, kind)
		return nil
	}
	record, err := l.data(name, kind)
	if err != nil {
		return err
	}
	l.request.Remove(record)
	return nil
}
