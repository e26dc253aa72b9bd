// Package listenertest answers the question "how is a server tested without a
// socket?".
//
// A [Network] is a network in memory: put into listener.Config, it is where the
// server listens, and [Network.Dial] connects to it. [Ask] goes without a
// server: octets of one query in, octets of the reply out. [Serve] has a socket,
// for clients that need one.
//
// Nothing else here waits for real time: inside testing/synctest an hour passes at
// once. Datagrams keep their order and are lost only if no socket listens or
// 1024 of them wait; streams hold 64 KiB in each direction before a writer
// has to wait, so that slow readers can be played.
//
// Read next: ask.go, network.go.
package listenertest
