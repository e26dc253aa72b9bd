package names_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// exampleRecords is what there is on the Internet of these examples.
var exampleRecords = map[string][]wire.Rdata{
	"example.com. A":              {&wire.A{Addr: netip.MustParseAddr("192.0.2.10")}},
	"example.com. AAAA":           {&wire.AAAA{Addr: netip.MustParseAddr("2001:db8::10")}},
	"example.com. MX":             {&wire.MX{Preference: 10, Exchange: wire.MustParseName("mail.example.com")}},
	"example.com. CAA":            {&wire.CAA{Tag: []byte("issue"), Value: []byte("ca.example")}},
	"_imap._tcp.example.com. SRV": {&wire.SRV{Priority: 1, Port: 143, Target: wire.MustParseName("example.com")}},
}

// exampleResolver knows exampleRecords.
var exampleResolver = names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
	q := x.Question()
	for _, d := range exampleRecords[fmt.Sprint(q.Name, " ", q.Type)] {
		if err := x.Reply.Record(q.Name, wire.ClassIN, 3600, d); err != nil {
			return err
		}
	}
	if q.Name.FirstLabel() == "nowhere" {
		x.RCode = wire.RCodeNXDomain
	}
	return nil
})

// newExampleClient takes the place of names.Default.
func newExampleClient() *names.Client {
	client, err := names.NewClient(names.ClientConfig{Resolver: exampleResolver, NoHosts: true})
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func ExampleLookup() {
	ctx, client := context.Background(), newExampleClient()

	records, err := names.Lookup[wire.CAA](ctx, client, "example.com")
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range records {
		fmt.Printf("%s may issue certificates\n", r.Value)
	}
	// Output: ca.example may issue certificates
}

func ExampleClient_LookupNetIP() {
	ctx, client := context.Background(), newExampleClient()

	addrs, err := client.LookupNetIP(ctx, "ip", "example.com")
	fmt.Println(addrs, err)
	// Output: [2001:db8::10 192.0.2.10] <nil>
}

func ExampleClient_LookupMX() {
	ctx, client := context.Background(), newExampleClient()

	boxes, err := client.LookupMX(ctx, "example.com")
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range boxes {
		fmt.Println(m.Pref, m.Host)
	}
	// Output: 10 mail.example.com.
}

func ExampleClient_Query() {
	ctx, client := context.Background(), newExampleClient()

	reply, err := client.Query(ctx, "example.com", wire.TypeANY)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(reply.Answers), len(reply.Authority), len(reply.Additional))
	// Output: 0 0 0
}

func ExampleError() {
	ctx, client := context.Background(), newExampleClient()

	_, err := client.LookupHost(ctx, "nowhere.example.com")
	switch {
	case errors.Is(err, names.ErrNotExist):
		fmt.Println("there is no such name")
	case errors.Is(err, names.ErrTimeout):
		fmt.Println("no server replied")
	}
	var failure *names.Error
	if errors.As(err, &failure) {
		fmt.Println(failure.Name, failure.RCode)
	}
	// Output:
	// there is no such name
	// nowhere.example.com NXDOMAIN
}

func ExampleNewClient() {
	client, err := names.NewClient(names.ClientConfig{
		Servers:  []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53"), netip.MustParseAddrPort("[2001:db8::53]:53")},
		Timeouts: []time.Duration{time.Second, 3 * time.Second},
		EDNS0:    true,
		NoHosts:  true,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.CloseIdleConnections()
	// Output:
}

func ExampleNetResolver() {
	chain := names.Chain{
		names.ParseHosts("192.0.2.7 printer.test"),
		exampleResolver,
	}

	old := net.DefaultResolver
	defer func() { net.DefaultResolver = old }()
	net.DefaultResolver = names.NetResolver(chain)

	addrs, err := net.LookupHost("printer.test.")
	fmt.Println(addrs, err)
	// Output: [192.0.2.7] <nil>
}

func ExampleDialer() {
	client := newExampleClient()

	dialer := &names.Dialer{Client: client}
	web := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}

	web.CloseIdleConnections()
	// Output:
}

func ExampleService() {
	ctx, client := context.Background(), newExampleClient()
	connect := func(_ context.Context, network, address string) (net.Conn, error) {
		fmt.Println("connecting to", address)
		conn, _ := net.Pipe()
		return conn, nil
	}

	imap := &names.Service{
		Name: "imap", Proto: "tcp", Domain: "example.com", DefaultPort: 143,
		Dialer: &names.Dialer{Client: client, Dial: connect},
	}
	conn, target, err := imap.Dial(ctx, "tcp")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	fmt.Println("connected to", target.Host)
	// Output:
	// connecting to [2001:db8::10]:143
	// connected to example.com.
}

func ExampleQuerier() {
	ctx, server := context.Background(), exampleServer()

	question := wire.Question{Name: wire.MustParseName("example.com"), Type: wire.TypeA, Class: wire.ClassIN}
	query := wire.AppendQuery(nil, 4711, wire.FlagRD, question, &wire.EDNS{UDPSize: 1232})
	querier := names.Querier{Timeouts: []time.Duration{time.Second}}
	reply, err := querier.Query(ctx, query, server)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d octets over %v\n", len(reply.Message), reply.Transport)
	// Output: 40 octets over udp
}

// exampleServer answers one query with its question only.
func exampleServer() netip.AddrPort {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		defer conn.Close()
		buf := make([]byte, 512)
		n, peer, err := conn.ReadFrom(buf)
		if err != nil {
			log.Fatal(err)
		}
		buf[2] |= 0x80 // QR
		conn.WriteTo(buf[:n], peer)
	}()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func ExampleClient_LookupZone() {
	ctx, client := context.Background(), newExampleClient()

	for record, err := range client.LookupZone(ctx, "example.com") {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(record)
	}
	// Output: example.com AXFR: no servers configured
}

// The snippets of docs/client.md are taken from the examples here, word for
// word.
func TestSnippetsAreExamples(t *testing.T) {
	read := func(path string) (lines []string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			lines = append(lines, strings.TrimSpace(line))
		}
		return lines
	}
	source := strings.Join(read("example_test.go"), "\n")
	snippets := 0
	var snippet []string
	inside := false
	for i, line := range read("../docs/client.md") {
		switch {
		case line == "```go":
			inside, snippet = true, nil
		case line == "```" && inside:
			inside = false
			snippets++
			if !strings.Contains(source, strings.Join(snippet, "\n")) {
				t.Errorf("docs/client.md:%d: the snippet that ends here is in no example", i+1)
			}
		case inside:
			snippet = append(snippet, line)
		}
	}
	if snippets < 8 {
		t.Errorf("docs/client.md has %d snippets", snippets)
	}
}
