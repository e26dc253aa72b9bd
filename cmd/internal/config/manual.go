package config

import "github.com/names-dns/names/cmd/internal/manual"

// Manual returns the manual page names.toml(5).
func Manual(version string, others []string) []byte {
	list := []manual.Section{{
		Header: "include", What: includeText, Example: `include = ["conf.d/*.toml"]`,
	}}
	for _, s := range sections {
		m := manual.Section{Header: s.header("NAME"), What: s.what, Example: s.example}
		for _, o := range s.options {
			m.Options = append(m.Options, manual.Option{Key: o.key, Kind: o.kindText(), What: o.what, Default: o.why, Example: o.written()})
		}
		list = append(list, m)
	}
	return manual.File("names.toml", version, "configuration of the names DNS server", manualStart, list, others)
}

const manualStart = `A file in TOML, read by names serve and checked by names check. Without any option names serve reads ` + DefaultFile + `, if it is there.

Everything in it is checked before anything is done; what is wrong is said with file, line and column. SIGHUP and names ctl reload read it again.

Paths begin at the folder of the file that they are written in. Lengths of time are written as "30s", "15m" or "24h", sizes as "512KiB", "64MiB" or "1GiB".`
