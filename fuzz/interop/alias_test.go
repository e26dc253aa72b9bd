//go:build interop

package interop

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/alias"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/listener/listenertest"
	"github.com/names-dns/names/wire"
)

// TestAliasValidates: the addresses of an ALIAS record at the apex, and the denial of others,
// are right for delv, with NSEC and with NSEC3.
func TestAliasValidates(t *testing.T) {
	delv := need(t, "delv")
	for _, nsec3 := range []bool{false, true} {
		t.Run(fmt.Sprintf("nsec3=%t", nsec3), func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "example")
			write(t, file, []byte("$ORIGIN example.\n$TTL 3600\n@ SOA ns h 1 7200 3600 1209600 300\n@ NS ns\n@ ALIAS lb.example.net.\nns A 192.0.2.1\n*.w ALIAS lb.example.net.\n"))
			s, err := authority.File{Path: file}.Load(nil)
			if err != nil {
				t.Fatal(err)
			}
			key, err := sign.GenerateKey(wire.AlgorithmECDSAP256SHA256, wire.FlagZoneKey|wire.FlagSecureEntry, 0, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			signer, err := sign.New(sign.Policy{NSEC3: nsec3}, []*sign.Key{key}, nil)
			if err != nil {
				t.Fatal(err)
			}
			keeper := alias.New(alias.Config{Lookup: func(context.Context, wire.Name) (alias.Addresses, error) {
				return alias.Addresses{All: []netip.Addr{netip.MustParseAddr("198.51.100.1")}, TTL: time.Hour}, nil
			}})
			zone := authority.NewZone(s)
			zone.SetPipeline(&authority.Pipeline{Check: []authority.Stage{keeper.Stage}, Sign: []authority.Stage{signer.Stage}, Tell: []authority.Subscriber{keeper.Receive}})
			if _, err := signer.Refresh(zone); err != nil {
				t.Fatal(err)
			}
			keeper.Keep(maps.All(map[*authority.Zone]authority.SerialPolicy{zone: authority.SerialIncrement}))
			keeper.Fill(t.Context())
			set := new(authority.Set)
			if err := set.Add(zone); err != nil {
				t.Fatal(err)
			}
			address := listenertest.Serve(t, set)
			anchor := filepath.Join(dir, "anchor")
			text := strings.Fields(key.Record.String())
			write(t, anchor, fmt.Appendf(nil, "trust-anchors { example. static-key %s %s %s \"%s\"; };\n", text[0], text[1], text[2], strings.Join(text[3:], "")))
			for question, want := range map[string][]string{
				"example A":         {"; fully validated", "198.51.100.1"},
				"example AAAA":      {"; negative response, fully validated"},
				"example TYPE65401": {"; fully validated"},
				"a.w.example A":     {"; fully validated", "198.51.100.1"},
				"gone.example A":    {"; negative response, fully validated"},
			} {
				args := append([]string{"@127.0.0.1", "-p", fmt.Sprint(address.Port()), "-a", anchor, "+root=example"}, strings.Fields(question)...)
				out, err := exec.CommandContext(t.Context(), delv, args...).CombinedOutput()
				for _, w := range want {
					if err != nil || !strings.Contains(string(out), w) {
						t.Errorf("%s: %v, want %q\n%s", question, err, w, out)
					}
				}
			}
		})
	}
}
