//go:build !linux

package listener

import "net/netip"

// oneSocketPerWorker: only Linux spreads datagrams over sockets of one address;
// elsewhere workers take turns at one.
const oneSocketPerWorker = false

// udpOptions: none. What a socket bound to an unspecified address sends leaves
// from the address the system chooses, which need not be the one that was
// asked: on machines with several, list them.
var udpOptions []socketOption

// newBatchIO: there are no batches.
func newBatchIO(PacketConn, []slot) packetIO { return nil }

// newDedicatedIO returns nil: so is batchIO.
func newDedicatedIO(packetIO) packetIO { return nil }

// controlLen is the room control messages take: none are asked for.
const controlLen = 0

// readControl and appendControl: where a datagram was sent to is not known.
func readControl([]byte, *path) {}

func appendControl(b []byte, _ path) []byte { return b }

// limitUnsent: the kernel decides how much it holds.
func limitUnsent(int) {}

// setReusePort: a port has one stream socket.
func setReusePort(int, bool) (ok bool) { return false }

// connectToNothing: what comes to a socket that is about to be closed is lost.
func connectToNothing(int, netip.Addr) {}

// isDualStack: it is not known.
func isDualStack(int, netip.Addr) bool { return false }
