package serve

import (
	"reflect"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/journal"
	"github.com/names-dns/names/authority/update"
	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/metrics"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/ratelimit"
	"github.com/names-dns/names/recursor"
)

// metrics returns what the parts have counted. They count for themselves: nothing
// is added to the way of a query.
func (s *Server) metrics() []metrics.Metric {
	v := s.current.Load()
	all := []metrics.Metric{{
		Name: "names_build_info", Help: "The version of the server; always 1.", Kind: metrics.Gauge,
		Samples: []metrics.Sample{{Labels: []string{"version", cli.Version()}, Value: 1}},
	}}
	transports := s.transports.stats()
	all = append(all, listenerMetrics(s.listener.Stats())...)
	all = append(all, connectionMetrics(s.listener.Stats(), &transports)...)
	all = append(all, limitMetrics(s.replies.Stats(), s.begun.Stats(), s.front.late.Stats(), v.parts.clientStats())...)
	all = append(all, breakdownMetrics(s.listener.Breakdown())...)
	all = append(all, s.tls.metrics()...)
	all = append(all, transports.metrics()...)
	all = append(all, zoneMetrics(v.set.Stats())...)
	all = append(all, eachZone(v.set.Zones())...)
	all = append(all, s.observed.metrics()...)
	all = append(all, updateMetrics(s.updates.receiver.Stats()))
	all = append(all, s.transfer.metrics()...)
	all = append(all, s.transfer.signing.metrics()...)
	all = append(all, s.transfer.aliases.metrics()...)
	if s.journals != nil {
		all = append(all, journalMetrics(s.journals.Stats())...)
	}
	if v.parts.cache != nil {
		all = append(all, cacheMetrics(v.parts.cache.Stats())...)
	}
	if v.parts.servers != nil {
		all = append(all, v.parts.serverMetrics()...)
		all = append(all, v.parts.encryptedMetrics()...)
		all = append(all, v.parts.upgradeMetrics()...)
		all = append(all, resolverMetrics(v.parts.asking())...)
	}
	return all
}

func count(label string, n uint64) metrics.Labelled {
	return metrics.Labelled{Label: label, Value: float64(n)}
}

func listenerMetrics(c listener.Stats) []metrics.Metric {
	return []metrics.Metric{
		metrics.By("names_messages_total", metrics.Counter, "Messages received, whatever they are.", "transport", count("udp", c.UDPQueries), count("tcp", c.TCPQueries),
			count("tls", c.TLSQueries), count("https", c.HTTPSQueries), count("quic", c.QUICQueries)),
		metrics.By("names_refusals_total", metrics.Counter, "Queries that got an error before or instead of an answer, by reason.", "reason",
			count("malformed", c.Malformed), count("opcode", c.NotImp), count("edns_version", c.BadVers), count("not_offered", c.Refused), count("gate", c.Rejected),
			count("failed", c.Failed), count("overload", c.Shed)),
		metrics.By("names_silent_total", metrics.Counter, "Messages that got no reply, by reason.", "reason",
			count("not_query", c.NotQueries), count("stray", c.Strays), count("proxy_header", c.HeadersRefused), count("gate", c.GateDrops), count("resolver", c.ResolverDrops), count("error_limited", c.ErrorsLimited)),
		metrics.Of("names_truncated_total", metrics.Counter, "Replies with TC.", float64(c.Truncated)),
		metrics.Of("names_slow_queries_total", metrics.Counter, "Queries that had to wait for their answer.", float64(c.Slow)),
		metrics.Of("names_panics_total", metrics.Counter, "Panics while a query was answered.", float64(c.Panics)),
		metrics.By("names_cookies_total", metrics.Counter, "Queries with a server cookie.", "result", count("good", c.CookiesGood), count("bad", c.CookiesBad)),
		metrics.By("names_socket_errors_total", metrics.Counter, "Calls of the system that failed.", "operation",
			count("receive", c.ReceiveErrors), count("send", c.SendErrors), count("accept", c.AcceptErrors)),
		metrics.By("names_limits_reached_total", metrics.Counter, "How often a limit of the listener was reached.", "limit", each(c.Limits)...),
	}
}

