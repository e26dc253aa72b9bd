//go:build !race

package recursor

const raceEnabled = false
