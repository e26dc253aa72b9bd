package cli

import (
	"fmt"
	"testing"
)

func TestListenAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1": "127.0.0.1:53", "127.0.0.1:5353": "127.0.0.1:5353", "::1": "[::1]:53", "[::1]": "[::1]:53",
		"[::1]:5353": "[::1]:5353", "::ffff:127.0.0.1": "127.0.0.1:53", "fe80::1%lo": "[fe80::1%lo]:53",
	} {
		got, err := ParseAddress(text, 53)
		if err != nil || got.String() != want {
			t.Errorf("%s: %v, %v; want %s", text, got, err, want)
		}
	}
}

func TestParseServer(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1": "127.0.0.1 0", "127.0.0.1:53": "127.0.0.1 53", "127.0.0.1#5353": "127.0.0.1 5353", "::1": "::1 0", "[::1]": "::1 0",
		"[::1]:53": "::1 53", "::1#53": "::1 53", "[::1]#53": "::1 53", "ns.example": "ns.example 0", "ns.example:54": "ns.example 54", "ns.example#54": "ns.example 54",
		"127.0.0.1:dns": "", "127.0.0.1#0": "", "127.0.0.1:70000": "", "::1:x": "", ":53": "", "#53": "", "[::1:53": "", "a:b:53": "", "a#1#2": "",
	} {
		host, port, err := ParseServer(text)
		if got := fmt.Sprintf("%s %d", host, port); err == nil && got != want || err != nil && want != "" {
			t.Errorf("%s: %s, %v; want %q", text, got, err, want)
		}
	}
}
