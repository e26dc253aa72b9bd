//go:build interop

package interop

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/fuzz/exchanges"
	"github.com/names-dns/names/listener/listenertest"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// TestExchangesForDelv: while an algorithm and one key for two are exchanged, and then both
// keys, BIND's validator finds secure whatever a resolver can have in its cache.
func TestExchangesForDelv(t *testing.T) {
	delv := need(t, "delv")
	var served exchanges.Combination // changed only while delv does not run
	answer := names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
		q := x.Question()
		from := served.Records
		if q.Type == wire.TypeDNSKEY {
			from = served.Keys
		}
		set := exchanges.RRset(from, q.Name, q.Type)
		for _, data := range set.Data {
			if err := x.Reply.Raw(q.Name, q.Type, wire.ClassIN, set.TTL, data); err != nil {
				return err
			}
		}
		for _, sig := range set.Signatures {
			if err := x.Reply.Record(q.Name, wire.ClassIN, set.TTL, sig); err != nil {
				return err
			}
		}
		return nil
	})
	at := listenertest.Serve(t, answer)

	for algorithm, isDoubleDS := range map[wire.Algorithm]bool{wire.AlgorithmED25519: false, wire.AlgorithmED448: true} {
		t.Run(fmt.Sprintf("to %v, double DS %v", algorithm, isDoubleDS), func(t *testing.T) {
			const days = 14 * 24 * time.Hour // delv judges by the time of day: all signatures are valid for longer
			start := time.Now().Add(-days)
			l, err := exchanges.New(exchanges.Config{
				Keys: sign.KeyPolicy{DoubleDS: isDoubleDS},
				Dir:  t.TempDir(), Start: start, Parent: []time.Duration{3 * time.Hour, 31 * time.Hour},
				Signing: sign.Policy{Validity: 90 * 24 * time.Hour, Refresh: 60 * 24 * time.Hour},
			})
			if err != nil {
				t.Fatal(err)
			}
			asked := map[string]bool{}
			isRolled := false
			for end := start.Add(days); l.Now.Before(end.Add(-13 * time.Hour)); {
				if l.Now.After(start.Add(5*24*time.Hour)) && !l.Set.Policy.TwoKeys {
					l.Set.Policy.Algorithm, l.Set.Policy.TwoKeys = algorithm, true
				}
				if l.Now.After(start.Add(11*24*time.Hour)) && !isRolled {
					if err := l.Set.Roll(sign.RoleKeys, sign.RoleZone); err != nil {
						t.Fatal(err)
					}
					isRolled = true
				}
				if err := l.Step(12 * time.Hour); err != nil {
					t.Fatal(err)
				}
				for _, served = range l.Combinations() {
					text := served.String()
					if asked[text] {
						continue
					}
					asked[text] = true
					var anchors strings.Builder
					anchors.WriteString("trust-anchors {\n")
					for _, ds := range served.DS {
						fmt.Fprintf(&anchors, "example. static-ds %d %d %d \"%X\";\n", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest)
					}
					anchors.WriteString("};\n")
					file := filepath.Join(t.TempDir(), "anchors")
					write(t, file, []byte(anchors.String()))
					out, err := exec.CommandContext(t.Context(), delv, "@127.0.0.1", "-p", fmt.Sprint(at.Port()), "-a", file, "+root=example", exchanges.Host.String(), "A").CombinedOutput()
					if err != nil || !strings.Contains(string(out), "; fully validated") {
						t.Errorf("%s: %v\n%s\n%s", l.Now, err, text, out)
					}
				}
			}
			if len(asked) < 8 {
				t.Errorf("%d combinations", len(asked))
			}
			t.Logf("%d combinations", len(asked))
		})
	}
}
