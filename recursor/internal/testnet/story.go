package testnet

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/names-dns/names/wire"
)

// File is a file of stories.
type File struct {
	Name    string
	Stories []*Story
	text    string
}

// Story is a world and what is asked in it.
type Story struct {
	Name string
	Line int // where it begins

	file     string
	settings []Setting
	commands []command // those that all stories of the file begin with included
}

// Setting is what a story wants the resolver to be set to, for the function that makes
// one to understand.
type Setting struct {
	Words []string
	file  string
	line  int
}

// command is one thing that happens in a story.
type command interface {
	// run does it and returns what is not as expected.
	run(p *player) []string
}

// setZone puts a zone on servers, or takes it away.
type setZone struct {
	origin  wire.Name
	records []wire.Record
	signing *signing // nil: it is not signed
	isGone  bool
	on      []netip.Addr
}

func (c *setZone) run(p *player) []string {
	var z *Zone
	if !c.isGone {
		var err error
		if z, err = c.signing.signed(c.origin, c.records); err != nil {
			p.failed = fmt.Errorf("story %q: zone %v: %w", p.story.Name, c.origin, err)
			return nil
		}
	}
	p.world.setZone(c.origin, z, c.on)
	return nil
}

// setServers says how servers behave from here on.
type setServers struct {
	addrs []netip.Addr
	rules []*rule
}

func (c *setServers) run(p *player) []string {
	for _, a := range c.addrs {
		p.world.setRules(a, c.rules)
	}
	return nil
}

// setHint names a root server.
type setHint struct{ hint Hint }

func (c *setHint) run(p *player) []string {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	p.world.hints = append(p.world.hints, c.hint)
	return nil
}

// setFamily takes IPv4 or IPv6 away from our side, or gives it back.
type setFamily struct{ is6, isGone bool }

func (c *setFamily) run(p *player) []string {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	if c.is6 {
		p.world.noIPv6 = c.isGone
	} else {
		p.world.noIPv4 = c.isGone
	}
	return nil
}

// advance lets time pass.
type advance struct {
	by   time.Duration
	want expectation
}

// ask asks the resolver.
type ask struct {
	name  string // with $ for the number if it is asked many times
	kind  wire.Type
	times int
	do    bool
	tcp   bool
	flags wire.Flags
	from  netip.Addr
	text  string // as it is written in the file
	want  expectation
}
