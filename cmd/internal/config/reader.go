package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/names-dns/names/cmd/internal/cli"
)

// reader reads one file into a configuration.
type reader struct {
	*Config
	file     string
	setting  string              // being read, like listen.port
	seen     map[string]Position // where settings are given, in all files
	bad      map[string]bool     // settings that something is wrong with
	problems *Problems
	warnings *Problems
	secretAt *Position  // of a secret in this file
	keyAt    []Position // of keys in this file
}

// add adds a problem.
func (r *reader) add(at Position, format string, args ...any) {
	if len(*r.problems) < maxProblems {
		*r.problems = append(*r.problems, Problem{at, fmt.Sprintf(format, args...)})
	}
}

// failf adds a problem of the setting that is being read, and returns false.
func (r *reader) failf(v *node, format string, args ...any) bool {
	r.add(v.position, "%s: "+format, append([]any{r.setting}, args...)...)
	return false
}

// is reports whether v is of the kind that the option wants.
func (r *reader) is(v *node, want kind, a about) bool {
	if v.kind == want {
		return true
	}
	what := kindNames[v.kind]
	switch v.kind {
	case isString:
		what = strconv.Quote(v.text) + " is a string"
	case isInteger, isFloat, isTime:
		what = v.text + " is " + what
	default:
		what = "there is " + what
		if v.kind == isBool {
			what = strconv.FormatBool(v.truth) + " is not " + kindNames[want]
			return r.failf(v, "%s; write %s", what, a.written())
		}
	}
	return r.failf(v, "%s where %s is expected; write %s", what, kindNames[want], a.written())
}

// root reads the table that a file is.
func (r *reader) root(root *node, isFirst bool) (include *member) {
	for _, key := range root.keys {
		m := root.members[key]
		if key == "include" {
			if !isFirst {
				r.add(m.position, "include: an included file cannot include others; move this to %s", r.Files[0])
			}
			include = m
			continue
		}
		i := slices.IndexFunc(sections, func(s section) bool { return s.name == key })
		if i < 0 {
			r.unknownSection(key, m)
			continue
		}
		sections[i].read(r, m)
	}
	return include
}

// unknownSection says what could have been meant by a key at the top.
func (r *reader) unknownSection(key string, m *member) {
	known := []string{"include"}
	for _, s := range sections {
		known = append(known, s.name)
	}
	if m.value.kind != isTable {
		if s, option := ownerOf(key); s != "" {
			r.add(m.position, "%s is outside of its section; write it as %s below %s", key, option, header(s))
			return
		}
		r.add(m.position, "there is no option %s outside of sections%s", key, orList(key, known))
		return
	}
	r.add(m.position, "there is no section [%s]%s", key, orList(key, known))
}

// orList is a guess what was meant, or else all that there is.
func orList(word string, known []string) string {
	if guess := cli.DidYouMean(word, known); guess != "" {
		return guess
	}
	return "; there are " + strings.Join(known, ", ")
}

func didYouMean(word string, known []string) string { return cli.DidYouMean(word, known) }

// unknownOption says what could have been meant by a key of a section.
func (r *reader) unknownOption(name string, options []about, key string, at Position) {
	var known []string
	for _, o := range options {
		if slices.Contains(o.others, key) {
			r.add(at, "there is no option %s in %s; write %s", key, header(name), o.written())
			return
		}
		known = append(known, o.key)
	}
	if guess := cli.DidYouMean(key, known); guess != "" {
		r.add(at, "there is no option %s in %s%s", key, header(name), guess)
		return
	}
	if s, option := ownerOf(key); s != "" && s != name {
		r.add(at, "there is no option %s in %s; write it as %s below %s", key, header(name), option, header(s))
		return
	}
	r.add(at, "there is no option %s in %s; there are %s", key, header(name), strings.Join(known, ", "))
}

// ownerOf finds the section that has an option, by any of its names.
func ownerOf(key string) (name, option string) {
	for _, s := range sections {
		for _, o := range s.options {
			if o.key == key || slices.Contains(o.others, key) {
				return s.name, o.key
			}
		}
	}
	return "", ""
}
