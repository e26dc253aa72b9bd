//go:build !linux

package keyhelper

import "net"

// checkPeer relies on the mode of the socket, which lets only its owner connect.
func checkPeer(net.Conn, ...int) error { return nil }
