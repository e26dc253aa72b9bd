package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// String returns the message as dig shows it.
func (m Message) String() string { return string(m.AppendText(nil)) }

// AppendText appends the message as dig shows it: header, OPT pseudosection,
// then the sections that hold something. [ParseMessageText] reads it back to
// the same message.
func (m *Message) AppendText(b []byte) []byte {
	b = m.appendHeaderText(b)
	if m.EDNS != nil {
		b = append(b, "\n;; OPT PSEUDOSECTION:\n"...)
		b = m.EDNS.appendText(b)
	}
	if len(m.Questions) > 0 {
		b = m.appendSectionTitle(b, SectionQuestion)
		for _, q := range m.Questions {
			b = append(b, ';')
			b = q.AppendText(b)
			b = append(b, '\n')
		}
	}
	for s := SectionAnswer; s <= SectionAdditional; s++ {
		records := m.Section(s)
		if len(records) == 0 {
			continue
		}
		b = m.appendSectionTitle(b, s)
		for _, r := range records {
			b = r.AppendText(b)
			b = append(b, '\n')
		}
	}
	return b
}

// flagNames are the bits of the header in the order dig shows them.
var flagNames = []struct {
	flag Flags
	name string
}{
	{FlagQR, "qr"}, {FlagAA, "aa"}, {FlagTC, "tc"}, {FlagRD, "rd"}, {FlagRA, "ra"}, {FlagAD, "ad"}, {FlagCD, "cd"},
}

// sectionNames are the words for the sections in the header and in titles.
// Those of an UPDATE have names of their own (RFC 2136 2).
var (
	sectionNames       = [4]string{"QUESTION", "ANSWER", "AUTHORITY", "ADDITIONAL"}
	updateSectionNames = [4]string{"ZONE", "PREREQUISITE", "UPDATE", "ADDITIONAL"}
)

func (m *Message) sectionNames() *[4]string {
	if m.Flags.Opcode() == OpcodeUpdate {
		return &updateSectionNames
	}
	return &sectionNames
}

func (m *Message) appendHeaderText(b []byte) []byte {
	b = append(b, ";; ->>HEADER<<- opcode: "...)
	b = append(b, m.Flags.Opcode().String()...)
	b = append(b, ", status: "...)
	b = append(b, m.RCode.String()...)
	b = append(b, ", id: "...)
	b = strconv.AppendUint(b, uint64(m.ID), 10)
	b = append(b, "\n;; flags:"...)
	for _, f := range flagNames {
		if m.Flags.Has(f.flag) {
			b = append(b, ' ')
			b = append(b, f.name...)
		}
	}
	b = append(b, ';')
	if m.Flags.Has(FlagZ) {
		b = append(b, " MBZ: 0x4;"...)
	}
	counts := [4]int{len(m.Questions), len(m.Answers), len(m.Authority), len(m.Additional)}
	if m.EDNS != nil {
		counts[SectionAdditional]++
	}
	for s, name := range m.sectionNames() {
		if s > 0 {
			b = append(b, ',')
		} else if name == sectionNames[0] {
			name = "QUERY" // dig has another word for it here than in the title
		}
		b = append(b, ' ')
		b = append(b, name...)
		b = append(b, ": "...)
		b = strconv.AppendInt(b, int64(counts[s]), 10)
	}
	return append(b, '\n')
}

func (m *Message) appendSectionTitle(b []byte, s Section) []byte {
	b = append(b, "\n;; "...)
	b = append(b, m.sectionNames()[s]...)
	return append(b, " SECTION:\n"...)
}

var ednsFlagNames = []struct {
	flag EDNSFlags
	name string
}{
	{FlagDO, "do"}, {FlagCO, "co"},
}

func (e *EDNS) appendText(b []byte) []byte {
	b = append(b, "; EDNS: version: "...)
	b = strconv.AppendUint(b, uint64(e.Version), 10)
	b = append(b, ", flags:"...)
	unnamed := e.Flags
	for _, f := range ednsFlagNames {
		if e.Flags&f.flag != 0 {
			unnamed &^= f.flag
			b = append(b, ' ')
			b = append(b, f.name...)
		}
	}
	b = append(b, ';')
	if unnamed != 0 {
		b = fmt.Appendf(b, " MBZ: 0x%04x,", uint16(unnamed))
	}
	b = append(b, " udp: "...)
	b = strconv.AppendUint(b, uint64(e.UDPSize), 10)
	b = append(b, '\n')
	for rest := e.Options; ; {
		code, data, next, ok := rest.Next()
		if !ok {
			return b
		}
		b = appendOptionText(b, code, data)
		b = append(b, '\n')
		rest = next
	}
}

// ErrText is returned for text that is not a message as dig prints it.
var ErrText = errors.New("not as dig writes it")

// TextError says where in a text it went wrong. It wraps the cause.
type TextError struct {
	Line, Column int // both count from 1; columns are octets
	Err          error
}

