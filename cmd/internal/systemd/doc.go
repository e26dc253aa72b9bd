// Package systemd talks to the service manager that started this process: it
// reports when the server is ready, reloading or stopping (sd_notify), keeps the
// watchdog fed, and takes over sockets that were opened on our behalf (socket
// activation).
//
// All of it does nothing, without an error, if systemd did not start the process:
// the environment variables that carry the protocol are then not set. The
// protocol is the one of sd_notify(3) and sd_listen_fds(3), spoken without
// libsystemd.
package systemd
