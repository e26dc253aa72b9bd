// Package keyhelper speaks with a process that has private keys: a module for PKCS#11, the
// key service of a cloud, or files that the server itself cannot read. So a zone's keys
// need not be where the server is able to read them, and what such modules and services
// need to be built with stays out of the server.
//
// [Client] is the server's side, a [sign.Device]; [Serve] is the other one, for helpers
// that are written in Go. docs/key-helper.md describes the protocol for others.
//
// Requests and replies are lines of JSON over a Unix socket that only its owner can
// connect to. Both sides are on one machine and belong to one operator, and still each
// bounds what it reads, how long it waits, and how many connections it has: either can
// hang, or be replaced by another version.
package keyhelper
