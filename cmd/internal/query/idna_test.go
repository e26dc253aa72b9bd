package query

import (
	"fmt"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/cli"
)

func TestParseTypedName(t *testing.T) {
	for typed, want := range map[string]string{
		"bücher.example":            "xn--bcher-kva.example.",
		"bücher.example.":           "xn--bcher-kva.example.",
		"BÜCHER.Example":            "xn--bcher-kva.example.",
		"bu\u0308cher.example":      "xn--bcher-kva.example.", // u and a mark
		"faß.example":               "xn--fa-hia.example.",    // as IDNA2008 has it, not fass
		"例え。テスト":                    "xn--r8jz45g.xn--zckzah.",
		"_imap._tcp.bücher.example": "_imap._tcp.xn--bcher-kva.example.",
		"xn--bcher-kva.example":     "xn--bcher-kva.example.",
		"_dmarc.Example":            "_dmarc.Example.",
		`b\252cher.example`:         `b\252cher.example.`, // octets, said to be so
		".":                         ".",
	} {
		name, err := parseTypedName(typed)
		if err != nil || name.String() != want {
			t.Errorf("%s: %v, %v, want %s", typed, name, err, want)
		}
	}
	for _, typed := range []string{"\xff.example", "bücher..example", "xn--ü.example", "☃_.example", strings.Repeat("ü", 64) + ".example"} {
		if name, err := parseTypedName(typed); err == nil {
			t.Errorf("%q: %v", typed, name)
		}
	}
}

// As dig with IDN support does.
func TestQueryAsksForInternationalisedNames(t *testing.T) {
	s := startDigServer(t)
	code, _, stderr := runQueryText("@127.0.0.1", "-p", fmt.Sprint(s.addr.Port()), "bücher.example")
	if code != cli.ExitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if asked := <-s.asked; asked.Questions[0].Name.String() != "xn--bcher-kva.example." {
		t.Errorf("asked for %v", asked.Questions)
	}
}
