// Package journal keeps the changes of zones on disk: each is there before it is
// visible or acknowledged, and is there after the process was killed, the disk
// was full or the machine stopped.
//
// A [Journal] is the journal of an authority.Pipeline. All zones share one log,
// so that changes of many zones and of many writers become durable with one
// write and one sync (group commit). At the start, [Journal.Replay] brings a zone
// from what its file has to what was acknowledged. [Journal.Changes] has the
// differences for an incremental transfer (RFC 1995).
//
// The log is a directory of segments, which are only appended to; format.go
// says what is in them. A tail that a crash tore is cut off; damage anywhere else
// is an error with its place, because what comes after it was acknowledged.
package journal
