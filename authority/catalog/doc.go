// Package catalog answers the question "which zones does a server have?", if the
// answer is itself a zone: catalog zones (RFC 9432).
//
// A [Consumer] follows catalog zones: it is called with their versions and says
// which member zones are added, removed, or configured in another way. Several
// catalogs share it, so that a zone has one owner, and can move from one to
// another. A [Producer] keeps a catalog zone of its members.
//
// Read next: contents.go for what a catalog says, consumer.go for what follows.
package catalog
