package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/cmd/internal/serve"
	"github.com/names-dns/names/cmd/internal/settings"
)

// checkConfiguration checks all that a server with this configuration file reads
// before it listens, and returns the exit code.
func (c *checker) checkConfiguration(file string, paths []string, origin string, ignore []string, asJSON bool) int {
	var err error
	switch {
	case len(paths) > 0:
		err = errors.New("--config and FILE both say what to check: give one of them")
	case origin != "":
		err = errors.New("--origin is for a FILE: the configuration says the names of its zones")
	default:
		err = c.complete([]string{file}, "", ignore, asJSON)
	}
	if err != nil {
		return cli.UsageError(c.stderr, "check", err)
	}
	configuration, warnings, err := config.Load(file)
	serve.PrintProblems(c.stderr, warnings, err)
	if err != nil {
		return cli.ExitFailed
	}
	c.zones = map[string]settings.Zone{}
	for _, zone := range configuration.Settings.Zones {
		if zone.IsProduced() {
			continue // it has no file
		}
		paths = append(paths, zone.Path)
		c.zones[zone.Path] = zone
	}
	code := cli.ExitOK
	if len(paths) > 0 {
		code = c.run(paths, asJSON)
	}
	if err := serve.CheckConfiguration(context.Background(), configuration); err != nil {
		fmt.Fprintln(c.stderr, err)
		return cli.ExitFailed
	}
	if !asJSON && code == cli.ExitOK && (len(warnings) == 0 || !c.strict) {
		fmt.Fprintf(c.stdout, "%s: the configuration is right\n", file)
		c.compare(configuration)
	} else if c.strict && len(warnings) > 0 {
		code = cli.ExitFailed
	}
	return code
}

// compare says what would change if the server that runs here, with this control
// socket, had the configuration. Without such a server it says nothing.
func (c *checker) compare(next *config.Config) {
	if next.ControlSocket == "" {
		return
	}
	file, err := filepath.Abs(next.Files[0])
	if err != nil {
		return
	}
	body, err := control.Ask(next.ControlSocket, "config", "diff", file)
	switch {
	case errors.Is(err, control.ErrNoServer):
	case err != nil:
		fmt.Fprintf(c.stdout, "the server that runs cannot compare it: %v\n", err)
	case string(bytes.TrimSpace(body)) == "[]":
		fmt.Fprintln(c.stdout, "it is that of the server that runs")
	default:
		fmt.Fprintln(c.stdout, "in the server that runs, this would change:")
		control.Show(c.stdout, body)
	}
}
