package serve

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/wire"
)

// The zones of TestReloadUnderLoad, and the configurations among which it changes.
const (
	zonesUnderLoad   = 10
	configsUnderLoad = 50
	loadWindow       = 16 // queries that a client has on their way
)

// loadConfig is a configuration, and what it makes of each zone: 0 if it has none, or
// the last octet of the address.
type loadConfig struct {
	text      string
	listening []netip.AddrPort // in addition to the address that all have
	zones     [zonesUnderLoad]byte
}

// loadHistory is which configurations were in use, in their order.
type loadHistory struct {
	mu      sync.Mutex
	configs []*loadConfig
	current int // the last that is known to be in use; those after it may be
}

func (h *loadHistory) begin(c *loadConfig) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.configs = append(h.configs, c)
}

// end says that the last has taken effect.
func (h *loadHistory) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.current = len(h.configs) - 1
}

func (h *loadHistory) now() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.current
}

// allows reports whether a reply about a zone is that of a configuration that has
// been in use since from was.
func (h *loadHistory) allows(from, zone int, answer byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.configs[from:], func(c *loadConfig) bool { return c.zones[zone] == answer })
}

// TestReloadUnderLoad: while queries come over UDP and TCP, the configuration changes
// at random among 50 that are valid and 50 that are broken. No query is lost, none is
// answered as neither the configuration before nor the one after says, no cookie
// turns bad though secrets change, addresses come and go, and memory stays.
func TestReloadUnderLoad(t *testing.T) {
	clients, changes := 2, 24
	if !testing.Short() {
		clients, changes = 4, 100
	}
	random := rand.New(rand.NewPCG(45, 46))
	dir := t.TempDir()
	for zone := range zonesUnderLoad {
		for version := range 3 {
			writeFile(t, filepath.Join(dir, fmt.Sprintf("z%d.v%d", zone, version+1)), strings.ReplaceAll(smallZone, "192.0.2.1", fmt.Sprintf("192.0.2.%d", version+1)))
		}
	}
	var ports []netip.AddrPort
	for range 4 {
		ports = append(ports, freeport.Loopback(t))
	}
	var valid []*loadConfig
	var broken []string
	for i := range configsUnderLoad {
		c := newLoadConfig(random, i, ports)
		valid = append(valid, c)
		broken = append(broken, c.text+[]string{
			"[cache]\nsize = \"much\"\n", "[[zone]]\nfile = \"missing\"\n", "[nonsense]\n", "[recursion]\nforward = [\"x\"]\n", "[journal]\ndir = \"j\"\n",
		}[i%5])
	}
	file := filepath.Join(dir, "names.toml")
	writeFile(t, file, valid[0].text)
	history := &loadHistory{configs: valid[:1:1]}
	server, log := startFromFile(t, file)

	var done atomic.Bool
	var asked atomic.Int64
	var running sync.WaitGroup
	const between = 20                        // windows that are answered between two changes
	windows := make(chan struct{}, 2*clients) // answered
	for i := range 2 * clients {
		network := []string{"udp", "tcp"}[i%2]
		conn, err := net.Dial(network, ports[0].String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(5 * time.Minute))
		c := &loadClient{conn: conn, random: rand.New(rand.NewPCG(uint64(i), 47)), history: history}
		running.Go(func() {
			for !done.Load() && !t.Failed() {
				if err := c.ask(); err != nil {
					t.Errorf("%s: %v", network, err)
				}
				asked.Add(loadWindow)
				select {
				case windows <- struct{}{}:
				default: // enough are waited for
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		running.Wait()
		close(ended)
	}()
	var heap uint64
	start := time.Now()
	for i := range changes {
		if i%2 == 0 {
			c := valid[random.IntN(len(valid))]
			writeFile(t, file, c.text)
			history.begin(c)
			if _, err := server.reload(); err != nil {
				t.Errorf("a valid configuration: %v\n%s", err, c.text)
			}
			history.end()
			checkLoadAddresses(t, server, c, ports)
		} else {
			writeFile(t, file, broken[random.IntN(len(broken))])
			if _, err := server.reload(); err == nil {
				t.Error("a broken configuration is taken")
			}
		}
		for range between {
			select {
			case <-windows:
			case <-ended: // they failed
			}
		}
		if i == changes/4 {
			heap = heapInUse()
		}
	}
	if grown := int64(heapInUse()) - int64(heap); grown > 16<<20 {
		t.Errorf("the heap has grown by %d octets", grown)
	}
	done.Store(true)
	running.Wait()
	t.Logf("%d queries, %.0f a second", asked.Load(), float64(asked.Load())/time.Since(start).Seconds())
	s := server.listener.Stats()
	if s.CookiesBad != 0 || s.CookiesGood == 0 || s.Failed != 0 || s.Shed != 0 || s.ConnectionsEvicted+s.ConnectionsOverdue != 0 {
		t.Errorf("%+v\n%s", s, log())
	}
}

func newLoadConfig(random *rand.Rand, i int, ports []netip.AddrPort) *loadConfig {
	c := new(loadConfig)
	addresses := []string{fmt.Sprintf("%q", ports[0])}
	for _, p := range ports[1:] {
		if random.IntN(2) == 0 {
			c.listening = append(c.listening, p)
			addresses = append(addresses, fmt.Sprintf("%q", p))
		}
	}
	c.text = fmt.Sprintf("[listen]\naddress = [%s]\nmax-udp-size = %d\n[identity]\nnsid = \"v%d\"\ncookie-secret = [\"%032x\"]\n[limits]\nconnections = %d\nidle-timeout = \"%ds\"\n",
		strings.Join(addresses, ", "), 1232+i, i, i+1, 100+i, 60+i)
	for zone := range zonesUnderLoad {
		if c.zones[zone] = byte(random.IntN(4)); c.zones[zone] != 0 {
			c.text += fmt.Sprintf("[[zone]]\nname = \"z%d.example\"\nfile = \"z%d.v%d\"\n", zone, zone, c.zones[zone])
		}
	}
	return c
}

// checkLoadAddresses checks that the server is at the addresses of c, and at no
// others. An address that goes may take connections for a moment longer.
func checkLoadAddresses(t *testing.T, server *Server, c *loadConfig, ports []netip.AddrPort) {
	t.Helper()
	if got := server.listener.Addresses(); !slices.Equal(got, append([]netip.AddrPort{ports[0]}, c.listening...)) {
		t.Errorf("addresses are %v, not %v", got, c.listening)
	}
	for _, address := range c.listening {
		for _, network := range []string{"udp", "tcp"} {
			if m := askServer(t, network, address, "ns.z0.example.", wire.TypeA, wire.ClassIN); len(m.Answers) != min(int(c.zones[0]), 1) {
				t.Errorf("%s %v: %v", network, address, m)
			}
		}
	}
}

// heapInUse is what is alive on the heap.
func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// loadClient sends queries in windows, with the cookie that it got last.
type loadClient struct {
	conn    net.Conn
	random  *rand.Rand
	history *loadHistory
	cookie  []byte
	next    uint16
	buf     [65535]byte
}

// ask sends a window of queries and reads the replies.
func (c *loadClient) ask() error {
	isStream := c.conn.LocalAddr().Network() == "tcp"
	from := c.history.now()
	zones := map[uint16]int{}
	var out []byte
	for range loadWindow {
		c.next++
		zone := c.random.IntN(zonesUnderLoad)
		zones[c.next] = zone
		cookie := c.cookie
		if cookie == nil {
			cookie = binary.BigEndian.AppendUint64(nil, c.random.Uint64())
		}
		e := wire.EDNS{UDPSize: 1232, Options: wire.Options{}.AppendOption(wire.OptionCookie, cookie)}
		query := wire.AppendQuery(nil, c.next, 0, wire.Question{Name: wire.MustParseName(fmt.Sprintf("ns.z%d.example.", zone)), Type: wire.TypeA, Class: wire.ClassIN}, &e)
		if isStream {
			out = frame.Append(out, query)
		} else if _, err := c.conn.Write(query); err != nil {
			return err
		}
	}
	if _, err := c.conn.Write(out); isStream && err != nil {
		return err
	}
	for len(zones) > 0 {
		message, err := c.read(isStream)
		if err != nil {
			return fmt.Errorf("%d of %d replies are missing: %w", len(zones), loadWindow, err)
		}
		m, err := wire.ParseMessage(message)
		if err != nil {
			return err
		}
		zone, ok := zones[m.ID]
		if !ok {
			return fmt.Errorf("a reply to query %d", m.ID)
		}
		delete(zones, m.ID)
		answer := byte(0)
		switch {
		case m.RCode == wire.RCodeNoError && len(m.Answers) == 1:
			fields := strings.Fields(answers(m))
			fmt.Sscanf(fields[len(fields)-1], "192.0.2.%d", &answer)
		case m.RCode != wire.RCodeRefused:
			return fmt.Errorf("%v", m)
		}
		if !c.history.allows(from, zone, answer) {
			return fmt.Errorf("zone %d: %d is what no configuration says that was in use: %v", zone, answer, m)
		}
		if m.EDNS != nil {
			if cookie, ok := m.EDNS.Options.Find(wire.OptionCookie); ok {
				c.cookie = slices.Clone(cookie)
			}
		}
	}
	return nil
}

func (c *loadClient) read(isStream bool) ([]byte, error) {
	if isStream {
		return frame.Read(c.conn, c.buf[:])
	}
	n, err := c.conn.Read(c.buf[:])
	if n == 0 && err == nil {
		err = io.ErrUnexpectedEOF
	}
	return c.buf[:n], err
}
