package main

import (
	"log/slog"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
)

// wiring turns the options into parts and puts them together: who answers, in
// which order, behind which addresses.
func wiring(o *serveOptions, zones *authority.Set, log *slog.Logger) listener.Config {
	chaos := authority.Chaos{Version: "names " + version(), ID: o.nsid}
	if o.hideVersion {
		chaos.Version = ""
	}
	var resolver names.Resolver = names.Chain{zones, chaos}
	if o.verbose > 0 {
		resolver = queryLog{next: names.Chain{zones, chaos}, log: log, whole: o.verbose > 1}
	}
	return listener.Config{
		Addresses:  o.addresses,
		Resolver:   resolver,
		NSID:       o.nsid,
		MaxUDPSize: o.maxUDPSize,
		Workers:    o.workers,
		Log:        log,
	}
}

// logCounters says what the server did in its life.
func logCounters(log *slog.Logger, server *listener.Server) {
	log.Info("stopped", "counters", server.Counters())
}
