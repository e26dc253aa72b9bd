// The benchmarks are a module of their own so that what they compare with
// stays out of the product's dependencies.
module github.com/names-dns/names/bench

go 1.26.0

require (
	github.com/miekg/dns v1.1.73 // a DNS library of Go's, the one most used
	github.com/names-dns/names v0.0.0
	golang.org/x/net v0.62.0 // dnsmessage, the codec of Go's own resolver
	golang.org/x/sys v0.49.0 // recvmmsg, for the floor of the load tests
)

replace github.com/names-dns/names => ../
