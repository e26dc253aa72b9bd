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

// expectation is what a story says of the replies to a question and of what
// was sent for it.
type expectation struct {
	line   *line
	reply  []string // RCODE, extended error, records: a line each
	checks []check  // in their order
	seen   []string // the queries, nil if they do not matter
}

// outcome is what happened.
type outcome struct {
	reply   []string
	packets []*Packet
	took    time.Duration
}

// check bounds a number.
type check struct {
	what  string // as it is written in the story, up to the colon
	value func(o *outcome) int64
	show  func(n int64) string
	bound string // "", "at most", "at least"
	limit int64
	isNew bool // it says ?, for -update to fill in
}

func (c *check) holds(o *outcome) bool {
	n := c.value(o)
	switch {
	case c.isNew:
		return false
	case c.bound == "at most":
		return n <= c.limit
	case c.bound == "at least":
		return n >= c.limit
	}
	return n == c.limit
}

func (c *check) text(limit int64) string {
	text := c.what + ": "
	if c.bound != "" {
		text += c.bound + " "
	}
	return text + c.show(limit)
}

// expectation reads the lines below l.
func (p *parser) expectation(l *line) (expectation, error) {
	e := expectation{line: l}
	for _, row := range l.below {
		if err := p.nothingBelow(row); err != nil {
			return e, err
		}
		if err := p.expect(&e, row); err != nil {
			return e, err
		}
	}
	return e, nil
}

func (p *parser) expect(e *expectation, l *line) error {
	words := l.words()
	colon := slices.IndexFunc(words, func(w word) bool { return w.text == ":" })
	what := words[0].text
	_, rest, _ := strings.Cut(l.text, ":")
	rest = strings.Join(strings.Fields(rest), " ")
	if colon < 0 {
		if _, err := wire.ParseRCode(what); err != nil && !slices.Contains([]string{"passed", "dropped"}, what) {
			return p.fail(l, 0, fmt.Errorf("%q is neither an RCODE nor one of error, because, answer, authority, additional, replies, sent, took, seen with a colon", what))
		}
		e.reply = append(e.reply, strings.Join(strings.Fields(l.text), " "))
		return nil
	}
	if colon != 1 && what != "sent" {
		return p.fail(l, 1, errors.New("expected a colon"))
	}
	switch what {
	case "error", "because", "answer", "authority", "additional", "replies":
		e.reply = append(e.reply, what+": "+rest)
		return nil
	case "seen":
		if e.seen == nil {
			e.seen = []string{}
		}
		if rest != "nothing" {
			e.seen = append(e.seen, rest)
		}
		return nil
	case "sent":
		c := check{what: "sent", value: countAll, show: func(n int64) string { return strconv.FormatInt(n, 10) }}
		if colon > 1 {
			if words[1].text != "to" {
				return p.fail(l, 1, errors.New("expected to and addresses, or a colon"))
			}
			addrs, err := p.addresses(l, words[:colon], 2)
			if err != nil {
				return err
			}
			c.what, _, _ = strings.Cut(l.text, ": ")
			c.value = func(o *outcome) int64 { return countTo(o, addrs) }
		}
		return p.check(e, c, l, words, colon+1, func(text string) (int64, error) {
			n, err := strconv.ParseUint(text, 10, 31)
			if err != nil {
				return 0, fmt.Errorf("%q is not a number", text)
			}
			return int64(n), nil
		})
	case "took":
		c := check{
			what: "took", value: func(o *outcome) int64 { return int64(o.took) },
			show: func(n int64) string { return time.Duration(n).String() },
		}
		return p.check(e, c, l, words, colon+1, func(text string) (int64, error) {
			d, err := parseDuration(text)
			return int64(d), err
		})
	}
	return p.fail(l, 0, fmt.Errorf("%q is none of error, because, answer, authority, additional, replies, sent, took, seen", what))
}

// check reads "[at most|at least] LIMIT" from the n-th word on.
func (p *parser) check(e *expectation, c check, l *line, words []word, n int, parse func(text string) (int64, error)) error {
	if n+2 < len(words) && words[n].text == "at" && (words[n+1].text == "most" || words[n+1].text == "least") {
		c.bound = "at " + words[n+1].text
		n += 2
	}
	if n+1 != len(words) {
		return p.fail(l, n, errors.New("expected a number, or at most or at least and a number"))
	}
	if words[n].text == "?" {
		c.isNew = true
	} else {
		var err error
		if c.limit, err = parse(words[n].text); err != nil {
			return p.fail(l, n, err)
		}
	}
	e.checks = append(e.checks, c)
	return nil
}

func countAll(o *outcome) int64 { return int64(len(o.packets)) }

func countTo(o *outcome, addrs []netip.Addr) int64 {
	n := int64(0)
	for _, p := range o.packets {
		if slices.Contains(addrs, p.Server) {
			n++
		}
	}
	return n
}

// differences says what of o is not as expected.
func (e *expectation) differences(o *outcome) []string {
	var text []string
	if got := e.relevant(o.reply); len(o.reply) > 0 && !slices.Equal(e.reply, got) {
		text = append(text, "wanted the reply", indented(e.reply), "got", indented(got))
	}
	for _, c := range e.checks {
		if !c.holds(o) {
			wanted := c.text(c.limit)
			if c.isNew {
				wanted = c.what + ": ? (run with -update)"
			}
			text = append(text, fmt.Sprintf("wanted %s, got %s", wanted, c.show(c.value(o))))
		}
	}
	if got := packetTexts(o.packets); e.seen != nil && !slices.Equal(e.seen, got) {
		text = append(text, "wanted the queries", indented(e.seen), "got", indented(got))
	}
	return text
}

// relevant leaves out the authority and additional records of a reply if the
// story names none.
func (e *expectation) relevant(reply []string) []string {
	var kept []string
	for _, l := range reply {
		section, _, _ := strings.Cut(l, ":")
		names := func(l string) bool { return strings.HasPrefix(l, section+":") }
		isOptional := section == "authority" || section == "additional" || section == "because"
		if !isOptional || slices.ContainsFunc(e.reply, names) {
			kept = append(kept, l)
		}
	}
	return kept
}

// updated returns the lines as they would have to be for o, bounds kept.
func (e *expectation) updated(o *outcome) []string {
	lines := e.relevant(o.reply)
	for _, c := range e.checks {
		limit := c.limit
		if c.bound == "" || c.isNew {
			limit = c.value(o)
		}
		lines = append(lines, c.text(limit))
	}
	if e.seen == nil {
		return lines
	}
	for _, text := range packetTexts(o.packets) {
		lines = append(lines, "seen: "+text)
	}
	if len(o.packets) == 0 {
		lines = append(lines, "seen: nothing")
	}
	return lines
}

func packetTexts(packets []*Packet) []string {
	texts := []string{}
	for _, p := range packets {
		texts = append(texts, p.String())
	}
	return texts
}

func indented(lines []string) string {
	if len(lines) == 0 {
		return "  (nothing)"
	}
	return "  " + strings.Join(lines, "\n  ")
}
