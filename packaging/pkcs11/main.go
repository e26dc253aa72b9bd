// Command names-pkcs11 is a key helper for "names serve" whose keys are in a PKCS#11
// module: a hardware security module, a smart card, or SoftHSM. docs/key-helper.md says how
// it is used.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/names-dns/names/authority/sign/keyhelper"
)

const help = `names-pkcs11 has the keys of "names serve" in a PKCS#11 module.

Usage:

  names-pkcs11 --module FILE --token LABEL --pin-file FILE --socket PATH

Options:

  --module FILE     the library of the module, as in /usr/lib/softhsm/libsofthsm2.so
  --token LABEL     the label of the token
  --pin-file FILE   has the PIN of its user; no other user may be able to read it
  --socket PATH     where the server connects to; only the user of this process can
  --client UID      answer processes of this user, too, to which a service manager has
                    given the socket; may be given once

Exit code: 0 when it is stopped by SIGINT or SIGTERM, 1 if it failed, 2 for a wrong
command line.
`

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("names-pkcs11", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, help) }
	module := flags.String("module", "", "")
	token := flags.String("token", "", "")
	pinFile := flags.String("pin-file", "", "")
	socket := flags.String("socket", "", "")
	client := flags.Int("client", -1, "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0 || *module == "" || *token == "" || *pinFile == "" || *socket == "":
		fmt.Fprintln(stderr, "names-pkcs11: give --module, --token, --pin-file and --socket; --help says more")
		return 2
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *module, *token, *pinFile, *socket, *client, log); err != nil {
		fmt.Fprintf(stderr, "names-pkcs11: %v\n", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, module, label, pinFile, socket string, client int, log *slog.Logger) error {
	pin, err := readPIN(pinFile)
	if err != nil {
		return err
	}
	t, err := openToken(module, label, pin)
	if err != nil {
		return err
	}
	defer t.close()
	l, err := keyhelper.Listen(socket)
	if err != nil {
		return err
	}
	log.Info("key helper listens", "socket", socket, "token", label)
	var users []int
	if client >= 0 {
		users = append(users, client)
	}
	return keyhelper.Serve(ctx, l, t, log, users...)
}

// maxPIN bounds the file of the PIN, in octets.
const maxPIN = 1024

func readPIN(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others: chmod 600 it", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPIN+1))
	if err != nil {
		return "", err
	}
	text = bytes.TrimRight(text, "\r\n")
	if len(text) == 0 || len(text) > maxPIN {
		return "", fmt.Errorf("%s: a PIN of %d octets", path, len(text))
	}
	return string(text), nil
}
