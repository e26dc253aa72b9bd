package serve

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// TestValidationVerbs: names ctl shows which keys are trusted, and has a zone not
// validated for a time: at once, whatever is cached, and after a reload too.
func TestValidationVerbs(t *testing.T) {
	zone, key := signedZone(t)
	upstream := startUpstream(t, zone)
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "names.toml"), filepath.Join(dir, "control.sock")
	writeFile(t, filepath.Join(dir, "key"), key)
	writeFile(t, file, "[listen]\naddress = [\"127.0.0.1:0\"]\n[control]\nsocket = \"control.sock\"\n"+
		fmt.Sprintf("[recursion]\nforward = [\"%v\"]\n[cache]\nenabled = true\n[validation]\ntrust-anchor = [\"key\"]\ninsecure = [\"corp.example\"]\n", upstream))
	server, _ := startFromFile(t, file)
	ask := func() (wire.RCode, int) {
		m := askSecure(t, server.listener.Addresses()[0], "bad.up.example.", wire.FlagRD)
		return m.RCode, errorCode(m)
	}
	for _, test := range []struct {
		args string
		code int
		says string // in what is printed
		bad  wire.RCode
		why  int // the extended error
	}{
		{"anchors", 0, "up.example. ", wire.RCodeServFail, 6},
		{"anchors", 0, ". 38696 RSASHA256 2 683D2D", wire.RCodeServFail, 6},
		{"insecure list", 0, "corp.example. never\n", wire.RCodeServFail, 6},
		{"insecure add up.example 8d", 2, "is not an end", wire.RCodeServFail, 6},
		{"insecure add up.example 200h", 2, "more than a week away", wire.RCodeServFail, 6},
		{"insecure add up.example 2020-01-01", 2, "is over already", wire.RCodeServFail, 6},
		{"insecure add up..example", 2, "up..example", wire.RCodeServFail, 6},
		{"insecure add corp.example", 1, "the configuration says already", wire.RCodeServFail, 6},
		{"insecure remove corp.example", 1, "change it there", wire.RCodeServFail, 6},
		{"insecure remove up.example", 1, "is not in the list", wire.RCodeServFail, 6},
		{"insecure add up.example", 0, "zone up.example.\n", wire.RCodeNoError, 33},
		{"insecure add up.example 2h", 0, "zone up.example.\n", wire.RCodeNoError, 33},
		{"insecure list", 0, "up.example. 20", wire.RCodeNoError, 33},
		{"reload", 0, "", wire.RCodeNoError, 33},
		{"insecure remove up.example", 0, "", wire.RCodeServFail, 6},
		{"insecure remove up.example", 1, "is not in the list", wire.RCodeServFail, 6},
	} {
		code, stdout, stderr := ctl(socket, strings.Fields(test.args)...)
		if printed := spaces.ReplaceAllString(stdout+stderr, " "); code != test.code || !strings.Contains(printed, test.says) {
			t.Errorf("%s: code %d, want %d and %q\n%s", test.args, code, test.code, test.says, printed)
		}
		if rcode, why := ask(); rcode != test.bad || why != test.why {
			t.Errorf("after %s: %v, extended error %d", test.args, rcode, why)
		}
	}
}
