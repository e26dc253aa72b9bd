//go:build !unix

package keyhelper

// checkSocket knows of no owners here.
func checkSocket(string) (owner int, err error) { return 0, nil }
