// Package keygen is the command that makes keys.
package keygen

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/wire"
)

// Help is what the command prints about itself.
const Help = `names keygen makes a TSIG key, with which servers sign what they tell each other.

Usage:

  names keygen tsig [--algorithm NAME] [KEY]

It prints the key KEY (named tsig without one) as BIND's configuration has it, which
--tsig-key of names serve and -k of names query, dig and nsupdate read; and, as
comments, in the forms of a configuration file of names, of Knot DNS, of NSD, and of
-y of names query, dig and kdig.

  --algorithm, -a NAME  hmac-sha1, hmac-sha224, hmac-sha256 (default), hmac-sha384
                        or hmac-sha512

Both servers have to have the key, under the same name. Keep it from others, as the
first example does.

Exit code: 0, or 2 for a wrong command line. names keys makes the keys that zones are
signed with.

Examples:

  (umask 077; names keygen tsig secondary > /etc/names/keys)
  names keygen tsig --algorithm hmac-sha512 update.example.com
`

// Run runs the command with its arguments and returns its exit code.
func Run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("keygen", flag.ContinueOnError)
	algorithm := flags.String("algorithm", "hmac-sha256", "")
	flags.StringVar(algorithm, "a", *algorithm, "")
	words, code, done := cli.ParseWords(flags, Help, args, stdout, stderr)
	if done {
		return code
	}
	switch {
	case len(words) == 0:
		return cli.UsageError(stderr, "keygen", errors.New("say what to make: tsig"))
	case words[0] != "tsig":
		return cli.UsageError(stderr, "keygen", fmt.Errorf("%q cannot be made%s", words[0], cli.DidYouMean(words[0], []string{"tsig"})))
	case len(words) > 2:
		return cli.UsageError(stderr, "keygen", fmt.Errorf("%q is an argument too many", words[2]))
	}
	text := "tsig"
	if len(words) == 2 {
		text = words[1]
	}
	name, err := wire.ParseName(text)
	if err == nil && name.IsRoot() {
		err = errors.New("the root is not a name for a key")
	}
	if err != nil {
		return cli.UsageError(stderr, "keygen", err)
	}
	kind, err := wire.ParseTSIGAlgorithm(*algorithm)
	if err != nil {
		return cli.UsageError(stderr, "keygen", fmt.Errorf("--algorithm: %w", err))
	}
	key, err := wire.NewTSIGKey(name, kind)
	if err != nil {
		return cli.UsageError(stderr, "keygen", err)
	}
	fmt.Fprint(stdout, keyText(key))
	return cli.ExitOK
}

// keyText is a key in all forms, of which all but the first are comments.
func keyText(key wire.TSIGKey) string {
	line := key.Text()
	secret := line[strings.LastIndexByte(line, ':')+1:]
	name := strings.TrimSuffix(key.Name.String(), ".")
	return fmt.Sprintf(`%[1]s
# names:
#   [[key]]
#   name = %[2]q
#   algorithm = "%[3]v"
#   secret = %[4]q
# Knot DNS:
#   key:
#     - id: %[2]s
#       algorithm: %[3]v
#       secret: %[4]s
# NSD:
#   key:
#     name: %[2]q
#     algorithm: %[3]v
#     secret: %[4]q
# names query, dig, kdig:
#   -y %[3]v:%[2]s:%[4]s
`, strings.TrimSuffix(string(key.AppendStanza(nil)), "\n"), name, key.Algorithm, secret)
}
