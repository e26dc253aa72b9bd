// Package codec compares package wire with two other DNS codecs of Go on the
// same messages: how long it takes to read a reply and give every record a
// type, to write one, and to read a query with EDNS.
//
// Each benchmark has a sub-benchmark per codec; README.md one directory up
// says what a ratio means and has the figures of one run.
//
// Every codec is used as its documentation recommends for speed, with buffers
// kept and used again where it has a way to do so. check_test.go makes sure
// that all three read and write the same.
package codec
