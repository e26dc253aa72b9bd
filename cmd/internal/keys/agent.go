package keys

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	ossignal "os/signal"
	"syscall"

	"github.com/names-dns/names/authority/sign/keyhelper"
	"github.com/names-dns/names/cmd/internal/cli"
)

// runAgent is a key helper until it is stopped: a server that signs has its keys in
// another process.
func runAgent(o options, stderr io.Writer) int {
	ctx, stop := ossignal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := agent(ctx, o, slog.New(slog.NewTextHandler(stderr, nil))); err != nil {
		fmt.Fprintf(stderr, "names keys: %v\n", err)
		return cli.ExitFailed
	}
	return cli.ExitOK
}

func agent(ctx context.Context, o options, log *slog.Logger) error {
	keys, err := keyhelper.NewFolder(o.dir)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	l, err := keyhelper.Listen(o.helper)
	if err != nil {
		return err
	}
	log.Info("key helper listens", "socket", o.helper, "keys", o.dir)
	return keyhelper.Serve(ctx, l, keys, log)
}
