package listenertest

import (
	"context"
	"net/netip"

	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
)

// Client is the client of [Ask].
var Client = netip.MustParseAddrPort("192.0.2.1:5353")

// Server is the server of [Ask].
var Server = netip.MustParseAddrPort("192.0.2.53:53")

// Ask returns what a server with the default configuration replies to query,
// nil if it says nothing. The reply is the caller's.
func Ask(r names.Resolver, query []byte, t names.Transport) []byte {
	return AskConfig(listener.Config{Resolver: r}, query, t)
}

// AskConfig is [Ask] for a configuration of one's own. It panics if that is
// invalid.
func AskConfig(c listener.Config, query []byte, t names.Transport) []byte {
	e, err := listener.NewEdge(c)
	if err != nil {
		panic("listenertest: " + err.Error())
	}
	var x names.Exchange
	return e.Answer(context.Background(), &x, query, names.Peer{Transport: t, Remote: Client, Local: Server}, nil)
}
