package doh

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/names-dns/names/wire"
)

// The JSON form has no RFC. It is the one that the resolvers of Google and Cloudflare
// answer: the question is in the variables of the URL, and the reply is an object for
// programs that have no reader of DNS messages.

// jsonType is that of replies in the JSON form.
var jsonType = []string{"application/dns-json"}

// maxJSON is how many octets of text a reply may have, of which one record may be more
// than that: names that are pointers in a message of 64 KiB are a hundred times as long
// here.
const maxJSON = 512 << 10

// maxNameText is the length of the longest domain name in text, each octet escaped.
const maxNameText = 4 * 255

// jsonQuestion is what the variables of a URL ask.
type jsonQuestion struct {
	name                     wire.Name
	kind                     wire.Type
	checkingDisabled, dnssec bool // cd, do
}

// errNoName has the form in it, since that is the error of a first attempt.
var errNoName = errors.New("name is missing: write ?name=www.example.com&type=AAAA")

// parseJSONQuestion reads the variables name, type, cd, do and ct. What it does not know is
// an error: a client that asks for more than it would get has to learn of that.
func parseJSONQuestion(variables string) (q jsonQuestion, err error) {
	q.kind = wire.TypeA
	seen := map[string]bool{}
	for variable := range strings.SplitSeq(variables, "&") {
		if variable == "" {
			continue
		}
		key, value, _ := strings.Cut(variable, "=")
		if seen[key] {
			return q, fmt.Errorf("%s is given twice", key)
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return q, fmt.Errorf("%.20s: %w", key, err)
		}
		switch key {
		case "name":
			q.name, err = parseJSONName(value)
		case "type":
			q.kind, err = parseJSONType(value)
		case "cd":
			q.checkingDisabled, err = parseTruth(value)
		case "do":
			q.dnssec, err = parseTruth(value)
		case "ct":
			err = checkJSONKind(value)
		case "edns_client_subnet":
			if value != "0.0.0.0/0" && value != "::/0" { // these ask for what is done anyway
				err = errors.New("no subnets are passed on: leave it out, or write 0.0.0.0/0")
			}
		case "random_padding": // hides the length of the URL from those on the way
		default:
			return q, fmt.Errorf("%.40q is unknown: name, type, cd, do, ct and random_padding are known", key)
		}
		if err != nil {
			return q, fmt.Errorf("%s: %w", key, err)
		}
		seen[key] = true // after the check: there are no more than these
	}
	if q.name.IsZero() {
		return q, errNoName
	}
	return q, nil
}

func parseJSONName(text string) (wire.Name, error) {
	if len(text) > maxNameText {
		return wire.Name{}, errors.New("is longer than a domain name can be")
	}
	return wire.ParseName(text)
}

// parseJSONType reads the mnemonic of a type, or its number.
func parseJSONType(text string) (wire.Type, error) {
	if n, err := strconv.ParseUint(text, 10, 16); err == nil && n > 0 {
		return wire.Type(n), nil
	}
	return wire.ParseType(text)
}

func parseTruth(text string) (bool, error) {
	switch text {
	case "1", "true", "": // ?cd is ?cd=1
		return true, nil
	case "0", "false":
		return false, nil
	}
	return false, fmt.Errorf("%.20q is not 0, false, 1 or true", text)
}

func checkJSONKind(text string) error {
	switch text {
	case "application/dns-json", "application/json", "application/x-javascript":
		return nil
	}
	return fmt.Errorf("%.40q is not application/dns-json; messages are asked for with ?dns=", text)
}

// appendQuery appends the message that asks q. AD asks for that flag in the reply (RFC
// 6840 5.7), and the OPT record for extended errors (RFC 8914 3).
func (q *jsonQuestion) appendQuery(b []byte) []byte {
	flags := wire.FlagRD | wire.FlagAD
	if q.checkingDisabled {
		flags |= wire.FlagCD
	}
	e := wire.EDNS{UDPSize: maxMessage}
	if q.dnssec {
		e.Flags = wire.FlagDO
	}
	return wire.AppendQuery(b, 0, flags, wire.Question{Name: q.name, Type: q.kind, Class: wire.ClassIN}, &e)
}

