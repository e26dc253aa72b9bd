package recursor_test

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/recursor/internal/testnet"
	"github.com/names-dns/names/wire"
)

var update = flag.Bool("update", false, "write what the stories give into their files")

// TestStories plays the files in testdata/stories, whose form
// internal/testnet/FORMAT.md explains, with a recursor behind a cache. "go test
// -run Stories -update" writes what comes of them anew; read the diff.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			f := playAll(t, name, string(text))
			if *update {
				if err := os.WriteFile(name, []byte(f.Updated()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestStoriesOfTheFormat plays those that explain the format.
func TestStoriesOfTheFormat(t *testing.T) {
	const page = "internal/testnet/FORMAT.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n```\n")
	example, _, ok := strings.Cut(rest, "\n```\n")
	if !ok {
		t.Fatalf("%s has no example", page)
	}
	playAll(t, page, example)
}

func playAll(t *testing.T, name, text string) *testnet.File {
	f, err := testnet.Parse(name, text)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range f.Stories {
		t.Run(s.Name, func(t *testing.T) { s.Play(t, startRecursor) })
	}
	return f
}

// startRecursor makes the recursor of a story. Its settings are those of
// setUp; "no front" leaves the cache away that is in front otherwise.
func startRecursor(w *testnet.World, settings []testnet.Setting) (names.Resolver, func(), error) {
	s := setUp{
		recursor: recursor.Config{Network: w, QueryLoopback: false},
		cache:    cache.Config{Size: 1 << 20},
	}
	for _, h := range w.Hints() {
		hint := recursor.Hint{Name: h.Name}
		for _, a := range h.Addrs {
			hint.Addresses = append(hint.Addresses, netip.AddrPortFrom(a, 53))
		}
		s.recursor.Hints = append(s.recursor.Hints, hint)
	}
	for _, setting := range settings {
		if err := s.set(setting.Words); err != nil {
			return nil, nil, setting.Wrong(err)
		}
	}
	c, err := cache.New(s.cache)
	if err != nil {
		return nil, nil, err
	}
	s.recursor.Cache = c
	r, err := recursor.New(s.recursor)
	if err != nil {
		return nil, nil, err
	}
	if s.noFront {
		return r, func() { r.Close() }, nil
	}
	front := c.Front(r)
	return front, func() { front.Close(); r.Close() }, nil
}

// setUp is how a story wants its recursor.
type setUp struct {
	recursor recursor.Config
	cache    cache.Config
	noFront  bool
}

// set takes the words of one setting.
func (s *setUp) set(words []string) (err error) {
	if len(words) == 0 {
		return errors.New("a setting has a name")
	}
	switch arguments := words[1:]; words[0] {
	case "no-front":
		s.noFront = true
	case "whole-names":
		s.recursor.WholeNames = true
	case "plain-case":
		s.recursor.PlainCase = true
	case "no-cookies":
		s.recursor.NoCookies = true
	case "query-loopback":
		s.recursor.QueryLoopback = true
	case "prefetch":
		s.cache.Prefetch = true
	case "do-not-query":
		s.recursor.DoNotQuery, err = names.ParsePeerSet(arguments...)
	case "max-in-flight":
		s.recursor.MaxInFlight, err = strconv.Atoi(strings.Join(arguments, ""))
	case "timeout":
		s.recursor.Timeout, err = time.ParseDuration(strings.Join(arguments, ""))
	case "serve-stale":
		s.cache.ServeStale, err = time.ParseDuration(strings.Join(arguments, ""))
	case "stub", "forward":
		if len(arguments) < 2 {
			return errors.New("a zone has a name and servers")
		}
		z := recursor.ZoneServers{Forward: words[0] == "forward"}
		if z.Zone, err = wire.ParseName(arguments[0]); err != nil {
			return err
		}
		for _, text := range arguments[1:] {
			addr, err := netip.ParseAddr(text)
			if err != nil {
				return err
			}
			z.Addresses = append(z.Addresses, netip.AddrPortFrom(addr, 53))
		}
		s.recursor.Zones = append(s.recursor.Zones, z)
	default:
		return fmt.Errorf("%q is no setting of a recursor", words[0])
	}
	return err
}
