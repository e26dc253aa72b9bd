package bench

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/serve"
	"github.com/names-dns/names/cmd/internal/settings"
)

// encryptedServer serves a small zone over all transports, and returns where.
func encryptedServer(t *testing.T) map[string]string {
	t.Helper()
	zone := filepath.Join(t.TempDir(), "example")
	if err := os.WriteFile(zone, []byte("$TTL 60\n@ SOA ns a 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	s, finish := settings.Flags(flags)
	err := flags.Parse([]string{"-i", "127.0.0.1:0", "--tls", "127.0.0.1:0", "--https", "127.0.0.1:0", "--quic", "127.0.0.1:0", "--bindzone", "example=" + zone})
	if err == nil {
		err = finish()
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var log strings.Builder
	server, err := serve.Start(ctx, *s, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]string{}
	for _, m := range regexp.MustCompile(`msg=listening address=(\S+) transport=(\S+)`).FindAllStringSubmatch(log.String(), -1) {
		at[m[2]] = m[1]
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Run(nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return at
}

// Over each transport, with one connection and with many.
func TestBenchOverTransports(t *testing.T) {
	at := encryptedServer(t)
	for transport, address := range map[string]string{"tls": at["tls"], "https": at["https"], "h3": at["http/3"], "quic": at["quic"]} {
		for option, connections := range map[string]string{"--per-connection=0": "connections 1 in", "--per-connection=10": "connections 5 in"} {
			var out, errors strings.Builder
			if code := Run([]string{"@" + address, "--transport", transport, "--runs", "50", "--window", "5", option, "ns.example"}, nil, &out, &errors); code != 0 ||
				!strings.Contains(out.String(), "answered    50 (100.00 %)") || !strings.Contains(out.String(), connections) {
				t.Errorf("%s, %s: exit code %d, %s\n%s", transport, option, code, &errors, &out)
			}
		}
	}
}
