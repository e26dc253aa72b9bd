package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// parseFlags reads args. done says that the command has nothing more to do:
// it was asked for help, or the command line is wrong; code is the exit code.
func parseFlags(flags *flag.FlagSet, help string, args []string, stdout, stderr io.Writer) (code int, done bool) {
	flags.SetOutput(io.Discard)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, help)
		return exitOK, true
	case err != nil:
		return usageError(stderr, flags.Name(), err), true
	}
	return 0, false
}

// usageError says what is wrong with a command line.
func usageError(stderr io.Writer, command string, err error) int {
	fmt.Fprintf(stderr, "names %s: %v\n\"names %s --help\" lists the options\n", command, err, command)
	return exitUsage
}

// list is a flag that may be given more than once.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// level is a flag that counts how often it was given.
type level int

func (l *level) String() string   { return "" }
func (l *level) IsBoolFlag() bool { return true }
func (l *level) Set(s string) error {
	if s != "true" {
		return errors.New("takes no value: give it twice for more")
	}
	*l++
	return nil
}
