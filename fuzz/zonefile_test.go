package fuzz

import (
	"bytes"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/wire"
)

// zoneFileSeeds are zone files with something of everything, some of them wrong.
var zoneFileSeeds = []string{
	"$ORIGIN example.\n$TTL 1h\n@ IN SOA ns1 root ( 1 1h 15m 1w 5m ) ; comment\n\tNS ns1\nns1 5 IN A 192.0.2.1\n\tAAAA 2001:db8::1\n",
	"a 5 TXT \"quoted ; ( \\\" \\065\" plain\\032word ( \"over\"\n\"lines\" )\r\nb\tMX 10 @\n",
	"$GENERATE 1-9/2 h${-1,3,x} 5 MX \"10 $.m\"\n$GENERATE 0-3 ${0,0,n} PTR $$\n",
	"$INCLUDE other sub\n$INCLUDE \"zone\"\n x A 192.0.2.1\n",
	"x CLASS1 TYPE65280 \\# 3 ( 01 02\n03 )\ny 1w2d TYPE1 \\# 4 C0000201\n",
	"s 1 SVCB 1 . alpn=\"h2,h3\" ipv6hint=2001:db8::1 key65000=\"\\\"\"\n",
	"d 1 DS 1 8 2 ( 4F74856F31B73F3BFCDF430985329F55AA655BC9E53C4BF9DC6B14CCE6780600 )\nd 1 NSEC3 1 1 10 - 2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S A RRSIG TYPE65280\n",
	"r 1 RRSIG A 8 2 3600 20180325050000 20180312040000 41824 . AAAA\nl 1 LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m\n",
	"\xEF\xBB\xBF$ORIGIN .\n$TTL 2147483648\n\x00 \xFF A ( ( \" \\",
}

// FuzzZoneFile reads any text as a zone file. It must not panic, make more of
// it than it may, or give a record that does not read back as itself.
func FuzzZoneFile(f *testing.F) {
	for _, seed := range zoneFileSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		const generated = 100
		o := zonefile.Options{
			Origin:       wire.MustParseName("example."),
			MaxGenerated: generated,
			MaxDepth:     3,
			MaxBytes:     8 * int64(len(text)+100),
			Open: func(path string) (io.ReadCloser, error) {
				switch path {
				case "zone":
					return io.NopCloser(bytes.NewReader(text)), nil
				case "other":
					return io.NopCloser(strings.NewReader("y 5 A 192.0.2.2\n$INCLUDE zone\n")), nil
				}
				return nil, fs.ErrNotExist
			},
		}
		var problems diagnostic.List
		records := 0
		var line []byte
		err := zonefile.ReadFile("zone", o, &problems, func(r *zonefile.Record) error {
			records++
			if r.Position.File == "" || r.Position.Line < 1 || r.Position.Column < 1 || r.Position.Line > len(text)+2 {
				t.Errorf("record at %v: there is no such place", r.Position)
			}
			if len(r.Data) > 65535 || r.TTL > 1<<31-1 || r.Class != wire.ClassIN || r.Type.IsQuestionOnly() {
				t.Errorf("record that cannot be: %v %d %v %v, %d octets of data", r.Name, r.TTL, r.Class, r.Type, len(r.Data))
			}
			line = zonefile.AppendRecord(line[:0], &r.Record)
			readsBack(t, line, r)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		// An entry gives one record at most, and has three words at least;
		// each line may include one of another file.
		if most := generated + 4*len(text) + 100; records > most {
			t.Errorf("%d records of %d octets", records, len(text))
		}
		for _, p := range problems.Problems {
			if p.Position.File == "" || p.Position.Line < 1 && p.Position.File != "zone" {
				t.Errorf("problem without a place: %v", p)
			}
		}
	})
}

// readsBack checks that the line reads back as the record it was made of.
func readsBack(t *testing.T, line []byte, want *zonefile.Record) {
	t.Helper()
	var problems diagnostic.List
	records := 0
	err := zonefile.Read(line, "line", zonefile.Options{}, &problems, func(got *zonefile.Record) error {
		records++
		if got.Name != want.Name || got.Type != want.Type || got.Class != want.Class || got.TTL != want.TTL || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("%q reads back as %q, data % x, was % x", line, zonefile.AppendRecord(nil, &got.Record), got.Data, want.Data)
		}
		return nil
	})
	if err != nil || records != 1 || len(problems.Problems) != 0 {
		t.Errorf("%q gives %d records, %v, %v", line, records, err, &problems)
	}
}
