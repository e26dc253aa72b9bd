package sign

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/names-dns/names/wire"
)

// FuzzOfflineRequest reads requests and responses: an error, or one that is written as it
// was read; neither the machine that signs nor the one that accepts crashes.
func FuzzOfflineRequest(f *testing.F) {
	zone := wire.MustParseName("example.")
	k, err := GenerateKey(wire.AlgorithmED25519, RoleKeys.flags(), 0, start)
	if err != nil {
		f.Fatal(err)
	}
	request := &Request{Zone: zone, Sets: []RequestSet{{OfflineSet: OfflineSet{wire.TypeDNSKEY, 3600, [][]byte{k.Data()}}, Wanted: []Wanted{{k.Tag, start, start.Add(24 * time.Hour)}}}}}
	response, err := request.Sign([]*Key{k})
	if err != nil {
		f.Fatal(err)
	}
	for _, r := range []*Request{request, response} {
		text := r.AppendText(nil)
		f.Add(text[:len(text)-len("end \n")-2*sha256.Size])
	}
	f.Add([]byte("names-keys-request 1\nzone .\nset\n. 1 CDS 0 0 0 00\n$INCLUDE /etc/passwd\n"))
	private := &offlineKey{public: k.private.Public()}
	made, err := algorithms.NewSigningKey(wire.AlgorithmED25519, RoleKeys.flags(), private)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _ = ParseRequest(body, "as it is")
		sum := sha256.Sum256(body)
		r, err := ParseRequest(append(body, "end "+hex.EncodeToString(sum[:])+"\n"...), "with a digest")
		if err != nil {
			return
		}
		text := r.AppendText(nil)
		again, err := ParseRequest(text, "again")
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if back := again.AppendText(nil); string(back) != string(text) {
			t.Errorf("read again:\n%s\nbefore:\n%s", back, text)
		}
		_, _ = r.Sign([]*Key{k})
		s := &KeySet{Zone: r.Zone, Keys: []*Key{{SigningKey: made, private: private}}}
		if _, err := s.Accept(r, start); err != nil && len(private.signatures) > 0 {
			t.Error("a part of a response was taken")
		}
		private.signatures = nil
	})
}
