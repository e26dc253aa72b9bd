// Package ranges answers the question "what is proved not to be there?". It keeps
// NSEC and NSEC3 records that were validated, and finds those that deny a name or
// a type without asking a server (aggressive use, RFC 8198).
//
// A [Store] has a byte budget. Finding takes no lock and allocates nothing; adding
// takes one lock, and copies a small part of one zone.
//
// Read next: store.go, how ranges are kept; find.go, what they prove.
package ranges
