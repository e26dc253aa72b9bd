package manual

import (
	"fmt"
	"strings"
)

// Command is the manual page of a command, in the language of man(7), made of its
// help text: a first line that says what it does, and headings that end in a colon.
// Others are the names of related pages, with their sections.
func Command(name, version, help string, others []string) []byte {
	var b strings.Builder
	first, rest, _ := strings.Cut(help, "\n")
	header(&b, name, 1, version)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", escape(name), escape(purpose(first)))
	section, open := "DESCRIPTION", false
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\n", escape(first))
	literal := func(on bool) {
		if on != open {
			b.WriteString(map[bool]string{true: ".PP\n.nf\n", false: ".fi\n"}[on])
			open = on
		}
	}
	lines := strings.Split(strings.TrimRight(rest, "\n"), "\n")
	for i, line := range lines {
		isHeading := line != "" && line[0] != ' ' && strings.HasSuffix(line, ":") && i+1 < len(lines) && lines[i+1] == ""
		switch {
		case isHeading:
			literal(false)
			section = strings.ToUpper(strings.TrimSuffix(line, ":"))
			if section == "USAGE" {
				section = "SYNOPSIS"
			}
			fmt.Fprintf(&b, ".SH %s\n", escape(section))
		case line == "":
			if open {
				b.WriteByte('\n')
			} else {
				b.WriteString(".PP\n")
			}
		case line[0] == ' ':
			literal(true)
			b.WriteString(escape(strings.TrimPrefix(line, "  ")) + "\n")
		default:
			literal(false)
			b.WriteString(escape(line) + "\n")
		}
	}
	literal(false)
	seeAlso(&b, others)
	return []byte(b.String())
}

// purpose is what a first line says the command does: "names serve answers queries."
// becomes "answers queries".
func purpose(first string) string {
	words := strings.Fields(strings.TrimRight(first, ".:"))
	for len(words) > 1 && (words[0] == "names" || words[0] == "is") {
		words = words[1:]
	}
	if len(words) > 1 && strings.HasPrefix(first, "names ") && !strings.HasPrefix(first, "names is") {
		words = words[1:] // the name of the command
	}
	return strings.Join(words, " ")
}

func header(b *strings.Builder, name string, section int, version string) {
	fmt.Fprintf(b, ".\\\" made from the program: see cmd/internal/manual\n.TH %s %d \"\" \"names %s\" \"names\"\n", strings.ToUpper(escape(name)), section, version)
}

func seeAlso(b *strings.Builder, others []string) {
	b.WriteString(".SH SEE ALSO\n")
	for i, o := range others {
		page, section, _ := strings.Cut(strings.TrimSuffix(o, ")"), "(")
		comma := ","
		if i == len(others)-1 {
			comma = ""
		}
		fmt.Fprintf(b, ".BR %s (%s)%s\n", escape(page), section, comma)
	}
}

// escape keeps text from being taken for requests of man(7).
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}

// Option is an option of the configuration file.
type Option struct {
	Key, Kind, What, Default, Example string
}

// Section is a section of the configuration file.
type Section struct {
	Header, What, Example string
	Options               []Option
}

// File is the manual page of the configuration file.
func File(name, version, what, description string, sections []Section, others []string) []byte {
	var b strings.Builder
	header(&b, name, 5, version)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n.SH DESCRIPTION\n", escape(name), escape(what))
	for paragraph := range strings.SplitSeq(description, "\n\n") {
		fmt.Fprintf(&b, "%s\n.PP\n", escape(paragraph))
	}
	for _, s := range sections {
		fmt.Fprintf(&b, ".SH %s\n%s\n", escape(s.Header), escape(s.What))
		example(&b, s.Example)
		for _, o := range s.Options {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n.I %s.\nDefault: %s\n", escape(o.Key), escape(o.What), escape(o.Kind), escape(o.Default))
			fmt.Fprintf(&b, ".RS\n")
			example(&b, o.Example+"\n")
			fmt.Fprintf(&b, ".RE\n")
		}
	}
	seeAlso(&b, others)
	return []byte(b.String())
}

func example(b *strings.Builder, text string) {
	if text = strings.TrimRight(text, "\n"); text == "" {
		return
	}
	b.WriteString(".PP\n.nf\n")
	for line := range strings.SplitSeq(text, "\n") {
		b.WriteString(escape(line) + "\n")
	}
	b.WriteString(".fi\n")
}
