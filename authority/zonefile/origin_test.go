package zonefile

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// TestFindOrigin: the SOA record's owner, else $ORIGIN, else the name of the file
// says which zone it is.
func TestFindOrigin(t *testing.T) {
	for _, test := range []struct{ path, text, want, err string }{
		{"zone", "$ORIGIN example.com.\n@ A 192.0.2.1\n", "example.com.", ""},
		{"zone", "\n; comment\n$TTL 5\n$origin example.com.\n", "example.com.", ""},
		{"zone", "$TTL 5\na A 192.0.2.1\n$ORIGIN example.com.\n", "zone.", ""},
		{"zone", "$INCLUDE x\n$ORIGIN example.com.\n", "zone.", ""},
		{"zone", " A 192.0.2.1\n$ORIGIN example.com.\n", "zone.", ""},
		{"zone", "\"$ORIGIN\" example.com.\n", "zone.", ""},
		{"zone", "", "zone.", ""},
		{"zone", "$TTL \"\n$ORIGIN example.com.\n", "zone.", ""},
		{"zone", "$ORIGIN example\n", "", "zone:1:9: origin \"example\": name is relative"},
		{"zone", "$ORIGIN\n", "", "zone:1:8: $ORIGIN wants a name"},

		{"db", "example.com. 5 IN SOA a b 1 2 3 4 5\n", "example.com.", ""},
		{"db", "example.com.\tIN 5 soa ( a b 1 2 3 4 5 )\n$ORIGIN sub.example.com.\n", "example.com.", ""},
		{"other.example", "example.com. SOA a b 1 2 3 4 5\n", "example.com.", ""},
		{"db", "$ORIGIN .\n$TTL 5\nexample.com SOA a b 1 2 3 4 5\n", "example.com.", ""}, // as BIND dumps zones
		{"db", "$ORIGIN com.\nexample SOA a b 1 2 3 4 5\n", "example.com.", ""},
		{"db", "$ORIGIN example.com.\n@ SOA a b 1 2 3 4 5\n", "example.com.", ""},
		{"db", "$ORIGIN example.com.\n SOA a b 1 2 3 4 5\n", "example.com.", ""},
		{"example.com", "@ SOA a b 1 2 3 4 5\n", "example.com.", ""},
		{"example.com", "soa. SOA SOA a b 1 2 3 4 5\n", "soa.", ""},
		{"example.com", "example.com SOA a b 1 2 3 4 5\n", "example.com.", ""}, // the check says that a dot is missing
		{"example.com", "example.org. A 192.0.2.1\n", "example.com.", ""},

		{"a/example.net.db", "@ SOA a b 1 2 3 4 5\n", "example.net.", ""},
		{"EXAMPLE.net.DB", "@ SOA a b 1 2 3 4 5\n", "EXAMPLE.net.", ""},
		{"db.example.com", "@ SOA a b 1 2 3 4 5\n", "example.com.", ""},
		{"db.example.com", "@ SOA ns.db.example.com. b 1 2 3 4 5\n", "db.example.com.", ""},
		{"db.example.com", "@ SOA ns.example.com. b 1 2 3 4 5\n", "example.com.", ""},
		{"db.com", "@ SOA a b 1 2 3 4 5\n", "db.com.", ""},
		{"db.lan", "@ SOA ns.lan. b 1 2 3 4 5\n", "lan.", ""},
		{"lan.db", "@ SOA a b 1 2 3 4 5\n", "lan.", ""},
		{"example.com.zone", "@ SOA a b 1 2 3 4 5\n", "example.com.", ""},
		{"example.zone", "@ SOA a b 1 2 3 4 5\n", "example.zone.", ""},
		{"example.com.zone.signed", "@ SOA a b 1 2 3 4 5\n", "example.com.", ""},
		{"db.example.com.signed", "@ SOA a b 1 2 3 4 5\n", "example.com.", ""},
		{"192.0.2.rev", "@ SOA a b 1 2 3 4 5\n", "2.0.192.in-addr.arpa.", ""},
		{"db.127", "@ SOA a b 1 2 3 4 5\n", "127.in-addr.arpa.", ""},
		{"2.0.192.in-addr.arpa.rev", "@ SOA a b 1 2 3 4 5\n", "2.0.192.in-addr.arpa.", ""},
		{"192.0.2.256", "@ SOA a b 1 2 3 4 5\n", "192.0.2.256.", ""},
		{"a..b", "@ SOA a b 1 2 3 4 5\n", "", "a..b: the zone's name is neither in the file nor in the file's name"},
		{".db", "@ SOA a b 1 2 3 4 5\n", "", ".db: the zone's name is neither in the file nor in the file's name"},
		{"-", "@ SOA a b 1 2 3 4 5\n", "", "-: the zone's name is not known: write it as the owner of the SOA record"},
		{"/dev/fd/63", "@ SOA a b 1 2 3 4 5\n", "", "/dev/fd/63: the zone's name is not known"},
		{"/dev/fd/63", "example.com. SOA a b 1 2 3 4 5\n", "example.com.", ""},
	} {
		got, err := FindOrigin(test.path, Options{Open: openFrom([]storyFile{{test.path, test.text}})})
		if got.String() != test.want || (err != nil) != (test.err != "") || err != nil && !strings.HasPrefix(err.Error(), test.err) {
			t.Errorf("%s, %q: %q, %v, want %q", test.path, test.text, got, err, test.want)
		}
	}
	long := strings.Repeat("; a comment\n", originWithin/12+1)
	for _, test := range []struct{ text, want string }{
		{long[:originWithin-200] + "\n$ORIGIN example.com.\n" + long, "example.com."},
		{long[:originWithin-20] + "\n$ORIGIN example.com.\n", "example.com."},
		{long + long[:originBlock] + "\n$ORIGIN example.com.\n", "zone."},
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
}

// FuzzFindOrigin: whatever the file holds and is called, there is a name or an
// error.
func FuzzFindOrigin(f *testing.F) {
	f.Add("db.example.com", "$ORIGIN .\nexample.com SOA a. b. 1 2 3 4 5\n")
	f.Add("192.0.2.rev", "@ IN SOA (\n")
	f.Fuzz(func(t *testing.T, path, text string) {
		got, err := FindOrigin(path, Options{Open: openFrom([]storyFile{{path, text}})})
		if (err == nil) == got.IsZero() {
			t.Errorf("name %q, error %v", got, err)
		}
	})
}
