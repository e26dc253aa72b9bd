package wire

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// EDNS options with a number in IANA's registry.
const (
	OptionLLQ           OptionCode = 1
	OptionUpdateLease   OptionCode = 2
	OptionNSID          OptionCode = 3
	OptionDAU           OptionCode = 5
	OptionDHU           OptionCode = 6
	OptionN3U           OptionCode = 7
	OptionClientSubnet  OptionCode = 8
	OptionExpire        OptionCode = 9
	OptionCookie        OptionCode = 10
	OptionKeepalive     OptionCode = 11
	OptionPadding       OptionCode = 12
	OptionChain         OptionCode = 13
	OptionKeyTag        OptionCode = 14
	OptionExtendedError OptionCode = 15
	OptionClientTag     OptionCode = 16
	OptionServerTag     OptionCode = 17
	OptionReportChannel OptionCode = 18
	OptionZoneVersion   OptionCode = 19
)

// ErrOption is returned for an option whose octets or text are not what its
// RFC wants.
var ErrOption = errors.New("EDNS option is malformed")

// Option is the data of one kind of EDNS option: a struct with the fields of
// its RFC. Pointers to them are what implements it.
type Option interface {
	// OptionCode is the number of the option.
	OptionCode() OptionCode
	// Parse reads the data of the option, all of it. Byte slices and names in
	// the result are borrowed from data. It fails with [ErrOption].
	Parse(data []byte) error
	// AppendTo appends the data of the option to b.
	AppendTo(b []byte) []byte
	// Len is how many octets AppendTo appends.
	Len() int
	// AppendText appends the data as dig shows it after the option's name.
	AppendText(b []byte) []byte
	// ParseText reads what AppendText wrote.
	ParseText(text string) error
}

// optionKind is what there is to know about an option apart from its data.
type optionKind struct {
	code  OptionCode
	name  string        // as dig prints it
	value func() Option // nil if the data is kept as it is
}

var optionKinds = []optionKind{
	{OptionLLQ, "LLQ", nil},
	{OptionUpdateLease, "UL", nil},
	{OptionNSID, "NSID", func() Option { return new(NSID) }},
	{OptionDAU, "DAU", func() Option { return &AlgorithmList{Code: OptionDAU} }},
	{OptionDHU, "DHU", func() Option { return &AlgorithmList{Code: OptionDHU} }},
	{OptionN3U, "N3U", func() Option { return &AlgorithmList{Code: OptionN3U} }},
	{OptionClientSubnet, "CLIENT-SUBNET", func() Option { return new(ClientSubnet) }},
	{OptionExpire, "EXPIRE", func() Option { return new(Expire) }},
	{OptionCookie, "COOKIE", func() Option { return new(Cookie) }},
	{OptionKeepalive, "TCP KEEPALIVE", func() Option { return new(Keepalive) }},
	{OptionPadding, "PAD", func() Option { return new(Padding) }},
	{OptionChain, "CHAIN", func() Option { return new(Chain) }},
	{OptionKeyTag, "KEY-TAG", func() Option { return new(KeyTag) }},
	{OptionExtendedError, "EDE", func() Option { return new(ExtendedError) }},
	{OptionClientTag, "CLIENT-TAG", nil},
	{OptionServerTag, "SERVER-TAG", nil},
	{OptionReportChannel, "REPORT-CHANNEL", func() Option { return new(ReportChannel) }},
	{OptionZoneVersion, "ZONEVERSION", func() Option { return new(ZoneVersion) }},
}

var (
	optionsByCode = map[OptionCode]optionKind{}
	optionsByName = map[string]optionKind{}
)

func init() {
	for _, k := range optionKinds {
		optionsByCode[k.code] = k
		optionsByName[k.name] = k
	}
}

// String returns the name dig has for the option, or OPT=nnn.
func (c OptionCode) String() string {
	if k, ok := optionsByCode[c]; ok {
		return k.name
	}
	return "OPT=" + strconv.Itoa(int(c))
}

// NewOption returns an empty value for an option, for those without one of
// their own an [*UnknownOption].
func NewOption(code OptionCode) Option {
	if k := optionsByCode[code]; k.value != nil {
		return k.value()
	}
	return &UnknownOption{Code: code}
}