// connectionMetrics are those of connections over TCP (and TLS), HTTP and QUIC.
func connectionMetrics(tcp listener.Stats, t *transportStats) []metrics.Metric {
	ended := metrics.By("names_connections_ended_total", metrics.Counter, "Connections that have ended, by reason.", "reason",
		count("finished", tcp.ConnectionsFinished), count("refused", tcp.ConnectionsRefused), count("evicted", tcp.ConnectionsEvicted),
		count("overdue", tcp.ConnectionsOverdue), count("proxy_header", tcp.ConnectionsForged), count("broken", tcp.ConnectionsBroken),
		count("stopped", tcp.ConnectionsStopped))
	for i := range ended.Samples {
		ended.Samples[i].Labels = append(ended.Samples[i].Labels, "transport", "tcp")
	}
	total, open := []metrics.Labelled{count("tcp", tcp.Connections)}, []metrics.Labelled{count("tcp", tcp.OpenConnections())}
	add := func(transport string, connections uint64, ends listener.Ends) {
		total = append(total, count(transport, connections))
		open = append(open, count(transport, connections-min(ends.Sum(), connections)))
		for _, e := range each(ends) {
			ended.Samples = append(ended.Samples, metrics.Sample{Labels: []string{"reason", e.Label, "transport", transport}, Value: e.Value})
		}
	}
	if t.used {
		add("https", t.http.Connections, t.http.Ends)
		add("quic", t.quic.Connections, t.quic.Ends)
	}
	return []metrics.Metric{
		metrics.By("names_connections_total", metrics.Counter, "Connections accepted, those that were refused at once among them.", "transport", total...),
		metrics.By("names_connections_open", metrics.Gauge, "Connections that are open.", "transport", open...),
		ended,
	}
}

// limitMetrics are those of limits on networks and clients.
func limitMetrics(r ratelimit.ReplyStats, begun ratelimit.ConnectionStats, late ratelimit.LateStats, c ratelimit.RecursionStats) []metrics.Metric {
	return []metrics.Metric{
		metrics.By("names_replies_limited_total", metrics.Counter, "Replies above the limits of a network, by what became of them.", "result",
			count("dropped", r.Dropped), count("truncated", r.Truncated)),
		metrics.By("names_client_limited_total", metrics.Counter, "Queries for recursion above the limits of a client, by limit.", "limit",
			count("queries", c.TooFast), count("waiting", c.Waiting)),
		metrics.By("names_rate_limits_begun_total", metrics.Counter, "How often a limit began to be reached, by whose it is.", "of",
			count("network", r.Begun), count("client", c.Begun), count("connections", begun.Begun), count("late", late.Begun)),
		metrics.Of("names_late_truncated_total", metrics.Counter, "Replies that had to wait and were sent empty, with TC, because their client got too many octets at once.", float64(late.Truncated)),
		metrics.Of("names_connections_limited_total", metrics.Counter, "Connections refused because their network began too many a second, over all transports.", float64(begun.Refused)),
	}
}

func zoneMetrics(z authority.Stats) []metrics.Metric {
	return []metrics.Metric{
		metrics.By("names_zones", metrics.Gauge, "Zones, by state.", "state",
			count("loaded", uint64(z.Loaded)), count("not_loaded", uint64(z.NotLoaded)), count("expired", uint64(z.Expired))),
		metrics.Of("names_zone_records", metrics.Gauge, "Records of all zones.", float64(z.Records)),
		metrics.Of("names_zone_names", metrics.Gauge, "Names of all zones, empty non-terminals included.", float64(z.Names)),
		metrics.By("names_zone_transactions_total", metrics.Counter, "Changes of zones that have ended, by result.", "result",
			count("loaded", z.Loads), count("committed", z.Commits), count("unchanged", z.Unchanged), count("refused", z.Refusals), count("abandoned", z.Abandoned)),
		metrics.Of("names_zone_expirations_total", metrics.Counter, "How often a zone expired.", float64(z.Expirations)),
	}
}

func updateMetrics(u update.Stats) metrics.Metric {
	return metrics.By("names_updates_total", metrics.Counter, "Dynamic updates, by result.", "result", each(u)...)
}

func journalMetrics(j journal.Stats) []metrics.Metric {
	return []metrics.Metric{
		metrics.Of("names_journal_size_bytes", metrics.Gauge, "Size of the journal.", float64(j.Size)),
		metrics.Of("names_journal_zones", metrics.Gauge, "Zones that the journal has changes of.", float64(j.Zones)),
		metrics.Of("names_journal_entries", metrics.Gauge, "Changes that the journal has.", float64(j.Entries)),
	}
}

