// Package interop asks other people's servers and ours the same questions and
// compares the answers record by record. It is tests only, and those are built
// with the tag interop, for they need NSD, Knot DNS and BIND on the machine:
//
//	go test -tags interop ./fuzz/interop
//
// A server is one running program, ours or a peer's; a query is what it is
// asked, an answer what came back, read into sets of records. compare lists
// the differences between two answers; each must be explained by a rule, a
// named row of one table with its reason and its RFC.
//
// What passing means: every difference between our answers and those of each
// peer is explained, and each of our answers is the same as that of at least
// one peer, but for data that an RFC leaves to the server.
//
// Read on in rules_test.go, which is where the peers' behaviour is written
// down, then in compare_test.go. README.md says in prose where the peers
// differ from one another.
package interop
