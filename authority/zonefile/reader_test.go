package zonefile

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// sample has a bit of everything, for tests that damage it.
const sample = `$ORIGIN example.
$TTL 1h ; an hour
@	IN SOA ns1 host\.master (
		1 ; serial
		1h 15m 1W 5 )
	NS	ns1
ns1	5 IN A	192.0.2.1
	AAAA	2001:db8::1
txt	TXT	"quoted ; ( \" \065" plain\032word ( "over"
	"lines" )
$ORIGIN sub
@	IN 3600	TYPE65280 \# 3 ( 01 02 03 )
svc	HTTPS	1 . alpn="h2,h3" port=8443
$INCLUDE other inc
$GENERATE 1-3/2 h${1,2,x} MX "10 m$"
last	CNAME	.`

var sampleOptions = Options{
	Open: openFrom([]storyFile{{"other", " A 192.0.2.7\nx A 192.0.2.8\n"}}),
}

// TestCutAtEveryByte reads every beginning of a file: what comes is records or
// an error, and the records are those of the whole file as far as they go.
func TestCutAtEveryByte(t *testing.T) {
	whole, list := readAll(t, []byte(sample), sampleOptions)
	if list.Errors != 0 {
		t.Fatalf("the sample is wrong: %v", list)
	}
	for cut := range len(sample) {
		records, problems := readAll(t, []byte(sample[:cut]), sampleOptions)
		if len(records) > len(whole) {
			t.Fatalf("cut at %d: %d records, more than the whole has", cut, len(records))
		}
		for i, r := range records {
			// The last may be cut short and still be one.
			if i < len(records)-1 && r != whole[i] {
				t.Fatalf("cut at %d: record %d is %q, that of the whole %q", cut, i, r, whole[i])
			}
		}
		if strings.Count(sample[:cut], "(") > strings.Count(sample[:cut], ")")+1 && problems.Errors == 0 {
			t.Errorf("cut at %d, in parentheses: no error", cut)
		}
	}
}

// TestMutations changes a file at random and wants no panic, and each problem
// in a line the file has.
func TestMutations(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []byte("a1.@$\\\"();\n\r\t \x00\xff{},-/#*")
	for range 20_000 {
		text := []byte(sample)
		for range 1 + random.IntN(4) {
			i := random.IntN(len(text))
			switch random.IntN(3) {
			case 0:
				text[i] = alphabet[random.IntN(len(alphabet))]
			case 1:
				text = append(text[:i], text[i+1:]...)
			case 2:
				j := i + random.IntN(len(text)-i)
				text = append(text[:j:j], text[i:]...)
			}
		}
		o := sampleOptions
		o.MaxGenerated = 1000
		_, problems := readAll(t, text, o)
		lines := bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r")) + 1
		for _, p := range problems.Problems {
			if at := p.Position; at.Line < 1 || at.Column < 1 || at.Line > lines {
				t.Fatalf("%v: no such place in\n%s", p, text)
			}
		}
	}
}

// readAll returns the records of text, each as a line.
func readAll(t testing.TB, text []byte, o Options) ([]string, *diagnostic.List) {
	t.Helper()
	var records []string
	problems := &diagnostic.List{}
	err := Read(text, "sample", o, problems, func(r *Record) error {
		records = append(records, string(AppendRecord(nil, &r.Record)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return records, problems
}

// TestClass reads a zone of another class than IN.
func TestClass(t *testing.T) {
	text := "$TTL 5\na CH TXT b\na CLASS3 TXT c\na TXT d\na IN TXT e\na CHAOS TXT f\n"
	o := Options{Origin: wire.Root, Class: wire.ClassCH}
	records, problems := readAll(t, []byte(text), o)
	want := "a.\t5\tCH\tTXT\t\"b\"\na.\t5\tCH\tTXT\t\"c\"\na.\t5\tCH\tTXT\t\"d\"\na.\t5\tCH\tTXT\t\"f\"\n"
	if got := strings.Join(records, ""); got != want || problems.Error() != "sample:5:3: class IN in a zone of class CH" {
		t.Errorf("%s%v", got, problems)
	}
}

// TestStops stops reading: on an error of emit, and when there are too many problems.
func TestStops(t *testing.T) {
	stop := errors.New("stop")
	for _, text := range []string{"a 5 A 192.0.2.1\nb 5 A 192.0.2.1\n", "$GENERATE 1-9 a$ 5 A 192.0.2.1\n", "$INCLUDE other\nb 5 A 192.0.2.1\n"} {
		o := sampleOptions
		o.Origin = wire.Root
		var problems diagnostic.List
		emitted := 0
		err := Read([]byte("$TTL 5\n@ A 192.0.2.1\n"+text), "test", o, &problems, func(*Record) error {
			if emitted++; emitted == 2 {
				return stop
			}
			return nil
		})
		if err != stop || emitted != 2 || problems.Errors != 0 {
			t.Errorf("%q: %v after %d records, problems: %v", text, err, emitted, &problems)
		}
	}

	problems := diagnostic.List{Limit: 3, MaxErrors: 3}
	emitted := 0
	text := strings.Repeat("$INCLUDE other\n", 100) + "a 5 A 192.0.2.1\n"
	o := Options{Origin: wire.Root, Open: openFrom([]storyFile{{"other", "a 5 A x\n"}})}
	if err := Read([]byte(text), "test", o, &problems, func(*Record) error { emitted++; return nil }); err != nil {
		t.Fatal(err)
	}
	if len(problems.Problems) != 3 || problems.Errors != 4 || emitted != 0 {
		t.Errorf("%d problems kept of %d, %d records", len(problems.Problems), problems.Errors, emitted)
	}
}

// TestPositions compares the place of each record with one looked for by hand.
func TestPositions(t *testing.T) {
	var problems diagnostic.List
	var got []string
	if err := Read([]byte(sample), "sample", sampleOptions, &problems, func(r *Record) error {
		got = append(got, r.Position.String())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := "sample:3:1 sample:6:2 sample:7:1 sample:8:2 sample:9:1 sample:12:1 sample:13:1 other:1:2 other:2:1 sample:15:1 sample:15:1 sample:16:1"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
}

// TestAllocations: reading allocates per file and directive, not per record.
func TestAllocations(t *testing.T) {
	read := func(records int) float64 {
		text := bytes.Repeat([]byte("a.b 5 IN A 192.0.2.1\n\tTXT \"a b\" c ; d\nc.example. MX 10 ( mail )\nd IN NSEC e A NS RRSIG\n"), records/4)
		o := Options{Origin: wire.MustParseName("example.")}
		return testing.AllocsPerRun(5, func() {
			var problems diagnostic.List
			emitted := 0
			if err := Read(text, "test", o, &problems, func(*Record) error { emitted++; return nil }); err != nil || problems.Errors != 0 || emitted != records {
				t.Fatal(err, &problems, emitted)
			}
		})
	}
	if few, many := read(100), read(10_000); many > few {
		t.Errorf("%v allocations for 100 records, %v for 10,000", few, many)
	}
}
