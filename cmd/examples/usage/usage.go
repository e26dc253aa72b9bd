// Package usage reads the command lines of the examples, so that each of them
// shows what it is there to show. It is all that they share.
//
// [Parse] prints the usage for --help, and the usage with what is wrong for
// every other command line that is none of the program's.
package usage

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// Parse reads args for a program whose arguments are the words of synopsis;
// "..." after the last says that there may be more like it. done says that
// there is nothing to run, and code is what to exit with: 0 after --help.
func Parse(flags *flag.FlagSet, synopsis string, args []string, stdout, stderr io.Writer) (code int, done bool) {
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	wanted := len(strings.Fields(synopsis))
	switch {
	case errors.Is(err, flag.ErrHelp):
		help(stdout, flags, synopsis)
		return 0, true
	case err == nil && flags.NArg() < wanted:
		err = fmt.Errorf("%s is missing", strings.Fields(synopsis)[flags.NArg()])
	case err == nil && flags.NArg() > wanted && !strings.HasSuffix(synopsis, "..."):
		err = fmt.Errorf("there is no argument %q", flags.Arg(wanted))
	}
	if err != nil {
		help(stderr, flags, synopsis)
		return Failed(stderr, 2, err), true
	}
	return 0, false
}

// Failed says what went wrong and returns the exit code.
func Failed(stderr io.Writer, code int, err error) int {
	fmt.Fprintln(stderr, "ERROR:", err)
	return code
}

func help(w io.Writer, flags *flag.FlagSet, synopsis string) {
	fmt.Fprintln(w, strings.TrimSpace("usage: "+flags.Name()+" [options] "+synopsis))
	flags.SetOutput(w)
	flags.PrintDefaults()
}
