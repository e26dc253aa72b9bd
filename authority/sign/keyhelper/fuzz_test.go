package keyhelper

import (
	"encoding/json"
	"testing"

	"github.com/names-dns/names/authority/sign"
)

// FuzzMessages reads what the other side sends: whatever it is, no side crashes, and a
// request that is taken has a label and a digest of the right length.
func FuzzMessages(f *testing.F) {
	f.Add([]byte(`{"do":"sign","label":"example.com-1","hash":"SHA-256","digest":"AAAA"}`))
	f.Add([]byte(`{"do":"generate","label":"one","algorithm":13,"bits":2048}`))
	f.Add([]byte(`{"public":"AAAA","signature":"AA==","error":"no"}`))
	f.Add([]byte(`{"protocol":"names-keys","version":1}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var g greeting
		if json.Unmarshal(line, &g) == nil {
			_ = g.check()
		}
		if _, refused, err := parseReply(line); err == nil && refused != nil && len(refused.Error()) > 10*maxErrorText {
			t.Errorf("an error of %d octets", len(refused.Error()))
		}
		r, hash, err := parseRequest(line)
		if err != nil {
			return
		}
		if sign.CheckLabel(r.Label) != nil || r.Do == doSign && (len(r.Digest) == 0 || hash != 0 && len(r.Digest) != hash.Size()) {
			t.Errorf("%+v was taken", r)
		}
		again, err := appendLine(nil, r)
		if err != nil {
			return
		}
		if back, _, err := parseRequest(again); err != nil || back.Label != r.Label || string(back.Digest) != string(r.Digest) {
			t.Errorf("%+v, written and read again: %+v, %v", r, back, err)
		}
	})
}
