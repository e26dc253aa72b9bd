package authority

import (
	"strings"
	"testing"
)

// nsec3Zone has one NSEC3 record, that of the apex, and a signature that
// makes it a signed zone.
const nsec3Zone = checkedApex + "@ 60 RRSIG SOA 13 1 60 20300101000000 20200101000000 1 @ AAAA\n"

// TestNSEC3Parameters: proofs use the NSEC3 records with the right parameters, and
// the others stay in the zone.
func TestNSEC3Parameters(t *testing.T) {
	const own = "3msev9usmd4br9s97v51r2tdvmr9iqo1" // of "example.", unsalted
	const record = " 60 NSEC3 1 0 0 - 4msev9usmd4br9s97v51r2tdvmr9iqo1 SOA\n"
	for _, test := range []struct {
		name, records string
		signed        string // what Snapshot.Signed says
	}{
		{"one chain", "@ 60 NSEC3PARAM 1 0 0 -\n" + own + record, "NSEC3"},
		{"no parameters", own + record, ""},
		{"salt longer than the record", "@ 60 NSEC3PARAM 1 0 0 " + strings.Repeat("ab", 255) + "\n" + own + record, ""},
		{"other iterations", "@ 60 NSEC3PARAM 1 0 1 -\n" + own + record, ""},
		{"flags of a later version", "@ 60 NSEC3PARAM 1 1 0 -\n" + own + record, ""},
		{"algorithm of a later version", "@ 60 NSEC3PARAM 2 0 0 -\n" + own + strings.Replace(record, "NSEC3 1", "NSEC3 2", 1), ""},
		{"the second parameters", "@ 60 NSEC3PARAM 1 0 0 ab\n@ 60 NSEC3PARAM 1 0 0 -\n" + own + record, "NSEC3"},
		{"two chains", "@ 60 NSEC3PARAM 1 0 0 -\n" + own + record + strings.Replace(own, "3m", "1m", 1) + strings.Replace(record, " - ", " ab ", 1), "NSEC3"},
		{"not right below the apex", "@ 60 NSEC3PARAM 1 0 0 -\n" + own + ".below" + record, ""},
		{"no hash", "@ 60 NSEC3PARAM 1 0 0 -\nfew" + record + strings.Replace(own, "v", "w", 1) + record, ""},
		{"signature alone", "@ 60 NSEC3PARAM 1 0 0 -\n" + own + " 60 RRSIG NSEC3 13 2 60 20300101000000 20200101000000 1 @ AAAA\n", ""},
		{"NSEC until the chain is there", "@ 60 NSEC3PARAM 1 0 0 -\n@ 60 NSEC ns SOA\n", "NSEC"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := mustZone(t, "example.", nsec3Zone+test.records)
			if got := s.Signed(); got != test.signed {
				t.Errorf("signed with %q, want %q", got, test.signed)
			}
			listed := 0
			for range s.All() {
				listed++
			}
			want := strings.Count(nsec3Zone+test.records, "\n") // a record a line
			if listed != want || s.Records() != want {
				t.Errorf("%d records listed, %d counted, want %d", listed, s.Records(), want)
			}
			set := new(Set)
			if err := set.SetZones([]*Zone{NewZone(s)}); err != nil {
				t.Fatal(err)
			}
			for _, q := range [][]string{{"nothing.example.", "A", "do"}, {"example.", "TXT", "do"}, {"example.", "DS", "do"}} {
				reply := ask(t, set, q...)
				if got := strings.Contains(reply, "NSEC3 1 0 0 -"); got != (test.signed == "NSEC3") {
					t.Errorf("%v: proved with NSEC3: %v\n%s", q, got, reply)
				}
			}
		})
	}
}
