package zonefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// piecesOfZones are put together to zones of which no reader knows, where it
// starts to read, what it reads.
var piecesOfZones = []string{
	"a A 192.0.2.1\n", "a 7 A 192.0.2.2\n", "b.c 1h IN TXT x ; comment\n", "d A 192.0.2.3\r\n", "e A 192.0.2.4\r", "f.example. A 192.0.2.5\n",
	" A 192.0.2.6\n", "\tAAAA 2001:db8::1\n", " 9 TXT y\n", "\n", "\n\n", "; comment\n", ";\"(\n", " \n", "\r\n",
	"g TXT ( x\n", "h A 192.0.2.7 )\n", "i TXT ( x ; )\n\"y\"\nz A )\n", "(\n", ")\n", "j TXT ( a\n\nb\n; c )\nd ) e\n",
	"k TXT \"x\\\n", "l A 192.0.2.8\n\" z\n", "m TXT \"a\nb\"\n", "\"\n", "n TXT \"a\\\nb A 192.0.2.9\\\n\"\n", "\\\n", "o\\\n",
	"$ORIGIN sub\n", "$ORIGIN other.example.\n", "$ORIGIN\n", "$ORIGIN (\nx.example.\n)\n", " $ORIGIN y\n", "$origin .\n", "$ORIGIN a..b.\n",
	"$TTL 60\n", "$TTL 1h\n", "$ttl x\n", "$TTL 3000000000\n", "$INCLUDE one\n", "$INCLUDE two sub\n", "$INCLUDE nothing\n", "$GENERATE 1-3 h$ A 192.0.2.$\n", "$NOTHING\n",
	"@ SOA a b 1 2 3 4 5\n", "@ 60 SOA a b 1 2 3 4 5\n", "p A x\n", "q..r A 192.0.2.1\n", "s CH A 192.0.2.1\n", "t 3000000000 A 192.0.2.1\n", "u\x00 A 192.0.2.1\n",
	"v TXT \\# 2 0102\n", "$ A 192.0.2.1\n", "\\$ A 192.0.2.1\n", "w", "\xEF\xBB\xBF", "x TXT \\\n", "\"y z\" A 192.0.2.1\n",
}

// randomZone puts pieces together, half of the time many that are right so
// that something is left to be read ahead.
func randomZone(random *rand.Rand) string {
	var b strings.Builder
	if random.IntN(4) > 0 {
		b.WriteString("$TTL 5\n")
	}
	right := random.IntN(3)
	for range random.IntN(40) {
		if random.IntN(3) < right {
			b.WriteString(piecesOfZones[random.IntN(6)])
		} else {
			b.WriteString(piecesOfZones[random.IntN(len(piecesOfZones))])
		}
	}
	return b.String()
}

// included are the files that pieces of zones include.
var included = map[string]string{
	"one": "a1 A 192.0.2.11\n\tAAAA 2001:db8::11\n$TTL 77\nb1 A 192.0.2.12\n$ORIGIN far.example.\nc1 A 192.0.2.13\nd1 A x\ne1 A 192.0.2.14\n",
	"two": " TXT from two\na2 TXT ( b\nc )\n$INCLUDE one\nd2 9 A 192.0.2.21\n$INCLUDE zone\n",
}

// TestReadParallel: whatever is read, in blocks of whatever size, with or without
// workers, gives the records and the problems that reading it whole gives.
func TestReadParallel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for range 4000 {
		accepted += compareReaders(t, randomZone(random), 1+random.IntN(60), random.IntN(2000))
		if t.Failed() {
			return
		}
	}
	if accepted < 1000 {
		t.Errorf("%d blocks were read ahead: the test shows little", accepted)
	}
}

// FuzzReadParallel is TestReadParallel for any text.
func FuzzReadParallel(f *testing.F) {
	for i, piece := range piecesOfZones {
		f.Add("$TTL 5\n"+piece+strings.Join(piecesOfZones[:6], "")+piece, uint8(i), uint16(1000))
	}
	f.Fuzz(func(t *testing.T, text string, blockSize uint8, spare uint16) {
		compareReaders(t, text, 1+int(blockSize), int(spare))
	})
}

// compareReaders reads text in each way there is, where included files may have
// as many octets as spare says. It returns how many batches
// workers filled.
func compareReaders(t testing.TB, text string, blockSize, spare int) (filled int) {
	t.Helper()
	o := testOptions(text, blockSize, 2)
	o.MaxBytes = int64(len(text) + spare)
	whole := newTranscript()
	Read([]byte(text), "zone", o, &whole.problems, whole.emit)
	blocks := newTranscript()
	ReadFile("zone", o, &blocks.problems, blocks.emit)
	parallel := newTranscript()
	ReadFileParallel("zone", o, &parallel.problems, parallel.newBatch)
	for how, got := range map[string]*transcript{"blocks": blocks, "workers": parallel} {
		if diff := cmp.Diff(whole.String(), got.String()); diff != "" {
			t.Errorf("%s of %d octets: whole -, so +\n%s\nof\n%q", how, blockSize, diff, text)
		}
	}
	return parallel.ahead
}

