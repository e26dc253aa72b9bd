// Package race tells tests whether the race detector is built in.
package race
