// Package testnet answers the question "what would it do out there?": it has a
// small internet in memory - zones, servers, delays, losses, lies - and plays
// stories in it, which are text files that FORMAT.md explains.
//
// [Parse] reads a file of stories. A [World] is the internet of one of them: a
// network for package upstream, the zones its servers have and the packets
// that were sent. [Story.Play] gives a resolver to a story, asks it what the
// story asks and says where the replies or the traffic are not as told.
//
// A story plays in a bubble of testing/synctest: time is virtual, and loss and
// varying delays come from a seed. The same resolver sees the same world each
// time. The servers answer by the letter of RFC 1034 4.3.2 and slowly: nothing
// here is shared with the authority that the module serves zones with, so that
// neither can hide a fault of the other.
//
// Read next: FORMAT.md, then answer.go and world.go.
package testnet
