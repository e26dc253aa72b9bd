package zonefile

import (
	"strings"
	"testing"
)

// TestReadsWhatItWrites reads each record that AppendRecord wrote.
func TestReadsWhatItWrites(t *testing.T) {
	records, _ := readAll(t, []byte(sample), sampleOptions)
	again, problems := readAll(t, []byte(strings.Join(records, "")), Options{})
	if problems.Errors != 0 || strings.Join(again, "") != strings.Join(records, "") {
		t.Errorf("%v\ngot\n%s\nwant\n%s", problems, strings.Join(again, ""), strings.Join(records, ""))
	}
}
