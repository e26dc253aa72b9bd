// Package authority holds zones and answers authoritatively from them.
//
// A [Builder] (or [File.Load]) collects records, checks them, and freezes them
// to a [Snapshot]. A [Zone] is not loaded, serves one snapshot, or has expired; a
// [Set] chooses the zone for a question and is the names.Resolver. Every change
// is a [Txn], which passes through the zone's [Pipeline]: check, sign, digest,
// journal, publish, tell. A transaction that edits single records makes a snapshot
// that shares the rest with the previous one. A [Loader] does so with the changes
// in the zone's file.
//
// Answers come from one atomic pointer to a snapshot that never changes: no
// lock, no allocation, any number of goroutines. A snapshot is a few pieces of
// memory without pointers, so that millions of records cost the garbage collector
// nothing. A zone loads whole or not at all, and each problem is reported with
// file, line and column.
//
// Locks: readers take none. Zone.writing is held from [Zone.Begin] to the end of
// [Txn.Commit] or [Txn.Rollback]: stages are called under it. Zone.mu is taken after
// it, and after Set.mu; the journal is given a change under it, and must not wait.
// Subscribers are called without Zone.mu, but before the next version may show, and
// [Zone.Expire] calls them under Zone.writing: they must neither edit the zone nor
// block. Two zones are never locked by one goroutine, except by a stage that changes
// another zone, as that of sign.Follower does.
//
// Read next: lookup.go, then answer.go, which is RFC 1034 4.3.2 in the RFC's
// order; snapshot.go and node.go for where the records are; build.go, batch.go
// and freeze.go for how they get there; zone.go, pipeline.go and commit.go for
// the life of a zone; txn.go, apply.go and view.go for how it changes; reload.go.
package authority
