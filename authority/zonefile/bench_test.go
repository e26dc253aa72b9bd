package zonefile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

func BenchmarkRead(b *testing.B) {
	b.Run("names=100000", func(b *testing.B) { benchmarkRead(b, generatedZone(100_000)) })
	b.Run("root", func(b *testing.B) { benchmarkRead(b, rootZone(b)) })
}

func benchmarkRead(b *testing.B, text []byte) {
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	records := 0
	for b.Loop() {
		var problems diagnostic.List
		records = 0
		err := Read(text, "zone", Options{Origin: wire.Root}, &problems, func(*Record) error { records++; return nil })
		if err != nil || problems.Errors != 0 {
			b.Fatal(err, &problems)
		}
	}
	b.ReportMetric(float64(records), "records")
}

// BenchmarkReadFile reads a file in blocks, with as many workers as -cpu says.
func BenchmarkReadFile(b *testing.B) {
	text := generatedZone(1_000_000)
	path := filepath.Join(b.TempDir(), "zone")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var problems diagnostic.List
		records := 0
		err := ReadFileParallel(path, Options{Origin: wire.Root}, &problems, func() Batch { return &countingBatch{total: &records} })
		if err != nil || problems.Errors != 0 || records != 2_750_003 {
			b.Fatal(records, err, &problems)
		}
	}
}

// countingBatch only counts records.
type countingBatch struct {
	total *int
	added int
	_     [128]byte // keeps the counts of two workers off each other's cache lines
}

func (b *countingBatch) Begin(*diagnostic.List) { b.added = 0 }
func (b *countingBatch) Add(*Record)            { b.added++ }
func (b *countingBatch) Commit() error {
	*b.total += b.added
	return nil
}

// BenchmarkScan takes the words apart and no more: the floor under BenchmarkRead.
func BenchmarkScan(b *testing.B) {
	text := generatedZone(100_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s := newScanner("zone", text, nil)
		for s.next() {
		}
	}
}

// generatedZone is a zone with so many names, written the way people write zones.
func generatedZone(names int) []byte {
	var b bytes.Buffer
	b.WriteString("$ORIGIN example.\n$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n  IN NS ns1\nns1 A 192.0.2.1\n")
	for i := range names {
		fmt.Fprintf(&b, "host%d\tIN\tA\t192.0.%d.%d\n\t\tAAAA\t2001:db8::%x:%x\n", i, i>>8&255, i&255, i>>16, i&65535)
		switch i % 4 {
		case 0:
			fmt.Fprintf(&b, "\tIN MX 10 mail%d.example.net.\n", i)
		case 1:
			fmt.Fprintf(&b, "\t300 TXT \"v=spf1 include:%d.example.org -all\"\n", i)
		case 2:
			fmt.Fprintf(&b, "www.host%d CNAME host%d\n", i, i)
		}
	}
	return b.Bytes()
}
