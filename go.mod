module github.com/names-dns/names

go 1.26.0

require (
	github.com/google/go-cmp v0.7.0 // tests: says how two values differ
	golang.org/x/net v0.62.0 // cmd/names: idna, the xn-- form of names that people type
	golang.org/x/sys v0.49.0 // listener: recvmmsg, sendmmsg and socket options, without cgo
)

require golang.org/x/text v0.43.0 // indirect
