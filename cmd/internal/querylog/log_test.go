package querylog

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// exchange is a query that was answered with rcode.
func exchange(t *testing.T, name string, rcode wire.RCode) (x *names.Exchange, reply []byte) {
	t.Helper()
	x = new(names.Exchange)
	query := wire.AppendQuery(nil, 1, wire.FlagRD, wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}, nil)
	if _, err := x.Read(query, names.Peer{Remote: netip.MustParseAddrPort("192.0.2.7:4242")}); err != nil {
		t.Fatal(err)
	}
	x.Begin(nil, 512)
	x.RCode, x.AnsweredBy = rcode, "zone"
	return x, x.Finish()
}

func open(t *testing.T, config settings.QueryLog) (l *Log, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "queries.log")
	config.To = path
	l, err := Open(config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return l, path
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestLineOfAFailure: the reply to a query that failed has a size too.
func TestLineOfAFailure(t *testing.T) {
	l, path := open(t, settings.QueryLog{Which: settings.LogAll})
	for _, err := range []error{names.ErrPass, errors.New("no server")} {
		x, reply := exchange(t, "www.example.", wire.RCodeServFail)
		l.Observe(x, reply, err)
	}
	l.Close()
	if text := read(t, path); strings.Count(text, " answers=0 size=29 tc=false took_ms=") != 2 {
		t.Error(text)
	}
}

// TestWhich: which queries have lines.
func TestWhich(t *testing.T) {
	for _, test := range []struct {
		config settings.QueryLog
		want   []string // of good, bad, silent, slow
	}{
		{settings.QueryLog{Which: settings.LogAll}, []string{"good", "bad", "silent", "slow"}},
		{settings.QueryLog{Which: settings.LogFailures}, []string{"bad", "silent"}},
		{settings.QueryLog{Which: settings.LogSlow, Slow: time.Hour}, []string{"slow"}},
	} {
		l, path := open(t, test.config)
		for _, q := range []struct {
			name  string
			rcode wire.RCode
			err   error
			ago   time.Duration
		}{{"good", wire.RCodeNXDomain, nil, 0}, {"bad", wire.RCodeServFail, errors.New("no server"), 0}, {"silent", 0, names.ErrDrop, 0}, {"slow", 0, nil, 2 * time.Hour}} {
			x, reply := exchange(t, q.name+".example.", q.rcode)
			x.Received = time.Now().Add(-q.ago)
			if q.err == names.ErrDrop {
				reply = nil
			}
			l.Observe(x, reply, q.err)
		}
		l.Close()
		text := read(t, path)
		for _, name := range []string{"good", "bad", "silent", "slow"} {
			wanted := strings.Contains(strings.Join(test.want, " "), name)
			if strings.Contains(text, "name="+name+".example.") != wanted {
				t.Errorf("%+v: %s in\n%s", test.config, name, text)
			}
		}
		if s := l.Stats(); s.Written != uint64(len(test.want)) || s.Written+s.Skipped != 4 || s.Lost != 0 {
			t.Errorf("%+v: %+v", test.config, s)
		}
	}
}

// TestSampling: of many queries about one in so many has a line.
func TestSampling(t *testing.T) {
	l, path := open(t, settings.QueryLog{Which: settings.LogAll, OneIn: 10})
	x, reply := exchange(t, "www.example.", 0)
	for range 5000 {
		l.Observe(x, reply, nil)
	}
	l.Close()
	if lines := strings.Count(read(t, path), "\n"); lines < 300 || lines > 800 || l.Stats().Written != uint64(lines) {
		t.Errorf("%d lines, %+v", lines, l.Stats())
	}
}

// TestJSON: a line is an object with numbers as numbers.
func TestJSON(t *testing.T) {
	l, path := open(t, settings.QueryLog{Which: settings.LogAll, Format: "json", Messages: true})
	x, reply := exchange(t, `a\"b.example.`, wire.RCodeNXDomain)
	l.Observe(x, reply, nil)
	l.Close()
	var line struct {
		Name, Client, RCode, By, Query, Reply string
		Size                                  int
	}
	if err := json.Unmarshal([]byte(read(t, path)), &line); err != nil {
		t.Fatal(err)
	}
	if line.Name != `a\"b.example.` || line.Client != "192.0.2.7:4242" || line.RCode != "NXDOMAIN" || line.By != "zone" || line.Size != len(reply) ||
		!strings.Contains(line.Query, "QUESTION") || !strings.Contains(line.Reply, "NXDOMAIN") {
		t.Errorf("%+v", line)
	}
}

// TestRotation: after a file is moved away, lines go to the new one.
func TestRotation(t *testing.T) {
	l, path := open(t, settings.QueryLog{Which: settings.LogAll})
	observe := func(name string) {
		x, reply := exchange(t, name, 0)
		l.Observe(x, reply, nil)
	}
	observe("first.example.")
	eventually.Succeed(t, func() error { // a goroutine writes
		if !strings.Contains(read(t, path), "first") {
			return errors.New("the line is not in the file")
		}
		return nil
	})
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	observe("second.example.")
	l.Close()
	if first, second := read(t, path+".1"), read(t, path); strings.Contains(first, "second") || !strings.Contains(second, "second") {
		t.Errorf("before\n%safter\n%s", first, second)
	}
	if _, err := Open(settings.QueryLog{Which: settings.LogAll, To: t.TempDir()}, nil); err == nil {
		t.Error("a folder is taken for a file")
	}
}

// TestJournal: each query is a datagram with fields, whatever is in a value.
func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	reader, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	j, err := dialJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	l := &Log{config: settings.QueryLog{Which: settings.LogAll, Messages: true}, log: slog.New(&journalHandler{to: j})}
	for _, name := range []string{"one.example.", "two.example."} {
		x, reply := exchange(t, name, wire.RCodeServFail)
		l.Observe(x, reply, errors.New("first\n\nsecond"))
		buf := make([]byte, 8192)
		n, err := reader.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		text := string(buf[:n])
		for _, want := range []string{"PRIORITY=6\n", "MESSAGE=query name=" + name, "\nNAMES_NAME=" + name + "\n", "\nNAMES_RCODE=SERVFAIL\n", "\nNAMES_ERROR=first\t\tsecond\n", "\nNAMES_QUERY="} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
		if strings.Contains(text, "\n\n") {
			t.Errorf("an empty line in\n%s", text)
		}
	}
	if _, err := dialJournal(path + "x"); err == nil || !strings.Contains(err.Error(), "there is no journal") {
		t.Errorf("no socket: %v", err)
	}
}
