package keyhelper

import (
	"fmt"
	"net"
	"slices"
	"syscall"
)

// checkPeer returns an error unless the process at the other end belongs to one of the
// users. For a client it is the process that made the socket.
func checkPeer(conn net.Conn, users ...int) error {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	var peer *syscall.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		peer, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("user at the other end of the socket: %w", failed)
	}
	if !slices.Contains(users, int(peer.Uid)) {
		return fmt.Errorf("process %d at the other end of the socket belongs to user %d, not to one of %v", peer.Pid, peer.Uid, users)
	}
	return nil
}
