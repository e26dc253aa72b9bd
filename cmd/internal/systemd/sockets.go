package systemd

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// firstSocket is the descriptor of the first socket that is passed.
const firstSocket = 3

// maxSockets bounds what is believed of LISTEN_FDS.
const maxSockets = 1024

// Socket is an open socket that the service manager passed to this process.
type Socket struct {
	Name string // FileDescriptorName= of the socket unit, "unknown" by default
	File *os.File
}

// Sockets takes over the sockets named by LISTEN_PID, LISTEN_FDS and
// LISTEN_FDNAMES: none if they are meant for another process or were not
// passed. The caller closes them.
func Sockets(getenv func(string) string) ([]Socket, error) {
	pid := getenv("LISTEN_PID")
	if pid == "" || pid != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	count, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || count < 0 || count > maxSockets {
		return nil, fmt.Errorf("socket activation: LISTEN_FDS is not a number of sockets: %q", getenv("LISTEN_FDS"))
	}
	var socketNames []string
	if list := getenv("LISTEN_FDNAMES"); list != "" {
		socketNames = strings.Split(list, ":")
	}
	sockets := make([]Socket, count)
	for i := range sockets {
		name := "unknown"
		if i < len(socketNames) && socketNames[i] != "" {
			name = socketNames[i]
		}
		closeOnExec(firstSocket + i)
		sockets[i] = Socket{Name: name, File: os.NewFile(uintptr(firstSocket+i), name)}
	}
	return sockets, nil
}
