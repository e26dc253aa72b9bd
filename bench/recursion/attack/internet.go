package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// internet is all authoritative servers, each an address. It is the resolver
// behind a listener at all addresses, and counts what arrives at which.
type internet struct {
	hosts map[netip.Addr]*host

	mu      sync.Mutex
	sent    map[netip.Addr]int
	log     []string  // what came, in words
	last    time.Time // when a query came
	release time.Time // when those that are held are answered
}

// host is one server. An address without one is silent.
type host struct {
	zones []*authority.Zone
	sets  []*authority.Set // of one zone each
	hold  time.Duration    // after the first query until which all are kept
}

// attack is what a client asks to make a resolver ask others.
type attack struct {
	name     string
	question wire.Question
	pattern  string // of the name, where it is asked several times
	times    int
	victim   []netip.Addr
}

// Resolve answers as the server that was asked does.
func (n *internet) Resolve(ctx context.Context, x *names.Exchange) error {
	addr := x.Peer.Local.Addr().Unmap()
	h := n.hosts[addr]
	now := time.Now()
	n.mu.Lock()
	n.sent[addr]++
	n.last = now
	q := x.Query.Question
	n.log = append(n.log, fmt.Sprintf("%s %s %s %s %s", now.Format("05.000"), addr, x.Peer.Transport, q.Name, q.Type))
	var wait time.Duration
	if h != nil && h.hold > 0 {
		if now.After(n.release) {
			n.release = now.Add(h.hold)
		}
		wait = n.release.Sub(now)
	}
	n.mu.Unlock()
	if h == nil {
		return names.ErrDrop
	}
	if wait > 0 {
		select {
		case <-ctx.Done():
			return names.ErrDrop
		case <-time.After(wait):
		}
	}
	best := -1
	for i, z := range h.zones {
		if q.Name.HasSuffix(z.Origin()) && (best < 0 || z.Origin().LabelCount() > h.zones[best].Origin().LabelCount()) {
			best = i
		}
	}
	if best < 0 {
		x.RCode = wire.RCodeRefused
		return nil
	}
	return h.sets[best].Resolve(ctx, x)
}

// reset begins to count anew.
func (n *internet) reset() {
	n.mu.Lock()
	n.sent, n.log = map[netip.Addr]int{}, nil
	n.last = time.Now()
	n.mu.Unlock()
}

// count returns the queries since, to all servers and to some, and when the
// last one came.
func (n *internet) count(victim []netip.Addr) (sent, hit int, last time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, count := range n.sent {
		sent += count
	}
	for _, addr := range victim {
		hit += n.sent[addr]
	}
	return sent, hit, n.last
}

// queries is all that came since, a line each.
func (n *internet) queries() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.log, "\n") + "\n"
}

// parse reads an internet and the attacks in it:
//
//	zone NAME on ADDRESS... [for FROM-TO] [signed HOW]
//	  records as in a master file, $ORIGIN being NAME
//	hold ADDRESS TIME
//	attack NAME
//	  ask NAME TYPE [times N]
//	  victim ADDRESS...
//
// With "for" there are several zones: in names, addresses and records $ stands for
// the number and ${1} for the next one. "(x)*3" is written for xxx. A zone has
// an SOA record; hold keeps queries until a time after the first one, and then
// answers all of them. In a name asked several times $ stands for the number.
func parse(file, text string) (*internet, []attack, error) {
	n := &internet{hosts: map[netip.Addr]*host{}, sent: map[netip.Addr]int{}}
	var attacks []attack
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if line == "" || line[0] == '#' {
			continue
		}
		at := i + 1
		var block []string
		for i+1 < len(lines) && (lines[i+1] == "" || lines[i+1][0] == ' ') {
			i++
			if below := strings.TrimSpace(lines[i]); below != "" && below[0] != '#' {
				block = append(block, below)
			}
		}
		verb, rest, _ := strings.Cut(line, " ")
		var err error
		switch verb {
		case "zone":
			err = n.addZones(rest, block)
		case "hold":
			err = n.addHold(rest)
		case "attack":
			var a attack
			if a, err = parseAttack(rest, block); err == nil {
				attacks = append(attacks, a)
			}
		default:
			err = fmt.Errorf("there is no command %q", verb)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s:%d: %w", file, at, err)
		}
	}
	return n, attacks, nil
}

