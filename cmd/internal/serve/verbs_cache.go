package serve

import (
	"context"
	"errors"
	"fmt"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

func (s *Server) cacheVerbs() []control.Verb {
	return []control.Verb{
		{Name: "cache look", Arguments: "NAME [TYPE]", What: "What the cache would answer about a name.", Do: s.doCacheLook, Reply: []lookReply{}},
		{Name: "cache flush name", Arguments: "NAME", Changes: true, What: "Forget everything about a name.", Do: s.flush(func(c *cache.Cache, name wire.Name, _ wire.Type) int { return c.Flush(name) }), Reply: flushReply{}},
		{Name: "cache flush subtree", Arguments: "NAME", Changes: true, What: "Forget everything about a name and all names below it.", Do: s.flush(func(c *cache.Cache, name wire.Name, _ wire.Type) int { return c.FlushSubtree(name) }), Reply: flushReply{}},
		{Name: "cache flush type", Arguments: "NAME TYPE", Changes: true, What: "Forget one type of a name.", Do: s.flush((*cache.Cache).FlushType), Reply: flushReply{}},
		{Name: "cache flush all", Changes: true, What: "Forget everything.", Do: s.doFlushAll, Reply: flushReply{}},
		{Name: "cache save", Changes: true, What: "Write the cache to its file.", Do: s.doCacheSave},
	}
}

// usedCache returns the cache, if there is one.
func (s *Server) usedCache() (*cache.Cache, error) {
	if c := s.current.Load().parts.cache; c != nil {
		return c, nil
	}
	return nil, errors.New("the server has no cache")
}

// flushReply is the reply to verbs that forget.
type flushReply struct {
	Forgotten int `json:"forgotten"`
}

func (s *Server) flush(do func(*cache.Cache, wire.Name, wire.Type) int) func(context.Context, []string) (any, error) {
	return func(_ context.Context, args []string) (any, error) {
		name, t, err := nameAndType(args)
		if err != nil {
			return nil, err
		}
		c, err := s.usedCache()
		if err != nil {
			return nil, err
		}
		s.forget(name)
		return flushReply{do(c, name, t)}, nil
	}
}

// nameAndType reads NAME [TYPE].
func nameAndType(args []string) (name wire.Name, t wire.Type, err error) {
	if name, err = wire.ParseName(args[0]); err != nil {
		return name, t, control.Usagef("%q is not a domain name: %v", args[0], err)
	}
	t = wire.TypeA
	if len(args) > 1 {
		if t, err = wire.ParseType(args[1]); err != nil {
			return name, t, control.Usagef("%v", err)
		}
	}
	return name, t, nil
}

func (s *Server) doFlushAll(context.Context, []string) (any, error) {
	c, err := s.usedCache()
	if err != nil {
		return nil, err
	}
	s.forget(wire.Root)
	return flushReply{c.FlushAll()}, nil
}

// forget drops what validation has found out about names at and below name.
func (s *Server) forget(name wire.Name) {
	if forget := s.current.Load().parts.forget; forget != nil {
		forget(name)
	}
}

// lookedTypes are looked for if no type is given.
var lookedTypes = []wire.Type{wire.TypeA, wire.TypeAAAA, wire.TypeCNAME, wire.TypeNS, wire.TypeSOA, wire.TypeMX, wire.TypeTXT, wire.TypePTR, wire.TypeSRV, wire.TypeHTTPS, wire.TypeDS, wire.TypeDNSKEY}

// lookReply is an answer of the cache.
type lookReply struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	RCode   string   `json:"rcode"`
	Records []string `json:"records"`
}

func (s *Server) doCacheLook(_ context.Context, args []string) (any, error) {
	name, t, err := nameAndType(args)
	if err != nil {
		return nil, err
	}
	c, err := s.usedCache()
	if err != nil {
		return nil, err
	}
	types := lookedTypes
	if len(args) > 1 {
		types = []wire.Type{t}
	}
	list := []lookReply{}
	for _, t := range types {
		if reply, ok := look(c, name, t); ok {
			list = append(list, reply)
		}
	}
	return list, nil
}

// maxReply is the largest message there can be.
const maxReply = 65535

// look asks the cache as a client would.
func look(c *cache.Cache, name wire.Name, t wire.Type) (reply lookReply, ok bool) {
	query := wire.AppendQuery(nil, 0, wire.FlagRD, wire.Question{Name: name, Type: t, Class: wire.ClassIN}, &wire.EDNS{UDPSize: 4096})
	x := new(names.Exchange)
	if rcode, err := x.Read(query, names.Peer{Transport: names.TCP}); err != nil || rcode != wire.RCodeNoError {
		return reply, false
	}
	x.Begin(make([]byte, 0, maxReply), maxReply)
	if !c.Get(x) {
		return reply, false
	}
	x.Reply.Flags = x.Reply.Flags.WithRCode(x.RCode)
	m, err := wire.ParseMessage(x.Reply.Finish())
	if err != nil {
		return reply, false
	}
	reply = lookReply{Name: name.String(), Type: t.String(), RCode: x.RCode.String(), Records: []string{}}
	for _, r := range m.Answers {
		reply.Records = append(reply.Records, r.String())
	}
	return reply, true
}

func (s *Server) doCacheSave(context.Context, []string) (any, error) {
	p := s.current.Load().parts
	switch {
	case p.file == nil:
		return nil, errors.New("the cache has no file: say so with [cache] file")
	case !p.file.save():
		return nil, fmt.Errorf("the cache could not be saved to %s: the log says why", p.file.path)
	}
	return struct {
		File string `json:"file"`
	}{p.file.path}, nil
}
