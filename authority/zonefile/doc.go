// Package zonefile answers the question "what does this zone file say?".
//
// It reads master files in full: RFC 1035 5.1, $TTL of RFC 2308, generic types
// and data of RFC 3597, $INCLUDE, and BIND's $GENERATE. [ReadFile] and [Read]
// call a function for each [Record] in the order of the text, and
// [ReadFileParallel] fills a [Batch] at a time on several cores; [AppendRecord]
// writes one back as a line. [FindOrigin] looks for the origin a file sets
// itself.
//
// Everything that is wrong is reported with file, line and column to a
// [diagnostic.List], not only the first thing; whether the records make a zone
// is for others to check. Owner and data of a record are lent until emit
// returns; built with the tag invariants, they are scribbled over then. Of a
// file no more is in memory at a time than a few blocks of 256 KiB, or the
// longest entry; reading allocates per file and directive, never per record.
// ReadFileParallel alone starts goroutines, which are gone when it returns.
//
// Read next: scanner.go, which makes words of octets, then reader.go, which
// makes records of words; blocks.go and ahead.go for large files. FORMAT.md lists what RFC 1035 leaves open, which way
// it went here, and what BIND, NSD and Knot DNS do.
package zonefile
