// The key helper for PKCS#11 is a module of its own: what loads such a module needs cgo,
// and the server does without.
module github.com/names-dns/names/packaging/pkcs11

go 1.26.0

require (
	github.com/miekg/pkcs11 v1.1.2 // the C interface of PKCS#11
	github.com/names-dns/names v0.0.0
)

replace github.com/names-dns/names => ../../
