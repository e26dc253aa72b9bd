package usage

import (
	"bytes"
	"errors"
	"flag"
	"strings"
	"testing"
)

func TestCommandLines(t *testing.T) {
	for _, test := range []struct {
		synopsis, args string
		code           int
		stdout, stderr string
	}{
		{"NAME", "--help", 0, "usage: program [options] NAME\n", ""},
		{"NAME", "-h", 0, "who is asked", ""},
		{"NAME", "", 2, "", "ERROR: NAME is missing\n"},
		{"NAME TYPE", "x", 2, "", "ERROR: TYPE is missing\n"},
		{"NAME", "x y", 2, "", "ERROR: there is no argument \"y\"\n"},
		{"NAME", "--unexpected x", 2, "", "ERROR: flag provided but not defined: -unexpected\n"},
		{"", "x", 2, "", "usage: program [options]\n"},
		{"NAME...", "", 2, "", "ERROR: NAME... is missing\n"},
	} {
		var stdout, stderr bytes.Buffer
		flags := flag.NewFlagSet("program", flag.ContinueOnError)
		flags.String("server", "", "who is asked")
		code, done := Parse(flags, test.synopsis, strings.Fields(test.args), &stdout, &stderr)
		if !done || code != test.code {
			t.Errorf("%q: code %d, done %t", test.args, code, done)
		}
		for _, got := range []struct{ name, text, want string }{{"stdout", stdout.String(), test.stdout}, {"stderr", stderr.String(), test.stderr}} {
			if !strings.Contains(got.text, got.want) || got.want == "" && got.text != "" {
				t.Errorf("%q: %s is %q, want %q", test.args, got.name, got.text, got.want)
			}
		}
	}
}

func TestGoodCommandLines(t *testing.T) {
	for synopsis, args := range map[string]string{"": "", "NAME": "-server s x", "NAME...": "x y z", "A B": "a b"} {
		var out bytes.Buffer
		flags := flag.NewFlagSet("program", flag.ContinueOnError)
		flags.String("server", "", "")
		if code, done := Parse(flags, synopsis, strings.Fields(args), &out, &out); done || code != 0 || out.Len() > 0 {
			t.Errorf("%s: %q: code %d, done %t, %q", synopsis, args, code, done, out.String())
		}
	}
}

func TestFailed(t *testing.T) {
	var out bytes.Buffer
	if code := Failed(&out, 7, errors.New("no paper")); code != 7 || out.String() != "ERROR: no paper\n" {
		t.Errorf("%d, %q", code, out.String())
	}
}