func cacheMetrics(c cache.Stats) []metrics.Metric {
	return []metrics.Metric{
		metrics.Of("names_cache_size_bytes", metrics.Gauge, "Memory that the cache may take.", float64(c.Size)),
		metrics.Of("names_cache_used_bytes", metrics.Gauge, "Memory in which entries lie.", float64(c.Used)),
		metrics.Of("names_cache_entries", metrics.Gauge, "Entries, failures among them.", float64(c.Entries)),
		metrics.By("names_cache_lookups_total", metrics.Counter, "Queries to the cache, by result.", "result",
			count("hit", c.Hits), count("stale", c.StaleHits), count("failure", c.FailureHits), count("miss", c.Misses)),
		metrics.Of("names_cache_joined_total", metrics.Counter, "Misses that waited for the same query on its way.", float64(c.Joined)),
		metrics.Of("names_cache_stale_misses_total", metrics.Counter, "Misses that were answered with expired data.", float64(c.StaleMisses)),
		metrics.Of("names_cache_refused_total", metrics.Counter, "Misses that were refused because too many waited.", float64(c.Refused)),
		metrics.Of("names_cache_prefetches_total", metrics.Counter, "Answers that were asked for again before they expired.", float64(c.Prefetched)),
		metrics.By("names_cache_stored_total", metrics.Counter, "Entries stored, by kind.", "kind",
			count("answer", c.Stored), count("failure", c.StoredFailures), count("part", c.StoredParts)),
		metrics.Of("names_cache_not_kept_total", metrics.Counter, "Answers that must not be kept.", float64(c.NotKept)),
		metrics.By("names_cache_removed_total", metrics.Counter, "Entries that made room for others.", "state",
			count("fresh", c.Evicted), count("expired", c.Expired)),
	}
}

// resolverMetrics are those of what asks other servers.
func resolverMetrics(r recursor.Stats) []metrics.Metric {
	return []metrics.Metric{
		metrics.By("names_resolver_queries_total", metrics.Counter, "Queries that the cache did not answer, by outcome.", "outcome",
			count("answered", r.Answered), count("refused", r.Refused), count("failed", r.Failures.Total())),
		metrics.By("names_resolver_failures_total", metrics.Counter, "Queries without an answer, by reason.", "reason", each(r.Failures)...),
		metrics.Of("names_resolver_waiting", metrics.Gauge, "Clients that wait for other servers now.", float64(r.Waiting)),
		metrics.Of("names_resolver_synthesised_total", metrics.Counter, "Answers made from proofs of other answers, without asking a server.", float64(r.Synthesised)),
		metrics.Of("names_resolver_renewed_total", metrics.Counter, "Zones whose keys were fetched again before they expired.", float64(r.Renewed)),
		metrics.By("names_upstream_queries_total", metrics.Counter, "Queries to other servers that have ended, by outcome.", "outcome",
			count("usable", r.Usable), count("declined", r.Declined), count("invalid", r.Invalid), count("unreachable", r.Unreachable),
			count("timed_out", r.TimedOut), count("unused", r.Unused)),
		{Name: "names_upstream_rtt_seconds", Help: "Round-trip times of the replies of other servers.", Kind: metrics.Histogram,
			Curves: []metrics.Curve{{Bounds: seconds(recursor.RTTBounds[:]), Counts: r.RTTs[:], Sum: r.RTT.Seconds()}}},
		metrics.By("names_encrypted_queries_total", metrics.Counter, "Queries to authoritative servers over encrypted transports that were found by trying (RFC 9539), and how many of these were asked again in the clear.", "result",
			count("sent", r.Encryption.Queries), count("fallback", r.Encryption.Fallbacks)),
		metrics.By("names_encryption_trials_total", metrics.Counter, "Attempts to ask an authoritative server over an encrypted transport, by result.", "result",
			count("succeeded", r.Encryption.Succeeded), count("failed", r.Encryption.Failed), count("timed_out", r.Encryption.TimedOut)),
		metrics.By("names_resolver_limits_reached_total", metrics.Counter, "How often a limit of the resolver was reached.", "limit", each(r.Limits)...),
	}
}

// each is the fields of a struct of counters.
func each(counters any) (all []metrics.Labelled) {
	for field, value := range reflect.ValueOf(counters).Fields() {
		all = append(all, count(snakeCase(field.Name), value.Uint()))
	}
	return all
}

// maxServerMetrics bounds how many servers have metrics of their own: a resolver
// from the root knows thousands.
const maxServerMetrics = 32

// serverMetrics are those of the servers that are asked: sums, and, of a
// forwarder's few servers, each.
func (p *parts) serverMetrics() []metrics.Metric {
	rtt := metrics.Metric{Name: "names_server_rtt_seconds", Help: "Smoothed round-trip time to a server.", Kind: metrics.Gauge}
	good, dead, waiting := 0, 0, 0
	servers := p.servers()
	for _, s := range servers {
		if waiting += s.Waiting; s.Dead {
			dead++
		} else {
			good++
		}
		if len(servers) <= maxServerMetrics && s.RTT > 0 {
			rtt.Samples = append(rtt.Samples, metrics.Sample{Labels: []string{"server", s.Name}, Value: s.RTT.Seconds()})
		}
	}
	all := []metrics.Metric{
		metrics.By("names_servers", metrics.Gauge, "Servers that were asked and are remembered, by state.", "state",
			count("good", uint64(good)), count("dead", uint64(dead))),
		metrics.Of("names_server_waiting", metrics.Gauge, "Queries that wait for a server.", float64(waiting)),
	}
	if len(rtt.Samples) > 0 {
		all = append(all, rtt)
	}
	return all
}
