package query

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// queryPrinter writes messages in the layout of dig.
type queryPrinter struct {
	display queryDisplay
	text    []byte
}

func (p *queryPrinter) printf(format string, args ...any) {
	p.text = fmt.Appendf(p.text, format, args...)
}

// command prints the command line.
func (p *queryPrinter) command(args []string) {
	p.printf("\n; <<>> names query %s <<>> %s\n", cli.Version(), strings.Join(args, " "))
}

// sent prints the query.
func (p *queryPrinter) sent(m *wire.Message, size int) {
	if p.display.comments {
		p.printf(";; Sending:\n")
	}
	p.message(m)
	if p.display.stats {
		p.printf(";; QUERY SIZE: %d\n\n", size)
	}
}

// received prints the reply.
func (p *queryPrinter) received(r *names.Reply, serverName string, now time.Time) error {
	if r.Truncated && p.display.comments && !p.display.short {
		p.printf(";; Truncated, asked again over TCP.\n")
	}
	m, err := wire.ParseMessage(r.Message)
	if err != nil {
		return fmt.Errorf("reply of %d octets from %s is malformed: %w", len(r.Message), serverText(r.Server), err)
	}
	if p.display.short {
		p.short(m)
		return nil
	}
	if p.display.comments {
		p.printf(";; Got answer:\n")
	}
	p.message(m)
	if p.display.stats {
		p.stats(r, serverName, now)
	}
	return nil
}

// short prints the data of the answers.
func (p *queryPrinter) short(m *wire.Message) {
	for _, answer := range m.Answers {
		p.text = wire.AppendRdataText(p.text, answer.Type, answer.Data)
		p.text = append(p.text, '\n')
	}
}

// message prints header, OPT and those sections that are wanted.
func (p *queryPrinter) message(m *wire.Message) {
	// The header and OPT as wire writes them, in paragraphs of their own, and
	// the titles of the sections, which depend on the opcode.
	paragraphs := strings.Split(m.String(), "\n\n")
	header, paragraphs := paragraphs[0], paragraphs[1:]
	if p.display.comments {
		p.printf("%s\n", strings.TrimSuffix(header, "\n"))
		if m.Flags.Has(wire.FlagQR|wire.FlagRD) && !m.Flags.Has(wire.FlagRA) {
			p.printf(";; WARNING: recursion requested but not available\n")
		}
		p.printf("\n")
	}
	if m.EDNS != nil {
		if p.display.comments {
			p.printf("%s\n", strings.TrimSuffix(paragraphs[0], "\n"))
			if len(m.Questions) == 0 || !p.display.sections[wire.SectionQuestion] {
				p.printf("\n")
			}
		}
		paragraphs = paragraphs[1:]
	}
	for s := wire.SectionQuestion; s <= wire.SectionAdditional; s++ {
		var lines []byte
		if s == wire.SectionQuestion {
			lines = p.questions(m.Questions)
		} else {
			lines = p.records(m.Section(s))
		}
		if len(lines) == 0 {
			continue
		}
		title, _, _ := strings.Cut(paragraphs[0], "\n")
		paragraphs = paragraphs[1:]
		if !p.display.sections[s] {
			continue
		}
		if p.display.comments {
			p.printf("%s\n", title)
		}
		p.text = append(p.text, lines...)
		if p.display.comments {
			p.printf("\n")
		}
	}
}

func (p *queryPrinter) questions(questions []wire.Question) (lines []byte) {
	for _, q := range questions {
		lines = append(lines, ';')
		start := len(lines)
		lines = q.Name.AppendText(lines)
		lines = tabulate(lines, start, 32)
		lines = append(lines, q.Class.String()...)
		lines = append(lines, '\t')
		lines = append(lines, q.Type.String()...)
		lines = append(lines, '\n')
	}
	return lines
}

func (p *queryPrinter) records(records []wire.Record) (lines []byte) {
	for _, r := range records {
		start := len(lines)
		lines = r.Name.AppendText(lines)
		lines = tabulate(lines, start, 24)
		if p.display.ttl {
			lines = strconv.AppendUint(lines, uint64(r.TTL), 10)
			lines = append(lines, '\t')
		}
		if p.display.class {
			lines = append(lines, r.Class.String()...)
			lines = append(lines, '\t')
		}
		lines = append(lines, r.Type.String()...)
		if len(r.Data) > 0 || r.Class != wire.ClassAny && r.Class != wire.ClassNone {
			lines = append(lines, '\t')
			lines = wire.AppendRdataText(lines, r.Type, r.Data)
		}
		lines = append(lines, '\n')
	}
	return lines
}

// tabulate goes on in column of the line that begins at start; a long name is
// followed by a blank.
func tabulate(b []byte, start, column int) []byte {
	at := len(b) - start
	if at >= column {
		return append(b, ' ')
	}
	for ; at < column; at = at/8*8 + 8 {
		b = append(b, '\t')
	}
	return b
}

// stats prints how the reply came.
func (p *queryPrinter) stats(r *names.Reply, serverName string, now time.Time) {
	if serverName == "" {
		serverName = r.Server.Addr().String()
	}
	if r.Ignored > 0 {
		p.printf(";; WARNING: %d datagrams were no reply to this query\n", r.Ignored)
	}
	p.printf(";; Query time: %d msec\n", r.Time.Milliseconds())
	p.printf(";; SERVER: %s(%s) (%s)\n", serverText(r.Server), serverName, strings.ToUpper(r.Transport.String()))
	p.printf(";; WHEN: %s\n", now.Format("Mon Jan 02 15:04:05 MST 2006"))
	p.printf(";; MSG SIZE  rcvd: %d\n\n", len(r.Message))
}
