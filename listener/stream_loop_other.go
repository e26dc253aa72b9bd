//go:build !linux

package listener

import "net"

// newStreamLoops returns none: connections have a goroutine each.
func newStreamLoops([]net.Listener, int, *connections) ([]streamLoop, error) { return nil, nil }
