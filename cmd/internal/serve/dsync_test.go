package serve

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// notified is a server that is notified, and what it has received.
type notified struct {
	at    netip.AddrPort
	mu    sync.Mutex
	rcode wire.RCode
	got   []wire.Message
}

func newNotified(t *testing.T) *notified {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &notified{at: netip.MustParseAddrPort(conn.LocalAddr().String())}
	var done sync.WaitGroup
	done.Go(func() {
		var buf [4096]byte
		for {
			size, from, err := conn.ReadFrom(buf[:])
			if err != nil {
				return
			}
			m, err := wire.ParseMessage(buf[:size])
			if err != nil {
				t.Error(err)
				continue
			}
			n.mu.Lock()
			n.got = append(n.got, *m)
			m.Flags, m.EDNS = m.Flags|wire.FlagQR, nil
			m.RCode = n.rcode
			n.mu.Unlock()
			reply, err := m.AppendTo(nil)
			if err != nil {
				t.Error(err)
				continue
			}
			conn.WriteTo(reply, from)
		}
	})
	t.Cleanup(func() { conn.Close(); done.Wait() })
	return n
}

// take returns what has come since the last call.
func (n *notified) take() []wire.Message {
	n.mu.Lock()
	defer n.mu.Unlock()
	got := n.got
	n.got = nil
	return got
}

func (n *notified) refuse(rcode wire.RCode) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rcode = rcode
}

// patient is one try: on a busy machine, a second one would be a second notice.
var patient = []time.Duration{parentTimeout}

// TestNotifyParent: DSYNC records for the zone, by a wildcard or for all zones; those for
// other types and schemes; a target that refuses.
func TestNotifyParent(t *testing.T) {
	for name, test := range map[string]struct {
		records string // with the port of the server that is notified
		want    int    // notices
		rcode   wire.RCode
		err     error
		agent   wire.Name // that errors are reported to
		option  bool      // says so
	}{
		"with an agent":             {records: "_dsync DSYNC CDS NOTIFY %d notify\n", want: 1, agent: wire.MustParseName("agent.example.net."), option: true},
		"with an agent in the zone": {records: "_dsync DSYNC CDS NOTIFY %d notify\n", want: 1, agent: wire.MustParseName("agent.example.org.")},
		"for the zone":              {records: "example._dsync DSYNC CDS NOTIFY %d notify\n", want: 1},
		"for another zone":          {records: "other._dsync DSYNC CDS NOTIFY %d notify\n", err: errNoTarget},
		"by a wildcard":             {records: "*._dsync DSYNC CDS NOTIFY %d notify\n", want: 1},
		"for all zones":             {records: "_dsync DSYNC CDS NOTIFY %d notify\n", want: 1},
		"for all zones, with data":  {records: "example._dsync TXT x\n_dsync DSYNC CDS NOTIFY %d notify\n", want: 1},
		"for two types":             {records: "*._dsync DSYNC CSYNC NOTIFY 1 notify\n*._dsync DSYNC CDS NOTIFY %d notify\n", want: 1},
		"for another type":          {records: "*._dsync DSYNC CSYNC NOTIFY %d notify\n_dsync DSYNC CDS NOTIFY %[1]d notify\n", err: errNoTarget},
		"by another scheme":         {records: "*._dsync DSYNC CDS 128 %d notify\n", err: errNoTarget},
		"nowhere":                   {records: "; %d\n", err: errNoTarget},
		"at a target that refuses":  {records: "*._dsync DSYNC CDS NOTIFY %d notify\n", want: 1, rcode: wire.RCodeRefused, err: errors.New("")},
	} {
		t.Run(name, func(t *testing.T) {
			to := newNotified(t)
			to.refuse(test.rcode)
			parent, _ := parentAt(t, "notify A 127.0.0.1", fmt.Sprintf(test.records, to.at.Port()))
			client, err := names.NewClient(names.ClientConfig{Resolver: parent.set, NoHosts: true})
			if err != nil {
				t.Fatal(err)
			}
			p := newParents(client)
			p.querier.Timeouts = patient
			told, err := p.notify(t.Context(), wire.MustParseName("example.org."), test.agent)
			if (err == nil) != (test.err == nil) || test.err == errNoTarget && !errors.Is(err, errNoTarget) || (len(told) == 1) != (err == nil) {
				t.Errorf("%v told, %v", told, err)
			}
			got := to.take()
			if len(got) != test.want {
				t.Fatalf("%d notices", len(got))
			}
			for _, m := range got {
				if m.Flags.Opcode() != wire.OpcodeNotify || len(m.Questions) != 1 || m.Questions[0].Type != wire.TypeCDS || m.Questions[0].Name.String() != "example.org." {
					t.Errorf("%+v", m)
				}
				var channel wire.ReportChannel
				data, ok := m.EDNS.Options.Find(wire.OptionReportChannel)
				if ok != test.option || ok && (channel.Parse(data) != nil || !channel.Agent.Equal(test.agent)) {
					t.Errorf("report channel %x, %v", data, ok)
				}
			}
		})
	}
}

