package check

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/names-dns/names/authority/diagnostic"
)

var update = flag.Bool("update", false, "rewrite what the stories expect")

// TestCheckStories reads testdata/check.txt: small zone files that have something
// wrong, and what names check says about them.
//
//	=== title
//	-- name of the file --
//	text; several files are checked together
//	-- want --
//	output
//
// Each kind of warning that a file can have is in one of them, and all kinds are
// in docs/checking-zones.md.
func TestCheckStories(t *testing.T) {
	path, err := filepath.Abs("testdata/check.txt")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../../docs/checking-zones.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var updated, all strings.Builder
	stories := strings.Split("\n"+string(text), "\n=== ")
	for _, story := range stories[1:] {
		head, want, ok := strings.Cut(story, "-- want --\n")
		if !ok {
			t.Fatalf("%q has no -- want --", story)
		}
		want = strings.TrimRight(want, "\n") + "\n"
		title, files, _ := strings.Cut(head, "\n")
		t.Run(title, func(t *testing.T) {
			got := checkStory(t, files)
			all.WriteString(got)
			updated.WriteString("=== " + head + "-- want --\n" + got + "\n")
			if diff := cmp.Diff(want, got); diff != "" && !*update {
				t.Errorf("want -, got +\n%s", diff)
			}
		})
	}
	if *update {
		if err := os.WriteFile(path, []byte(strings.TrimRight(updated.String(), "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	onReload := []diagnostic.Code{diagnostic.SerialBack, diagnostic.SerialSame}
	// See TestCheckSignatures in package authority, and TestCheckWrongSignatures.
	elsewhere := []diagnostic.Code{diagnostic.SigExpires, diagnostic.SigWrong}
	for _, code := range diagnostic.Codes() {
		if !strings.Contains(string(page), "`"+string(code)+"`") {
			t.Errorf("docs/checking-zones.md does not have %s", code)
		}
		if !strings.Contains(all.String(), "["+string(code)+"]") && !contains(onReload, code) && !contains(elsewhere, code) {
			t.Errorf("no story has %s", code)
		}
	}
}

func contains(codes []diagnostic.Code, code diagnostic.Code) bool {
	for _, c := range codes {
		if c == code {
			return true
		}
	}
	return false
}

// checkStory writes the files of a story and checks them.
func checkStory(t *testing.T, text string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	var paths []string
	for _, part := range strings.Split("\n"+text, "\n-- ")[1:] {
		name, contents, _ := strings.Cut(part, " --\n")
		writeFile(t, name, strings.TrimSuffix(contents, "\n")+"\n")
		paths = append(paths, name)
	}
	var out bytes.Buffer
	Run(paths, nil, &out, &out)
	return out.String()
}
