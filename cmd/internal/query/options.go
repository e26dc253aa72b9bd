package query

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/recursor/upstream/encrypted"
	"github.com/names-dns/names/wire"
)

// queryOptions is what a command line of names query says.
type queryOptions struct {
	help   bool
	server string // "": the system's
	port   uint16 // 0: that of resolv.conf, or 53
	file   string // command lines to go through; "": there is only this one
	family string // "ip", "ip4" or "ip6"

	question wire.Question
	opcode   wire.Opcode
	flags    wire.Flags
	edns     queryEDNS

	tcp        bool
	tcpGiven   bool // the command line says whether tcp
	ignoreTC   bool
	encryption queryEncryption
	timeout    time.Duration
	tries      int

	serial  wire.Serial   // of IXFR
	keyFile string        // that the key is read from; "": key is it
	key     *wire.TSIGKey // that the query is signed with; nil: it is not

	trace queryTrace
	show  queryDisplay
}

// queryEDNS is what the OPT record of the query is to hold.
type queryEDNS struct {
	on          bool
	version     uint8
	size        uint16
	do          bool
	nsid        bool
	expire      bool
	keepalive   bool
	cookie      bool
	givenCookie []byte // empty: a new one
	subnet      *wire.ClientSubnet
	padding     int // block size; 0: none
}

// notGiven is the padding of a command line that does not say.
const notGiven = -1

// queryDisplay is what is printed.
type queryDisplay struct {
	short    bool
	query    bool // the message that is sent, too
	command  bool
	comments bool
	stats    bool
	sections [4]bool // indexed by wire.Section
	ttl      bool
	class    bool
}

func defaultQueryOptions() *queryOptions {
	return &queryOptions{
		family: "ip",
		flags:  wire.FlagRD | wire.FlagAD, // as dig: AD asks for AD (RFC 6840 5.7)
		edns:   queryEDNS{on: true, size: 1232, cookie: true, padding: notGiven},
		tries:  3, timeout: 5 * time.Second,
		show: queryDisplay{
			command: true, comments: true, stats: true, sections: [4]bool{true, true, true, true}, ttl: true, class: true,
		},
	}
}

// queryArguments is a command line being read.
type queryArguments struct {
	*queryOptions
	rest                       []string
	hasName, hasType, hasClass bool
	hasSerial                  bool
	reverse                    bool   // the name came with -x
	serverOwnPort              uint16 // that came with the server
}

// parseQueryArguments reads a command line as dig does: words in any order, a
// word that is a type or a class being that, once, and else the name.
func parseQueryArguments(args []string) (*queryOptions, error) {
	a := queryArguments{queryOptions: defaultQueryOptions(), rest: args}
	for len(a.rest) > 0 && !a.help {
		word := a.rest[0]
		a.rest = a.rest[1:]
		var err error
		switch {
		case strings.HasPrefix(word, "@"):
			err = a.setServer(word[1:])
		case strings.HasPrefix(word, "+"):
			err = a.plus(word[1:])
		case strings.HasPrefix(word, "-") && len(word) > 1:
			err = a.dash(word)
		default:
			err = a.word(word)
		}
		if err != nil {
			return nil, err
		}
	}
	q := &a.question
	if !a.hasName {
		q.Name = wire.Root
		if !a.hasType {
			q.Type = wire.TypeNS
		}
	} else if !a.hasType {
		q.Type = wire.TypeA
		if a.reverse {
			q.Type = wire.TypePTR
		}
	}
	if !a.hasClass {
		q.Class = wire.ClassIN
	}
	if q.Type == wire.TypeANY && !a.tcpGiven {
		a.tcp = true // over UDP, servers keep most of it to themselves (RFC 8482)
	}
	if q.Type == wire.TypeIXFR && !a.hasSerial {
		return nil, errors.New("IXFR wants the serial number of the version since which changes are wanted: IXFR=2026113001")
	}
	if a.serverOwnPort != 0 && a.port != 0 && a.port != a.serverOwnPort {
		return nil, fmt.Errorf("%d and %d are two ports of one server", a.serverOwnPort, a.port)
	}
	a.port = cmp.Or(a.port, a.serverOwnPort)
	if err := a.trace.complete(a.server); err != nil {
		return nil, err
	}
	return a.queryOptions, nil
}