// testOptions opens text as "zone" next to the files that pieces include.
func testOptions(text string, blockSize, workers int) Options {
	files := fstest.MapFS{"zone": {Data: []byte(text)}}
	for name, text := range included {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return Options{
		Origin: wire.MustParseName("example."), MaxDepth: 4, MaxGenerated: 10,
		Open:    func(path string) (io.ReadCloser, error) { return files.Open(path) },
		Workers: workers, blockSize: blockSize,
	}
}

// transcript is what a reader made of a file.
type transcript struct {
	problems diagnostic.List
	records  []string
	ahead    int // batches of records that workers filled
}

func newTranscript() *transcript { return &transcript{problems: diagnostic.List{Limit: 5}} }

func (t *transcript) emit(r *Record) error {
	t.records = append(t.records, describe(r))
	return nil
}

func describe(r *Record) string {
	return fmt.Sprintf("%v %s", r.Position, AppendRecord(nil, &r.Record))
}

func (t *transcript) String() string {
	lines := t.records
	for _, p := range t.problems.Problems {
		lines = append(lines, p.Error()+"\n")
	}
	return strings.Join(lines, "") + fmt.Sprintf("%d errors, %d warnings\n", t.problems.Errors, t.problems.Warnings)
}

func (t *transcript) newBatch() Batch { return &transcriptBatch{to: t} }

// transcriptBatch adds to a transcript.
type transcriptBatch struct {
	to       *transcript
	problems *diagnostic.List
	records  []string
}

func (b *transcriptBatch) Begin(problems *diagnostic.List) { b.problems, b.records = problems, nil }

func (b *transcriptBatch) Add(r *Record) { b.records = append(b.records, describe(r)) }

func (b *transcriptBatch) Commit() error {
	b.to.records = append(b.to.records, b.records...)
	if b.problems != &b.to.problems && len(b.records) > 0 {
		b.to.ahead++
	}
	return nil
}

// TestReadParallelDirectives: $ORIGIN and $TTL do not end reading ahead.
func TestReadParallelDirectives(t *testing.T) {
	var text strings.Builder
	for i := range 100 {
		fmt.Fprintf(&text, "$ORIGIN zone%d.example.\n$TTL %d\na A 192.0.2.1\n A 192.0.2.2\nb A 192.0.2.3\n$origin below\nc A 192.0.2.4\n", i, i)
	}
	blocks := text.Len()/200 + 1
	if ahead := compareReaders(t, text.String(), 200, 0); ahead < blocks*9/10 {
		t.Errorf("workers read %d of %d blocks", ahead, blocks)
	}
}

// TestReadParallelLongEntry: an entry over many blocks is not looked at with each
// of them, and one that never ends is found out.
func TestReadParallelLongEntry(t *testing.T) {
	const line = "\t\"a\" ; a comment\n"
	for _, end := range []string{")\nz A 192.0.2.1\n", ""} {
		compareReaders(t, "$TTL 5\na TXT (\n"+strings.Repeat(line, 200)+end, 16, 0)
	}
	compareReaders(t, "a 5 TXT (\n"+strings.Repeat("a\n", maxWords+10)+")\nb 5 A x\n", 1<<10, 0)
}

// TestReadParallelStops: an error of Commit ends the reading, and the workers stop
// once it is over.
func TestReadParallelStops(t *testing.T) {
	text := "$TTL 5\n" + strings.Repeat("a A 192.0.2.1\n", 1000)
	for _, workers := range []int{1, 3} {
		stop := errors.New("stop")
		var problems diagnostic.List
		commits := 0
		o := testOptions(text, 64, workers)
		err := ReadFileParallel("zone", o, &problems, func() Batch {
			return stoppingBatch{&commits, stop}
		})
		if err != stop || commits != 3 || problems.Errors != 0 {
			t.Errorf("%d workers: %v after %d commits, problems: %v", workers, err, commits, &problems)
		}
	}
}

// stoppingBatch fails to commit the third time.
type stoppingBatch struct {
	commits *int
	err     error
}

func (stoppingBatch) Begin(*diagnostic.List) {}
func (stoppingBatch) Add(*Record)            {}
func (b stoppingBatch) Commit() error {
	if *b.commits++; *b.commits == 3 {
		return b.err
	}
	return nil
}

// TestReadParallelFails: a file that cannot be read to its end, and one that grows
// beyond what may be read, are errors.
func TestReadParallelFails(t *testing.T) {
	text := "$TTL 5\n" + strings.Repeat("a A 192.0.2.1\n", 100)
	for _, test := range []struct {
		limit int64
		err   error
		want  string
	}{
		{1 << 20, errors.New("disk on fire"), "zone: disk on fire"},
		{1 << 20, &fs.PathError{Op: "read", Path: "zone", Err: errors.New("disk on fire")}, "zone: disk on fire"},
		{int64(len(text)), nil, "zone: more than 1407 octets in all files together"},
	} {
		for _, workers := range []int{1, 2} {
			o := testOptions(text, 64, workers)
			o.MaxBytes = test.limit
			open := o.Open
			o.Open = func(path string) (io.ReadCloser, error) {
				f, err := open(path)
				return &growingFile{f.(fs.File), test.err}, err
			}
			var problems diagnostic.List
			if err := ReadFileParallel("zone", o, &problems, newTranscript().newBatch); err != nil || problems.Error() != test.want {
				t.Errorf("%d workers: %v, %v; want %s", workers, err, &problems, test.want)
			}
		}
	}
}

// growingFile is larger than it was when it was opened, or cannot be read to
// its end.
type growingFile struct {
	fs.File
	err error
}

func (f *growingFile) Read(b []byte) (int, error) {
	n, err := f.File.Read(b)
	switch {
	case err != io.EOF:
		return n, err
	case f.err != nil:
		return n, f.err
	}
	return copy(b, "b A 192.0.2.2\n"), nil
}
