package serve

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/cmd/internal/web"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// logVerbs are those about what is logged.
func (s *Server) logVerbs() []control.Verb {
	return []control.Verb{
		{Name: "log", What: "What is logged.", Do: s.doLog, Reply: logReply{}},
		{Name: "log tail", What: "The last lines of the log.", Do: s.doLogTail, Reply: []string{}},
		{Name: "log level", Arguments: "debug|info|warn|error", Changes: true, What: "Change the level of the log, until the next reload.", Do: s.doLogLevel, Reply: logReply{}},
		{Name: "log queries", Arguments: "off|all|failures|slow", Changes: true, What: "Change which queries are logged, until the next reload.", Do: s.doLogQueries, Reply: logReply{}},
		{Name: "log follow client", Arguments: "ADDRESS|NETWORK [TIME]", Changes: true, What: "Log all queries of a client, with their replies, for a minute or TIME.", Do: s.doFollowClient, Reply: logReply{}},
		{Name: "log follow name", Arguments: "NAME [TIME]", Changes: true, What: "Log all queries for a name and the names below it, with their replies, for a minute or TIME.", Do: s.doFollowName, Reply: logReply{}},
		{Name: "log follow off", Changes: true, What: "Follow no client and no name from now on.", Do: s.doFollowOff, Reply: logReply{}},
	}
}

// logReply is the reply to log.
type logReply struct {
	Level     string   `json:"level"`
	Queries   string   `json:"queries"`
	Following []string `json:"following,omitempty"`
	Dnstap    string   `json:"dnstap,omitempty"`
}

func (s *Server) doLog(context.Context, []string) (any, error) {
	now := &s.current.Load().settings
	reply := logReply{Level: "info", Queries: queryLogText(&now.QueryLog), Dnstap: now.Dnstap.Target}
	if s.operator.level != nil {
		reply.Level = strings.ToLower(s.operator.level.Level().String())
	}
	for _, f := range s.observed.followingNow() {
		reply.Following = append(reply.Following, f.Text+" until "+f.until.UTC().Format(time.TimeOnly))
	}
	return reply, nil
}

func (s *Server) doLogTail(context.Context, []string) (any, error) {
	if tail, ok := s.log.Handler().(*web.Tail); ok {
		return tail.Lines(), nil
	}
	return []string{}, nil
}

func (s *Server) doLogQueries(ctx context.Context, args []string) (any, error) {
	s.reloading.Lock() // a reload between the two would be lost
	defer s.reloading.Unlock()
	next := s.Settings()
	l := &next.QueryLog
	switch args[0] {
	case "off":
		*l = settings.QueryLog{}
	case settings.LogAll, settings.LogFailures:
		l.Which, l.Slow = args[0], 0
	case settings.LogSlow:
		if l.Which = args[0]; l.Slow == 0 {
			l.Slow = settings.DefaultSlow
		}
	default:
		return nil, control.Usagef("log queries %s: write off, all, failures or slow", args[0])
	}
	if err := s.Apply(next); err != nil {
		return nil, err
	}
	return s.doLog(ctx, nil)
}

func (s *Server) doFollowClient(ctx context.Context, args []string) (any, error) {
	clients, err := names.ParsePeerSet(args[0])
	if err != nil {
		return nil, control.Usagef("log follow client: %v", err)
	}
	return s.follow(ctx, following{Text: "client " + args[0], client: clients}, args[1:])
}

func (s *Server) doFollowName(ctx context.Context, args []string) (any, error) {
	name, err := wire.ParseName(args[0])
	if err != nil {
		return nil, control.Usagef("%q is not a domain name: %v", args[0], err)
	}
	return s.follow(ctx, following{Text: "name " + name.String(), subtree: name}, args[1:])
}

const (
	followTime    = time.Minute
	maxFollowTime = time.Hour
)

// follow logs queries for the time that rest says.
func (s *Server) follow(ctx context.Context, f following, rest []string) (any, error) {
	length := followTime
	if len(rest) > 0 {
		var err error
		if length, err = time.ParseDuration(rest[0]); err != nil || length <= 0 || length > maxFollowTime {
			return nil, control.Usagef("%q is not a time between 1s and %v", rest[0], maxFollowTime)
		}
	}
	f.until = time.Now().Add(length)
	if !s.observed.followFor(f) {
		return nil, errors.New("too much is followed already: end that with names ctl log follow off")
	}
	return s.doLog(ctx, nil)
}

func (s *Server) doFollowOff(ctx context.Context, _ []string) (any, error) {
	s.observed.followNothing()
	return s.doLog(ctx, nil)
}

func (s *Server) doLogLevel(ctx context.Context, args []string) (any, error) {
	if !slices.Contains(config.LogLevels, args[0]) {
		return nil, control.Usagef("log level %s: write %s", args[0], strings.Join(config.LogLevels, ", "))
	}
	if s.operator.level == nil {
		return nil, errors.New("the level of this log cannot change")
	}
	s.setLogLevel(args[0])
	return s.doLog(ctx, nil)
}

// setLogLevel changes the level of the log to one of config.LogLevels.
func (s *Server) setLogLevel(name string) {
	var level slog.Level
	if s.operator.level != nil && level.UnmarshalText([]byte(name)) == nil {
		s.operator.level.Set(level)
	}
}
