package confine

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// task makes the test binary do one thing, in a process of its own: what is given
// up cannot be had back.
const task = "NAMES_TEST_CONFINE"

func TestMain(m *testing.M) {
	switch name := os.Getenv(task); name {
	case "":
		os.Exit(m.Run())
	case "landlock":
		restricted(os.Getenv("FOLDER"))
	default:
		unprivileged(name)
	}
}

// run runs a task, and returns what it has printed.
func run(t *testing.T, name string, environment ...string) string {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(append(os.Environ(), task+"="+name), environment...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// restricted restricts this process, and says what it can do then, on whichever
// thread.
func restricted(dir string) {
	err := Restrict([]string{filepath.Join(dir, "read"), "/nonexistent"}, []string{filepath.Join(dir, "write")})
	if errors.Is(err, ErrNoLandlock) {
		os.Stdout.WriteString("none")
		return
	}
	if err != nil {
		os.Stdout.WriteString(err.Error())
		return
	}
	results := make(chan string)
	for range 8 {
		go func() {
			var b strings.Builder
			try := func(what string, err error) {
				b.WriteString(what + "=" + map[bool]string{true: "yes", false: "no"}[err == nil] + " ")
			}
			_, err := os.ReadFile(filepath.Join(dir, "read", "file"))
			try("read", err)
			_, err = os.ReadFile(filepath.Join(dir, "other", "file"))
			try("other", err)
			try("write", os.WriteFile(filepath.Join(dir, "write", "new"), []byte("x"), 0o600))
			try("writeread", os.WriteFile(filepath.Join(dir, "read", "new"), []byte("x"), 0o600))
			try("exec", exec.Command("/bin/true").Run())
			results <- b.String()
		}()
	}
	first := <-results
	for range 7 {
		if next := <-results; next != first {
			first += "| " + next
		}
	}
	os.Stdout.WriteString(first)
}

func TestRestrict(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"read", "write", "other"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "file"), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	switch got := run(t, "landlock", "FOLDER="+dir); {
	case strings.Contains(got, "built with cgo"):
		t.Skip("this test is built with cgo")
	case got == "none":
		t.Skip("this kernel has no Landlock")
	case got == "read=yes other=no write=yes writeread=no exec=no ":
	default:
		t.Errorf("%s", got)
	}
}

// unprivileged becomes another user, and says what it is then.
func unprivileged(name string) {
	a, err := Find(name)
	if err == nil {
		err = a.Become()
	}
	if err != nil {
		os.Stdout.WriteString(err.Error())
		return
	}
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		os.Stdout.WriteString(err.Error())
		return
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "Uid:") || strings.HasPrefix(line, "Gid:") || strings.HasPrefix(line, "Groups:") || strings.HasPrefix(line, "CapEff:") {
			os.Stdout.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
		}
	}
}

func TestBecome(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	a, err := Find("65534")
	if err != nil {
		t.Skip(err)
	}
	got := run(t, "65534")
	if !strings.Contains(got, "CapEff: 0000000000000000") || strings.Contains(got, " 0 ") || a.IsCurrent() {
		t.Errorf("as another user:\n%s", got)
	}
	if _, err := Find("no-such-user"); err == nil || !strings.Contains(err.Error(), "useradd") {
		t.Errorf("%v", err)
	}
}
