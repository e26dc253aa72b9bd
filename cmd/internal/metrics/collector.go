package metrics

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// newRegistry has what a server tells of itself, and what the library knows of the Go
// runtime and the process (go_*, process_*).
func newRegistry(all func() []Metric) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collector(all), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// collector reads the counters of the parts when it is asked.
type collector func() []Metric

// Describe says nothing: which metrics there are depends on the settings.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect gives all metrics.
func (c collector) Collect(to chan<- prometheus.Metric) {
	for _, m := range c() {
		for _, s := range m.Samples {
			desc, values := m.describe(s.Labels)
			to <- orInvalid(desc)(prometheus.NewConstMetric(desc, valueTypes[m.Kind], s.Value, values...))
		}
		for _, curve := range m.Curves {
			desc, values := m.describe(curve.Labels)
			count, buckets := curve.buckets()
			to <- orInvalid(desc)(prometheus.NewConstHistogram(desc, count, curve.Sum, buckets, values...))
		}
	}
}

var valueTypes = map[Kind]prometheus.ValueType{Counter: prometheus.CounterValue, Gauge: prometheus.GaugeValue}

func (m *Metric) describe(labels []string) (desc *prometheus.Desc, values []string) {
	var names []string
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, strings.ToValidUTF8(labels[i+1], "?"))
	}
	return prometheus.NewDesc(m.Name, m.Help, names, nil), values
}

// buckets are how many values are at or below each limit, and how many there are.
func (c *Curve) buckets() (count uint64, below map[float64]uint64) {
	below = make(map[float64]uint64, len(c.Bounds))
	for i, n := range c.Counts {
		count += n
		if i < len(c.Bounds) {
			below[c.Bounds[i]] = count
		}
	}
	return count, below
}

// orInvalid stands for a metric that cannot be made: the scrape says why.
func orInvalid(desc *prometheus.Desc) func(prometheus.Metric, error) prometheus.Metric {
	return func(m prometheus.Metric, err error) prometheus.Metric {
		if err != nil {
			return prometheus.NewInvalidMetric(desc, err)
		}
		return m
	}
}
