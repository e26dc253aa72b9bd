package metrics

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

// Sample is one number.
type Sample struct {
	Labels []string // names and values, one after the other
	Value  float64
}

// Curve is the distribution of a quantity.
type Curve struct {
	Labels []string  // names and values, one after the other
	Bounds []float64 // the upper limits of the buckets, growing
	Counts []uint64  // of each bucket, and one more for what is above the last limit
	Sum    float64   // of all values
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
