package config

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/update"
	"github.com/names-dns/names/authority/zonemd"
)

// Rules of zones and templates, in both ways to write them. What is printed reads
// back the same.
func TestZoneUpdates(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "names.toml", `
[template.default]
serial-policy = "date"
zonemd = "off"
[[template.default.update]]
addresses = ["loopback"]
types = ["ANY"]
[[zone]]
file = "a"
[[zone]]
file = "b"
serial-policy = "unixtime"
zonemd = "require"
zonemd-generate = "sha512"
[[zone.update]]
deny = true
addresses = ["192.0.2.0/24", "2001:db8::1"]
types = ["ANY"]
[[zone.update]]
keys = ["dhcp", "*.hosts.example"]
unforgeable = true
names = ["{key}", "{address}", "a.example.com"]
match = "sub-or-equal"
types = ["A", "TXT(3)"]
[[zone]]
file = "c"
update = [{ keys = ["k"] }]
`)
	c, warnings, err := Load(path)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	zones := c.Settings.Zones
	if a := zones[0]; len(a.Updates) != 1 || a.Updates[0].Addresses[0] != "loopback" || a.Serial != authority.SerialDate || a.Digest != zonemd.Off {
		t.Errorf("what the template says: %+v", a)
	}
	if b := zones[1]; len(b.Updates) != 2 || !b.Updates[0].Deny || b.Updates[1].Match != update.MatchSubOrEqual || !b.Updates[1].Streams || len(b.Updates[1].Names) != 3 ||
		b.Updates[1].Types[1].Most != 3 || b.Serial != authority.SerialUnixTime || b.Digest != zonemd.Required || b.Generate != zonemd.SHA512 {
		t.Errorf("%+v", b)
	}
	for _, z := range zones {
		if p, err := c.Settings.UpdatePolicy(&z); err != nil || len(p) != len(z.Updates) || (p[0].Clients != nil) != (len(z.Updates[0].Addresses) > 0) {
			t.Errorf("%v, %v", p, err)
		}
	}
	var printed bytes.Buffer
	if err := c.Print(&printed); err != nil {
		t.Fatal(err)
	}
	again, _, err := Load(write(t, dir, "again.toml", printed.String()))
	if err != nil {
		t.Fatalf("%v\n%s", err, printed.String())
	}
	if !reflect.DeepEqual(again.Settings.Zones, zones) {
		t.Errorf("printed, and read again:\n%+v\nnot\n%+v", again.Settings.Zones, zones)
	}
}
