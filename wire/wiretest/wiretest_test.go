package wiretest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

const reply = `;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 9
;; flags: qr aa; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 0

;; QUESTION SECTION:
;a.example.	IN	A

;; ANSWER SECTION:
a.example.	60	IN	A	192.0.2.1
`

func TestMessageAndText(t *testing.T) {
	packet := Message(t, reply)
	if len(packet) != 12+15+16 {
		t.Errorf("%d octets", len(packet))
	}
	if got := Text(packet); got != reply {
		t.Errorf("got\n%s\nwant\n%s", got, reply)
	}
	if got := Text(packet[:20]); !strings.HasPrefix(got, "malformed packet: question section") {
		t.Errorf("cut packet: %s", got)
	}
}

func TestQuery(t *testing.T) {
	var q wire.Query
	if err := q.Parse(Query(t, "example.com", wire.TypeMX)); err != nil || q.Question.String() != "example.com.\tIN\tMX" || !q.HasEDNS {
		t.Errorf("%+v, %v", q, err)
	}
}

func TestNoAllocs(t *testing.T) {
	NoAllocs(t, "nothing", func() {})
}

func TestPrefixes(t *testing.T) {
	var lengths []int
	for p := range Prefixes([]byte("abc")) {
		if len(p) != cap(p) {
			t.Errorf("prefix %q has room", p)
		}
		lengths = append(lengths, len(p))
	}
	if len(lengths) != 3 || lengths[0] != 0 || lengths[2] != 2 {
		t.Errorf("lengths %v", lengths)
	}
}

// Readers survive what Mangle makes, and it makes the same again.
func TestMangle(t *testing.T) {
	packet := Message(t, reply)
	changed, read := 0, 0
	var first [][]byte
	for b := range Mangle(packet, 1, 5000) {
		first = append(first, b)
		if !bytes.Equal(b, packet) {
			changed++
		}
		if m, err := wire.ParseMessage(b); err == nil {
			read++
			_ = m.String()
		}
	}
	i := 0
	for b := range Mangle(packet, 1, 5000) {
		if !bytes.Equal(b, first[i]) {
			t.Fatal("the same seed gives other packets")
		}
		i++
	}
	if changed < 4900 || read < 100 {
		t.Errorf("%d of 5000 changed, %d could be read", changed, read)
	}
}
