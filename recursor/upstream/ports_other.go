//go:build !linux || 386 || s390x

package upstream

func newSystemSockets() sockets { return networkSockets{System{}} }
