package config

import (
	"slices"
	"testing"

	"github.com/names-dns/names/wire"
)

func TestFilesOfAFolder(t *testing.T) {
	for _, test := range []struct {
		match, zone string
		want        []string
	}{
		{"*.zone", "Example.COM.", []string{"f/example.com.zone"}},
		{"db.*", "example.com", []string{"f/db.example.com"}},
		{"*", "example.com", []string{"f/example.com", "f/example.com.zone", "f/example.com.db", "f/db.example.com", "f/example.com.dns", "f/example.com.signed"}},
		{"*.example.*", "a.example.com", []string{"f/a.example.com", "f/a.example.com.zone", "f/a.example.com.db", "f/db.a.example.com", "f/a.example.com.dns", "f/a.example.com.signed"}},
		{"ns?-*", "example.com", nil},
		{"*", "0/25.2.0.192.in-addr.arpa", []string{"f/0_25.2.0.192.in-addr.arpa", "f/0_25.2.0.192.in-addr.arpa.zone", "f/0_25.2.0.192.in-addr.arpa.db", "f/db.0_25.2.0.192.in-addr.arpa", "f/0_25.2.0.192.in-addr.arpa.dns", "f/0_25.2.0.192.in-addr.arpa.signed"}},
		{"*.zone", ".", []string{"f/root.zone"}},
		{"*.zone", "..", nil},
	} {
		name, err := wire.ParseName(test.zone)
		if err != nil {
			if test.want != nil {
				t.Error(err)
			}
			continue
		}
		f := Folder{Directory: "f", Match: test.match}
		if got := f.Files(name); !slices.Equal(got, test.want) {
			t.Errorf("zone %s in a folder of %s: %q, want %q", test.zone, test.match, got, test.want)
		}
	}
}
