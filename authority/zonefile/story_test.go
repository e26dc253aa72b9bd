package zonefile

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

var update = flag.Bool("update", false, "rewrite what the stories and FORMAT.md expect")

// TestStories reads the files under testdata: stories, each with a title, the
// files of a zone, and what is to come of them - the records, then what is
// wrong. The first file is the one that is read; origin is example. unless
// the title says otherwise.
//
//	=== title (origin sub.example.)
//	-- zone --
//	text
//	-- included --
//	text
//	-- want --
//	records and problems
func TestStories(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			head, stories := parseStories(string(text))
			for i := range stories {
				story := &stories[i]
				t.Run(story.title, func(t *testing.T) {
					got := story.read(t)
					if *update {
						story.want = got
					} else if diff := cmp.Diff(story.want, got); diff != "" {
						t.Errorf("want -, got +\n%s", diff)
					}
				})
			}
			if *update {
				if err := os.WriteFile(path, []byte(head+formatStories(stories)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

type story struct {
	title string
	files []storyFile
	want  string
}

type storyFile struct{ name, text string }

// parseStories takes a file of stories apart: what is before the first of
// them, and the stories.
func parseStories(text string) (head string, stories []story) {
	var section *string
	section = &head
	for line := range strings.Lines(text) {
		bare := strings.TrimSuffix(line, "\n")
		if title, ok := strings.CutPrefix(bare, "=== "); ok {
			stories = append(stories, story{title: title})
			section = new(string) // nothing stands between title and first file
			continue
		}
		if name, ok := strings.CutPrefix(bare, "-- "); ok && strings.HasSuffix(name, " --") {
			s := &stories[len(stories)-1]
			if name == "want --" {
				section = &s.want
				continue
			}
			s.files = append(s.files, storyFile{name: strings.TrimSuffix(name, " --")})
			section = &s.files[len(s.files)-1].text
			continue
		}
		*section += line
	}
	for i := range stories { // an empty line before the next title is for the eye
		stories[i].want = strings.TrimRight(stories[i].want, "\n") + "\n"
	}
	return head, stories
}

func formatStories(stories []story) string {
	var b strings.Builder
	for i, s := range stories {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "=== %s\n", s.title)
		for _, f := range s.files {
			fmt.Fprintf(&b, "-- %s --\n%s", f.name, f.text)
		}
		fmt.Fprintf(&b, "-- want --\n%s", s.want)
	}
	return b.String()
}

// read reads the story's zone and prints what came.
func (s *story) read(t *testing.T) string {
	origin := "example."
	if _, rest, ok := strings.Cut(s.title, "(origin "); ok {
		origin = strings.TrimSuffix(rest, ")")
	}
	o := Options{Open: openFrom(s.files)}
	if origin != "none" {
		o.Origin = wire.MustParseName(origin)
	}
	return readToText(t, o, func(problems *diagnostic.List, emit func(*Record) error) error {
		return ReadFile(s.files[0].name, o, problems, emit)
	})
}

// readToText calls read and returns the records, a line each, and then the
// problems.
func readToText(t testing.TB, o Options, read func(*diagnostic.List, func(*Record) error) error) string {
	t.Helper()
	var problems diagnostic.List
	var b []byte
	err := read(&problems, func(r *Record) error {
		if r.Position.Line == 0 || r.Position.Column == 0 || r.Position.File == "" {
			t.Errorf("record without a position: %s", AppendRecord(nil, &r.Record))
		}
		b = AppendRecord(b, &r.Record)
		return nil
	})
	if err != nil {
		t.Fatalf("reading returned %v, but emit returned nil", err)
	}
	for _, p := range problems.Problems {
		b = append(b, p.Error()...)
		b = append(b, '\n')
	}
	return string(b)
}

// openFrom opens files that are in memory.
func openFrom(files []storyFile) func(string) (io.ReadCloser, error) {
	return func(path string) (io.ReadCloser, error) {
		for _, f := range files {
			if f.name == path {
				return io.NopCloser(bytes.NewReader([]byte(f.text))), nil
			}
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
}