// ParseOption reads the data of an option into a value of its own, which
// borrows from data.
func ParseOption(code OptionCode, data []byte) (Option, error) {
	o := NewOption(code)
	if err := o.Parse(data); err != nil {
		return nil, fmt.Errorf("%s: %w", code, err)
	}
	return o, nil
}

// Append appends an option in wire form to the list.
func (o Options) Append(option Option) Options {
	n := option.Len()
	code := option.OptionCode()
	o = append(o, byte(code>>8), byte(code), byte(n>>8), byte(n))
	return option.AppendTo(o)
}

// UnknownOption is the data of an option that is kept as it is.
type UnknownOption struct {
	Code OptionCode
	Data []byte
}

// OptionCode implements [Option].
func (o *UnknownOption) OptionCode() OptionCode { return o.Code }

// Parse implements [Option]. It never fails.
func (o *UnknownOption) Parse(data []byte) error {
	o.Data = data
	return nil
}

// Len implements [Option].
func (o *UnknownOption) Len() int { return len(o.Data) }

// AppendTo implements [Option].
func (o *UnknownOption) AppendTo(b []byte) []byte { return append(b, o.Data...) }

// AppendText implements [Option]: 6e 61 6d 65 73 ("names").
func (o *UnknownOption) AppendText(b []byte) []byte { return appendDump(b, o.Data) }

// ParseText implements [Option].
func (o *UnknownOption) ParseText(text string) (err error) {
	o.Data, err = parseDump(text)
	return err
}

// appendDump appends octets in hexadecimal and after them, in parentheses,
// what of them can be read.
func appendDump(b, data []byte) []byte {
	if len(data) == 0 {
		return b
	}
	for _, c := range data {
		b = hex.AppendEncode(b, []byte{c})
		b = append(b, ' ')
	}
	b = append(b, `("`...)
	for _, c := range data {
		if c < ' ' || c > '~' {
			c = '.'
		}
		b = append(b, c)
	}
	return append(b, `")`...)
}

// parseDump reads what appendDump wrote: the digits count, what is in
// parentheses does not.
func parseDump(text string) ([]byte, error) {
	text, _, _ = strings.Cut(text, "(")
	data, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, fmt.Errorf("%w: not octets in hexadecimal", ErrOption)
	}
	return data, nil
}

// appendOptionText appends a line of the OPT pseudosection without its end.
// Data that is not of its option's form is shown as octets.
func appendOptionText(b []byte, code OptionCode, data []byte) []byte {
	var shown []byte
	o, err := ParseOption(code, data)
	name := code.String()
	if _, unknown := o.(*UnknownOption); unknown || err != nil || string(o.AppendTo(nil)) != string(data) {
		name = "OPT=" + strconv.Itoa(int(code))
		shown = appendDump(nil, data)
	} else {
		shown = o.AppendText(nil)
	}
	b = append(b, "; "...)
	b = append(b, name...)
	if len(shown) == 0 {
		return b
	}
	b = append(b, ": "...)
	return append(b, shown...)
}

// parseOptionText reads a line of the OPT pseudosection after its semicolon.
func parseOptionText(options Options, line string) (Options, error) {
	name, text, _ := strings.Cut(line, ":")
	name, text = strings.ToUpper(strings.TrimSpace(name)), strings.TrimSpace(text)
	var o Option
	if digits, ok := strings.CutPrefix(name, "OPT="); ok {
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil {
			return options, fmt.Errorf("%w: %s is not the number of an option", ErrOption, quoteForError(digits))
		}
		o = &UnknownOption{Code: OptionCode(n)}
	} else if k, ok := optionsByName[name]; ok {
		o = NewOption(k.code)
	} else {
		return options, fmt.Errorf("%w: there is no option of the name %s", ErrOption, quoteForError(name))
	}
	if err := o.ParseText(text); err != nil {
		return options, fmt.Errorf("%s: %w", name, err)
	}
	if len(options)+4+o.Len() > 65535 {
		return options, fmt.Errorf("%w: the options are longer than 65535 octets", ErrOption)
	}
	return options.Append(o), nil
}

// parseNumber reads a decimal number of at most bits bits.
func parseNumber(text string, bits int) (uint64, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, bits)
	if err != nil {
		return 0, fmt.Errorf("%w: %s is not a number below 2^%d", ErrOption, quoteForError(text), bits)
	}
	return n, nil
}
