// Package manual makes manual pages: of commands from the help texts that they
// print, and of the configuration file from its sections.
package manual
