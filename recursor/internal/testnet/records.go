package testnet

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/names-dns/names/wire"
)

const (
	defaultTTL = 3600    // of records without one, until $TTL says otherwise
	maxRecords = 1 << 16 // in a zone or section, those of $GENERATE included
)

// recordReader reads the records of a zone, or those a lie is made of.
type recordReader struct {
	origin  wire.Name
	ttl     uint32
	records []wire.Record
	signing *signing // nil: it is not signed
}

// readRecords reads the lines below l: records as in master files, each with
// its owner, and the directives $TTL and $GENERATE.
func (p *parser) readRecords(l *line, origin wire.Name) ([]wire.Record, error) {
	records, signing, err := p.readZone(l, origin)
	if err == nil && signing != nil {
		err = p.fail(l, 0, errors.New("only zones are signed"))
	}
	return records, err
}

// readZone reads the lines below l as the records of a zone, and how it is signed.
func (p *parser) readZone(l *line, origin wire.Name) ([]wire.Record, *signing, error) {
	r := recordReader{origin: origin, ttl: defaultTTL}
	for _, entry := range l.below {
		if len(entry.below) > 0 {
			return nil, nil, p.fail(entry.below[0], 0, errors.New("a record has one line and nothing below it"))
		}
		words, columns, err := entry.recordWords()
		if err == nil {
			columns = append(columns, entry.indent+len(entry.text)+1)
			err = r.entry(words, columns)
		}
		var at *atColumn
		if errors.As(err, &at) {
			return nil, nil, &Error{p.file, entry.number, at.column, at.err}
		}
		if err != nil {
			return nil, nil, p.fail(entry, 0, err)
		}
	}
	return r.records, r.signing, nil
}

// entry reads a record or directive. The last column is that of the end.
func (r *recordReader) entry(words []wire.Word, columns []int) error {
	switch {
	case len(words) == 0:
		return nil
	case strings.EqualFold(string(words[0].Text), "$TTL"):
		if len(words) != 2 {
			return &atColumn{columns[0], errors.New("$TTL has one number of seconds")}
		}
		ttl, err := parseTTL(string(words[1].Text))
		if err != nil {
			return &atColumn{columns[1], err}
		}
		r.ttl = ttl
		return nil
	case strings.EqualFold(string(words[0].Text), "$GENERATE"):
		return r.generate(words, columns)
	}
	if ok, err := r.directive(words, columns); ok {
		return err
	}
	return r.record(words, columns)
}

// generate reads "$GENERATE 1-100 lines of a record": the rest, for each
// number, with $ standing for it.
func (r *recordReader) generate(words []wire.Word, columns []int) error {
	if len(words) < 4 {
		return &atColumn{columns[0], errors.New("$GENERATE has a range, an owner, a type and data")}
	}
	from, to, ok := strings.Cut(string(words[1].Text), "-")
	first, err := strconv.ParseUint(from, 10, 32)
	last, err2 := strconv.ParseUint(to, 10, 32)
	if !ok || err != nil || err2 != nil || first > last {
		return &atColumn{columns[1], errors.New("range is not of the form 1-100")}
	}
	if last-first >= uint64(maxRecords) {
		return &atColumn{columns[1], fmt.Errorf("there are more than %d records", maxRecords)}
	}
	made := make([]wire.Word, len(words)-2)
	for n := first; n <= last; n++ {
		for i, w := range words[2:] {
			made[i] = wire.Word{Text: []byte(strings.ReplaceAll(string(w.Text), "$", strconv.FormatUint(n, 10))), Quoted: w.Quoted}
		}
		if err := r.record(made, columns[2:]); err != nil {
			return err
		}
	}
	return nil
}

// record reads "owner [TTL] [IN] type data".
func (r *recordReader) record(words []wire.Word, columns []int) error {
	if len(r.records) == maxRecords {
		return &atColumn{columns[0], fmt.Errorf("there are more than %d records", maxRecords)}
	}
	owner, err := wire.AppendNameFromText(nil, words[0].Text, r.origin)
	if err != nil {
		return &atColumn{columns[0], fmt.Errorf("owner: %w", err)}
	}
	record := wire.Record{Class: wire.ClassIN, TTL: r.ttl}
	if record.Name, _, err = wire.NameFromWire(owner); err != nil {
		return &atColumn{columns[0], err}
	}
	next := 1
	if next < len(words) && startsWithDigit(words[next].Text) {
		if record.TTL, err = parseTTL(string(words[next].Text)); err != nil {
			return &atColumn{columns[next], err}
		}
		next++
	}
	if next < len(words) && strings.EqualFold(string(words[next].Text), "IN") {
		next++
	}
	if next == len(words) {
		return &atColumn{columns[len(columns)-1], errors.New("record type is missing")}
	}
	if record.Type, err = wire.ParseType(words[next].Text); err != nil {
		return &atColumn{columns[next], err}
	}
	record.Data, err = wire.AppendRdataFromText(nil, record.Type, words[next+1:], r.origin)
	if data, ok := malformedData(words[next+1:]); err != nil && ok {
		record.Data, err = data, nil
	}
	if err != nil {
		var at *wire.WordError
		if errors.As(err, &at) {
			next += 1 + at.Index
		}
		return &atColumn{columns[min(next, len(columns)-1)], fmt.Errorf("%v data: %w", record.Type, err)}
	}
	r.records = append(r.records, record)
	return nil
}

// malformedData reads data of the form of RFC 3597 5, "\# length hexadecimal",
// which need not be valid for its type.
func malformedData(words []wire.Word) (data []byte, ok bool) {
	if len(words) < 2 || string(words[0].Text) != `\#` {
		return nil, false
	}
	for _, w := range words[2:] {
		part, err := hex.DecodeString(string(w.Text))
		if err != nil {
			return nil, false
		}
		data = append(data, part...)
	}
	return data, string(words[1].Text) == strconv.Itoa(len(data))
}

func startsWithDigit(text []byte) bool {
	return len(text) > 0 && '0' <= text[0] && text[0] <= '9'
}

// parseTTL reads a number of seconds; any that fits 32 bits, for some servers
// send those.
func parseTTL(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number of seconds", text)
	}
	return uint32(n), nil
}
