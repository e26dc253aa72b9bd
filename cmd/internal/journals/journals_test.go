package journals

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/journal"
	"github.com/names-dns/names/wire"
)

// run runs the command and returns its exit code and output.
func run(args ...string) (int, string) {
	var out, errs strings.Builder
	code := Run(args, &out, &errs)
	return code, out.String() + errs.String()
}

func TestJournal(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "example.com")
	if err := os.WriteFile(file, []byte("@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := authority.File{Path: file, Origin: wire.MustParseName("example.com")}.Load(new(diagnostic.List))
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(journal.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	z := authority.NewZone(s)
	z.SetPipeline(&authority.Pipeline{Journal: j})
	_, err = z.Update(authority.FromUpdate, func(t *authority.Txn) error {
		return t.Add(wire.Record{Name: wire.MustParseName("www.example.com"), Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 80}})
	})
	if err != nil {
		t.Fatal(err)
	}
	is := func(wantCode int, want string, args ...string) {
		t.Helper()
		if code, out := run(args...); code != wantCode || !strings.Contains(out, want) {
			t.Errorf("%v: exit %d, want %d, with %q:\n%s", args, code, wantCode, want, out)
		}
	}
	is(0, "1 zone, 2 entries, ", "check", dir) // the server still has it open
	is(0, "; example.com. ", "print", dir)
	is(0, "from update: 1 to 2, 1 removed, 2 added\n- example.com.\t60\tIN\tSOA\tns.example.com. h.example.com. 1 2 3 4 5\n+ example.com.\t60\tIN\tSOA\tns.example.com. h.example.com. 2 2 3 4 5\n+ www.example.com.\t60\tIN\tA\t192.0.2.80\n", "print", dir, "EXAMPLE.com")
	is(1, "has nothing of zone example.org.", "print", dir, "example.org")
	is(1, "another process has the journal open", "forget", dir, "example.com")
	if code, out := run("print", "--short", dir); code != 0 || strings.Count(out, "\n") != 2 {
		t.Errorf("%d\n%s", code, out)
	}
	j.Close()
	segment := filepath.Join(dir, "0000000000000001.journal")
	f, err := os.OpenFile(segment, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("torn")
	f.Close()
	is(0, "the last 4 octets are not a whole entry", "check", dir)
	is(0, "", "forget", dir, "example.com")
	is(0, "0 zones, 0 entries, ", "check", dir)
	b, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	b[100] ^= 1
	if err := os.WriteFile(segment, b, 0o600); err != nil {
		t.Fatal(err)
	}
	is(1, segment+": offset 28: ", "check", dir)
	is(2, "say what to do")
	is(2, "there is no command \"chek\"; did you mean check?", "chek", dir)
	is(2, "check takes a folder\n", "check")
	is(2, "forget takes a folder and a zone\n", "forget", dir)
	is(0, "names journal looks at", "--help")
}
