//go:build !unix

package authority

import "os"

func openFile(path string) (*os.File, error) { return os.Open(path) }
