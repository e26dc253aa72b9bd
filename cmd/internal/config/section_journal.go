package config

import (
	"time"

	"github.com/names-dns/names/cmd/internal/settings"
)

var journalSection = once("journal", "Where changes of zones are kept before they are visible: dynamic updates, edits through names ctl, and what a reload of a zone file has changed. After a restart the zone has them again, and incremental transfers go on. A change of dir takes effect after a restart.",
	path(about{
		key: "dir", what: "The folder of the journal. One server uses it.",
		why:     "None: changes other than by zone files are lost at a restart.",
		example: `"/var/lib/names/journal"`, others: []string{"journal", "directory", "storage", "journal-db", "database"},
	}, func(c *Config) *string { return &c.Settings.Journal.Dir }),
	size(about{
		key: "max-size", what: "How large the journal may be. From half of it on, what only old incremental transfers need is dropped; changes are refused when there is no room.",
		why:     "1GiB.",
		example: `"256MiB"`, others: []string{"journal-size", "max-journal-size", "journal-db-max-size", "journal-max-usage"},
	}, func(c *Config) *int64 { return &c.Settings.Journal.MaxSize }),
	span(about{
		key: "max-age", what: "How long changes are kept for incremental transfers alone.",
		why:     "As long as there is room.",
		example: `"720h"`, least: 60, most: 10 * 365 * 24 * 3600, others: []string{"journal-age"},
	}, func(c *Config) *time.Duration { return &c.Settings.Journal.MaxAge }),
)

// journalOption is whether a zone has a journal; nil means that nothing is said.
func journalOption[T any](field func(*T) **bool) option[T] {
	return maybe(about{
		key: "journal", what: "Whether changes of the zone are kept in the journal, if there is one. If it is switched off, what was kept is dropped.",
		why: "That of the template, or else true for zone files.", example: "false",
	}, field)
}

func syncOption[T any](field func(*T) *time.Duration) option[T] {
	return span(about{
		key: "zonefile-sync", what: "How long after a change the zone is written to its file. A file with comments, $INCLUDE or $GENERATE is left alone, unless its first line says that names writes it.",
		why:     "That of the template, or else never: the journal has the changes, and the file is the operator's.",
		example: `"5m"`, least: 1, most: 30 * 24 * 3600, others: []string{"sync", "zonefile-write", "flush-time"},
	}, field)
}

// changes is what a zone, or a template, says of its changes.
type changes struct {
	journal *bool
	sync    time.Duration
	sign    string
}

func (c *changes) inherit(from changes) {
	if c.journal == nil {
		c.journal = from.journal
	}
	if c.sync == 0 {
		c.sync = from.sync
	}
	if c.sign == "" {
		c.sign = from.sign
	}
}

// fill sets what the settings of a zone have of it.
func (c *changes) fill(z *settings.Zone) {
	z.NoJournal = c.journal != nil && !*c.journal
	z.SyncAfter = c.sync
	if c.sign != notSigned {
		z.Sign = c.sign
	}
}

func changesOf(z *settings.Zone) changes {
	c := changes{sync: z.SyncAfter, sign: z.Sign}
	if z.NoJournal {
		c.journal = new(bool)
	}
	return c
}
