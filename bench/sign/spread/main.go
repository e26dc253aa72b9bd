// Command spread simulates how signatures that are due are made again: a zone is signed,
// time goes on for some days, and it prints how many signatures were made in each hour of
// a day, over all days, and how many a version of the zone had.
//
// usage: spread [-names N] [-days N]
package main

import (
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/wire"
)

func main() {
	count := flag.Int("names", 20000, "")
	days := flag.Int("days", 18, "")
	flag.Parse()
	if err := simulate(*count, *days); err != nil {
		log.Fatal(err)
	}
}

func simulate(count, days int) error {
	snapshot, err := zoneOf(count)
	if err != nil {
		return err
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	key, err := sign.GenerateKey(wire.AlgorithmECDSAP256SHA256, wire.FlagZoneKey|wire.FlagSecureEntry, 0, now)
	if err != nil {
		return err
	}
	signer, err := sign.New(sign.Policy{}, []*sign.Key{key}, func() time.Time { return now })
	if err != nil {
		return err
	}
	zone := authority.NewEmptyZone(snapshot.Origin(), snapshot.Class())
	zone.SetPipeline(&authority.Pipeline{Sign: []authority.Stage{signer.Stage}})
	if err := zone.Replace(authority.FromFile, snapshot); err != nil {
		return err
	}
	total := 0
	for r := range zone.Snapshot().Unsorted() {
		if r.Type == wire.TypeRRSIG {
			total++
		}
	}
	hours := make([]int, days*24)
	var versions []int
	step := signer.Policy().Step()
	for start := now; now.Sub(start)+step < time.Duration(days)*24*time.Hour; {
		now = now.Add(step)
		due, err := signer.Refresh(zone)
		if err != nil {
			return err
		}
		hours[now.Sub(start)/time.Hour] += due
		versions = append(versions, due)
	}
	fmt.Printf("%d signatures, valid for %v, made again %v before their end, looked at every %v, for %d days\n",
		total, signer.Policy().Validity, signer.Policy().Refresh, step, days)
	print := func(what string, all []int) {
		sorted := slices.Sorted(slices.Values(all))
		sum := 0
		for _, n := range all {
			sum += n
		}
		fmt.Printf("%-10s least %d, median %d, 99 %% %d, most %d, mean %.1f\n", what, sorted[0], sorted[len(sorted)/2], sorted[len(sorted)*99/100], sorted[len(sorted)-1], float64(sum)/float64(len(all)))
	}
	print("a version", versions)
	print("an hour", hours)
	var ofDay [24]int
	for i, n := range hours {
		ofDay[i%24] += n
	}
	most := slices.Max(ofDay[:])
	for h, n := range ofDay {
		fmt.Printf("%02d:00 %6d a day %s\n", h, n/days, strings.Repeat("#", n*60/most))
	}
	return nil
}

// zoneOf is a zone of many names, made up as those of registries are: one in four is a
// delegation, and none is in the order of the alphabet.
func zoneOf(count int) (*authority.Snapshot, error) {
	var text strings.Builder
	text.WriteString("$ORIGIN large.test.\n$TTL 3600\n@ SOA ns admin 7 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\n")
	random := rand.New(rand.NewPCG(1, 2))
	for i := range count {
		if i%4 == 0 {
			fmt.Fprintf(&text, "sub%d NS ns%d.example.net.\n", random.Uint64(), i%100)
		} else {
			fmt.Fprintf(&text, "host%d A 10.%d.%d.%d\n", random.Uint64(), i>>16&255, i>>8&255, i&255)
		}
	}
	dir, err := os.MkdirTemp("", "spread")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "large.test")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return nil, err
	}
	return authority.File{Path: file}.Load(nil)
}
