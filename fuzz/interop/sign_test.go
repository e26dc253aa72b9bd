//go:build interop

package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// signing is a way to sign a zone.
type signing struct {
	Name string
	// Sign signs zone, which has the keys ksk and zsk in dir, into file out.
	// nil: the zone is served unsigned.
	Sign func(t *testing.T, dir string, zone zoneFile, ksk, zsk, out string)
}

// signings are the ways the corner-case zones are served.
var signings = []signing{
	{Name: "unsigned"},
	{Name: "nsec", Sign: ldnsSignzone()},
	{Name: "nsec3", Sign: ldnsSignzone("-n", "-t", "1", "-s", "abcd")},
	// ldns-signzone sets the opt-out flag and yet has an NSEC3 record for every
	// delegation; dnssec-signzone leaves those of unsigned ones out.
	{Name: "optout", Sign: ldnsSignzone("-n", "-p", "-t", "0")},
	{Name: "sparse", Sign: dnssecSignzone("-3", "-", "-A", "-H", "0")},
}

// The signatures hold from before anybody runs these tests until long after.
// Knot 3.2 refused the year 2099.
const inception, expiration = "20240101000000", "20370101000000"

func ldnsSignzone(args ...string) func(*testing.T, string, zoneFile, string, string, string) {
	return func(t *testing.T, dir string, zone zoneFile, ksk, zsk, out string) {
		args := append([]string{"-i", inception, "-e", expiration, "-o", zone.Origin, "-f", out}, args...)
		run(t, dir, need(t, "ldns-signzone"), append(args, zone.File, ksk, zsk)...)
	}
}

func dnssecSignzone(args ...string) func(*testing.T, string, zoneFile, string, string, string) {
	return func(t *testing.T, dir string, zone zoneFile, ksk, zsk, out string) {
		// The keys have to be in the zone: ldns-keygen writes none of the dates
		// that would let dnssec-signzone add them by itself.
		var text []byte
		for _, file := range []string{zone.File, filepath.Join(dir, ksk+".key"), filepath.Join(dir, zsk+".key")} {
			part, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, part...)
		}
		withKeys := out + ".unsigned"
		write(t, withKeys, text)
		args := append([]string{"-s", inception, "-e", expiration, "-o", zone.Origin, "-f", out, "-P", "-q", "-k", ksk}, args...)
		run(t, dir, need(t, "dnssec-signzone"), append(args, withKeys, zsk)...)
	}
}

// sign signs zones the given way and returns where the result is.
func (s signing) sign(t *testing.T, zones []zoneFile) []zoneFile {
	t.Helper()
	if s.Sign == nil {
		return zones
	}
	keygen := need(t, "ldns-keygen")
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
		s.Sign(t, dir, z, ksk, zsk, signed[i].File)
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
