// Package fuzz answers one question: what do our parsers make of anything at
// all? It holds the fuzz targets that concern several packages, and the tests
// that compare us with others.
//
// A target is one FuzzX function in a file of its subject: FuzzMessage in
// message_test.go, and so on. The command in run fuzzes all targets of the
// module; interop compares our answers with those of other servers.
//
// Nothing imports this package. A target never looks at more than its input,
// and what it finds becomes a test next to the code at fault.
//
// README.md says how to run a target and what to do with what it finds.
package fuzz
