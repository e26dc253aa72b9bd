// Package recursion lets resolvers, ours and other people's, resolve the same
// names from the root of a small internet, and compares what they say. It is
// tests only, and those are built with the tag interop, for they need NSD,
// Knot DNS and BIND to serve that internet, and Unbound, Knot Resolver and
// BIND to compare with:
//
//	go test -tags interop ./fuzz/recursion
//	go test -tags interop ./fuzz/recursion -questions 10000 -seed 7
//	go test -tags interop ./fuzz/recursion -options '--cache-size 1MiB --no-qname-min'
//
// A tree is what is served: zones and the hosts that serve them, made from a
// seed. Some hosts refuse, fail, say nothing or do not know EDNS; in each NS
// RRset one answers at least. The truth is the answer that the tree itself
// gives. A rule explains why a resolver may say something else.
//
// All runs in a network namespace and a process namespace of its own: port 53
// of every address is free there, nothing else is in the way, and no server
// outlives the test. That takes root, or a kernel that lets users have
// namespaces; elsewhere the tests are skipped, with CI=true they fail.
//
// What passing means: each answer of ours is that of the tree, or a rule says
// why not; and so is each answer of the others, so that a difference between
// two resolvers is always a rule's.
//
// Read on in delegation_test.go and contents_test.go, which say what is in the
// tree, then in rules_test.go.
package recursion
