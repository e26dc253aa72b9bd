package wiretest

import (
	"testing"

	"github.com/names-dns/names/wire"
)

// Message returns the packet that text, as dig shows messages, stands for.
func Message(t testing.TB, text string) []byte {
	t.Helper()
	m, err := wire.ParseMessageText(text)
	if err != nil {
		t.Fatalf("message text: %v", err)
	}
	packet, err := m.AppendTo(nil)
	if err != nil {
		t.Fatalf("message text: %v", err)
	}
	return packet
}

// Text returns what a packet says as dig shows it, or why it cannot be read.
func Text(packet []byte) string {
	m, err := wire.ParseMessage(packet)
	if err != nil {
		return "malformed packet: " + err.Error() + "\n"
	}
	return m.String()
}

// Query returns a packet that asks for a name and type, class IN, recursion
// desired, with an OPT record of 1232 octets.
func Query(t testing.TB, name string, qtype wire.Type) []byte {
	t.Helper()
	n, err := wire.ParseName(name)
	if err != nil {
		t.Fatal(err)
	}
	question := wire.Question{Name: n, Type: qtype, Class: wire.ClassIN}
	return wire.AppendQuery(nil, 1, wire.FlagRD, question, &wire.EDNS{UDPSize: 1232})
}
