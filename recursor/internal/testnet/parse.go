package testnet

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/wire"
)

// parser reads a file of stories.
type parser struct {
	file string
	rows []string // the text, line by line
}

// maxText is how long a file may be, in octets.
const maxText = 1 << 20

// Parse reads a file of stories, as FORMAT.md describes them. Errors are
// [*Error] and name the place.
func Parse(file, text string) (*File, error) {
	if len(text) > maxText {
		return nil, &Error{file, 1, 1, fmt.Errorf("file is longer than %d octets", maxText)}
	}
	root, err := readLines(file, text)
	if err != nil {
		return nil, err
	}
	p := &parser{file: file, rows: strings.Split(text, "\n")}
	f := &File{Name: file, text: text}
	common := &Story{file: file}
	now := common // the story that is being read
	for _, l := range root.below {
		if name, ok := strings.CutPrefix(l.text, "story "); ok {
			name = strings.TrimSpace(name)
			if slices.ContainsFunc(f.Stories, func(s *Story) bool { return s.Name == name }) {
				return nil, p.fail(l, 0, fmt.Errorf("there is a story %q above", name))
			}
			if err := p.nothingBelow(l); err != nil {
				return nil, err
			}
			now = &Story{
				Name: name, Line: l.number, file: file,
				settings: slices.Clip(common.settings), commands: slices.Clip(common.commands),
			}
			f.Stories = append(f.Stories, now)
			continue
		}
		if err := p.command(now, l); err != nil {
			return nil, err
		}
	}
	if len(f.Stories) == 0 {
		return nil, &Error{file, 1, 1, errors.New("there is no story")}
	}
	return f, nil
}

// fail returns err with the place of a word of l; 0 is the first.
func (p *parser) fail(l *line, word int, err error) error {
	column := l.indent + 1
	if words := l.words(); word < len(words) {
		column = words[word].column
	} else {
		column += len(l.text)
	}
	return &Error{p.file, l.number, column, err}
}

func (p *parser) nothingBelow(l *line) error {
	if len(l.below) > 0 {
		return p.fail(l.below[0], 0, errors.New("nothing can stand below this line"))
	}
	return nil
}

// command reads what a line at the margin says.
func (p *parser) command(s *Story, l *line) error {
	words := l.words()
	var c command
	var err error
	switch words[0].text {
	case "zone":
		c, err = p.zone(l, words)
	case "server":
		c, err = p.server(l, words)
	case "root":
		c, err = p.hint(l, words)
	case "network":
		c, err = p.network(l, words)
	case "recursor":
		s.settings = append(s.settings, Setting{strings.Fields(l.text)[1:], p.file, l.number})
		return p.nothingBelow(l)
	case "advance":
		c, err = p.advance(l, words)
	case "ask":
		c, err = p.ask(l, words)
	default:
		err = p.fail(l, 0, fmt.Errorf("%q begins no command: zone, server, root, network, recursor, advance, ask, story", words[0].text))
	}
	if err != nil {
		return err
	}
	s.commands = append(s.commands, c)
	return nil
}

// zone reads "zone NAME on ADDRESS…" with records below, or "zone NAME gone
// [from ADDRESS…]".
func (p *parser) zone(l *line, words []word) (command, error) {
	if len(words) < 3 {
		return nil, p.fail(l, len(words), errors.New("a zone has a name and addresses"))
	}
	origin, err := parseName(words[1].text)
	if err != nil {
		return nil, p.fail(l, 1, err)
	}
	c := &setZone{origin: origin}
	switch words[2].text {
	case "gone":
		c.isGone = true
		if err := p.nothingBelow(l); err != nil {
			return nil, err
		}
		if len(words) == 3 {
			return c, nil
		}
		if words[3].text != "from" {
			return nil, p.fail(l, 3, errors.New("expected from and addresses"))
		}
		c.on, err = p.addresses(l, words, 4)
		return c, err
	case "on":
		if c.on, err = p.addresses(l, words, 3); err != nil {
			return nil, err
		}
		c.records, c.signing, err = p.readZone(l, origin)
		return c, err
	}
	return nil, p.fail(l, 2, errors.New("expected on or gone"))
}

// parseName reads an absolute name.
func parseName(text string) (wire.Name, error) {
	if !strings.HasSuffix(text, ".") {
		return wire.Name{}, fmt.Errorf("%q has no final dot: names stand in full here", text)
	}
	return wire.ParseName(text)
}