func (e *TextError) Error() string {
	return fmt.Sprintf("line %d, column %d: %v", e.Line, e.Column, e.Err)
}

func (e *TextError) Unwrap() error { return e.Err }

// ParseMessageText reads a message as [Message.String] or dig shows it. What
// is left out is empty or zero, the class is IN; spacing, the counts in the
// header and comments do not matter, records may go over several lines in
// parentheses as in zone files. Names are absolute with or without a final
// dot. Errors are [*TextError].
func ParseMessageText(text string) (*Message, error) {
	p := messageParser{words: wordScanner{text: text, line: 1}, message: new(Message), section: SectionHeader}
	for p.words.nextLine() {
		if err := p.entry(); err != nil {
			return nil, err
		}
	}
	if m := p.message; m.EDNS != nil {
		m.EDNS.Extended = uint8(m.RCode >> 4)
	}
	return p.message, nil
}

// messageParser is where the reading of a text has got to.
type messageParser struct {
	words   wordScanner
	message *Message
	section Section // SectionHeader: before the first, and in the OPT pseudosection
	inOPT   bool
}

// entry reads what starts on the present line.
func (p *messageParser) entry() error {
	if p.words.peek() != ';' {
		return p.record()
	}
	line, column := p.words.line, p.words.column()
	text := strings.TrimSpace(p.words.restOfLine())
	if err := p.remark(text); err != nil {
		return &TextError{line, column, err}
	}
	return nil
}

// remark reads a line that starts with a semicolon: what it says depends on
// how many there are and on the section.
func (p *messageParser) remark(text string) error {
	if title, ok := strings.CutPrefix(text, ";;"); ok {
		return p.title(strings.TrimSpace(title))
	}
	text = strings.TrimSpace(text[1:])
	switch {
	case text == "":
		return nil
	case p.inOPT:
		return p.optionLine(text)
	case p.section == SectionQuestion:
		return p.question(text)
	}
	return nil
}

// title reads a line that starts with two semicolons: the header, the title
// of a section, or something said to people.
func (p *messageParser) title(text string) error {
	if header, ok := strings.CutPrefix(text, "->>HEADER<<-"); ok {
		return p.header(header)
	}
	if flags, ok := cutPrefixFold(text, "flags:"); ok {
		return p.flags(flags)
	}
	name, ok := strings.CutSuffix(text, "SECTION:")
	if !ok {
		return nil
	}
	name = strings.TrimSpace(name)
	switch name {
	case "OPT PSEUDO":
		p.section, p.inOPT = SectionHeader, true
		if p.message.EDNS == nil {
			p.message.EDNS = new(EDNS)
		}
		return nil
	case "TSIG PSEUDO":
		p.section, p.inOPT = SectionAdditional, false
		return nil
	}
	for s := range sectionNames {
		if name == sectionNames[s] || name == updateSectionNames[s] {
			p.section, p.inOPT = Section(s), false
			return nil
		}
	}
	return fmt.Errorf("%w: there is no section of the name %s", ErrText, quoteForError(name))
}

