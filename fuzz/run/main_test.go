package main

import "testing"

func TestEndedByTheClock(t *testing.T) {
	for out, want := range map[string]bool{
		"fuzz: elapsed: 40s, execs: 311511\n--- FAIL: FuzzZone (40.23s)\n    context deadline exceeded\nFAIL\n":                                                      true,
		"--- FAIL: FuzzZone (1.23s)\n    --- FAIL: FuzzZone (0.00s)\n        zone_test.go:1: wrong\n\n    Failing input written to testdata/fuzz/FuzzZone/1\nFAIL\n": false,
		"panic: oops\n    context deadline exceeded\nFAIL\n":                                                                                                         false,
		"fuzz: elapsed: 40s, execs: 311511\nPASS\n":                                                                                                                  false,
	} {
		if got := endedByTheClock([]byte(out)); got != want {
			t.Errorf("%q: %v, want %v", out, got, want)
		}
	}
}
