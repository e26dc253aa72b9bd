package listener

import (
	"errors"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// verifySignature returns the gate for signed queries. It sets Peer.Key to the
// name of a key that was proved, and has every message of the reply signed. What
// is not proved is rejected (RFC 8945 5.2), whichever resolver would answer it, and however
// it came.
func verifySignature(keys *wire.TSIGKeys) func(x *names.Exchange) Verdict {
	return func(x *names.Exchange) Verdict {
		if x.Query.Err != nil {
			return Continue // it is rejected anyway, and where its signature begins is not known
		}
		session, err := keys.Verify(x.Query.Message, x.Query.TSIG, time.Now())
		if session != nil && !x.SetSigner(signer{session}) {
			return Drop // there is not even room to say so in a way that the client believes
		}
		var refused *wire.TSIGError
		switch {
		case err == nil:
			x.Peer.Key = session.Key()
		case errors.As(err, &refused):
			x.RCode = refused.RCode
		default:
			x.RCode = wire.RCodeFormErr
		}
		return Continue
	}
}

// signer signs the messages of a reply.
type signer struct{ *wire.TSIGSession }

func (s signer) Sign(message []byte) []byte { return s.TSIGSession.Sign(message, time.Now()) }
