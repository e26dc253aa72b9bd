// Package invariants finds callers that keep what they were lent: built with the tag
// invariants, memory is overwritten when its loan is over.
package invariants
