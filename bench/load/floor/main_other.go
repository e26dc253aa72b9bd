//go:build !linux

// Command floor exists on Linux only, which has recvmmsg.
package main

import "log"

func main() { log.Fatal("floor: for Linux only") }
