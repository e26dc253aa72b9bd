//go:build interop

package interop

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestDump(t *testing.T) {
	for _, s := range signings {
		t.Run(s.Name, func(t *testing.T) {
			zones := s.sign(t, []zoneFile{
				{Origin: "corner.test.", File: absolute(t, "testdata/corner/corner.test.zone")},
				{Origin: "odd.test.", File: absolute(t, "testdata/corner/odd.test.zone"), Unsigned: true},
				{Origin: "other.test.", File: absolute(t, "testdata/corner/other.test.zone")},
				{Origin: "child.corner.test.", File: absolute(t, "testdata/corner/child.corner.test.zone")},
			})
			out, _ := os.Create("/tmp/interop/dump-" + s.Name + ".txt")
			defer out.Close()
			servers := startAll(t, zones, peers...)
			for _, s := range servers {
				b, _ := os.ReadFile(s.log)
				fmt.Fprintf(out, "=== %s printed\n%s\n", s.Name, b)
			}
			var all []query
			for _, q := range readQuestions(t, "testdata/corner/corner.questions") {
				all = append(all, manners(q)...)
			}
			same := 0
			askAll(servers, all, func(q query, as []*answer, errs []error) {
				groups := map[string][]string{}
				var order []string
				for i, a := range as {
					text := a.String()
					if errs[i] != nil {
						text = errs[i].Error() + "\n"
					}
					if groups[text] == nil {
						order = append(order, text)
					}
					groups[text] = append(groups[text], servers[i].Name)
				}
				if len(order) == 1 {
					same++
				}
				fmt.Fprintf(out, "\n##%d %s\n", len(order), q)
				for _, text := range order {
					fmt.Fprintf(out, "[%s] %s", strings.Join(groups[text], " "), text)
				}
			})
			t.Logf("%d of %d alike", same, len(all))
		})
	}
}
