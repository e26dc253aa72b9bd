package zonefile

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestFindOrigin(t *testing.T) {
	for _, test := range []struct{ text, want, err string }{
		{"$ORIGIN example.com.\n@ A 192.0.2.1\n", "example.com.", ""},
		{"\n; comment\n$TTL 5\n$origin example.com.\n", "example.com.", ""},
		{"$TTL 5\na A 192.0.2.1\n$ORIGIN example.com.\n", "", ""},
		{"$INCLUDE x\n$ORIGIN example.com.\n", "", ""},
		{" A 192.0.2.1\n$ORIGIN example.com.\n", "", ""},
		{"\"$ORIGIN\" example.com.\n", "", ""},
		{"", "", ""},
		{"$TTL \"\n$ORIGIN example.com.\n", "", ""},
		{"$ORIGIN example\n", "", "zone:1:9: origin \"example\": name is relative"},
		{"$ORIGIN\n", "", "zone:1:8: $ORIGIN wants a name"},
	} {
		got, err := FindOrigin("zone", Options{Open: openFrom([]storyFile{{"zone", test.text}})})
		if got.String() != test.want || (err != nil) != (test.err != "") || err != nil && !strings.HasPrefix(err.Error(), test.err) {
			t.Errorf("%q: %q, %v", test.text, got, err)
		}
	}
	long := strings.Repeat("; a comment\n", originWithin/12+1)
	for _, test := range []struct{ text, want string }{
		{long[:originWithin-200] + "\n$ORIGIN example.com.\n" + long, "example.com."},
		{long[:originWithin-20] + "\n$ORIGIN example.com.\n", "example.com."},
		{long + long[:originBlock] + "\n$ORIGIN example.com.\n", ""},
		{"$TTL (" + long[:3*originBlock] + " 5\n)\n$ORIGIN example.com.\n", "example.com."},
	} {
		got, err := FindOrigin("zone", Options{Open: openFrom([]storyFile{{"zone", test.text}})})
		if got.String() != test.want || err != nil {
			t.Errorf("%d octets: %q, %v", len(test.text), got, err)
		}
	}
	if _, err := FindOrigin("missing", sampleOptions); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	for path, want := range map[string]string{"zones/example.com": "example.com.", "Example.COM.": "Example.COM.", "/a/b": "b."} {
		if got, err := OriginFromPath(path); err != nil || got.String() != want {
			t.Errorf("%s: %s, %v", path, got, err)
		}
	}
}
