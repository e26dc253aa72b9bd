package serve

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// An authoritative server that has DNS over TLS is found, asked by it, and shown.
func TestOpportunisticEncryption(t *testing.T) {
	up, _, _ := startWith(t, parse(t, "-i", "127.0.0.1:0", "--bindzone", writeZone(t), "--tls", "127.0.0.1:0", "--tls-self-signed", filepath.Join(t.TempDir(), "self.pem")))
	var clear listener.Endpoint
	for _, e := range up.listener.Endpoints() {
		if e.Transport == names.TLS {
			encryptedPort = e.Address.Port()
		} else {
			clear = e
		}
	}
	defer func() { encryptedPort = 853 }()
	zone := up.current.Load().set.Zones()[0].Origin().String()
	server, _, _ := startWith(t, parse(t, "-i", "127.0.0.1:0", "--from-root", "--no-validation", "--stub", zone+"="+clear.Address.String(), "--opportunistic-encryption"))
	asked := 0
	eventually.Succeed(t, func() error {
		asked++
		m := askServer(t, "tcp", server.listener.Addresses()[0], fmt.Sprintf("host%d.%s", asked, zone), wire.TypeA, wire.ClassIN)
		if m.RCode != wire.RCodeNXDomain {
			t.Fatalf("%v", m)
		}
		if s := server.current.Load().parts.asking().Encryption; s.Queries == 0 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	if up.listener.Stats().TLSQueries == 0 {
		t.Error("the server was not asked over TLS")
	}
	list, err := server.doServers(t.Context(), nil)
	if text := fmt.Sprintf("%+v", list); err != nil || !strings.Contains(text, "Encryption:works over tls") {
		t.Errorf("%s, %v", text, err)
	}
}
