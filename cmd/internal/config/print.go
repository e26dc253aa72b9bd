package config

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// lineWidth is how long lines of prose are in what is printed.
const lineWidth = 78

// Print writes the configuration as a file that can be read back: what differs
// from the defaults as options, and everything else as comments.
func (c *Config) Print(to io.Writer) error {
	w := bufio.NewWriter(to)
	fmt.Fprintf(w, "# Configuration of names serve. Options in comments have their defaults.\n")
	for _, file := range c.Files {
		fmt.Fprintf(w, "# Read from %s\n", file)
	}
	initial := Default()
	for _, s := range sections {
		fmt.Fprintln(w)
		comment(w, "", s.what)
		instances := s.write(c)
		if s.form != isOnce {
			printRepeated(w, s, instances)
			continue
		}
		fmt.Fprintln(w, s.header(""))
		defaults := s.write(initial)[0].values
		for i, o := range s.options {
			fmt.Fprintln(w)
			comment(w, "", o.what)
			comment(w, "Default: ", o.why)
			printOption(w, o, instances[0].values[i], defaults[i])
		}
		if s.name == "identity" && len(c.Settings.Identity.CookieSecrets) > 0 && c.CookieSecretFile == "" {
			comment(w, "", fmt.Sprintf("cookie-secret has %d secrets, which are not shown.", len(c.Settings.Identity.CookieSecrets)))
		}
	}
	return w.Flush()
}

// printOption writes a value, in a comment if it is the default.
func printOption(w io.Writer, o about, value, initial string) {
	switch {
	case value == "":
		fmt.Fprintf(w, "# %s = %s\n", o.key, o.example)
	case value == initial:
		fmt.Fprintf(w, "# %s = %s\n", o.key, value)
	default:
		fmt.Fprintf(w, "%s = %s\n", o.key, value)
	}
}

// printRepeated writes the tables of a section that there are, or an example.
func printRepeated(w io.Writer, s section, instances []instance) {
	if len(instances) == 0 {
		for line := range strings.Lines(s.example) {
			fmt.Fprint(w, "# ", line)
		}
	}
	for i, each := range instances {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, s.header(each.name))
		for k, o := range s.options {
			if each.values[k] != "" {
				fmt.Fprintf(w, "%s = %s\n", o.key, each.values[k])
			}
		}
	}
}

// comment writes prose as comments.
func comment(w io.Writer, first, text string) {
	line := "#"
	for word := range strings.FieldsSeq(first + text) {
		if len(line)+1+len(word) > lineWidth && line != "#" {
			fmt.Fprintln(w, line)
			line = "#"
		}
		line += " " + word
	}
	fmt.Fprintln(w, line)
}
