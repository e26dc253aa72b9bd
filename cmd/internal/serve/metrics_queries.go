package serve

import (
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/cmd/internal/metrics"
	"github.com/names-dns/names/listener"
)

// breakdownMetrics are those of what queries and replies were.
func breakdownMetrics(b listener.Breakdown) []metrics.Metric {
	queries := metrics.Metric{Name: "names_queries_total", Help: "Queries, by transport and address family.", Kind: metrics.Counter}
	for _, c := range b.Clients {
		family := map[bool]string{false: "ipv4", true: "ipv6"}[c.IPv6]
		queries.Samples = append(queries.Samples, metrics.Sample{Labels: []string{"transport", c.Transport.String(), "family", family}, Value: float64(c.Queries)})
	}
	types := metrics.Metric{Name: "names_queries_by_type_total", Help: "Queries, by the type in the question.", Kind: metrics.Counter}
	for _, t := range b.Types {
		name := "other"
		if t.Type != 0 {
			name = t.Type.String()
		}
		types.Samples = append(types.Samples, metrics.Sample{Labels: []string{"type", name}, Value: float64(t.Queries)})
	}
	var rd, ad, cd, do, edns uint64
	for _, f := range b.Flags {
		for _, flag := range []struct {
			is bool
			to *uint64
		}{{f.RD, &rd}, {f.AD, &ad}, {f.CD, &cd}, {f.DO, &do}, {f.EDNS, &edns}} {
			if flag.is {
				*flag.to += f.Queries
			}
		}
	}
	replies := metrics.Metric{Name: "names_replies_total", Help: "Replies made, sent or not, by RCODE.", Kind: metrics.Counter}
	for _, r := range b.RCodes {
		name := "other"
		if r.RCode < 24 {
			name = r.RCode.String()
		}
		replies.Samples = append(replies.Samples, metrics.Sample{Labels: []string{"rcode", name}, Value: float64(r.Replies)})
	}
	times := metrics.Metric{Name: "names_reply_duration_seconds", Help: "Time from receiving a query to sending its reply, by where the answer is from.", Kind: metrics.Histogram}
	for _, l := range b.Latencies {
		times.Curves = append(times.Curves, metrics.Curve{Labels: []string{"source", l.Source}, Bounds: seconds(listener.LatencyBounds[:]), Counts: l.Buckets[:], Sum: l.Sum.Seconds()})
	}
	return []metrics.Metric{queries, types,
		metrics.By("names_queries_with_flag_total", metrics.Counter, "Queries that have a flag, or EDNS; a query may have several.", "flag",
			count("rd", rd), count("ad", ad), count("cd", cd), count("do", do), count("edns", edns)),
		replies, times}
}

// seconds converts times to the unit of metrics.
func seconds(all []time.Duration) []float64 {
	converted := make([]float64, len(all))
	for i, d := range all {
		converted[i] = d.Seconds()
	}
	return converted
}

// maxZoneMetrics bounds how many zones have metrics of their own.
const maxZoneMetrics = 100

// eachZone are the metrics of each zone, if there are few.
func eachZone(zones []*authority.Zone) []metrics.Metric {
	if len(zones) > maxZoneMetrics {
		return nil
	}
	serial := metrics.Metric{Name: "names_zone_serial", Help: "The serial of a zone, while there are at most 100.", Kind: metrics.Gauge}
	age := metrics.Metric{Name: "names_zone_age_seconds", Help: "Time since the contents of a zone changed here, while there are at most 100.", Kind: metrics.Gauge}
	for _, z := range zones {
		stats := z.Stats()
		if stats.State != authority.Loaded {
			continue
		}
		labels := []string{"zone", stats.Origin.String()}
		serial.Samples = append(serial.Samples, metrics.Sample{Labels: labels, Value: float64(stats.Serial)})
		age.Samples = append(age.Samples, metrics.Sample{Labels: labels, Value: time.Since(stats.Changed).Seconds()})
	}
	return []metrics.Metric{serial, age}
}

// metrics are those of query log and dnstap, if there are such.
func (o *observation) metrics() (all []metrics.Metric) {
	if l, ok := o.queryStats(); ok {
		all = append(all, metrics.By("names_query_log_queries_total", metrics.Counter, "Queries that the query log has seen since it was set up, by what came of them.", "result",
			count("written", l.Written-min(l.Written, l.Lost)), count("lost", l.Lost), count("skipped", l.Skipped)))
	}
	if t := o.tap.Load(); t != nil {
		s := t.Stats()
		all = append(all, metrics.By("names_dnstap_messages_total", metrics.Counter, "Messages for dnstap since it was set up, by what came of them; of what is sampled, queries.", "result",
			count("written", s.Written), count("dropped", s.Dropped), count("sampled_out", t.sampled.Load())))
	}
	return all
}