func (a *queryArguments) setServer(server string) error {
	switch {
	case server == "":
		return errors.New("@ wants the name or the address of a server")
	case encrypted.IsURL(server):
		return a.setURL(server)
	}
	host, port, err := cli.ParseServer(server)
	a.server, a.serverOwnPort = host, port
	return err
}

// word takes a word without a sign in front.
func (a *queryArguments) word(word string) error {
	if name, serial, ok := strings.Cut(word, "="); ok && strings.EqualFold(name, "ixfr") && !a.hasType {
		return a.setIncremental(serial)
	}
	if t, err := wire.ParseType(word); err == nil && !a.hasType {
		a.question.Type, a.hasType = t, true
		return nil
	}
	if c, err := wire.ParseClass(word); err == nil && !a.hasClass {
		a.question.Class, a.hasClass = c, true
		return nil
	}
	return a.setName(word)
}

// setIncremental takes the serial number of IXFR.
func (a *queryArguments) setIncremental(serial string) error {
	n, err := strconv.ParseUint(serial, 10, 32)
	if err != nil {
		return fmt.Errorf("IXFR=%s: %q is not a serial number", serial, serial)
	}
	a.question.Type, a.hasType = wire.TypeIXFR, true
	a.serial, a.hasSerial = wire.Serial(n), true
	return nil
}

func (a *queryArguments) setName(text string) error {
	if a.hasName {
		return fmt.Errorf("%q is one name too many: one query is sent at a time%s", text, a.adviseType(text))
	}
	name, err := parseTypedName(text)
	a.question.Name, a.hasName = name, true
	return err
}

// adviseType proposes a type if the word may be one that is misspelt: a second name
// without dots is not likely.
func (a *queryArguments) adviseType(word string) string {
	if a.hasType || strings.Contains(word, ".") {
		return ""
	}
	var types []string
	for t := range wire.Type(1 << 9) {
		if name := t.String(); !strings.HasPrefix(name, "TYPE") {
			types = append(types, name)
		}
	}
	return cli.DidYouMean(strings.ToUpper(word), types)
}

// dash takes an option with a dash, whose value may stand right after it.
func (a *queryArguments) dash(word string) error {
	switch word {
	case "-4", "-6":
		if family := "ip" + word[1:]; a.family == "ip" || a.family == family {
			a.family = family
			return nil
		}
		return errors.New("-4 and -6 exclude each other")
	case "-h", "-help", "--help":
		a.help = true
		return nil
	}
	if strings.HasPrefix(word, "--") {
		return a.trace.option(word, func() (string, error) { return a.value(word) })
	}
	letter, value := word[1], word[2:]
	if !strings.ContainsRune("pxtcqfky", rune(letter)) {
		return noOption(word)
	}
	if value == "" {
		var err error
		if value, err = a.value(word); err != nil {
			return err
		}
	}
	switch letter {
	case 'p':
		port, err := parseBounded("-p", value, 1, 65535)
		a.port = uint16(port)
		return err
	case 'f':
		a.file = value
		return nil
	case 'x':
		addr, err := netip.ParseAddr(value)
		if err != nil {
			return fmt.Errorf("-x wants an address, not %q", value)
		}
		a.reverse = true
		return a.setName(wire.ReverseName(addr).String())
	case 'k':
		a.keyFile, a.key = value, nil
		return nil
	case 'y':
		key, err := cli.ParseTSIGKey(value)
		a.keyFile, a.key = "", &key
		return err
	case 't':
		if name, serial, ok := strings.Cut(value, "="); ok && strings.EqualFold(name, "ixfr") {
			return a.setIncremental(serial)
		}
		t, err := wire.ParseType(value)
		a.question.Type, a.hasType = t, true
		return err
	case 'c':
		c, err := wire.ParseClass(value)
		a.question.Class, a.hasClass = c, true
		return err
	}
	return a.setName(value)
}

