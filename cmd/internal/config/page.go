package config

import (
	"bytes"
	"fmt"
	"strings"
)

// Page returns docs/configuration.md.
func Page() []byte {
	var b bytes.Buffer
	b.WriteString(pageStart)
	for _, s := range sections {
		fmt.Fprintf(&b, "\n## `%s`\n\n%s\n", s.header("NAME"), wrap(s.what))
		if s.example != "" {
			fmt.Fprintf(&b, "\n```toml\n%s```\n", s.example)
		}
		for _, o := range s.options {
			fmt.Fprintf(&b, "\n### `%s`\n\n%s\n\n*%s.* %s\n", o.key, wrap(o.what), o.kindText(), wrap("Default: "+o.why))
			fmt.Fprintf(&b, "\n```toml\n%s\n```\n", o.written())
			if o.tables == nil {
				continue
			}
			fmt.Fprintf(&b, "\nEach table, which may also be written as `[[%s.%s]]`, has:\n\n| option | | default |\n|---|---|---|\n", s.name, o.key)
			for _, each := range o.tables {
				fmt.Fprintf(&b, "| `%s` | %s | %s |\n", each.written(), each.what, each.why)
			}
		}
	}
	return b.Bytes()
}

const pageStart = `# The configuration file

` + "`names serve --config FILE`" + ` reads a file in TOML. Without any option the file is
` + "`" + DefaultFile + "`" + `, if it is there. Everything that the options of the command line
say can be said in it.

* ` + "`names check --config FILE`" + ` does everything that the server does before it
  listens: it reads the file, all zones, and all files that are named in it.
* ` + "`names serve --config FILE --print-config`" + ` prints what is in force, with defaults
  and reasons in comments. The output can be used as a file.
* ` + "`names config schema`" + ` prints a JSON Schema, with which editors complete and check
  the file.

Everything in the file is checked before anything is done. What is wrong is said
with file, line and column, all of it at once:

` + "```" + `
/etc/names/names.toml:3:1: there is no option max-udp-sise in [listen]; did you mean max-udp-size?
/etc/names/names.toml:7:8: cache.size: "many" is not a size; write size = "64MiB"
` + "```" + `

SIGHUP reads the file again. If anything in it is wrong, the server goes on as
before, and the log says why. Otherwise what has changed takes effect: zones are
added, removed and read again; addresses to listen on, limits, identity, servers
to ask, clients, cache and log change without losing a query. So do certificates,
the addresses of all transports, of control, metrics and the page: a server that has its
address still keeps its connections. Only a change of ` + "`listen.workers`" + `, ` + "`journal.dir`" + `,
` + "`transfers.connections`" + `, ` + "`transfers.connections-per-primary`" + `, ` + "`process.user`" + ` or
` + "`process.landlock`" + ` needs a restart: the whole file is then refused, and the log and
` + "`names ctl reload`" + ` name the option.

Paths begin at the folder of the file that they are written in. Lengths of time
are written as ` + "`\"30s\"`, `\"15m\"` or `\"24h\"`" + `, sizes as ` + "`\"512KiB\"`, `\"64MiB\"` or `\"1GiB\"`" + `.

One zone:

` + "```toml" + `
[[zone]]
name = "example.com"
file = "/etc/names/example.com.zone"
` + "```" + `

A resolver for a home network, which remembers over restarts:

` + "```toml" + `
[recursion]
from-root = true
allow = ["loopback", "private"]

[cache]
enabled = true
file = "/var/cache/names/cache"
serve-stale = "24h"
` + "```" + `

A folder of zones:

` + "```toml" + `
[listen]
address = ["192.0.2.53", "2001:db8::53"]

[[zones]]
directory = "/var/lib/names/zones"
match = "*.zone"
` + "```" + `

## ` + "`include`" + `

` + includeText + `

` + "```toml" + `
include = ["conf.d/*.toml"]
` + "```" + `
`

// kindText says what an option takes.
func (o about) kindText() string {
	switch {
	case o.words != nil:
		return "One of " + strings.Join(o.words, ", ")
	case o.isSize:
		return "A size"
	case o.kind == isInteger:
		return fmt.Sprintf("A number from %d to %d", o.least, o.most)
	case o.kind == isBool:
		return "true or false"
	case o.tables != nil:
		return "A list of tables"
	case o.kind == isArray:
		return "A list of strings"
	case o.most > 0:
		return "A length of time"
	}
	return "A string"
}

// wrap breaks prose into lines.
func wrap(text string) string {
	var b strings.Builder
	length := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case length == 0:
		case length+1+len(word) > lineWidth:
			b.WriteByte('\n')
			length = 0
		default:
			b.WriteByte(' ')
			length++
		}
		b.WriteString(word)
		length += len(word)
	}
	return b.String()
}
