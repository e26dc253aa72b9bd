// Package zonefile reads zone files.
//
// It reads master files in full: RFC 1035 5.1, $TTL of RFC 2308, generic types
// and data of RFC 3597, $INCLUDE, and BIND's $GENERATE. [ReadFile] and [Read]
// call a function for each [Record] in the order of the text, and
// [ReadFileParallel] fills a [Batch] at a time on several cores; [AppendRecord]
// writes one back as a line. [FindOrigin] looks for the zone's name in the file.
//
// All errors, not only the first, are reported with file, line and column to a
// [diagnostic.List]. Package authority checks whether the records make a valid
// zone. Owner and data of a record are valid until emit returns; builds with the
// tag invariants overwrite them then. At most a few blocks of 256 KiB of a file are
// in memory at a time, or the longest entry. Reading allocates per file and
// directive, never per record. Only ReadFileParallel starts goroutines, which have
// ended when it returns.
//
// Read next: scanner.go, which splits text into words, then reader.go, which makes
// records from words; blocks.go and parallel.go for large files. FORMAT.md lists
// what RFC 1035 leaves open, how this package reads it, and what BIND, NSD and Knot
// DNS do.
package zonefile
