// Package cli is what the commands have in common: exit codes, options, signals,
// and a log that nothing waits for.
package cli
