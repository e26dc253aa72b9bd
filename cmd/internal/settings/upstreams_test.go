package settings

import (
	"flag"
	"slices"
	"strings"
	"testing"
)

// Servers with a URL are known by where they are, unless that is not known or taken.
func TestServersWithURLs(t *testing.T) {
	s := parse(t, "--forward tls://9.9.9.9#dns.quad9.net --forward corp.example=https://dns.example/q@192.0.2.1 --forward lab.example=https://dns.example/r@192.0.2.1"+
		" --forward tls://dns.example?opportunistic --forward 192.0.2.7 --forward tls://9.9.9.9#dns.quad9.net --bootstrap 192.0.2.9")
	r := &s.Recursion
	got := append(r.ServerTexts(ZoneServers{Servers: r.Servers}), r.ServerTexts(r.Zones...)...)
	want := []string{"tls://9.9.9.9#dns.quad9.net", "tls://dns.example?opportunistic", "192.0.2.7:53", "tls://9.9.9.9#dns.quad9.net",
		"corp.example.=https://dns.example/q@192.0.2.1", "lab.example.=https://dns.example/r@192.0.2.1"}
	if !slices.Equal(got, want) {
		t.Errorf("servers %q, want %q", got, want)
	}
	if r.Servers[0] != r.Servers[3] || len(r.Encrypted) != 4 {
		t.Errorf("known as %v, in all %v", r.Servers, r.Encrypted)
	}
	if a, b := r.Zones[0].Servers[0], r.Zones[1].Servers[0]; a == b || a.String() != "192.0.2.1:443" || !strings.HasPrefix(b.String(), "[100::") {
		t.Errorf("two servers at one address are known as %v and %v", a, b)
	}
}

func TestServersWithURLsAreChecked(t *testing.T) {
	for args, want := range map[string]string{
		"--forward tls://dns.example":                                             "tls://dns.example: its address is not known: add @ADDRESS, or name servers that know it with --bootstrap",
		"--forward tls://192.0.2.1 --bootstrap 192.0.2.2":                         "--bootstrap requires a server",
		"--forward 192.0.2.1 --bootstrap 192.0.2.2":                               "--bootstrap requires a server",
		"--forward 192.0.2.1 --upstream-authority ca.pem":                         "--upstream-authority requires a server with a URL",
		"--forward ftp://192.0.2.1":                                               "--forward: \"ftp://192.0.2.1\": ftp:// is not one of",
		"--forward corp.example=tls://192.0.2.1?pin=x":                            `"x" is not a pin`,
		"--from-root --stub tls://192.0.2.1":                                      `is not ZONE=ADDR`,
		"--forward tls://dns.example --bootstrap 192.0.2.2 --interface 192.0.2.2": "--bootstrap 192.0.2.2:53 is this server itself",
	} {
		flags := flag.NewFlagSet("serve", flag.ContinueOnError)
		_, finish := Flags(flags)
		err := flags.Parse(strings.Fields(args))
		if err == nil {
			err = finish()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}
