package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// ParseFlags reads args. done says that the command has nothing more to do:
// it was asked for help, or the command line is wrong; code is the exit code.
func ParseFlags(flags *flag.FlagSet, help string, args []string, stdout, stderr io.Writer) (code int, done bool) {
	flags.SetOutput(io.Discard)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, help)
		return ExitOK, true
	case err != nil:
		return UsageError(stderr, flags.Name(), explain(flags, err)), true
	}
	return 0, false
}

// What package flag says of a command line, which is not meant for operators.
var (
	unknownFlag = regexp.MustCompile(`^flag provided but not defined: -+(.*)$`)
	badSyntax   = regexp.MustCompile(`^bad flag syntax: (.*)$`)
	noArgument  = regexp.MustCompile(`^flag needs an argument: -+(.*)$`)
	badValue    = regexp.MustCompile(`(?s)^invalid (?:boolean )?value (".*") for (?:flag )?-+(\S+): (.*)$`)
)

// ParseWords is [ParseFlags] for a command whose options may come anywhere among
// its other arguments, which it returns.
func ParseWords(flags *flag.FlagSet, help string, args []string, stdout, stderr io.Writer) (words []string, code int, done bool) {
	for {
		if code, done := ParseFlags(flags, help, args, stdout, stderr); done {
			return nil, code, true
		}
		if flags.NArg() == 0 {
			return words, 0, false
		}
		words = append(words, flags.Arg(0))
		args = flags.Args()[1:]
	}
}

// explain says what package flag means by err.
func explain(flags *flag.FlagSet, err error) error {
	text := err.Error()
	if m := unknownFlag.FindStringSubmatch(text); m != nil {
		var known []string
		flags.VisitAll(func(f *flag.Flag) { known = append(known, dashed(f.Name)) })
		return fmt.Errorf("there is no option %s%s", dashed(m[1]), DidYouMean(dashed(m[1]), known))
	}
	if m := badSyntax.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("%q is not an option", m[1])
	}
	if m := noArgument.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("%s needs a value", dashed(m[1]))
	}
	m := badValue.FindStringSubmatch(text)
	if m == nil {
		return err
	}
	switch value, option, cause := m[1], dashed(m[2]), m[3]; {
	case strings.HasPrefix(cause, "is "), strings.HasPrefix(cause, "takes "):
		return fmt.Errorf("%s: %s %s", option, value, cause)
	case cause == "value out of range":
		return fmt.Errorf("%s: %s is out of range", option, value)
	case cause == "parse error":
		return fmt.Errorf("%s: %s is not %s", option, value, kindOf(flags.Lookup(m[2])))
	default:
		return fmt.Errorf("%s: %s: %s", option, value, cause)
	}
}

// kindOf says what the value of a flag is.
func kindOf(f *flag.Flag) string {
	if f == nil {
		return "a valid value"
	}
	getter, ok := f.Value.(flag.Getter)
	if !ok {
		return "a valid value"
	}
	switch getter.Get().(type) {
	case bool:
		return "true or false"
	case time.Duration:
		return "a time: write it as 500ms, 10s or 2m"
	}
	return "a number"
}

// dashed is an option as it is written: letters have one dash.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// DidYouMean returns "; did you mean X?" with the word of known that is most
// like word, or nothing if none is.
func DidYouMean(word string, known []string) string {
	core := strings.Trim(word, "-+")
	if len(core) < 2 || len(core) > 64 {
		return ""
	}
	best, least := "", max(1, len(core)/3)+1
	for _, k := range known {
		d := distance(strings.ToLower(word), strings.ToLower(k))
		if len(core) >= 3 && strings.HasPrefix(strings.Trim(k, "-+"), core) {
			d = min(d, 1)
		}
		if d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is how many letters have to be put in, left out, replaced, or exchanged
// with their neighbours to make one word of the other.
func distance(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			replaced := row[j]
			if a[i] != b[j] {
				replaced++
			}
			next[j+1] = min(replaced, next[j]+1, row[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}

// Alias makes short another name of the flag called long.
func Alias(flags *flag.FlagSet, short, long string) {
	flags.Var(flags.Lookup(long).Value, short, "")
}

// Given returns the names of the flags that were given, also those that were
// given by an alias.
func Given(flags *flag.FlagSet) map[string]bool {
	values, given := map[flag.Value]bool{}, map[string]bool{}
	flags.Visit(func(f *flag.Flag) { values[f.Value] = true })
	flags.VisitAll(func(f *flag.Flag) { given[f.Name] = values[f.Value] })
	return given
}

// UsageError says what is wrong with a command line.
func UsageError(stderr io.Writer, command string, err error) int {
	fmt.Fprintf(stderr, "names %s: %v\n\"names %s --help\" lists the options\n", command, err, command)
	return ExitUsage
}

// List is a flag that may be given more than once.
type List []string

func (l *List) String() string     { return strings.Join(*l, " ") }
func (l *List) Set(s string) error { *l = append(*l, s); return nil }

// Level is a flag that counts how often it was given.
type Level int

func (l *Level) String() string   { return "" }
func (l *Level) IsBoolFlag() bool { return true }
func (l *Level) Set(s string) error {
	if s != "true" {
		return errors.New("takes no value; give the option twice for more")
	}
	*l++
	return nil
}
