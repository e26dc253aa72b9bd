package zone

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/wire"
)

// editor edits a zone on a server.
type editor struct {
	socket, zone   string
	yes            bool
	stdin          io.Reader
	stdout, stderr io.Writer
	answers        *bufio.Reader
}

// edit opens the zone in an editor, until what was written is right or the operator
// gives up, and commits it.
func (e *editor) edit(getenv func(string) string) error {
	e.answers = bufio.NewReader(e.stdin)
	origin, err := wire.ParseName(e.zone)
	if err != nil {
		return fmt.Errorf("%q is not a domain name: %w", e.zone, err)
	}
	var lines []string
	if err := e.ask(&lines, "zone", "text", origin.String()); err != nil {
		return err
	}
	text := strings.Join(lines, "\n") + "\n"
	before, err := parse(text, "zone", origin)
	if err != nil {
		return err
	}
	path, err := writeTemporary(text)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	for {
		if err := open(path, getenv); err != nil {
			return err
		}
		written, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		after, err := parse(string(written), path, origin)
		if err != nil {
			fmt.Fprintf(e.stderr, "%v\n", err)
			if !e.confirm("Edit again?") {
				return errors.New("the zone stays as it was")
			}
			continue
		}
		changes := authority.Diff(before, after)
		if changes.IsEmpty() {
			fmt.Fprintln(e.stdout, "nothing has changed")
			return nil
		}
		if err := printChanges(e.stdout, changes); err != nil {
			return err
		}
		if !e.yes && !e.confirm("Commit?") {
			return errors.New("the zone stays as it was")
		}
		return e.commit(origin, changes)
	}
}

// ask does a verb of the server, and reads the reply into value.
func (e *editor) ask(value any, words ...string) error {
	body, err := control.Ask(e.socket, words...)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, value)
}

// confirm asks a question that is answered with yes or no.
func (e *editor) confirm(question string) bool {
	fmt.Fprintf(e.stdout, "%s [y/n] ", question)
	answer, _ := e.answers.ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// parse reads and checks the text of a zone.
func parse(text, file string, origin wire.Name) (*authority.Snapshot, error) {
	var problems diagnostic.List
	b := authority.NewBuilder(origin, wire.ClassIN, &problems)
	b.Source = file
	err := zonefile.Read([]byte(text), file, zonefile.Options{Origin: origin}, &problems, func(r *zonefile.Record) error {
		b.Add(r.Record, r.Position)
		return nil
	})
	if err = errors.Join(err, problems.Err()); err != nil {
		return nil, err
	}
	return b.Freeze()
}

func writeTemporary(text string) (path string, err error) {
	f, err := os.CreateTemp("", "names-zone-*.zone")
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return f.Name(), err
}

// open opens a file in the operator's editor, and waits until it is closed.
func open(path string, getenv func(string) string) error {
	command := getenv("VISUAL")
	if command == "" {
		command = getenv("EDITOR")
	}
	if command == "" {
		command = "vi"
	}
	words := strings.Fields(command)
	c := exec.Command(words[0], append(words[1:], path)...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("editor %s: %w", command, err)
	}
	return nil
}

// maxRequest is how many octets of edits are sent at once: they are in the URL.
const maxRequest = 8 << 10

// commit sends the changes, and makes them visible at once. After an error the
// zone is as it was.
func (e *editor) commit(origin wire.Name, c authority.ChangeSet) (err error) {
	name := origin.String()
	var reply any
	if err := e.ask(&reply, "zone", "begin", name); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			e.ask(&reply, "zone", "abort", name)
		}
	}()
	words, size := []string{"zone", "lines", name}, 0
	flush := func() error {
		if size == 0 {
			return nil
		}
		err := e.ask(&reply, words...)
		words, size = words[:3], 0
		return err
	}
	for _, line := range edits(origin, c) {
		if n := len(url.QueryEscape(line)) + len("&arg="); size+n > maxRequest || len(words) > 500 {
			if err := flush(); err != nil {
				return err
			}
		}
		words, size = append(words, line), size+len(url.QueryEscape(line))+len("&arg=")
	}
	if err := flush(); err != nil {
		return err
	}
	var done struct {
		Serial uint32 `json:"serial"`
		Kept   string `json:"kept"`
	}
	if err := e.ask(&done, "zone", "commit", name); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "zone %v has serial number %d now, kept %s\n", origin, done.Serial, done.Kept)
	return nil
}

// edits are the lines of nsupdate's language that make the changes. The SOA record
// is replaced by adding one: others may have changed its serial number meanwhile.
func edits(origin wire.Name, c authority.ChangeSet) (lines []string) {
	for i := range c.Removed {
		if r := &c.Removed[i]; r.Type != wire.TypeSOA {
			lines = append(lines, fmt.Sprintf("del %v %v %s", r.Name, r.Type, wire.AppendRdataText(nil, r.Type, r.Data)))
		}
	}
	for i := range c.Added {
		r := &c.Added[i]
		lines = append(lines, fmt.Sprintf("add %v %d %v %s", r.Name, r.TTL, r.Type, wire.AppendRdataText(nil, r.Type, r.Data)))
	}
	return lines
}
