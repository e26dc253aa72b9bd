package pyzone

import "testing"

func TestLooksLike(t *testing.T) {
	for text, want := range map[string]bool{
		"zone = [\n":                       true,
		"# a comment\n\n\nzone=[":          true,
		"ttl = 300\nzone = []":             true,
		"zone =\\\n [":                     false,
		"":                                 false,
		"; a comment\nzone = [":            false,
		"$ORIGIN example.com.\n":           false,
		"@ IN SOA a. b. 1 2 3 4 5\n":       false,
		"zone 3600 IN TXT \"a = b\"\n":     false,
		"x=y.example. IN A 192.0.2.1\n":    true, // such an owner is rarer than a pyzone
		"# only comments, which is a file": false,
	} {
		if got := LooksLike([]byte(text)); got != want {
			t.Errorf("LooksLike(%q) = %v, want %v", text, got, want)
		}
	}
}