func TestDsyncNames(t *testing.T) {
	for _, test := range []struct {
		zone, parent string
		want         []string
	}{
		{"example.org.", "org.", []string{"example._dsync.org.", "_dsync.org."}},
		{"a.b.example.org.", "example.org.", []string{"a._dsync.b.example.org.", "a.b._dsync.example.org.", "_dsync.example.org."}},
		{"org.", ".", []string{"org._dsync.", "_dsync."}},
	} {
		var got []string
		for _, name := range dsyncNames(wire.MustParseName(test.zone), wire.MustParseName(test.parent)) {
			got = append(got, name.String())
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s in %s: %q", test.zone, test.parent, got)
		}
	}
	label := "x123456789012345678901234567890123456789012345678901234567890ab"
	long := wire.MustParseName(label + "." + label + "." + label + "." + label[:60] + ".")
	if got := dsyncNames(long, long.Parent()); len(got) != 1 {
		t.Errorf("a name without room for the label: %v", got)
	}
}

// TestNoticesOfKeys: the parent is notified when all secondaries can have the new CDS
// records, again if it does not reply or does not follow, and not after it has.
func TestNoticesOfKeys(t *testing.T) {
	to := newNotified(t)
	parent, _ := parentAt(t, "notify A 127.0.0.1", fmt.Sprintf("*._dsync DSYNC CDS NOTIFY %d notify", to.at.Port()))
	// The zone is of a server that does not sign: only this test lets time pass.
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "example.org"), smallZone)
	s, _, _ := startWhole(t, "--bindzone", filepath.Join(dir, "example.org"))
	zone := s.set.Zones()[0]
	var log strings.Builder
	signing := newSigning(slog.New(slog.NewTextHandler(&log, nil)), new(wire.TSIGKeys))
	signing.findBy(parent.set)
	signing.parents.Load().querier.Timeouts = patient
	now := time.Now()
	signing.now = func() time.Time { return now }
	how := &settings.Signing{KeyDir: filepath.Join(dir, "keys"), Policies: []settings.Policy{{Name: "default", Policy: sign.Policy{CDS: true}}}}
	pipeline, err := signing.pipeline(how, &settings.Zone{Sign: "default"}, zone, nil)
	if err != nil {
		t.Fatal(err)
	}
	zone.SetPipeline(pipeline)
	if err := signing.sign(); err != nil {
		t.Fatal(err)
	}
	pass := func(d time.Duration, want int) {
		t.Helper()
		now = now.Add(d)
		signing.refresh()
		signing.notifyParents(t.Context())
		if got := to.take(); len(got) != want {
			t.Fatalf("%d notices, not %d; log:\n%s", len(got), want, log.String())
		}
	}
	pass(20*time.Hour, 0)
	pass(6*time.Hour, 0) // the CDS record is published
	pass(50*time.Minute, 0)
	to.refuse(wire.RCodeServFail)
	pass(10*time.Minute, 1)
	pass(50*time.Minute, 0)
	to.refuse(wire.RCodeNoError)
	pass(10*time.Minute, 1)
	pass(20*time.Hour, 0)
	pass(4*time.Hour, 1)
	if err := signing.change(zone, signing.zones[zone], func(set *sign.KeySet) error { set.ConfirmDS(now); return nil }); err != nil {
		t.Fatal(err)
	}
	pass(48*time.Hour, 0)
	counted := signing.metrics()
	if got := counted[len(counted)-2]; got.Name != "names_signing_parent_notices_total" || got.Samples[0].Value != 2 || got.Samples[1].Value != 1 {
		t.Errorf("%+v", got)
	}
}
