package systemd

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Notifier sends states to the service manager. The zero Notifier, and nil, send
// nothing.
type Notifier struct {
	socket *net.UnixAddr
	now    func() time.Duration // the monotonic clock, since boot
}

// NewNotifier reads the address of the manager's socket from the variable
// NOTIFY_SOCKET.
func NewNotifier(getenv func(string) string) *Notifier {
	path := getenv("NOTIFY_SOCKET")
	if path == "" || path[0] != '/' && path[0] != '@' {
		return nil
	}
	return &Notifier{socket: &net.UnixAddr{Name: path, Net: "unixgram"}, now: monotonic}
}

// Ready reports that the server answers. status is shown by systemctl status.
func (n *Notifier) Ready(status string) error {
	return n.send("READY=1", "STATUS="+oneLine(status), "MAINPID="+strconv.Itoa(os.Getpid()))
}

// Reloading reports that a reload has begun. Ready ends it.
func (n *Notifier) Reloading() error {
	if n == nil {
		return nil
	}
	// Type=notify-reload needs the time, or a state sent before the signal arrived
	// could be taken for this one.
	return n.send("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(n.now().Microseconds(), 10))
}

// Stopping reports that the server is about to end.
func (n *Notifier) Stopping() error { return n.send("STOPPING=1") }

// Status sets the text that systemctl status shows.
func (n *Notifier) Status(text string) error { return n.send("STATUS=" + oneLine(text)) }

// ExtendTimeout asks the manager to wait for another d before it gives up on a
// start, a reload or a stop that takes long.
func (n *Notifier) ExtendTimeout(d time.Duration) error {
	return n.send("EXTEND_TIMEOUT_USEC=" + strconv.FormatInt(d.Microseconds(), 10))
}

// RunWatchdog reports at half the interval that the manager asks for that the
// process is alive, as long as isAlive says so, until ctx is done. Without a
// watchdog it returns at once.
func (n *Notifier) RunWatchdog(ctx context.Context, getenv func(string) string, isAlive func() bool) {
	interval := watchdogInterval(getenv)
	if n == nil || interval == 0 {
		return
	}
	tick := time.NewTicker(interval / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if isAlive() {
				n.send("WATCHDOG=1") // a state that is lost is followed by another in time
			}
		}
	}
}

// watchdogInterval is how long the manager waits for a sign of life: 0 if it
// does not, or means another process.
func watchdogInterval(getenv func(string) string) time.Duration {
	if pid := getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	microseconds, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || microseconds < 2 || microseconds > int64(24*time.Hour/time.Microsecond) {
		return 0
	}
	return time.Duration(microseconds) * time.Microsecond
}

func (n *Notifier) send(lines ...string) error {
	if n == nil || n.socket == nil {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, n.socket)
	if err != nil {
		return fmt.Errorf("notifying the service manager: %w", err)
	}
	defer conn.Close()
	// The manager reads in time or not at all: a full socket must not hold us up.
	conn.SetWriteDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write([]byte(strings.Join(lines, "\n"))); err != nil {
		return fmt.Errorf("notifying the service manager: %w", err)
	}
	return nil
}

// oneLine keeps text from adding states of its own.
func oneLine(text string) string { return strings.NewReplacer("\n", " ", "\r", " ").Replace(text) }