// jsonSections are the names of the sections that hold records.
var jsonSections = [...]string{wire.SectionAnswer: "Answer", wire.SectionAuthority: "Authority", wire.SectionAdditional: "Additional"}

// appendJSON appends a reply in the JSON form. Records that would make it too long are
// left out, and TC says so, as it does in a message.
func (e *exchange) appendJSON(b, reply []byte) ([]byte, error) {
	r := &e.reader
	if err := r.Reset(reply); err != nil {
		return b, err
	}
	var records []byte // the sections, which come last
	var comments []string
	var scratch, data []byte
	flags, code, isCut := r.Header().Flags, r.Header().Flags.RCode(), false
	question, err := r.Question()
	if err != nil {
		return b, err
	}
	for r.NextSection() == nil && r.Section() <= wire.SectionAdditional {
		isFirst := true
		for {
			h, err := r.Next()
			if err == wire.ErrSectionDone {
				break
			}
			if err != nil {
				return b, err
			}
			if h.Type == wire.TypeOPT {
				edns, err := r.EDNS(h)
				if err != nil {
					return b, err
				}
				code, comments = edns.RCode(flags), extendedErrors(edns.Options)
				continue
			}
			if len(records) > maxJSON {
				isCut = true
				continue
			}
			if data, err = r.AppendRdata(data[:0], h.Type); err != nil {
				return b, err
			}
			if isFirst {
				records = append(records, `,"`+jsonSections[r.Section()]+`":[`...)
			} else {
				records = append(records, ',')
			}
			isFirst = false
			records, scratch = appendJSONRecord(records, &h, data, scratch)
		}
		if !isFirst {
			records = append(records, ']')
		}
	}
	b = append(b, `{"Status":`...)
	b = strconv.AppendUint(b, uint64(code), 10)
	for _, f := range [...]struct {
		name string
		set  bool
	}{{"TC", flags.Has(wire.FlagTC) || isCut}, {"RD", flags.Has(wire.FlagRD)}, {"RA", flags.Has(wire.FlagRA)}, {"AD", flags.Has(wire.FlagAD)}, {"CD", flags.Has(wire.FlagCD)}} {
		b = append(b, `,"`+f.name+`":`...)
		b = strconv.AppendBool(b, f.set)
	}
	b = append(b, `,"Question":[{"name":`...)
	b = appendJSONString(b, question.Name.AppendText(scratch[:0]))
	b = append(b, `,"type":`...)
	b = strconv.AppendUint(b, uint64(question.Type), 10)
	b = append(b, `}]`...)
	b = append(b, records...)
	if len(comments) > 0 {
		b = append(b, `,"Comment":[`...)
		for i, text := range comments {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSONString(b, []byte(text))
		}
		b = append(b, ']')
	}
	return append(b, '}', '\n'), nil
}

// appendJSONRecord appends a record. scratch is room for text.
func appendJSONRecord(b []byte, h *wire.RecordHeader, data, scratch []byte) (_, _ []byte) {
	b = append(b, `{"name":`...)
	scratch = h.Name.AppendText(scratch[:0])
	b = appendJSONString(b, scratch)
	b = append(b, `,"type":`...)
	b = strconv.AppendUint(b, uint64(h.Type), 10)
	b = append(b, `,"TTL":`...)
	b = strconv.AppendUint(b, uint64(h.TTL), 10)
	b = append(b, `,"data":`...)
	scratch = wire.AppendRdataText(scratch[:0], h.Type, data)
	b = appendJSONString(b, scratch)
	return append(b, '}'), scratch
}

// extendedErrors are those of a reply (RFC 8914), in words.
func extendedErrors(options wire.Options) (all []string) {
	for rest := options; ; {
		code, data, next, ok := rest.Next()
		if !ok {
			return all
		}
		rest = next
		var e wire.ExtendedError
		if code == wire.OptionExtendedError && e.Parse(data) == nil {
			all = append(all, string(e.AppendText([]byte("EDE: "))))
		}
	}
}

// appendJSONString appends text in quotes. It is printable ASCII, since presentation
// formats escape what is not; anything else would be escaped here.
func appendJSONString(b, text []byte) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
