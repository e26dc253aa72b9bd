package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	right := filepath.Join(dir, "right.example")
	writeFile(t, right, smallZone)
	warned := filepath.Join(dir, "warned.example")
	writeFile(t, warned, smallZone+"other.test. A 192.0.2.1\n")
	wrong := filepath.Join(dir, "wrong.example")
	writeFile(t, wrong, "$TTL 60\n@ SOA ns h 1 2 3 4\n@ NS ns (\n")
	python := filepath.Join(dir, "zone.py")
	writeFile(t, python, "# a pyzone\nzone = [SOA('py.example', mname='ns.py.example', rname='h.py.example', serial=7, refresh=1, retry=1, expire=1, minimum=1),\n NS('py.example', 'ns.elsewhere')]\n")
	for _, test := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string // parts of them
	}{
		{"right", []string{right}, exitOK, right + ": zone right.example. serial 1: 3 records, 2 names, unsigned\n", ""},
		{"origin", []string{"--origin", "other.example", right}, exitOK, "zone other.example. serial 1", ""},
		{"warning", []string{warned}, exitOK, "zone warned.example.", warned + ":5:1: warning: other.test. is outside the zone"},
		{"strict", []string{"--strict", warned}, exitFailed, "", "refused for its warnings"},
		{"wrong", []string{wrong}, exitFailed, "", wrong + ":3:"},
		{"right and wrong", []string{right, wrong}, exitFailed, "zone right.example.", wrong + ":2:"},
		{"pyzone", []string{python}, exitOK, "zone py.example. serial 7: 2 records", ""},
		{"missing", []string{filepath.Join(dir, "missing")}, exitFailed, "", filepath.Join(dir, "missing") + ": no such file"},
		{"folder", []string{dir}, exitFailed, "", dir + ": is a directory\n"},
		{"no file", nil, exitUsage, "", "there is no FILE"},
		{"bad origin", []string{"--origin", "a..b", right}, exitUsage, "", "--origin"},
		{"bad limit", []string{"--limit", "0", right}, exitUsage, "", "--limit 0"},
		{"print", []string{"--print", right}, exitOK, "right.example.\t60\tIN\tSOA\tns.right.example. h.right.example. 1 2 3 4 5\n" +
			"right.example.\t60\tIN\tNS\tns.right.example.\n" +
			"ns.right.example.\t60\tIN\tA\t192.0.2.1\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(append([]string{"check"}, test.args...), &stdout, &stderr); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !strings.Contains(stdout.String(), test.stdout) {
				t.Errorf("stdout %q does not have %q", stdout.String(), test.stdout)
			}
			if !strings.Contains(stderr.String(), test.stderr) || test.stderr == "" && stderr.Len() > 0 {
				t.Errorf("stderr %q, want a part %q", stderr.String(), test.stderr)
			}
		})
	}
}

// TestPrintReadsBack: what --print writes is the same zone.
func TestPrintReadsBack(t *testing.T) {
	first, second := new(bytes.Buffer), new(bytes.Buffer)
	var stderr bytes.Buffer
	if code := run([]string{"check", "--print", "../examples/zones/example.com"}, first, &stderr); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	file := filepath.Join(t.TempDir(), "example.com")
	writeFile(t, file, first.String())
	if code := run([]string{"check", "--print", file}, second, &stderr); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	if first.String() != second.String() || first.Len() == 0 {
		t.Errorf("printed once:\n%s\nprinted twice:\n%s", first, second)
	}
}
