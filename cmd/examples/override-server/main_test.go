package main

import (
	"context"
	"io"
	"testing"

	"github.com/names-dns/names/cmd/examples/internal/exampletest"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/wire"
)

// TestAnswersAndForwards is the dialogue of Twisted Names' how-to.
func TestAnswersAndForwards(t *testing.T) {
	upstream := exampletest.Server(t, `
foobar.example.com.         A    67.215.65.132
workstation256.example.com. A    192.0.2.1
workstation.example.com.    A    192.0.2.2
workstation1.example.com.   AAAA 2001:db8::1
`)
	server := exampletest.Start(t, func(ctx context.Context, stdout, stderr io.Writer) int {
		return run(ctx, []string{"-listen", "127.0.0.1:0", "-resolv-conf", exampletest.ResolvConf(t, upstream)}, stdout, stderr)
	})
	for _, test := range []struct {
		name string
		kind wire.Type
		want string
	}{
		{"workstation1.example.com", wire.TypeA, "workstation1.example.com. 60 IN A 172.0.2.1"},
		{"workstation100.example.com", wire.TypeA, "workstation100.example.com. 60 IN A 172.0.2.100"},
		{"WorkStation0.example.org", wire.TypeA, "WorkStation0.example.org. 60 IN A 172.0.2.0"},
		{"foobar.example.com", wire.TypeA, "foobar.example.com. 300 IN A 67.215.65.132"},
		{"workstation256.example.com", wire.TypeA, "workstation256.example.com. 300 IN A 192.0.2.1"},
		{"workstation.example.com", wire.TypeA, "workstation.example.com. 300 IN A 192.0.2.2"},
		{"workstation1.example.com", wire.TypeAAAA, "workstation1.example.com. 300 IN AAAA 2001:db8::1"},
	} {
		for _, overTCP := range []bool{false, true} {
			if got := exampletest.Answers(t, server, overTCP, test.name, test.kind); got != test.want {
				t.Errorf("%s %v, TCP %t: %q, want %q", test.name, test.kind, overTCP, got, test.want)
			}
		}
	}
}

func TestWorkstationsKeepTheirWord(t *testing.T) {
	var questions []wire.Question
	for _, name := range []string{"workstation7.example.", "foobar.example.", "."} {
		questions = append(questions, wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN})
	}
	namestest.CheckResolver(t, workstations{}, questions...)
}

func TestUsage(t *testing.T) {
	exampletest.Usage(t, "override-server", func(args []string, stdout, stderr io.Writer) int {
		return run(context.Background(), args, stdout, stderr)
	})
}
