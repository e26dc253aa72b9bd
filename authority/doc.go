// Package authority answers the question "what do we own?": zones, and the
// authoritative answers from them.
//
// A [Builder] (or [File.Load]) collects records, checks them, and freezes them
// to a [Snapshot]. A [Zone] serves one snapshot at a time; a [Set] chooses the
// zone for a question and is the names.Resolver. A [Txn] edits single records
// of a zone and makes its next snapshot, which shares what did not change with
// the one before. A [Loader] does that with what changed in the zone's file. Life
// of a zone: build, freeze, serve, edit or replace.
//
// Answers come from one atomic pointer to a snapshot that never changes: no
// lock, no allocation, any number of goroutines. A snapshot lies in a few
// pieces of memory without pointers, so that millions of records cost the
// garbage collector nothing. A zone loads whole or not at all, and whatever is
// wrong with it is told with file, line and column.
//
// Read next: lookup.go, then answer.go, which is RFC 1034 4.3.2 in the RFC's
// order; snapshot.go and node.go for where the records lie; build.go, batch.go
// and freeze.go for how they get there; txn.go and successor.go for how they
// change; reload.go.
package authority
