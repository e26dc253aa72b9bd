//go:build unix

package bench

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// runAsCommand makes the test binary the command itself.
const runAsCommand = "NAMES_TEST_RUN_BENCH"

func TestMain(m *testing.M) {
	if os.Getenv(runAsCommand) != "" {
		os.Exit(Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// TestBenchStopsWhileItReads: SIGTERM ends it also while its questions are still to
// come.
func TestBenchStopsWhileItReads(t *testing.T) {
	process := exec.Command(os.Args[0], "@127.0.0.1", "-d", "-")
	process.Env = append(os.Environ(), runAsCommand+"=1")
	input, err := process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer input.Close()
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	// More than a pipe holds: when it is written, most of it has been read.
	if _, err := io.WriteString(input, strings.Repeat("# a comment\n", 1<<17)); err != nil {
		t.Error(err)
	}
	if err := process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := process.Wait(); err == nil || process.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v, not by the signal", err)
	}
}
