module github.com/names-dns/names

go 1.26.0

require (
	github.com/cloudflare/circl v1.6.5 // wire/dnssec/ed448, wire/dnssec/mldsa: algorithms that the standard library lacks
	github.com/google/go-cmp v0.7.0 // tests: says how two values differ
	github.com/pelletier/go-toml/v2 v2.4.3 // cmd/internal/config: TOML, the language of the configuration file
	github.com/prometheus/client_golang v1.25.0 // cmd/internal/metrics: what Prometheus reads
	github.com/quic-go/quic-go v0.65.0 // listener/doq, recursor/upstream/doq: QUIC and HTTP/3
	golang.org/x/crypto v0.58.0 // listener/acme, listener/ocsp: ACME and OCSP, the protocols of certificate authorities
	golang.org/x/net v0.62.0 // cmd/names: idna, the xn-- form of names that people type; listener/doh: frames of HTTP/2, HPACK
	golang.org/x/sys v0.49.0 // listener: recvmmsg, sendmmsg and socket options, without cgo
)

require (
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/kylelemons/godebug v1.1.0 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/prometheus/common v0.72.0 // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	github.com/quic-go/qpack v0.6.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
