// The override-server command answers for workstation1, workstation2 and so on
// in every domain by itself: the last octet of the address is the number. All
// other questions go to the servers of resolv.conf.
//
//	override-server &
//	dig -p 10053 @127.0.0.1 workstation100.example.com A +short
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/names-dns/names/cmd/examples/usage"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/wire"
)

// workstations has an address for every workstation there could be.
type workstations struct{}

// TryResolve works the address out, or passes.
func (workstations) TryResolve(x *names.Exchange) error {
	q := x.Question()
	digits, ok := strings.CutPrefix(strings.ToLower(q.Name.FirstLabel()), "workstation")
	n, err := strconv.ParseUint(digits, 10, 8)
	if !ok || err != nil || q.Type != wire.TypeA || q.Class != wire.ClassIN {
		return names.ErrPass
	}
	return x.Reply.Record(q.Name, wire.ClassIN, 60, &wire.A{Addr: netip.AddrFrom4([4]byte{172, 0, 2, byte(n)})})
}

// Resolve is TryResolve: nothing here has to wait.
func (w workstations) Resolve(_ context.Context, x *names.Exchange) error { return w.TryResolve(x) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("override-server", flag.ContinueOnError)
	address := netip.MustParseAddrPort("127.0.0.1:10053")
	flags.TextVar(&address, "listen", address, "answer at this `address`")
	resolvConf := flags.String("resolv-conf", "/etc/resolv.conf", "ask the servers in this `file`")
	if code, done := usage.Parse(flags, "", args, stdout, stderr); done {
		return code
	}
	client, err := names.NewClient(names.ClientConfig{ResolvConf: *resolvConf})
	if err != nil {
		return usage.Failed(stderr, 1, err)
	}
	server, err := listener.Listen(listener.Config{
		Endpoints: listener.Plain(address),
		Resolver:  &recursor.Access{Allow: names.PrivatePeers(), Next: names.Chain{workstations{}, client}},
	})
	if err != nil {
		return usage.Failed(stderr, 1, err)
	}
	fmt.Fprintln(stdout, "listening on", server.Addresses()[0])
	if err := server.Serve(ctx); err != nil {
		return usage.Failed(stderr, 1, err)
	}
	return 0
}
