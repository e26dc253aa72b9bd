//go:build interop

package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// signing is a way to sign a zone: what ldns-signzone is told beside the keys.
type signing struct {
	Name string
	Args []string // nil: the zone is served unsigned
}

// signings are the four ways every corner-case zone is served.
var signings = []signing{
	{Name: "unsigned"},
	{Name: "nsec", Args: []string{}},
	{Name: "nsec3", Args: []string{"-n", "-t", "1", "-s", "abcd"}},
	{Name: "optout", Args: []string{"-n", "-p", "-t", "0"}},
}

// sign signs zones the given way and returns where the result is.
func (s signing) sign(t *testing.T, zones []zoneFile) []zoneFile {
	t.Helper()
	if s.Args == nil {
		return zones
	}
	keygen, signzone := need(t, "ldns-keygen"), need(t, "ldns-signzone")
	dir := t.TempDir()
	signed := make([]zoneFile, len(zones))
	for i, z := range zones {
		if z.Unsigned {
			signed[i] = z
			continue
		}
		ksk := run(t, dir, keygen, "-k", "-a", "ECDSAP256SHA256", z.Origin)
		zsk := run(t, dir, keygen, "-a", "ECDSAP256SHA256", z.Origin)
		signed[i] = zoneFile{Origin: z.Origin, File: filepath.Join(dir, z.Origin+"signed")}
		args := append([]string{"-i", "20240101", "-e", "20370101", "-o", z.Origin, "-f", signed[i].File}, s.Args...)
		run(t, dir, signzone, append(args, z.File, ksk, zsk)...)
	}
	return signed
}

// run runs a program and returns what it printed, spaces trimmed.
func run(t *testing.T, dir, binary string, args ...string) string {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(binary), strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// absolute is the path of a file of this package.
func absolute(t *testing.T, file string) string {
	t.Helper()
	path, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	return path
}
