package pyzone

import (
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dump prints the records of a pyzone as Twisted has them: owner and data in
// wire form, type, TTL.
const dump = `
import sys
from io import BytesIO
from twisted.names import authority, dns

def wire(thing):
    out = BytesIO()
    thing.encode(out, None)
    return out.getvalue().hex()

for path in sys.argv[1:]:
    zone = authority.PySourceAuthority(path)
    lines = []
    for owner, records in zone.records.items():
        for record in records:
            ttl = "-" if record.ttl is None else str(int(record.ttl))
            lines.append(" ".join([wire(dns.Name(owner)), str(record.TYPE), ttl, wire(record)]))
    print("origin", wire(dns.Name(zone.soa[0].lower())))
    print("\n".join(sorted(lines)))
    print("--")
`

// sameAsTwisted are pyzones of which Twisted makes the same records. FORMAT.md
// lists where the two differ.
var sameAsTwisted = []string{
	`zone = [SOA('example.com', 'ns1.example.com', 'root.example.com', 1, 2, 3, 4, 5)]`,
	`zone = (SOA(b'example.com', b'ns1.example.com', b'root.example.com', minimum='1H', expire='1.5D', retry='2W', refresh='0.1Y'),)`,
	`zone = [
    SOA('Example.com', mname='NS1.Example.com', rname='root.example.com', serial='2026010101', ttl='1.15M'),
    A('example.com', '192.0.2.1', 300), A('example.com', b'192.0.2.2', ttl='5m'), A('x.example.com', address='192.0.2.3'),
    A6('example.com', 64, '::1', 'prefix.example.com'), A6('example.com', 0, '2001:db8::1'), A6('example.com', 128, '::', 'p.example.com'),
    AAAA('example.com', '2001:db8::1'), AAAA('example.com', '::ffff:192.0.2.1', ttl=7), AAAA('example.com', b'fe80::'),
    AFSDB('example.com', 1, 'afs.example.com'), AFSDB('example.com', hostname='afs.example.com', subtype='2'),
    CNAME('www.example.com', 'example.com'), DNAME('d.example.com', b'example.net', 1.0),
    HINFO('example.com', b'PDP-11', b'UNIX'), HINFO('example.com', os=b'', cpu=b'x'),
    MB('example.com', 'mb.example.com'), MD('example.com', 'md.example.com'), MF('example.com', 'mf.example.com'),
    MG('example.com', 'mg.example.com'), MR('example.com', 'mr.example.com'),
    MINFO('example.com', 'r.example.com', 'e.example.com'), MINFO('example.com', emailbx='e.example.com'),
    MX('example.com', 0, 'mail.example.com'), MX('example.com', '10', exchange='mx.example.com', ttl='1W'),
    NAPTR('example.com', 100, 10, b'U', b'E2U+sip', b'!^.*$!sip:a@example.com!', ''),
    NAPTR('example.com', order=1, preference=2, flags=b'S', replacement='_sip._udp.example.com'),
    NS('example.com', 'ns1.example.com'), NULL('example.com', b'\x00\xff'), NULL('example.com', payload=b''),
    PTR('1.2.0.192.in-addr.arpa', 'example.com'), RP('example.com', 'root.example.com', 'txt.example.com'), RP('example.com', 'a'),
    SPF('example.com', b'v=spf1 -all'), SRV('_sip._udp.example.com', 1, 2, 5060, 'sip.example.com'),
    SRV('_x._tcp.example.com', target='x', port=65535), SSHFP('example.com', 4, 2, b'\x01\x02', 9),
    TXT('example.com', b'one', b'two' b'three', ttl=0), TXT('example.com', b''),
    WKS('example.com', '192.0.2.1', 6, b'\x00\x40'), WKS('example.com', '192.0.2.1'),
]
`,
	`"""A doc string."""
# a comment
ttl = 60; ns = ('ns1.'
    'example.com')
zone = [
    SOA('example.com', ns, 'root.example.com'),
    TXT('a', b'\x41\101\n\t\\\'\"\a\b\f\v\r\0\d\u0041\N', rb'\x41', Rb'\'', b'''two
lines''', b"""q" ""q""", b'joined\
line', ttl=ttl),
    MX('b', 0x10, 'c', 1_000), MX('b', 0o20, 'c', 1e2), MX('b', 0b1_0, 'c', .5e1), MX('b', 00, 'c', +3),
    NS('\x65xample\56com', u'\u0061.\U00000062'), NS(R'x.example.com', "y.example.com"),
]; done = True
`,
}

func TestSameAsTwisted(t *testing.T) {
	python := pythonWithTwisted(t)
	dir := t.TempDir()
	arguments := []string{"-W", "ignore", "-c", dump}
	var want strings.Builder
	for i, text := range append(sameAsTwisted, howTo(t)) {
		path := filepath.Join(dir, fmt.Sprintf("zone%d.py", i))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, path)
		records, origin := readAll(t, text)
		var lines []string
		for _, r := range records {
			ttl := "-"
			if r.HasTTL {
				ttl = fmt.Sprint(r.TTL)
			}
			lines = append(lines, fmt.Sprintf("%s %d %s %s", hex.EncodeToString([]byte(r.Name.Fold().Wire())), r.Type, ttl, hex.EncodeToString(r.Data)))
		}
		// Twisted keeps records in a dictionary.
		slices.Sort(lines)
		fmt.Fprintf(&want, "origin %s\n%s\n--\n", hex.EncodeToString([]byte(origin.Fold().Wire())), strings.Join(lines, "\n"))
	}
	cmd := exec.Command(python, arguments...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if diff := cmp.Diff(strings.Split(string(out), "\n"), strings.Split(want.String(), "\n")); diff != "" {
		t.Errorf("Twisted -, here +:\n%s", diff)
	}
}

func howTo(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/example-domain.com")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pythonWithTwisted skips the test if there is none. The Python that comes
// first in PATH need not be the system's, to which packages are installed.
func pythonWithTwisted(t *testing.T) string {
	t.Helper()
	var reasons []string
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		out, err := exec.Command(python, "-c", "import twisted.names.authority").CombinedOutput()
		if err == nil {
			return python
		}
		reasons = append(reasons, fmt.Sprintf("%s: %v: %s", python, err, out))
	}
	t.Skipf("no Python with twisted.names: %s", strings.Join(reasons, "; "))
	return ""
}
