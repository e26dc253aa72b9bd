package testnet

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/wire"
)

// Start makes the resolver that a story is played with, set as the story
// wants. The function it returns is called at the end.
type Start func(w *World, settings []Setting) (r names.Resolver, stop func(), err error)

// Wrong returns err with the place where the story has the setting.
func (s *Setting) Wrong(err error) error { return &Error{s.file, s.line, 1, err} }

// Play plays the story with a resolver and reports what is not as told,
// together with every packet that was sent. What is as it happened is kept for
// [File.Updated].
func (s *Story) Play(t *testing.T, start Start) {
	t.Helper()
	if wrong := s.play(t, start); wrong != "" {
		t.Error(wrong)
	}
}

// play returns what is not as told.
func (s *Story) play(t *testing.T, start Start) (report string) {
	synctest.Test(t, func(t *testing.T) {
		p := &player{t: t, story: s, start: start, world: NewWorld(seedOf(s.Name))}
		var wrong []string
		for _, c := range s.commands {
			wrong = append(wrong, c.run(p)...)
			if p.failed != nil {
				report = p.failed.Error()
				return
			}
		}
		if p.stop != nil {
			p.stop()
		}
		p.world.Wait()
		if n := p.world.OpenSockets(); n != 0 {
			wrong = append(wrong, fmt.Sprintf("%d sockets are still open", n))
		}
		if len(wrong) > 0 {
			report = fmt.Sprintf("%s:%d: story %q\n%s\n\nwhat was sent:\n%s",
				s.file, s.Line, s.Name, strings.Join(wrong, "\n"), Trace(p.world.Packets(0)))
		}
	})
	return report
}

// seedOf makes each story have chances of its own.
func seedOf(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// player is a story that is being played.
type player struct {
	t        *testing.T
	story    *Story
	start    Start
	world    *World
	resolver names.Resolver
	stop     func()
	failed   error // the story cannot go on
	sent     int   // packets that were looked at
}

// ready starts the resolver if that has not been done yet.
func (p *player) ready() bool {
	if p.resolver == nil && p.failed == nil {
		p.resolver, p.stop, p.failed = p.start(p.world, p.story.settings)
	}
	return p.failed == nil
}

// newPackets returns what was sent since the last time.
func (p *player) newPackets() []*Packet {
	synctest.Wait()
	packets := p.world.Packets(p.sent)
	p.sent += len(packets)
	return packets
}

// compare notes what happened and returns what of it was not expected.
func (p *player) compare(e *expectation, what string, o *outcome) []string {
	e.line.happened = e.updated(o)
	wrong := e.differences(o)
	if len(wrong) == 0 {
		return nil
	}
	place := fmt.Sprintf("%s:%d: %s", p.story.file, e.line.number, what)
	return append([]string{place}, wrong...)
}

func (c *advance) run(p *player) []string {
	if !p.ready() {
		return nil
	}
	time.Sleep(c.by)
	return p.compare(&c.want, "advance "+c.by.String(), &outcome{packets: p.newPackets(), took: c.by})
}

func (c *ask) run(p *player) []string {
	if !p.ready() {
		return nil
	}
	begun := time.Now()
	replies := make([][]string, c.times)
	var asking sync.WaitGroup
	for i := range c.times {
		replies[i] = []string{"unreadable"}
		asking.Go(func() {
			replies[i] = c.once(p, strings.ReplaceAll(c.name, "$", strconv.Itoa(i+1)))
		})
	}
	asking.Wait()
	o := &outcome{reply: replies[0], took: time.Since(begun)}
	if c.times > 1 {
		o.reply = summary(replies)
	}
	o.packets = p.newPackets()
	return p.compare(&c.want, c.text, o)
}

// once asks once and returns the reply as a story has it.
func (c *ask) once(p *player, name string) []string {
	options := []namestest.Option{namestest.WithFlags(c.flags), namestest.WithEDNS(c.edns())}
	if c.tcp {
		options = append(options, namestest.OverTCP())
	}
	if c.from.IsValid() {
		options = append(options, namestest.From(netip.AddrPortFrom(c.from, 5353)))
	}
	m, err := namestest.Try(p.t, p.resolver, name, c.kind, options...)
	if err != nil {
		return describeError(err)
	}
	return describe(m)
}

func (c *ask) edns() wire.EDNS {
	e := wire.EDNS{UDPSize: 1232}
	if c.do {
		e.Flags = wire.FlagDO
	}
	return e
}