// dashOptions are the options with dashes.
var dashOptions = []string{
	"-4", "-6", "-c", "-f", "-h", "-k", "-p", "-q", "-t", "-x", "-y", "--help",
	"--trace", "--json", "--root-hints", "--stub", "--trust-anchor", "--no-qname-min", "--query-localhost",
}

// noOption is the error for an option that does not exist.
func noOption(word string) error {
	known := slices.Clone(dashOptions)
	for _, o := range plusOptions {
		known = append(known, "+"+o.name, "+no"+o.name)
	}
	known = slices.DeleteFunc(known, func(k string) bool { return k[0] != word[0] })
	return fmt.Errorf("there is no option %s%s", word, cli.DidYouMean(word, known))
}

// value takes the word after an option.
func (a *queryArguments) value(option string) (string, error) {
	if len(a.rest) == 0 {
		return "", fmt.Errorf("%s wants a value", option)
	}
	value := a.rest[0]
	a.rest = a.rest[1:]
	return value, nil
}

// plusOption is an option with a plus sign.
type plusOption struct {
	name  string
	value plusValue
	// set is given whether the option stood without "no", and its value, ""
	// if there was none.
	set func(o *queryOptions, on bool, value string) error
}

// plusValue says whether an option has a value.
type plusValue uint8

const (
	noValue plusValue = iota
	optionalValue
	wantsValue // and has no form with "no"
)

// toggle makes an option that sets one thing.
func toggle(name string, at func(*queryOptions) *bool) plusOption {
	return plusOption{name, noValue, func(o *queryOptions, on bool, _ string) error {
		*at(o) = on
		return nil
	}}
}

// headerFlag makes an option for a bit of the header.
func headerFlag(name string, flag wire.Flags) plusOption {
	return plusOption{name, noValue, func(o *queryOptions, on bool, _ string) error {
		o.flags &^= flag
		if on {
			o.flags |= flag
		}
		return nil
	}}
}

// ednsFlag makes an option that sets one thing in the OPT record, for which
// there has to be one.
func ednsFlag(name string, at func(*queryEDNS) *bool) plusOption {
	return plusOption{name, noValue, func(o *queryOptions, on bool, _ string) error {
		*at(&o.edns) = on
		o.edns.on = o.edns.on || on
		return nil
	}}
}

func section(name string, s wire.Section) plusOption {
	return toggle(name, func(o *queryOptions) *bool { return &o.show.sections[s] })
}

