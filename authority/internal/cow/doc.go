// Package cow holds large data structures whose versions share memory: an array,
// a sorted list, an index by hash, and pages for items of any length. An editor
// makes a new version from an old one by copying on write: it copies the pieces
// that it changes, and the two versions have the others in common. Versions do
// not change once their editor is done, so that readers need no lock.
//
// Everything lies in large runs of memory without pointers, which the garbage
// collector does not scan.
package cow
