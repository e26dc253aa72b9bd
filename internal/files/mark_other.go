//go:build !linux

package files

import "io/fs"

// MarkOf returns the zero value: which times a file has depends on the system.
func MarkOf(fs.FileInfo) Mark { return Mark{} }

// MarkAt returns the zero value.
func MarkAt(string) Mark { return Mark{} }
