package recursor_test

import (
	"context"
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
	"github.com/names-dns/names/internal/signedtree"
	_ "github.com/names-dns/names/internal/signedtree/leaftest"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/recursor/internal/testnet"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
	"github.com/names-dns/names/wire/dnssec/ed448"
	"github.com/names-dns/names/wire/dnssec/mldsa"
)

var update = flag.Bool("update", false, "write what the stories give into their files")

// TestStories plays the files in testdata/stories, whose form
// internal/testnet/FORMAT.md explains, with a cache in front of a recursor. "go test
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
	unfollow, err := s.follow(r)
	if err != nil {
		return nil, nil, err
	}
	if s.noFront {
		return r, func() { unfollow(); r.Close() }, nil
	}
	front := c.Resolver(r)
	return front, func() { unfollow(); front.Close(); r.Close() }, nil
}

// setUp is how a story wants its recursor.
type setUp struct {
	recursor recursor.Config
	cache    cache.Config
	noFront  bool
	follows  bool
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
	case "trust-anchor":
		return s.addAnchor(arguments)
	case "insecure":
		return s.addNegative(arguments)
	case "report-errors":
		s.recursor.ReportErrors = true
	case "follow":
		s.follows = true
	case "validate":
		s.validation()
	case "log-only":
		s.validation().PassOn = func(*validate.Error) {}
	case "no-validation":
		s.recursor.Validation = nil
	case "no-mldsa":
		s.validation().Algorithms = dnssec.NewAlgorithms(dnssec.Policy{}, ed448.Scheme())
	case "sha1":
		s.validation().Algorithms = dnssec.NewAlgorithms(dnssec.Policy{SHA1: true}, ed448.Scheme(), mldsa.Scheme())
	default:
		return fmt.Errorf("%q is not a setting of a recursor", words[0])
	}
	return err
}

// validation is how the recursor validates: with the trust anchors of the story,
// by the time of the story.
func (s *setUp) validation() *validate.Config {
	if s.recursor.Validation == nil {
		s.recursor.Validation = &validate.Config{
			Anchors:    new(validate.Anchors),
			Algorithms: dnssec.NewAlgorithms(dnssec.Policy{}, ed448.Scheme(), mldsa.Scheme()),
			Now:        time.Now,
		}
	}
	return s.recursor.Validation
}

// follow follows the trust anchors of the story (RFC 5011), with the state in a file
// that goes at the end.
func (s *setUp) follow(r *recursor.Recursor) (stop func(), err error) {
	if !s.follows {
		return func() {}, nil
	}
	// A story of months writes the state hundreds of times: into memory, if there is
	// such a place, since each write waits for the disk.
	memory := "/dev/shm"
	if _, err := os.Stat(memory); err != nil {
		memory = ""
	}
	dir, err := os.MkdirTemp(memory, "anchors")
	if err != nil {
		return nil, err
	}
	f, err := validate.NewFollower(validate.FollowConfig{
		Anchors: s.validation().Anchors, Algorithms: s.validation().Algorithms, Path: filepath.Join(dir, "state"),
		Ask: func(ctx context.Context, q wire.Question) (*wire.Message, error) {
			return validate.Ask(ctx, r.Fresh(), q)
		},
		Changed: func(validate.KeyChange) { r.Forget(wire.Root) },
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
		os.RemoveAll(dir)
	}, nil
}

// addAnchor reads "ZONE ALGORITHM [NAME]": the key of a zone in the story.
func (s *setUp) addAnchor(words []string) error {
	if len(words) < 2 {
		return errors.New("a trust anchor has a zone, an algorithm, and the name of a key")
	}
	zone, err := wire.ParseName(words[0])
	if err != nil {
		return err
	}
	n, ok := wire.ParseAlgorithm(words[1])
	if !ok {
		return fmt.Errorf("%q is not an algorithm", words[1])
	}
	name := append(words[2:], "key")[0]
	key, err := signedtree.Key(zone, name, n, wire.FlagZoneKey|wire.FlagSecureEntry)
	if err != nil {
		return err
	}
	return s.validation().Anchors.AddDNSKEY(zone, &key.Record)
}

// addNegative reads "ZONE [TIME]": a negative trust anchor, for that long.
func (s *setUp) addNegative(words []string) error {
	zone, err := wire.ParseName(words[0])
	if err != nil {
		return err
	}
	var until time.Time
	if len(words) > 1 {
		d, err := time.ParseDuration(words[1])
		if err != nil {
			return err
		}
		until = time.Now().Add(d)
	}
	s.validation().Anchors.SetNegative(zone, until)
	return nil
}
