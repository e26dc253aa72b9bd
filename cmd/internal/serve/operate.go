package serve

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/cmd/internal/bound"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/cmd/internal/metrics"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/cmd/internal/systemd"
	"github.com/names-dns/names/cmd/internal/web"
	"github.com/names-dns/names/names"
)

// operator is everything with which a server is operated while it runs: the control
// socket, metrics, the service manager, the level of the log.
type operator struct {
	began    time.Time
	level    *slog.LevelVar    // nil: it cannot change
	notifier *systemd.Notifier // nil: no service manager has started the process
	reread   chan struct{}     // has one if the configuration was read again since it was looked at

	servers   bound.Servers // control, metrics, the page
	remote    bound.Handler
	remoteTLS bound.TLS
	page      bound.Handler
	password  string                       // of the page
	sketches  atomic.Pointer[web.Sketches] // nil: nothing is noted of queries
}

// prepareOperator binds what a configuration has for operators, and reads its files.
// Nothing is different before commit or cancel is called.
func (s *Server) prepareOperator(c *config.Config) (commit, cancel func(), err error) {
	o := &s.operator
	verbs := s.verbs()
	var wanted []bound.Wanted
	add := func(what string, addresses []netip.AddrPort, h http.Handler, config *tls.Config) {
		for _, a := range addresses {
			wanted = append(wanted, bound.AtAddress(what, a.String(), h, config, s.log))
		}
	}
	if c.ControlSocket != "" {
		wanted = append(wanted, control.AtSocket(c.ControlSocket, control.Handler(verbs, s.log), s.log))
	}
	var remoteTLS *tls.Config
	var remote http.Handler
	if len(c.Remote.Listen) > 0 {
		var allowed names.PeerMatcher
		if len(c.Remote.Allow) > 0 {
			if allowed, err = c.Settings.ParseAccess(c.Remote.Allow...); err != nil {
				return nil, nil, fmt.Errorf("control.allow: %w", err)
			}
		}
		if remoteTLS, remote, err = c.Remote.Open(allowed, verbs, s.log); err != nil {
			return nil, nil, err
		}
		add("control", c.Remote.Listen, &o.remote, o.remoteTLS.Config())
	}
	password := ""
	if len(c.Web.Listen) > 0 {
		if password, err = c.Web.Password(); err != nil {
			return nil, nil, err
		}
		add("page", c.Web.Listen, &o.page, nil)
	}
	add("metrics", c.MetricsListen, metrics.Handler(metrics.Source{Metrics: s.metrics, Ready: s.isReady}), nil)
	change, err := o.servers.Change(wanted)
	if err != nil {
		return nil, nil, err
	}
	return func() {
		if remote != nil {
			o.remoteTLS.Set(remoteTLS)
			o.remote.Set(remote)
		}
		if password != o.password {
			o.page.Set(web.Handler(password, verbs, s.log)) // which ends all sessions
		}
		o.password = password
		s.observePage(password != "")
		change.Commit()
	}, change.Cancel, nil
}

// observePage begins or ends to note what the page shows of queries.
func (s *Server) observePage(isWanted bool) {
	o := &s.operator
	switch now := o.sketches.Load(); {
	case isWanted && now == nil:
		next := new(web.Sketches)
		o.sketches.Store(next)
		s.observed.add(next.Observe)
	case !isWanted && now != nil:
		s.observed.add(nil)
		o.sketches.Store(nil)
	}
}

// view is what is in use, for readers that must not wait for a reload.
type view struct {
	settings settings.Settings
	set      *authority.Set
	parts    *parts
}

// show makes what is in use now visible. s.mu is held.
func (s *Server) show() {
	s.current.Store(&view{s.settings, s.set, s.parts})
}

// operate opens the control socket and the metrics of the configuration, and
// tells the service manager that the server is ready.
func (s *Server) operate(c *config.Config, level *slog.LevelVar, notifier *systemd.Notifier, getenv func(string) string) (err error) {
	s.operator.level, s.operator.notifier = level, notifier
	if len(c.Files) > 0 {
		s.config.Store(c)
		s.operator.reread = make(chan struct{}, 1)
	}
	commit, _, err := s.prepareOperator(c)
	if err != nil {
		return err
	}
	commit()
	s.operator.servers.Start()
	if err := s.confineProcess(c); err != nil {
		return err
	}
	cli.WatchReopen(s.ctx, s.observed.reopen)
	if len(c.Files) > 0 {
		go s.watchConfig(s.ctx)
	}
	s.notify(notifier.Ready(s.summary()))
	go notifier.RunWatchdog(s.ctx, getenv, func() bool { return s.ctx.Err() == nil })
	go func() {
		<-s.ctx.Done()
		s.notify(notifier.Stopping())
	}()
	return nil
}

// notify logs that the service manager could not be reached.
func (s *Server) notify(err error) {
	if err != nil {
		s.log.Warn("service manager", "error", err)
	}
}

// abandon closes a server that does not run.
func (s *Server) abandon() {
	s.cancel()
	s.operator.servers.Close()
	s.transports.servers.Close()
	s.listener.Close()
	s.tls.running.Wait()
	s.parts.stop(false)
	s.parts.close()
	s.observed.close()
	s.transfer.wait()
	s.journals.close()
}

// summary is one line about what is served.
func (s *Server) summary() string {
	v := s.current.Load()
	text := fmt.Sprintf("serving %d zones", len(v.settings.Zones))
	if len(v.settings.Zones) == 1 {
		text = "serving 1 zone"
	}
	if v.settings.Recursion.Answers() {
		text += ", recursion for some clients"
	}
	return text
}

// tellStart tells the service manager that zones are loading, and to wait, until
// the context is done.
func tellStart(ctx context.Context, notifier *systemd.Notifier, zones int, done *atomic.Int64) {
	if notifier == nil {
		return
	}
	again := time.NewTicker(progressInterval)
	defer again.Stop()
	for {
		text := fmt.Sprintf("loading %d zones", zones)
		if n := done.Load(); n > 0 {
			text += fmt.Sprintf(": %d %%", 100*n/int64(zones))
		}
		notifier.Status(text)
		notifier.ExtendTimeout(4 * progressInterval)
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}
