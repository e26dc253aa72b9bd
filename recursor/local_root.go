package recursor

import (
	"net/netip"

	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// askLocalRoot asks the copy of the root zone that is here (RFC 8806). It returns nil
// if the question is for other servers, or if there is no copy that is good, or
// if what it has said before was bogus: then the root's servers are asked.
func (t *resolution) askLocalRoot(q wire.Question) *response {
	if !t.cut.zone.IsRoot() || t.cut.source >= fromStub || len(t.distrusted) > 0 {
		return nil
	}
	own, ok := t.r.localRoot.ask(q)
	if !ok {
		return nil
	}
	defer t.r.localRoot.pool.Put(own)
	reply := upstream.Reply{RCode: own.x.RCode, HasQuestion: true, Message: own.message()}
	response, err := classify(&reply, q, wire.Root)
	if err != nil || response.isWeak {
		return nil
	}
	if response.scrubber.stopAtOwn(&t.r.own) {
		response.kind = responseCNAME
	}
	t.record(StepReply, q, netip.AddrPort{}, response.kind.String()+", from the copy of the root zone", reply.Message, 0)
	return response
}
