// Package twisted asks Twisted's own server, Debian's python3-twisted, and
// ours the same questions about the same pyzones and the same hosts file, and
// compares the answers. It is tests only, and those are built with the tag
// interop:
//
//	go test -tags interop ./fuzz/twisted
//
// A question is a message, an answer what came back taken apart; differences
// lists in what two answers differ. Each difference must be explained by a
// rule, which bears the number of a defect of Twisted's that
// docs/seed-parity.md lists under V.
//
// What passing means: an operator who moves from one server to the other sees the same
// answers but for those defects; and each of the rules is needed.
//
// Read on in rules_test.go.
package twisted
