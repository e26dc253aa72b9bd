package metrics

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// TestCollector: what parts count is what a scraper reads, whatever is in labels.
func TestCollector(t *testing.T) {
	registry := newRegistry(func() []Metric {
		return []Metric{
			Of("names_a_total", Counter, "One\nnumber.", 12345678901),
			By("names_b", Gauge, "Two.", "state", Labelled{"good", 0.5}, Labelled{"a\"b\\c\nd\xff", 0}),
			{Name: "names_c", Help: "Two labels.", Kind: Gauge, Samples: []Sample{{Labels: []string{"b", "2", "a", "1"}, Value: 1e21}}},
			{Name: "names_d_seconds", Help: "A curve.", Kind: Histogram, Curves: []Curve{
				{Labels: []string{"source", "zone"}, Bounds: []float64{0.00001, 0.5}, Counts: []uint64{2, 0, 1}, Sum: 1.5},
			}},
		}
	})
	const want = `# HELP names_a_total One\nnumber.
# TYPE names_a_total counter
names_a_total 1.2345678901e+10
# HELP names_b Two.
# TYPE names_b gauge
names_b{state="a\"b\\c\nd?"} 0
names_b{state="good"} 0.5
# HELP names_c Two labels.
# TYPE names_c gauge
names_c{a="1",b="2"} 1e+21
# HELP names_d_seconds A curve.
# TYPE names_d_seconds histogram
names_d_seconds_bucket{source="zone",le="1e-05"} 2
names_d_seconds_bucket{source="zone",le="0.5"} 2
names_d_seconds_bucket{source="zone",le="+Inf"} 3
names_d_seconds_sum{source="zone"} 1.5
names_d_seconds_count{source="zone"} 3
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "names_a_total", "names_b", "names_c", "names_d_seconds"); err != nil {
		t.Error(err)
	}
}

// TestCollectorWithAMistake: a metric that cannot be written fails the scrape, which
// says so, and not the server.
func TestCollectorWithAMistake(t *testing.T) {
	for name, m := range map[string]Metric{
		"label twice":  {Name: "names_a", Kind: Gauge, Samples: []Sample{{Labels: []string{"x", "1", "x", "2"}}}},
		"sample twice": By("names_a", Gauge, "", "x", Labelled{"1", 1}, Labelled{"1", 2}),
		"no kind":      {Name: "names_a", Samples: []Sample{{}}},
	} {
		reply := httptest.NewRecorder()
		Handler(Source{Metrics: func() []Metric { return []Metric{m} }}).ServeHTTP(reply, httptest.NewRequest("GET", "/metrics", nil))
		if reply.Code != http.StatusInternalServerError {
			t.Errorf("%s: %d\n%s", name, reply.Code, reply.Body)
		}
	}
}

func TestServer(t *testing.T) {
	missing := errors.New("a zone is not loaded")
	s := httptest.NewServer(Handler(Source{
		Metrics: func() []Metric { return nil },
		Ready:   func() error { return missing },
	}))
	defer s.Close()
	for _, test := range []struct {
		path   string
		status int
		body   string
	}{
		{"/metrics", 200, "# TYPE go_goroutines gauge\ngo_goroutines "},
		{"/healthz", 200, "ok\n"},
		{"/readyz", 503, "a zone is not loaded\n"},
		{"/", 404, ""},
	} {
		response, err := http.Get(s.URL + test.path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != test.status || !strings.Contains(string(body), test.body) {
			t.Errorf("%s: %s\n%s", test.path, response.Status, body)
		}
	}
}