// addresses reads the words from the n-th on.
func (p *parser) addresses(l *line, words []word, n int) ([]netip.Addr, error) {
	var addrs []netip.Addr
	for i := n; i < len(words); i++ {
		a, err := netip.ParseAddr(words[i].text)
		if err != nil || a.Zone() != "" || a.Is4In6() {
			return nil, p.fail(l, i, fmt.Errorf("%q is not an address", words[i].text))
		}
		addrs = append(addrs, a)
	}
	if len(addrs) == 0 {
		return nil, p.fail(l, len(words), errors.New("expected an address"))
	}
	return addrs, nil
}

// hint reads "root NAME ADDRESS…".
func (p *parser) hint(l *line, words []word) (command, error) {
	if len(words) < 3 {
		return nil, p.fail(l, len(words), errors.New("a root server has a name and addresses"))
	}
	name, err := parseName(words[1].text)
	if err != nil {
		return nil, p.fail(l, 1, err)
	}
	addrs, err := p.addresses(l, words, 2)
	if err != nil {
		return nil, err
	}
	return &setHint{Hint{name, addrs}}, p.nothingBelow(l)
}

// network reads "network no IPv6" and "network IPv6".
func (p *parser) network(l *line, words []word) (command, error) {
	rest := words[1:]
	c := &setFamily{isGone: len(rest) > 0 && rest[0].text == "no"}
	if c.isGone {
		rest = rest[1:]
	}
	if len(rest) == 1 && (rest[0].text == "IPv4" || rest[0].text == "IPv6") {
		c.is6 = rest[0].text == "IPv6"
		return c, p.nothingBelow(l)
	}
	return nil, p.fail(l, 1, errors.New("expected IPv4 or IPv6, or no IPv4 or no IPv6"))
}

// advance reads "advance DURATION".
func (p *parser) advance(l *line, words []word) (command, error) {
	if len(words) != 2 {
		return nil, p.fail(l, 1, errors.New("expected how much time passes, as 10s"))
	}
	by, err := parseDuration(words[1].text)
	if err != nil {
		return nil, p.fail(l, 1, err)
	}
	c := &advance{by: by}
	c.want, err = p.expectation(l)
	return c, err
}

// maxDuration is the most time that passes in one go.
const maxDuration = 10 * 365 * 24 * time.Hour

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxDuration {
		return 0, fmt.Errorf("%q is not a time as 20ms, 1.5s or 48h", text)
	}
	return d, nil
}

// maxTimes is how often one line asks.
const maxTimes = 100000

// ask reads "ask NAME TYPE [do] [cd] [ad] [tcp] [norec] [times N] [from ADDRESS]".
func (p *parser) ask(l *line, words []word) (command, error) {
	if len(words) < 3 {
		return nil, p.fail(l, len(words), errors.New("a question has a name and a type"))
	}
	c := &ask{name: words[1].text, times: 1, flags: wire.FlagRD, text: l.text}
	_, err := parseName(strings.ReplaceAll(c.name, "$", strconv.Itoa(maxTimes)))
	if err != nil {
		return nil, p.fail(l, 1, err)
	}
	if c.kind, err = wire.ParseType(words[2].text); err != nil {
		return nil, p.fail(l, 2, err)
	}
	for i := 3; i < len(words); i++ {
		switch words[i].text {
		case "do":
			c.do = true
		case "tcp":
			c.tcp = true
		case "cd":
			c.flags |= wire.FlagCD
		case "ad":
			c.flags |= wire.FlagAD
		case "norec":
			c.flags &^= wire.FlagRD
		case "times", "from":
			if i+1 == len(words) {
				return nil, p.fail(l, i+1, fmt.Errorf("something is missing after %s", words[i].text))
			}
			i++
			if words[i-1].text == "from" {
				if c.from, err = netip.ParseAddr(words[i].text); err != nil {
					return nil, p.fail(l, i, fmt.Errorf("%q is not an address", words[i].text))
				}
			} else if c.times, err = parseCount(words[i].text, maxTimes); err != nil {
				return nil, p.fail(l, i, err)
			}
		default:
			return nil, p.fail(l, i, fmt.Errorf("%q is none of do, cd, ad, tcp, norec, times N, from ADDRESS", words[i].text))
		}
	}
	c.want, err = p.expectation(l)
	return c, err
}

// parseCount reads a number from 1 to limit.
func parseCount(text string, limit int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > limit {
		return 0, fmt.Errorf("%q is not a number from 1 to %d", text, limit)
	}
	return n, nil
}
