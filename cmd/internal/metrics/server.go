package metrics

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Source is what a server tells of itself.
type Source struct {
	Metrics func() []Metric
	Ready   func() error // nil, or what is still missing
}

const (
	maxAtOnce = 16 // scrapes; those above get 503
	replyTime = 30 * time.Second
)

// Handler answers /metrics, /healthz (the process answers) and /readyz (the
// server answers queries; otherwise 503 and what is missing).
func Handler(source Source) http.Handler {
	places := make(chan struct{}, maxAtOnce)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(newRegistry(source.Metrics), promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := source.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
			http.NewResponseController(w).SetWriteDeadline(time.Now().Add(replyTime)) // a scraper that does not read ends then
			mux.ServeHTTP(w, r)
		default:
			http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
		}
	})
}