// plusOptions are all of them. Any of their beginnings will do as long as it
// belongs to one alone.
var plusOptions = slices.Concat([]plusOption{
	{"tcp", noValue, setTCP},
	{"vc", noValue, setTCP},
	toggle("ignore", func(o *queryOptions) *bool { return &o.ignoreTC }),
	headerFlag("recurse", wire.FlagRD),
	headerFlag("rdflag", wire.FlagRD),
	headerFlag("ad", wire.FlagAD),
	headerFlag("adflag", wire.FlagAD),
	headerFlag("cd", wire.FlagCD),
	headerFlag("cdflag", wire.FlagCD),
	ednsFlag("dnssec", func(e *queryEDNS) *bool { return &e.do }),
	ednsFlag("do", func(e *queryEDNS) *bool { return &e.do }),
	ednsFlag("nsid", func(e *queryEDNS) *bool { return &e.nsid }),
	ednsFlag("expire", func(e *queryEDNS) *bool { return &e.expire }),
	ednsFlag("keepalive", func(e *queryEDNS) *bool { return &e.keepalive }),
	{"edns", optionalValue, setEDNS},
	{"bufsize", wantsValue, setBufsize},
	{"cookie", optionalValue, setCookie},
	{"subnet", wantsValue, setSubnet},
	{"padding", wantsValue, setPadding},
	{"opcode", wantsValue, setOpcode},
	{"time", wantsValue, setTimeout},
	{"timeout", wantsValue, setTimeout},
	{"tries", wantsValue, func(o *queryOptions, _ bool, value string) (err error) {
		o.tries, err = parseBounded("+tries", value, 1, 100)
		return err
	}},
	{"retry", wantsValue, func(o *queryOptions, _ bool, value string) error {
		retries, err := parseBounded("+retry", value, 0, 99)
		o.tries = retries + 1
		return err
	}},
	toggle("trace", func(o *queryOptions) *bool { return &o.trace.isOn }),
	toggle("short", func(o *queryOptions) *bool { return &o.show.short }),
	{"all", noValue, func(o *queryOptions, on bool, _ string) error {
		o.show.command, o.show.comments, o.show.stats = on, on, on
		o.show.sections = [4]bool{on, on, on, on}
		return nil
	}},
	toggle("cmd", func(o *queryOptions) *bool { return &o.show.command }),
	toggle("comments", func(o *queryOptions) *bool { return &o.show.comments }),
	toggle("stats", func(o *queryOptions) *bool { return &o.show.stats }),
	section("question", wire.SectionQuestion),
	section("answer", wire.SectionAnswer),
	section("authority", wire.SectionAuthority),
	section("additional", wire.SectionAdditional),
	toggle("qr", func(o *queryOptions) *bool { return &o.show.query }),
	toggle("ttlid", func(o *queryOptions) *bool { return &o.show.ttl }),
	toggle("class", func(o *queryOptions) *bool { return &o.show.class }),
}, encryptionOptions)

// plus takes an option with a plus sign, which is off with "no" in front.
func (a *queryArguments) plus(word string) error {
	name, value, hasValue := strings.Cut(word, "=")
	on := true
	found, err := findPlusOption(name)
	if positive, no := strings.CutPrefix(name, "no"); found == nil && err == nil && no {
		on = false
		found, err = findPlusOption(positive)
	}
	switch {
	case err != nil:
		return err
	case found == nil:
		return noOption("+" + name)
	case found.value == wantsValue && !on:
		return noOption("+" + name)
	case hasValue && (found.value == noValue || !on):
		return fmt.Errorf("+%s has no value", name)
	case found.value == wantsValue && value == "", hasValue && value == "":
		return fmt.Errorf("+%s wants a value", name)
	}
	return found.set(a.queryOptions, on, value)
}

// findPlusOption finds the option by its name or by a beginning of it; nil if
// there is none.
func findPlusOption(name string) (*plusOption, error) {
	name = strings.ToLower(name)
	var found []*plusOption
	for i := range plusOptions {
		o := &plusOptions[i]
		if o.name == name {
			return o, nil
		}
		if name != "" && strings.HasPrefix(o.name, name) {
			found = append(found, o)
		}
	}
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return found[0], nil
	}
	var names []string
	for _, o := range found {
		names = append(names, "+"+o.name)
	}
	return nil, fmt.Errorf("+%s may be %s", name, strings.Join(names, " or "))
}

func setTCP(o *queryOptions, on bool, _ string) error {
	o.tcp, o.tcpGiven = on, true
	return nil
}

func setEDNS(o *queryOptions, on bool, value string) error {
	o.edns.on = on
	if !on || value == "" {
		o.edns.version = 0
		return nil
	}
	version, err := parseBounded("+edns", value, 0, 255)
	o.edns.version = uint8(version)
	return err
}

func setBufsize(o *queryOptions, _ bool, value string) error {
	size, err := parseBounded("+bufsize", value, 0, 65535)
	o.edns.size, o.edns.on = uint16(size), true
	return err
}