// header reads "opcode: QUERY, status: NOERROR, id: 1234".
func (p *messageParser) header(text string) error {
	for field := range strings.FieldsFuncSeq(text, isListSeparator) {
		key, value, _ := strings.Cut(field, ":")
		value = strings.TrimSpace(value)
		var err error
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "opcode":
			var opcode Opcode
			opcode, err = ParseOpcode(value)
			if err == nil && opcode > 15 {
				err = fmt.Errorf("%w: opcode is above 15", ErrText)
			}
			p.message.Flags = p.message.Flags.WithOpcode(opcode)
		case "status":
			p.message.RCode, err = ParseRCode(value)
			if err == nil && p.message.RCode > 0xFFF {
				err = fmt.Errorf("%w: status is above 4095", ErrText)
			}
		case "id":
			var id uint64
			id, err = parseTextNumber(value, 16)
			p.message.ID = uint16(id)
		case "":
		default:
			err = fmt.Errorf("%w: %s is not opcode, status or id", ErrText, quoteForError(key))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// flags reads "qr rd ra; QUERY: 1, ANSWER: 1", of which the counts say
// nothing that the sections do not.
func (p *messageParser) flags(text string) error {
	words, rest, _ := strings.Cut(text, ";")
	m := p.message
	m.Flags = Flags(0).WithOpcode(m.Flags.Opcode())
next:
	for word := range strings.FieldsSeq(words) {
		for _, f := range flagNames {
			if strings.EqualFold(word, f.name) {
				m.Flags |= f.flag
				continue next
			}
		}
		return fmt.Errorf("%w: %s is not a flag", ErrText, quoteForError(word))
	}
	for field := range strings.FieldsFuncSeq(rest, isListSeparator) {
		key, value, _ := strings.Cut(field, ":")
		bits, err := strconv.ParseUint(strings.TrimSpace(value), 0, 16)
		if err != nil {
			return fmt.Errorf("%w: %s has no number", ErrText, quoteForError(strings.TrimSpace(key)))
		}
		if strings.EqualFold(strings.TrimSpace(key), "MBZ") && bits != 0 {
			m.Flags |= FlagZ
		}
	}
	return nil
}

// optionLine reads a line of the OPT pseudosection.
func (p *messageParser) optionLine(text string) (err error) {
	e := p.message.EDNS
	fields, ok := cutPrefixFold(text, "EDNS:")
	if !ok {
		e.Options, err = parseOptionText(e.Options, text)
		return err
	}
	for field := range strings.FieldsFuncSeq(fields, isListSeparator) {
		key, value, _ := strings.Cut(field, ":")
		value = strings.TrimSpace(value)
		var n uint64
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "version":
			n, err = parseTextNumber(value, 8)
			e.Version = uint8(n)
		case "flags":
			err = e.parseFlags(value)
		case "mbz":
			n, err = parseTextNumber(value, 16)
			e.Flags |= EDNSFlags(n)
		case "udp":
			n, err = parseTextNumber(value, 16)
			e.UDPSize = uint16(n)
		case "":
		default:
			err = fmt.Errorf("%w: %s is not version, flags, MBZ or udp", ErrText, quoteForError(key))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *EDNS) parseFlags(text string) error {
next:
	for word := range strings.FieldsSeq(text) {
		for _, f := range ednsFlagNames {
			if strings.EqualFold(word, f.name) {
				e.Flags |= f.flag
				continue next
			}
		}
		return fmt.Errorf("%w: %s is not an EDNS flag", ErrText, quoteForError(word))
	}
	return nil
}

// question reads "name class type".
func (p *messageParser) question(text string) error {
	fields := strings.Fields(text)
	q := Question{Class: ClassIN}
	var err error
	if q.Name, err = ParseName(fields[0]); err != nil {
		return err
	}
	switch len(fields) {
	case 3:
		if q.Class, err = ParseClass(fields[1]); err != nil {
			return err
		}
	case 2:
	default:
		return fmt.Errorf("%w: a question is a name, a class and a type", ErrText)
	}
	if q.Type, err = ParseType(fields[len(fields)-1]); err != nil {
		return err
	}
	p.message.Questions = append(p.message.Questions, q)
	return nil
}

// record reads "owner TTL class type data", of which TTL and class may be
// left out or change places.
func (p *messageParser) record() error {
	line, column := p.words.line, p.words.column()
	words, places, err := p.words.entry()
	if err != nil {
		return err
	}
	at := 0 // the word that is being read
	fail := func(err error) error {
		if at < len(places) {
			return &TextError{places[at].line, places[at].column, err}
		}
		return &TextError{line, column, err}
	}
	records := p.message.section(p.section)
	if records == nil {
		return fail(fmt.Errorf("%w: a record stands outside the sections for records", ErrText))
	}
	if len(words) == 0 { // parentheses around nothing
		return nil
	}
	var r Record
	if r.Name, err = ParseName(string(words[0].Text)); err != nil {
		return fail(err)
	}
	at++
	r.TTL, r.Class = 0, ClassIN
	for hasTTL, hasClass := false, false; at < len(words); at++ {
		if text := words[at].Text; !hasTTL && len(text) > 0 && isDigit(text[0]) {
			n, err := parseTextNumber(string(text), 32)
			if err != nil {
				return fail(err)
			}
			r.TTL, hasTTL = uint32(n), true
		} else if class, err := ParseClass(text); !hasClass && err == nil {
			r.Class, hasClass = class, true
		} else {
			break
		}
	}
	if at == len(words) {
		return fail(fmt.Errorf("%w: a record lacks its type", ErrText))
	}
	if r.Type, err = ParseType(words[at].Text); err != nil {
		return fail(err)
	}
	if r.Type == TypeOPT {
		return fail(fmt.Errorf("%w: OPT is shown in a section of its own", ErrText))
	}
	at++
	if at < len(words) || !r.Class.mayLackData() {
		data, err := AppendRdataFromText(nil, r.Type, words[at:], Root)
		if wrong := (*WordError)(nil); errors.As(err, &wrong) {
			at = min(at+wrong.Index, len(words)-1)
			err = wrong.Err
		}
		if err != nil {
			return fail(err)
		}
		r.Data = data
	}
	*records = append(*records, r)
	return nil
}

func isListSeparator(r rune) bool { return r == ',' || r == ';' }

func cutPrefixFold(text, prefix string) (string, bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}

// parseTextNumber reads a number of at most bits bits, in decimal or after 0x
// in hexadecimal.
func parseTextNumber(text string, bits int) (uint64, error) {
	digits, base := text, 10
	if hexadecimal, ok := strings.CutPrefix(text, "0x"); ok {
		digits, base = hexadecimal, 16
	}
	n, err := strconv.ParseUint(digits, base, bits)
	if err != nil {
		return 0, fmt.Errorf("%w: %s is not a number below 2^%d", ErrText, quoteForError(text), bits)
	}
	return n, nil
}
