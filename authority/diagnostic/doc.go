// Package diagnostic answers the question "what is wrong with this zone, and
// where?". The readers of zone files and pyzones and the checks of a finished
// zone share it.
//
// A [Problem] is one thing that is wrong: a [Position], a grade - error or
// warning - and an error. A [List] collects them.
//
// A list keeps as many of each grade as its limit says and counts the others,
// so that a file that is wrong in every line costs no more than one that is
// wrong in twenty. Nothing here is safe for several goroutines at once.
//
// Read next: diagnostic.go is all there is. Package zonefile shows how it is
// used.
package diagnostic