func setCookie(o *queryOptions, on bool, value string) error {
	octets, err := hex.DecodeString(value)
	if err != nil || len(octets) != 0 && len(octets) != 8 && (len(octets) < 16 || len(octets) > 40) {
		return fmt.Errorf("+cookie wants 8 or 16 to 40 octets in hexadecimal, not %q", value)
	}
	o.edns.cookie, o.edns.givenCookie = on, octets
	o.edns.on = o.edns.on || on
	return nil
}

// setSubnet takes ADDR/LEN, ADDR, and 0 for "pass no address on".
func setSubnet(o *queryOptions, _ bool, value string) error {
	o.edns.on = true
	o.edns.subnet = new(wire.ClientSubnet)
	if value == "0" {
		return nil
	}
	prefix, err := netip.ParsePrefix(value)
	if addr, addrErr := netip.ParseAddr(value); addrErr == nil && addr.Zone() == "" {
		prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	if err != nil {
		return fmt.Errorf("+subnet wants an address or ADDR/LEN, not %q", value)
	}
	o.edns.subnet.Source = prefix.Masked()
	return nil
}

func setPadding(o *queryOptions, _ bool, value string) (err error) {
	o.edns.on = true
	o.edns.padding, err = parseBounded("+padding", value, 0, 512)
	return err
}

func setOpcode(o *queryOptions, _ bool, value string) error {
	opcode, err := wire.ParseOpcode(value)
	if n, numberErr := strconv.ParseUint(value, 10, 4); numberErr == nil {
		opcode, err = wire.Opcode(n), nil
	}
	if err != nil || opcode > 15 {
		return fmt.Errorf("+opcode wants a number from 0 to 15 or a name, not %q", value)
	}
	o.opcode = opcode
	return nil
}

// setTimeout takes seconds, fractions allowed.
func setTimeout(o *queryOptions, _ bool, value string) error {
	const most = 3600
	seconds, err := strconv.ParseFloat(value, 64)
	if err != nil || !(seconds > 0 && seconds <= most) {
		return fmt.Errorf("+time wants seconds above 0 and up to %d, not %q", most, value)
	}
	o.timeout = time.Duration(seconds * float64(time.Second))
	return nil
}

// parseBounded reads the number that option wants.
func parseBounded(option, value string, least, most int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%s wants a number from %d to %d, not %q", option, least, most, value)
	}
	return n, nil
}

// message returns the query the options ask for.
func (o *queryOptions) message(id uint16) *wire.Message {
	m := &wire.Message{ID: id, Flags: o.flags.WithOpcode(o.opcode), Questions: []wire.Question{o.question}}
	e := &o.edns
	if !e.on {
		return m
	}
	m.EDNS = &wire.EDNS{UDPSize: e.size, Version: e.version}
	if e.do {
		m.EDNS.Flags |= wire.FlagDO
	}
	add := func(code wire.OptionCode, data []byte) { m.EDNS.Options = m.EDNS.Options.AppendOption(code, data) }
	if e.nsid {
		add(wire.OptionNSID, nil)
	}
	if e.expire {
		add(wire.OptionExpire, nil)
	}
	if e.keepalive {
		add(wire.OptionKeepalive, nil)
	}
	if e.cookie {
		octets := e.givenCookie
		if len(octets) == 0 {
			octets = make([]byte, 8) // RFC 7873 4.1
			rand.Read(octets)        // never fails
		}
		add(wire.OptionCookie, octets)
	}
	if e.subnet != nil {
		add(wire.OptionClientSubnet, e.subnet.AppendTo(nil))
	}
	if e.padding == notGiven {
		e.padding = 0
		if o.encryption.protocol.IsEncrypted() {
			e.padding = encryptedPadding
		}
	}
	if e.padding > 0 {
		length := wire.HeaderLen + o.question.Name.Len() + 4 + m.EDNS.Len() + 4
		add(wire.OptionPadding, make([]byte, (e.padding-length%e.padding)%e.padding))
	}
	return m
}
