//go:build interop

package recursion

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// inside is set, to the path of the built binary, in the process that runs
// the tests in namespaces of its own.
const inside = "NAMES_RECURSION_BINARY"

// outside says why there is no namespace.
var outside error

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(inside) != "" {
		os.Exit(m.Run())
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "names-recursion")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "names")
	build := exec.Command("go", "build", "-o", binary, "../../cmd/names")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "building names: %v\n", err)
		return 1
	}
	code, err := runInside(binary)
	if err != nil {
		outside = err
		return m.Run()
	}
	return code
}

// runInside runs this program again, as the first process of a namespace: with
// its end all that it started ends.
func runInside(binary string) (code int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"="+binary)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}

// needNamespace skips a test that is not inside. In CI it fails: there, not
// to compare is a fault.
func needNamespace(t *testing.T) {
	t.Helper()
	if outside == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("no network namespace: %v", outside)
	}
	t.Skipf("no network namespace: %v", outside)
}

// addAddresses gives them to the loopback interface, and brings it up.
func addAddresses(t *testing.T, addresses []netip.Addr) {
	t.Helper()
	var batch strings.Builder
	batch.WriteString("link set lo up\n")
	for _, a := range addresses {
		fmt.Fprintf(&batch, "addr replace %s/32 dev lo\n", a)
	}
	cmd := exec.Command(need(t, "ip"), "-batch", "-")
	cmd.Stdin = strings.NewReader(batch.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ip: %v\n%s", err, bytes.TrimSpace(out))
	}
}