// addZones adds what a line "zone" and those below it say.
func (n *internet) addZones(line string, records []string) error {
	line, how, _ := strings.Cut(line, " signed ")
	line, numbers, isMany := strings.Cut(line, " for ")
	origin, list, ok := strings.Cut(line, " on ")
	if !ok {
		return errors.New("a zone is on addresses")
	}
	text := strings.Join(records, "\n")
	if !isMany {
		return n.addZone(repeat(origin), list, how, repeat(text))
	}
	first, last, _ := strings.Cut(numbers, "-")
	from, err := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	if err != nil || err2 != nil || to < from || to-from > 1000 {
		return fmt.Errorf("%s is no range of numbers", numbers)
	}
	for i := from; i <= to; i++ {
		number := strings.NewReplacer("${1}", strconv.Itoa(i+1), "$", strconv.Itoa(i))
		if err := n.addZone(repeat(number.Replace(origin)), number.Replace(list), how, repeat(number.Replace(text))); err != nil {
			return err
		}
	}
	return nil
}

var repetition = regexp.MustCompile(`\(([^()]*)\)\*([0-9]{1,3})`)

// repeat writes in full what text says how often to repeat.
func repeat(text string) string {
	return repetition.ReplaceAllStringFunc(text, func(found string) string {
		part := repetition.FindStringSubmatch(found)
		times, _ := strconv.Atoi(part[2])
		return strings.Repeat(part[1], times)
	})
}

func (n *internet) addZone(origin, list, how, records string) error {
	addresses, err := parseAddresses(list)
	if err != nil {
		return err
	}
	name, err := wire.ParseName(origin)
	if err != nil {
		return err
	}
	var s *signing
	if how != "" {
		var lines []string
		if s, lines, err = parseSigning(name, how, strings.Split(records, "\n")); err != nil {
			return err
		}
		records = strings.Join(lines, "\n")
	}
	var problems diagnostic.List
	builder := authority.NewBuilder(name, wire.ClassIN, &problems)
	text := "$TTL 3600\n@ SOA ns hostmaster 1 3600 600 86400 300\n" + records + "\n"
	var unsigned []wire.Record
	err = zonefile.Read([]byte(text), origin, zonefile.Options{Origin: name}, &problems, func(r *zonefile.Record) error {
		if s == nil {
			builder.Add(r.Record, r.Position)
			return nil
		}
		r.Record.Name, r.Record.Data = r.Record.Name.Clone(), slices.Clone(r.Record.Data)
		unsigned = append(unsigned, r.Record)
		return nil
	})
	if err != nil {
		return err
	}
	if s != nil {
		signed, err := s.sign(name, unsigned)
		if err != nil {
			return fmt.Errorf("zone %v: %w", name, err)
		}
		for _, r := range signed {
			builder.Add(r, diagnostic.Position{})
		}
	}
	snapshot, err := builder.Freeze()
	if err != nil {
		return err
	}
	zone := authority.NewZone(snapshot)
	set := new(authority.Set)
	if err := set.SetZones([]*authority.Zone{zone}); err != nil {
		return err
	}
	for _, addr := range addresses {
		h := n.host(addr)
		h.zones, h.sets = append(h.zones, zone), append(h.sets, set)
	}
	return nil
}

func parseAddresses(list string) (addresses []netip.Addr, err error) {
	for _, word := range strings.Fields(list) {
		addr, err := netip.ParseAddr(word)
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, addr)
	}
	return addresses, nil
}

func (n *internet) host(addr netip.Addr) *host {
	if n.hosts[addr] == nil {
		n.hosts[addr] = new(host)
	}
	return n.hosts[addr]
}

func (n *internet) addHold(line string) error {
	first, second, _ := strings.Cut(line, " ")
	addr, err := netip.ParseAddr(first)
	if err != nil {
		return err
	}
	n.host(addr).hold, err = time.ParseDuration(second)
	return err
}

func parseAttack(name string, lines []string) (a attack, err error) {
	a.name = name
	for _, line := range lines {
		words := strings.Fields(line)
		switch {
		case words[0] == "victim":
			if a.victim, err = parseAddresses(strings.Join(words[1:], " ")); err != nil {
				return a, err
			}
		case words[0] == "ask" && (len(words) == 3 || len(words) == 5 && words[3] == "times"):
			a.times, a.pattern = 1, repeat(words[1])
			if len(words) == 5 {
				if a.times, err = strconv.Atoi(words[4]); err != nil || a.times < 1 || a.times > 10000 {
					return a, fmt.Errorf("%s: a question is asked 1 to 10000 times", words[4])
				}
			}
			a.question.Class = wire.ClassIN
			if a.question.Type, err = wire.ParseType(words[2]); err != nil {
				return a, err
			}
			if a.question.Name, err = wire.ParseName(a.pattern); err != nil {
				return a, err
			}
		default:
			return a, fmt.Errorf("%q says nothing of an attack", line)
		}
	}
	if a.times == 0 {
		return a, fmt.Errorf("%s asks nothing", name)
	}
	return a, nil
}

// ask is the question to be asked for the i-th time.
func (a *attack) ask(i int) (wire.Question, error) {
	q := a.question
	var err error
	q.Name, err = wire.ParseName(strings.ReplaceAll(a.pattern, "$", strconv.Itoa(i)))
	return q, err
}
