// Package serve is the command that runs a server.
//
// Locks: Server.reloading, then Server.mu, then that of one part: signing, catalogs,
// syncs, observation, transports, encryption, drafts, addedNegatives, or the file of a
// zone. Under Server.mu files are read and zones changed, so that it may be held for as
// long as a large zone takes to load; nothing on the way of a query takes it. Subscribers
// of zones (catalogs.receive, syncs.receive) hold up the next version of the zone: they
// take only the lock of their part, under which no zone is changed. Signing changes
// zones under its lock, which is taken before the writer's.
package serve

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/confine"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/cmd/internal/systemd"
	"github.com/names-dns/names/cmd/internal/web"
	"github.com/names-dns/names/listener"
)

// adviseArgument says what the first of the last n arguments, which are not options,
// should have been.
func adviseArgument(args []string, n int) string {
	const zones = "zones are given with --bindzone or --pyzone"
	if n == len(args) {
		return zones
	}
	if option := strings.TrimLeft(args[len(args)-n-1], "-"); option == "serve-stale" {
		return fmt.Sprintf("a time for --%s is written as --%[1]s=%s", option, args[len(args)-n])
	}
	return zones
}

// Run runs the command with its arguments and returns its exit code.
func Run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	s, finish := settings.Flags(flags)
	var fromFile configFlags
	fromFile.register(flags)
	if code, done := cli.ParseFlags(flags, Help, args, stdout, stderr); done {
		return code
	}
	err := finish()
	if flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q; %s", flags.Arg(0), adviseArgument(args, flags.NArg()))
	}
	var file string
	if err == nil {
		file, err = fromFile.choose(flags)
	}
	if err != nil {
		return cli.UsageError(stderr, "serve", err)
	}
	c, warnings, err := configuration(file, *s)
	if err != nil || fromFile.print {
		PrintProblems(stderr, warnings, err)
		if err == nil {
			err = c.Print(stdout)
		}
		if err != nil {
			return cli.ExitFailed
		}
		return cli.ExitOK
	}
	ctx, hangups, stop := cli.WatchSignals()
	defer stop()
	cli.SurviveBrokenPipes()
	out := cli.NewLogWriter(stderr)
	defer out.Close(time.Second)
	level := new(slog.LevelVar)
	level.UnmarshalText([]byte(c.LogLevel)) // it has been checked
	lines := slog.Handler(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level}))
	if systemd.IsJournal(os.Getenv, stderr) {
		lines = systemd.JournalText(out, &slog.HandlerOptions{Level: level})
	}
	log := slog.New(web.NewTail(lines))
	logWarnings(warnings, log)
	if c.User == "" {
		c.User = fromFile.user
	}
	if c.User != "" {
		account, err := confine.Find(c.User)
		if err != nil {
			log.Error("cannot serve", "error", err)
			return cli.ExitFailed
		}
		account.Trust()
	}
	warnOfFileLimit(log)
	warnOfClock(time.Now(), log)
	notifier := systemd.NewNotifier(os.Getenv)
	loading, loaded := context.WithCancel(ctx)
	var done atomic.Int64
	progress := func(n, of int) {
		done.Store(int64(n))
		out.Status(cli.ProgressBar("loading zones", n, of))
	}
	go tellStart(loading, notifier, len(c.Settings.Zones), &done)
	started := func(server *Server) error {
		loaded()
		return server.operate(c, level, notifier, os.Getenv)
	}
	defer loaded()
	sockets, err := passedSockets(os.Getenv)
	if err == nil {
		err = serveAt(ctx, sockets, progress, c.Settings, hangups, log, started)
	}
	if err != nil {
		log.Error("cannot serve", "error", adviseOnFiles(err))
		return cli.ExitFailed
	}
	return cli.ExitOK
}

// serve runs a server until ctx is done. started, if it is not nil, is called
// with the server once its addresses are bound; its error stops the server.
func serve(ctx context.Context, s settings.Settings, hangups <-chan struct{}, log *slog.Logger, started func(*Server) error) error {
	return serveAt(ctx, nil, nil, s, hangups, log, started)
}

// serveAt is serve with sockets that are open already, if there are any, and progress.
func serveAt(ctx context.Context, sockets *listener.Inherited, progress progress, s settings.Settings, hangups <-chan struct{}, log *slog.Logger, started func(*Server) error) error {
	server, err := start(ctx, sockets, progress, s, log)
	if ctx.Err() != nil && server == nil {
		log.Info("stopped before the server was ready")
		return nil
	}
	if err != nil {
		return err
	}
	if started != nil {
		if err := started(server); err != nil {
			server.abandon()
			return err
		}
	}
	return server.Run(hangups)
}
