//go:build interop

package interop

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestDig asks our server with dig and kdig, the way people will, and looks at
// what the two make of the answers.
func TestDig(t *testing.T) {
	zones := []zoneFile{{Origin: "corner.test.", File: absolute(t, "testdata/corner/corner.test.zone")}}
	signed := signings[1].sign(t, zones)
	s := startAll(t, signed, ours{})[0]
	for _, ask := range []struct {
		Args string
		Want []string // regular expressions that match
		Not  []string // and that do not
	}{
		{"mail.corner.test A", []string{
			`status: NOERROR`, `flags: qr aa rd(;|,| )`, `(?m)^mail\.corner\.test\.\s+3600\s+IN\s+A\s+192\.0\.2\.3$`,
		}, []string{`RRSIG`, `(?i)warning: recursion requested but not available.*SERVFAIL`}},
		{"mail.corner.test AAAA +tcp", []string{`status: NOERROR`, `2001:db8::3`, `(?i)tcp`}, nil},
		{"mail.corner.test A +dnssec", []string{`status: NOERROR`, `RRSIG\s+A 13 3 3600 `}, nil},
		{"nothing.corner.test A +dnssec", []string{
			`status: NXDOMAIN`, `(?m)^corner\.test\.\s+300\s+IN\s+SOA\s`, `IN\s+NSEC\s`, `RRSIG\s+NSEC 13`,
		}, nil},
		{"corner.test SOA +nsid", []string{`status: NOERROR`, `NSID`}, nil},
		{"corner.test ANY +notcp", []string{`status: NOERROR`, `ANSWER: [12],?;? AUTHORITY: 0`}, []string{`"apex"`}},
		{"corner.test ANY +tcp", []string{`status: NOERROR`, `IN\s+SOA\s`, `IN\s+MX\s+10 mail\.corner\.test\.`, `IN\s+TXT\s+"apex"`}, nil},
		{"big.corner.test TXT", []string{`(?s)TC bit set, retrying|;; Truncated reply|status: NOERROR`, `"15\.{40}`}, nil},
		{"big.corner.test TXT +ignore +noedns", []string{`flags: qr aa tc rd`, `ANSWER: 0`}, nil},
		{"big.corner.test TXT +ignore +bufsize=4096", []string{`flags: qr aa tc rd`, `ANSWER: 0`}, nil},
		{"unknown.corner.test TYPE65300", []string{`TYPE65300\s+\\# 4 01020304`}, nil},
		{"x.dn.corner.test A", []string{`IN\s+DNAME\s+target\.corner\.test\.`, `IN\s+CNAME\s+x\.target\.corner\.test\.`, `192\.0\.2\.31`}, nil},
		{"version.bind TXT CH", []string{`status: NOERROR`, `(?m)^version\.bind\.\s+0\s+CH\s+TXT\s+".+"`}, nil},
		{"mail.corner.test A +opcode=STATUS", []string{`status: NOTIMP`}, nil},
		{"mail.corner.test A +cookie=0123456789abcdef", []string{`status: NOERROR`, `(?im)^;;? COOKIE: 0123456789abcdef01000000[0-9a-f]{24}( \(good\))?$`}, nil},
		{"outside.example A", []string{`status: REFUSED`, `ANSWER: 0`}, []string{`flags: qr aa`}},
	} {
		for _, program := range []string{"dig", "kdig"} {
			args := []string{"@127.0.0.1", "-p", fmt.Sprint(s.Addr.Port())}
			if program == "dig" {
				args = append([]string{"-r"}, args...) // ignore ~/.digrc
				args = append(args, "+nocookie")
			}
			t.Run(program+" "+ask.Args, func(t *testing.T) {
				words := strings.Fields(ask.Args)
				if program == "kdig" && strings.Contains(ask.Args, "+opcode") {
					t.Skip("kdig 3.2 cannot set the opcode")
				}
				out := run(t, t.TempDir(), need(t, program), append(args, words...)...)
				out = strings.ReplaceAll(out, "Flags: ", "flags: ")
				for _, want := range ask.Want {
					if !regexp.MustCompile(want).MatchString(out) {
						t.Errorf("no %s in\n%s", want, out)
					}
				}
				for _, not := range ask.Not {
					if regexp.MustCompile(not).MatchString(out) {
						t.Errorf("%s in\n%s", not, out)
					}
				}
			})
		}
	}
}
