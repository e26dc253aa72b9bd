//go:build interop

package interop

import (
	"testing"
)

// cornerZones are the zones of testdata/corner.
func cornerZones(t *testing.T) []zoneFile {
	return []zoneFile{
		{Origin: "corner.test.", File: absolute(t, "testdata/corner/corner.test.zone")},
		{Origin: "other.test.", File: absolute(t, "testdata/corner/other.test.zone")},
		{Origin: "child.corner.test.", File: absolute(t, "testdata/corner/child.corner.test.zone")},
		{Origin: "odd.test.", File: absolute(t, "testdata/corner/odd.test.zone"), Unsigned: true},
	}
}

// TestCornerCases asks everybody about zones made of corner cases: the
// questions written next to them, and then every owner with every type.
func TestCornerCases(t *testing.T) {
	for _, s := range signings {
		t.Run(s.Name, func(t *testing.T) {
			zones := s.sign(t, cornerZones(t))
			servers := startAll(t, zones, append([]program{ours{}}, peers...)...)
			known, err := learn(servers[1], zones)
			if err != nil {
				t.Fatal(err)
			}
			var queries []query
			for _, q := range readQuestions(t, "testdata/corner/corner.questions") {
				queries = append(queries, manners(q)...)
				queries = append(queries, rareManners(q)...)
			}
			queries = append(queries, everyOwner(known)...)
			judgeAll(t, servers, known, queries)
		})
	}
}
