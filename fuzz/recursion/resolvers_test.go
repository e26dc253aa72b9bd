//go:build interop

package recursion

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// resolver is a program that resolves from the root. All are configured alike:
// these hints, no validation, QNAME minimisation.
type resolver struct {
	Name, Binary string
	Configure    func(dir, hints string, at netip.AddrPort) ([]string, error)
}

// ours is the binary under test.
var ours = resolver{"names", os.Getenv(inside), namesServe}

// resolvers are all that are compared.
var resolvers = []resolver{
	ours,
	{"unbound", "unbound", unbound},
	{"kresd", "kresd", kresd},
	{"bind", "named", named},
}

// startResolver starts r at a port of 127.0.0.1.
func startResolver(t *testing.T, r resolver, tree *tree, hints string, port uint16) *process {
	t.Helper()
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
	p := start(t, r.Name, r.Binary, []netip.AddrPort{at}, func(dir string) ([]string, error) {
		return r.Configure(dir, hints, at)
	})
	p.await(t, tree.Zones[0])
	return p
}

func namesServe(dir, hints string, at netip.AddrPort) ([]string, error) {
	return append([]string{"serve", "-i", at.String(), "--from-root", "--root-hints", hints, "-c"}, strings.Fields(*options)...), nil
}

func unbound(dir, hints string, at netip.AddrPort) ([]string, error) {
	return write(dir, fmt.Sprintf(`server:
	interface: %s@%d
	num-threads: 1
	directory: %q
	pidfile: ""
	chroot: ""
	username: ""
	use-syslog: no
	do-ip6: no
	do-daemonize: no
	module-config: "iterator"
	root-hints: %q
	qname-minimisation: yes
	incoming-num-tcp: 200
remote-control:
	control-enable: no
`, at.Addr(), at.Port(), dir, hints), "-d")
}

func kresd(dir, hints string, at netip.AddrPort) ([]string, error) {
	if err := os.Mkdir(filepath.Join(dir, "cache"), 0o700); err != nil {
		return nil, err
	}
	args, err := write(dir, fmt.Sprintf(`net.ipv6 = false
net.listen(%q, %d, { kind = 'dns' })
trust_anchors.remove('.')
modules = { 'hints' }
hints.root_file(%q)
cache.open(64 * MB, 'lmdb://%s/cache')
`, at.Addr().String(), at.Port(), hints, dir), "-n")
	return append(args, dir), err
}

func named(dir, hints string, at netip.AddrPort) ([]string, error) {
	return write(dir, fmt.Sprintf(`%s
options {
	directory %q;
	listen-on port %d { %s; };
	recursion yes;
	qname-minimization relaxed;
	minimal-responses yes;
	%s
};
zone "." { type hint; file %q; };
`, namedQuiet, dir, at.Port(), at.Addr(), namedAlone, hints), "-4", "-g", "-n", "1")
}
