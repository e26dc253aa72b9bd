// Package ratelimit bounds what one network of clients is sent, how many connections
// it may begin, and what one client may have looked up, in memory that does not grow.
//
// [Replies] is a gate of the listener. An attacker that forges the address of a victim has the
// server send its replies there, each larger than the query; a gate that holds
// back what repeats itself makes the server useless for that (response rate
// limiting). [Recursion] is a resolver in front of a cache: no client takes the
// place of the others. [Connections] is for all that accepts connections, which cost a
// client less than the server. [Late] bounds what comes at once of replies that had to wait.
//
// All know networks and names by a hash with a secret of the process, so that no
// client can choose whom it shares a place with.
package ratelimit
