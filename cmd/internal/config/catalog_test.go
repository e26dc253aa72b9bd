package config

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/wire"
)

// Catalogs that are made of zones which name them. What is printed reads back the same.
func TestProducedCatalogs(t *testing.T) {
	dir := t.TempDir()
	const text = `
journal.dir = "journal"
[template.default]
file = "{name}"
format = "pyzone"
catalog = "catalog.example"
catalog-groups = ["x"]
[[catalog]]
name = "catalog.example"
produce = true
[[zone]]
name = "catalog.example"
[[zone]]
name = "a.example"
[[zone]]
name = "b.example"
catalog-groups = ["y", "z"]
catalog-coo = "other.example"
`
	c, warnings, err := Load(write(t, dir, "names.toml", text))
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	zones, name := c.Settings.Zones, wire.MustParseName("catalog.example.")
	if !zones[0].IsProduced() || zones[0].Member != nil {
		t.Errorf("the catalog: %+v", zones[0])
	}
	for i, want := range []*settings.Membership{{Catalog: name, Groups: []string{"x"}}, {Catalog: name, Groups: []string{"y", "z"}, NewOwner: wire.MustParseName("other.example.")}} {
		if got := zones[i+1].Member; !reflect.DeepEqual(got, want) {
			t.Errorf("zone %v: %+v, want %+v", zones[i+1].Origin, got, want)
		}
	}
	var printed bytes.Buffer
	if err := c.Print(&printed); err != nil {
		t.Fatal(err)
	}
	again, _, err := Load(write(t, dir, "again.toml", printed.String()))
	if err != nil || !reflect.DeepEqual(again.Settings.Zones, zones) || !reflect.DeepEqual(again.Settings.Produced, c.Settings.Produced) {
		t.Fatalf("printed, and read again: %v\n%s", err, printed.String())
	}
	for _, wrong := range []struct{ old, now, want string }{
		{`journal.dir = "journal"`, "", "requires journal.dir"},
		{"produce = true", "produce = true\ntemplate = \"default\"", "are for members of a catalog that is followed"},
		{"[[zone]]\nname = \"catalog.example\"\n", "", "requires a [[zone]] of that name"},
		{"[[zone]]\nname = \"catalog.example\"\n", "[[zone]]\nname = \"catalog.example\"\nfile = \"x\"\n", "excludes zone.file"},
		{"[[zone]]\nname = \"catalog.example\"\n", "[[zone]]\nname = \"catalog.example\"\nzonefile-sync = \"5m\"\n", "excludes zone.zonefile-sync"},
		{"catalog = \"catalog.example\"", "catalog = \"none.example\"", "none.example. is not a catalog with catalog.produce"},
		{"catalog = \"catalog.example\"\n", "", "and it is in none"},
		{`["y", "z"]`, `["` + strings.Repeat("y", 256) + `"]`, "has 256 octets"},
		{`"other.example"`, `"catalog.example"`, "is the catalog that has the zone"},
	} {
		_, _, err := Load(write(t, dir, "wrong.toml", strings.Replace(text, wrong.old, wrong.now, 1)))
		if err == nil || !strings.Contains(err.Error(), wrong.want) {
			t.Errorf("%s: %v, want %s", wrong.now, err, wrong.want)
		}
	}
}
