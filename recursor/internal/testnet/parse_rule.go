package testnet

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/wire"
)

// server reads "server ADDRESS…[: EFFECT, …]" with rules below.
func (p *parser) server(l *line, words []word) (command, error) {
	colon := 1
	for colon < len(words) && words[colon].text != ":" {
		colon++
	}
	addrs, err := p.addresses(l, words[:colon], 1)
	if err != nil {
		return nil, err
	}
	c := &setServers{addrs: addrs, rules: []*rule{}}
	if colon < len(words) {
		r := &rule{}
		if err := p.effects(r, l, words, colon+1); err != nil {
			return nil, err
		}
		if len(l.below) > 0 && !r.takesBelow {
			return nil, p.fail(l.below[0], 0, errors.New("rules stand below a line that ends with the addresses"))
		}
		c.rules = append(c.rules, r)
		return c, nil
	}
	for _, below := range l.below {
		r, err := p.rule(below)
		if err != nil {
			return nil, err
		}
		c.rules = append(c.rules, r)
	}
	return c, nil
}

// rule reads "[if CONDITION…:] EFFECT, …".
func (p *parser) rule(l *line) (*rule, error) {
	words := l.words()
	r := &rule{}
	next := 0
	if words[0].text == "if" {
		var err error
		if next, err = p.conditions(r, l, words); err != nil {
			return nil, err
		}
	}
	if err := p.effects(r, l, words, next); err != nil {
		return nil, err
	}
	if !r.takesBelow {
		if err := p.nothingBelow(l); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// conditions reads the words up to the colon.
func (p *parser) conditions(r *rule, l *line, words []word) (next int, err error) {
	isNot := false
	for i := 1; i < len(words); i++ {
		argument := ""
		if i+1 < len(words) && words[i+1].text != ":" {
			argument = words[i+1].text
		}
		var c condition
		takesWord := true
		switch words[i].text {
		case ":":
			if i == 1 || isNot {
				return 0, p.fail(l, i, errors.New("expected a condition"))
			}
			return i + 1, nil
		case "not":
			isNot = true
			continue
		case "first":
			r.first, err = parseCount(argument, maxTimes)
		case "after":
			r.after, err = parseCount(argument, maxTimes)
		case "type":
			var t wire.Type
			t, err = wire.ParseType(argument)
			c = func(q *query) bool { return q.question().Type == t }
		case "name":
			var n wire.Name
			n, err = parseName(argument)
			c = func(q *query) bool { return q.question().Name.Equal(n) }
		case "below":
			var n wire.Name
			n, err = parseName(argument)
			c = func(q *query) bool { return q.question().Name.HasSuffix(n) && !q.question().Name.Equal(n) }
		default:
			takesWord = false
			c = simpleConditions[words[i].text]
			if c == nil {
				err = fmt.Errorf("%q is none of EDNS, DO, CD, cookie, UDP, TCP, type T, name N, below N, first N, after N", words[i].text)
			}
		}
		if takesWord {
			i++
		}
		if err == nil && isNot && c == nil {
			err = errors.New("a count cannot be turned round by not")
		}
		if err != nil {
			return 0, p.fail(l, i, err)
		}
		if isNot {
			yes := c
			c = func(q *query) bool { return !yes(q) }
			isNot = false
		}
		if c != nil {
			r.conditions = append(r.conditions, c)
		}
	}
	return 0, p.fail(l, len(words), errors.New("expected a colon and what happens then"))
}

var simpleConditions = map[string]condition{
	"EDNS":   func(q *query) bool { return q.EDNS != nil },
	"DO":     func(q *query) bool { return q.EDNS != nil && q.EDNS.DO() },
	"UDP":    func(q *query) bool { return !q.overTCP },
	"TCP":    func(q *query) bool { return q.overTCP },
	"CD":     func(q *query) bool { return q.Flags.Has(wire.FlagCD) },
	"cookie": hasCookie,
}

func hasCookie(q *query) bool {
	if q.EDNS == nil {
		return false
	}
	_, ok := q.EDNS.Options.Find(wire.OptionCookie)
	return ok
}

// effects reads the words from the n-th on, effects with commas between them.
func (p *parser) effects(r *rule, l *line, words []word, n int) error {
	for {
		end := n
		for end < len(words) && words[end].text != "," {
			end++
		}
		if n == end {
			return p.fail(l, n, errors.New("expected what the server does"))
		}
		effect, at, err := p.effect(r, l, words[n:end])
		if err != nil {
			var placed *Error
			if errors.As(err, &placed) {
				return err
			}
			return p.fail(l, n+at, err)
		}
		r.effects = append(r.effects, effect)
		if end == len(words) {
			return nil
		}
		n = end + 1
	}
}

// plainEffects are those that are said in words alone.
var plainEffects = map[string]func(b *behaviour){
	"answers":                 func(b *behaviour) { b.says = fromZones },
	"silent":                  func(b *behaviour) { b.says = nothing },
	"unreachable":             func(b *behaviour) { b.says = unreachable },
	"compression bomb":        func(b *behaviour) { b.says = bomb },
	"no EDNS":                 func(b *behaviour) { b.noEDNS = true },
	"no TCP":                  func(b *behaviour) { b.refusesTCP = true },
	"not authoritative":       func(b *behaviour) { b.notAuthoritative = true },
	"lower case":              func(b *behaviour) { b.lowercases = true },
	"knows cookies":           func(b *behaviour) { b.cookies = true },
	"demands cookies":         func(b *behaviour) { b.demandsCookies = true },
	"truncates":               func(b *behaviour) { b.truncates = true },
	"wrong ID":                func(b *behaviour) { b.wrongID = true },
	"from another address":    func(b *behaviour) { b.fromElsewhere = true },
	"drops answer section":    func(b *behaviour) { b.drops[wire.SectionAnswer] = true },
	"drops authority section": func(b *behaviour) { b.drops[wire.SectionAuthority] = true },
	"drops additional section": func(b *behaviour) {
		b.drops[wire.SectionAdditional] = true
	},
}

// effect reads one effect. Errors are of the word at.
func (p *parser) effect(r *rule, l *line, words []word) (effect func(b *behaviour), at int, err error) {
	text := joinWords(words)
	if effect := plainEffects[text]; effect != nil {
		return effect, 0, nil
	}
	argument := ""
	if len(words) > 1 {
		argument = words[len(words)-1].text
		text = joinWords(words[:len(words)-1])
	}
	at = len(words) - 1
	if (text == "reply" || text == "adds") && r.takesBelow {
		return nil, 0, errors.New("the lines below are those of what stands before")
	}
	switch text {
	case "reply":
		if argument != "" {
			break
		}
		r.takesBelow = true
		m, err := p.message(l)
		return func(b *behaviour) { b.says, b.literal = literally, m }, 0, err
	case "adds":
		for s := wire.SectionAnswer; s <= wire.SectionAdditional; s++ {
			if argument == s.String() {
				r.takesBelow = true
				records, err := p.readRecords(l, wire.Root)
				return func(b *behaviour) { b.adds[s] = append(b.adds[s], records...) }, 0, err
			}
		}
		return nil, at, errors.New("expected answer, authority or additional")
	case "reports to":
		agent, err := wire.ParseName(argument)
		return func(b *behaviour) { b.agent = agent }, at, err
	case "delay":
		least, most, isRange := strings.Cut(argument, "-")
		if !isRange {
			most = least
		}
		from, err := parseDuration(least)
		if err != nil {
			return nil, at, err
		}
		to, err := parseDuration(most)
		if err == nil && to < from {
			err = fmt.Errorf("%q ends before it begins", argument)
		}
		return func(b *behaviour) { b.delay = [2]time.Duration{from, to} }, at, err
	case "loss":
		digits, ok := strings.CutSuffix(argument, "%")
		percent, err := strconv.ParseFloat(digits, 64)
		if !ok || err != nil || !(percent >= 0 && percent <= 100) {
			return nil, at, fmt.Errorf("%q is not a share as 20%%", argument)
		}
		return func(b *behaviour) { b.loss = percent / 100 }, 0, nil
	case "limit":
		n, err := parseCount(argument, 65535)
		return func(b *behaviour) { b.limit = max(n, 512) }, at, err
	case "cuts off at":
		n, err := parseCount(argument, 65535)
		return func(b *behaviour) { b.cutAt = n }, at, err
	case "goes on for":
		n, err := parseCount(argument, 65535)
		return func(b *behaviour) { b.after = n }, at, err
	case "forged":
		n, err := parseCount(argument, maxCopies)
		return func(b *behaviour) { b.forged = n }, at, err
	case "copies":
		n, err := parseCount(argument, maxCopies)
		return func(b *behaviour) { b.copies = n - 1 }, at, err
	case "wrong question":
		n, err := parseName(argument)
		return func(b *behaviour) { b.wrongQuestion = n }, at, err
	}
	if len(words) == 1 {
		if rcode, err := wire.ParseRCode(words[0].text); err == nil && rcode <= 0xFFF {
			return func(b *behaviour) { b.says, b.rcode = justRCode, rcode }, 0, nil
		}
	}
	return nil, 0, fmt.Errorf("%q is nothing that a server does", joinWords(words))
}

// maxCopies is how many packets a server sends for one.
const maxCopies = 1000

func joinWords(words []word) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.text
	}
	return strings.Join(texts, " ")
}

// message reads what stands below l as the text of a message. A name @ as
// owner is not understood there: it is what dig shows.
func (p *parser) message(l *line) (*wire.Message, error) {
	if len(l.below) == 0 {
		return nil, p.fail(l, len(l.words()), errors.New("the text of a reply is missing below"))
	}
	first, last := l.below[0].number, l.last()
	rows := p.rows[first-1 : last]
	text := make([]string, len(rows))
	for i, row := range rows {
		if !strings.HasPrefix(strings.TrimSpace(row), "#") {
			text[i] = row
		}
	}
	m, err := wire.ParseMessageText(strings.Join(text, "\n"))
	var at *wire.TextError
	if errors.As(err, &at) {
		return nil, &Error{p.file, first - 1 + at.Line, at.Column, at.Err}
	}
	if err != nil {
		return nil, p.fail(l.below[0], 0, err)
	}
	if m.RCode > 15 && m.EDNS == nil {
		m.EDNS = &wire.EDNS{UDPSize: 1232}
	}
	if _, err := m.AppendTo(nil); err != nil {
		return nil, p.fail(l.below[0], 0, err)
	}
	return m, nil
}
