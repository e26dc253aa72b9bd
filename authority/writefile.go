package authority

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/internal/files"
)

// writtenByUs is the first line of a zone file that may be written again: there is
// nothing in it that a person has written.
const writtenByUs = "; This file is written by names. Edits of records are taken over at a reload; comments are lost.\n"

// ErrNotRewritten is returned for a zone file that has what would be lost.
var ErrNotRewritten = errors.New("file would lose what a person has written")

// WriteFile writes a zone to its file: all of it or, after an error, nothing. The
// records come in canonical order, one a line, the SOA first. A file with comments,
// $INCLUDE or $GENERATE is left alone ([ErrNotRewritten]), unless its first line is the
// one that WriteFile writes. The addresses next to ALIAS records are left out
// ([Snapshot.Derived]).
func WriteFile(path string, s *Snapshot) error { return writeFile(path, s, io.Discard) }

// WriteFile writes a zone to the file that it was loaded from, as the function WriteFile does.
// The file then counts as loaded: it has changed if another has written it since.
func (l *Loader) WriteFile(s *Snapshot) error {
	sum := sha256.New()
	if err := writeFile(l.File.Path, s, sum); err != nil {
		return err
	}
	l.loaded = fileDigest{ctx: l.Context, opener: l.File.Open}
	if l.File.Open == nil {
		l.loaded.files = []readFile{{path: l.File.Path, sum: [sha256.Size]byte(sum.Sum(nil))}}
	}
	return nil
}

// writeFile writes a zone to its file, and to also.
func writeFile(path string, s *Snapshot, also io.Writer) error {
	if err := mayRewrite(path); err != nil {
		return err
	}
	return files.Replace(path, func(w io.Writer) error {
		w = io.MultiWriter(w, also)
		if _, err := io.WriteString(w, writtenByUs); err != nil {
			return err
		}
		return zonefile.Write(w, s.asWritten())
	})
}

// mayRewrite looks for what a rewritten file would lose.
func mayRewrite(path string) error {
	f, _, err := files.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil || bytes.HasPrefix(text, []byte(writtenByUs)) {
		return err
	}
	refuse := func(line int, what string) error {
		return fmt.Errorf("%s:%d: %w: %s; make its first line %q if names may write it", path, line, ErrNotRewritten, what, writtenByUs[:len(writtenByUs)-1])
	}
	inQuotes, line, startsLine := false, 1, true
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n':
			line, startsLine = line+1, true
			continue
		case c == '\\':
			i++
		case c == '"':
			inQuotes = !inQuotes
		case c == ';' && !inQuotes:
			return refuse(line, "a comment")
		case c == '$' && startsLine && !inQuotes:
			for _, directive := range []string{"$INCLUDE", "$GENERATE"} {
				if len(text)-i >= len(directive) && bytes.EqualFold(text[i:i+len(directive)], []byte(directive)) {
					return refuse(line, directive)
				}
			}
		}
		startsLine = false
	}
	return nil
}
