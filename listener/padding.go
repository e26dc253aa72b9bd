package listener

import (
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// paddedReply is what the length of a padded reply is a multiple of, in octets
// (RFC 8467 4.1): the lengths that are left tell little about what was asked.
const paddedReply = 468

// noOctets is what replies are padded with.
var noOctets [paddedReply]byte

// pad pads the reply that x holds, whose records and options are all there, if
// the query was padded (RFC 7830 3). If the limit is near, it is filled.
func pad(x *names.Exchange) {
	if _, isPadded := x.Query.EDNS.Options.Find(wire.OptionPadding); !isPadded {
		return
	}
	const header = 4 // code and length of the option
	n := x.Len() + header
	padded := min((n+paddedReply-1)/paddedReply*paddedReply, x.Reply.Limit())
	if padded >= n {
		x.AddOption(wire.OptionPadding, noOctets[:padded-n])
	}
}
