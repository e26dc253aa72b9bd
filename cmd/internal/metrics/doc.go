// Package metrics gives numbers to Prometheus, and answers /metrics, /healthz and
// /readyz over HTTP.
//
// It counts nothing itself: the parts of a server have counters already, and they are
// read when they are asked for.
package metrics
