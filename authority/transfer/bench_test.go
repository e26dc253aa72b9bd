package transfer

import (
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// dropping is where messages of a reply go.
type dropping struct{ octets int }

func (d *dropping) SendMessage(x *names.Exchange) error {
	d.octets += len(x.Finish())
	return nil
}

// BenchmarkSend makes the messages of a zone of 100,000 records.
func BenchmarkSend(b *testing.B) {
	r := reply{after: authority.NewZone(snapshotOf(b, zoneText(7, 100_000))).Snapshot()}
	query := transferQuery(wire.TypeAXFR, "example.", 0)
	b.ReportAllocs()
	for b.Loop() {
		var x names.Exchange
		x.Read(query, names.Peer{Transport: names.TCP})
		x.Begin(make([]byte, 0, 66_000), 65535)
		var d dropping
		x.SetSender(&d)
		if _, err := r.send(&x, time.Now().Add(time.Hour)); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(d.octets))
	}
}
