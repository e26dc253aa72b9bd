package config

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/names-dns/names/cmd/internal/cli"
)

// Help is what names config prints about itself.
const Help = `names config prints what is known of the configuration file.

Usage:

  names config schema   print a JSON Schema of the file, for editors
  names config example  print a file with every option in a comment

docs/configuration.md explains the file. "names check --config FILE" checks one.

Examples:

  names config schema > names.schema.json
  names config example > /etc/names/names.toml
`

// Run runs names config with its arguments and returns its exit code.
func Run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("config", flag.ContinueOnError)
	words, code, done := cli.ParseWords(flags, Help, args, stdout, stderr)
	if done {
		return code
	}
	if len(words) != 1 {
		return cli.UsageError(stderr, "config", errors.New("say what to print: schema or example"))
	}
	var err error
	switch what := words[0]; {
	case what == "schema":
		_, err = stdout.Write(Schema())
	case what == "example":
		err = Default().Print(stdout)
	default:
		return cli.UsageError(stderr, "config", fmt.Errorf("there is no %q to print%s", what, cli.DidYouMean(what, []string{"schema", "example"})))
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return cli.ExitFailed
	}
	return cli.ExitOK
}
