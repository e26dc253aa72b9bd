package cli

import (
	"bytes"
	"flag"
	"strings"
	"testing"
	"time"
)

// What is wrong with a command line is said in our own words, with the option
// that was meant.
func TestUsageErrors(t *testing.T) {
	for args, want := range map[string]string{
		"--foo":                   "names test: there is no option --foo\n\"names test --help\" lists the options\n",
		"--forwad x":              "there is no option --forwad; did you mean --forward?",
		"--tiem 1s":               "there is no option --tiem; did you mean --time?",
		"--forw x":                "there is no option --forw; did you mean --forward?",
		"-q":                      "there is no option -q\n",
		"--forward":               "--forward needs a value",
		"-p":                      "-p needs a value",
		"-p dns":                  `-p: "dns" is not a number`,
		"-p 99999999999999999999": `is out of range`,
		"--time ever":             `--time: "ever" is not a time: write it as 500ms, 10s or 2m`,
		"--on=perhaps":            `--on: "perhaps" is not true or false`,
		"-v=3":                    `-v: "3" takes no value`,
		"---x":                    `"---x" is not an option`,
		"--=x":                    `"--=x" is not an option`,
	} {
		flags := flag.NewFlagSet("test", flag.ContinueOnError)
		flags.String("forward", "", "")
		flags.Int("p", 0, "")
		flags.Bool("on", false, "")
		flags.Duration("time", time.Second, "")
		flags.Var(new(Level), "v", "")
		var stdout, stderr bytes.Buffer
		code, done := ParseFlags(flags, "help", strings.Fields(args), &stdout, &stderr)
		if code != ExitUsage || !done || !strings.Contains(stderr.String(), want) || stdout.Len() > 0 {
			t.Errorf("%s: %d, %v, %q does not say %q", args, code, done, stderr.String(), want)
		}
	}
}
