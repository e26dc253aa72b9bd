package metrics

import (
	"bufio"
	"io"
	"strconv"
	"strings"
)

// Kind is what kind of number a metric is.
type Kind string

// The kinds of metrics.
const (
	Counter   Kind = "counter" // only grows; its name ends in _total
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Metric is a number, or several that labels tell apart.
type Metric struct {
	Name    string
	Help    string
	Kind    Kind
	Samples []Sample
	Curves  []Curve // of a histogram, instead of samples
}

// Curve is the distribution of a quantity.
type Curve struct {
	Labels []string  // names and values, one after the other
	Bounds []float64 // the upper limits of the buckets, growing
	Counts []uint64  // of each bucket, and one more for what is above the last limit
	Sum    float64   // of all values
}

// Sample is one number.
type Sample struct {
	Labels []string // names and values, one after the other
	Value  float64
}

// Of is a metric with one number.
func Of(name string, kind Kind, help string, value float64) Metric {
	return Metric{Name: name, Help: help, Kind: kind, Samples: []Sample{{Value: value}}}
}

// By is a metric with a number for each value of a label.
func By(name string, kind Kind, help, label string, values ...Labelled) Metric {
	m := Metric{Name: name, Help: help, Kind: kind}
	for _, v := range values {
		m.Samples = append(m.Samples, Sample{[]string{label, v.Label}, v.Value})
	}
	return m
}

// Labelled is a number and the value of its label.
type Labelled struct {
	Label string
	Value float64
}

// contentType is the media type of what write writes.
const contentType = "text/plain; version=0.0.4; charset=utf-8"

var (
	escapeHelp  = strings.NewReplacer("\\", `\\`, "\n", `\n`)
	escapeLabel = strings.NewReplacer("\\", `\\`, "\n", `\n`, `"`, `\"`)
)

// write writes metrics in Prometheus' text format.
func write(to io.Writer, metrics []Metric) error {
	w := bufio.NewWriter(to)
	for _, m := range metrics {
		w.WriteString("# HELP " + m.Name + " " + escapeHelp.Replace(m.Help) + "\n")
		w.WriteString("# TYPE " + m.Name + " " + string(m.Kind) + "\n")
		for _, s := range m.Samples {
			writeSample(w, m.Name, s.Labels, s.Value)
		}
		for _, c := range m.Curves {
			c.write(w, m.Name)
		}
	}
	return w.Flush() // has the first error
}

// write writes a curve: buckets hold what is below their limits, too.
func (c *Curve) write(w *bufio.Writer, name string) {
	var below uint64
	for i, n := range c.Counts {
		limit := "+Inf"
		if i < len(c.Bounds) {
			limit = formatNumber(c.Bounds[i])
		}
		below += n
		writeSample(w, name+"_bucket", append(c.Labels[:len(c.Labels):len(c.Labels)], "le", limit), float64(below))
	}
	writeSample(w, name+"_sum", c.Labels, c.Sum)
	writeSample(w, name+"_count", c.Labels, float64(below))
}

func writeSample(w *bufio.Writer, name string, labels []string, value float64) {
	w.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		w.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		w.WriteString(labels[i] + `="` + escapeLabel.Replace(strings.ToValidUTF8(labels[i+1], "?")) + `"`)
	}
	if len(labels) > 0 {
		w.WriteByte('}')
	}
	w.WriteString(" " + formatNumber(value) + "\n")
}

func formatNumber(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
