package zonefile

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// TestReadsWhatItWrites reads each record that AppendRecord wrote.
func TestReadsWhatItWrites(t *testing.T) {
	records, _ := readAll(t, []byte(sample), sampleOptions)
	again, problems := readAll(t, []byte(strings.Join(records, "")), Options{})
	if problems.Errors != 0 || strings.Join(again, "") != strings.Join(records, "") {
		t.Errorf("%v\ngot\n%s\nwant\n%s", problems, strings.Join(again, ""), strings.Join(records, ""))
	}
}

// TestWritesPortable: other servers read a zone with an ALIAS record, and it stays the same.
func TestWritesPortable(t *testing.T) {
	const text = "alias.example. 60 IN ALIAS ALIAS.example.\n" +
		"alias.example. 60 IN RRSIG ALIAS 13 2 60 20300101000000 20260101000000 1 alias. AAAA\n" +
		"alias.example. 60 IN NSEC a\\032ALIAS\\032b.example. A ALIAS\n" +
		"b.example. 60 IN NSEC ALIAS. A ALIAS TYPE65402\n" +
		"c.example. 60 IN TXT \"x ALIAS y\"\n"
	var records []wire.Record
	read := func(text []byte) (lines []string) {
		t.Helper()
		records = nil
		if err := Read(text, "zone", Options{}, nil, func(r *Record) error {
			lines, records = append(lines, string(AppendRecord(nil, &r.Record))), append(records, r.Record.Clone())
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return lines
	}
	want := read([]byte(text))
	var written bytes.Buffer
	if err := WritePortable(&written, slices.Values(records)); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(written.String(), "TYPE65401"); n != 4 || strings.Contains(written.String(), "\tALIAS\t") {
		t.Errorf("%d times in\n%s", n, written.String())
	}
	if got := read(written.Bytes()); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
