// Package wiretest answers one question: how does a test speak of packets? It
// turns dig-like text into packets and back, checks promises about allocation,
// and makes damaged packets from whole ones.
//
// [Message] and [Text] are for stories and golden files, [NoAllocs] for
// promises, [Mangle] and [Prefixes] for what strangers send.
//
// Everything here fails the test it is given rather than return an error.
// Nothing is kept between calls.
//
// The text is that of [wire.Message.String].
package wiretest
