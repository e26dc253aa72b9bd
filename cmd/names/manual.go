package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/cmd/internal/manual"
)

const manualHelp = `names manual prints a manual page, or writes all of them into a folder.

Usage:

  names manual PAGE
  names manual --into FOLDER

PAGE is names, names-COMMAND or names.toml.

Examples:

  names manual names-serve | man -l -
  names manual --into /usr/local/share/man
`

func runManual(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("manual", flag.ContinueOnError)
	into := flags.String("into", "", "")
	if code, done := cli.ParseFlags(flags, manualHelp, args, stdout, stderr); done {
		return code
	}
	pages := manualPages()
	var err error
	switch {
	case *into != "" && flags.NArg() > 0, *into == "" && flags.NArg() != 1:
		return cli.UsageError(stderr, "manual", errors.New("say which page, or --into which folder"))
	case *into != "":
		err = writePages(*into, pages)
	default:
		i := slices.IndexFunc(pages, func(p page) bool { return p.name == flags.Arg(0) })
		if i < 0 {
			return cli.UsageError(stderr, "manual", fmt.Errorf("there is no page %q", flags.Arg(0)))
		}
		_, err = stdout.Write(pages[i].text)
	}
	if err != nil {
		fmt.Fprintf(stderr, "names manual: %v\n", err)
		return cli.ExitFailed
	}
	return cli.ExitOK
}

// page is a manual page.
type page struct {
	name    string
	section int
	text    []byte
}

// manualPages are all pages. What they say is what the commands say of themselves.
func manualPages() []page {
	all := []string{"names(1)", "names.toml(5)"}
	for _, c := range commandsIn(usage) {
		if helpOf[c] != "" {
			all = append(all, "names-"+c+"(1)")
		}
	}
	others := func(name string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(o string) bool { return strings.HasPrefix(o, name+"(") })
	}
	version := cli.Version()
	pages := []page{
		{"names", 1, manual.Command("names", version, usage, others("names"))},
		{"names.toml", 5, config.Manual(version, others("names.toml"))},
	}
	for _, c := range commandsIn(usage) {
		if help := helpOf[c]; help != "" {
			name := "names-" + c
			pages = append(pages, page{name, 1, manual.Command(name, version, help, others(name))})
		}
	}
	return pages
}

// writePages writes pages where man looks for them, below folder.
func writePages(folder string, pages []page) error {
	for _, p := range pages {
		dir := filepath.Join(folder, fmt.Sprintf("man%d", p.section))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s.%d", p.name, p.section)), p.text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
