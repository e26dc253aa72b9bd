//go:build !linux || 386 || s390x

package upstream

func newSystemSockets(portable networkSockets) sockets { return portable }
