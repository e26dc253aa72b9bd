package serve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/query"
	"github.com/names-dns/names/cmd/internal/transfer"
)

// names query and names transfer get a zone, and what has changed in it, from a server
// that wants a key.
func TestFetch(t *testing.T) {
	dir := t.TempDir()
	zone, keys, file := filepath.Join(dir, "example.org"), filepath.Join(dir, "keys"), filepath.Join(dir, "got")
	writeFile(t, zone, smallZone+"www A 192.0.2.80\n")
	writeFile(t, keys, "hmac-sha512:mover:c2VjcmV0IG9mIHRoZSB0ZXN0\n")
	s, _, _ := startWhole(t, "--bindzone", zone, "--tsig-key", keys, "--allow-transfer", "key:mover", "--journal", filepath.Join(dir, "journal"))
	addAddress(t, s, "new.example.org")
	at := "@" + s.listener.Addresses()[0].String()
	run := func(command func(out, errs *strings.Builder) int) (int, string) {
		var out, errs strings.Builder
		code := command(&out, &errs)
		return code, out.String() + errs.String()
	}
	ask := func(words ...string) (int, string) {
		return run(func(out, errs *strings.Builder) int {
			return query.Run(append([]string{at, "example.org"}, words...), strings.NewReader(""), out, errs)
		})
	}
	get := func(words ...string) (int, string) {
		return run(func(out, errs *strings.Builder) int {
			return transfer.Run(append([]string{"example.org", at}, words...), out, errs)
		})
	}
	const soa1, soa2 = "example.org.\t60\tIN\tSOA\tns.example.org. h.example.org. 1 2 3 4 5\n", "example.org.\t60\tIN\tSOA\tns.example.org. h.example.org. 2 2 3 4 5\n"
	for _, test := range []struct {
		words []string
		code  int
		want  string
	}{
		{[]string{"axfr", "-k", keys}, 0, ";; XFR size: 6 records (messages 1, bytes "},
		{[]string{"axfr", "-y", "hmac-sha512:mover:c2VjcmV0IG9mIHRoZSB0ZXN0", "+noall", "+answer"}, 0, "\nwww.example.org.\t60\tIN\tA\t192.0.2.80\n"},
		{[]string{"-t", "ixfr=1", "-k", keys, "+noall", "+answer"}, 0, soa2 + soa1 + soa2 + "new.example.org.\t60\tIN\tA\t192.0.2.80\n" + soa2},
		{[]string{"ixfr=2", "-k", keys, "+noall", "+answer"}, 0, soa2},
		{[]string{"axfr"}, 1, "primary replies REFUSED"},
		{[]string{"axfr", "-y", "mover:c2VjcmV0IG9mIHRoZSB0ZXN0"}, 1, "BADKEY"},
		{[]string{"soa", "-k", keys, "+short"}, 0, "ns.example.org. h.example.org. 2 2 3 4 5\n"},
		{[]string{"soa", "-y", "hmac-sha512:mover:b3RoZXI="}, 1, "BADSIG"},
		{[]string{"soa", "-k", filepath.Join(dir, "none")}, 1, "key: "},
	} {
		if code, out := ask(test.words...); code != test.code || !strings.Contains(strings.ReplaceAll(out, "\t\t", "\t"), test.want) {
			t.Errorf("names query %v: %d, want %d, with %q:\n%s", test.words, code, test.code, test.want, out)
		}
	}
	if code, out := get("-k", keys, file); code != 0 || !strings.Contains(out, "serial 2, 5 records in 1 messages") {
		t.Errorf("%d %s", code, out)
	}
	text, err := os.ReadFile(file)
	if code, out := get("-k", keys); err != nil || code != 0 || out != string(text) || !strings.HasPrefix(out, soa2) {
		t.Errorf("%v, %d\n%s", err, code, out)
	}
	if code, out := get(file); code != 1 || !strings.Contains(out, "REFUSED") {
		t.Errorf("%d %s", code, out)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(text) {
		t.Errorf("a transfer that fails changes the file: %v", err)
	}
	for _, words := range [][]string{{"-p", "70000"}, {"a", "b"}, {"-y", "x"}, {"--from", "x"}, {"-k", "a", "-y", "mover:c2VjcmV0"}} {
		if code, out := get(words...); code != 2 {
			t.Errorf("%v: %d %s", words, code, out)
		}
	}
}
