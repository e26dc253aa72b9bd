//go:build !linux

package listener

import "net"

// canLoop: there are no loops.
func canLoop(net.Listener) bool { return false }

// newStreamLoops returns none: connections have a goroutine each.
func newStreamLoops(int, *connections) ([]streamLoop, error) { return nil, nil }
