//go:build race

package recursor

const raceEnabled = true
