// Package config reads the configuration file of the server, a TOML file, and
// makes settings of it.
//
// Each section of the file is described in one Go file, section_NAME.go: its
// options, their defaults and the reasons for them, what they may be, and which
// setting each of them fills. Everything else follows from these descriptions:
// reading, names serve --print-config, the JSON Schema, and the page
// docs/configuration.md.
package config
