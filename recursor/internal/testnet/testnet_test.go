package testnet

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

var update = flag.Bool("update", false, "write what the stories give into their files")

// TestStories plays the files in testdata with a client that asks one server
// and passes on what that says.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Parse(name, string(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range f.Stories {
			t.Run(s.Name, func(t *testing.T) { s.Play(t, startClient) })
		}
		if *update {
			if err := os.WriteFile(name, []byte(f.Updated()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// startClient makes a client of the server that the setting "asks" names.
func startClient(w *World, settings []Setting) (names.Resolver, func(), error) {
	if len(settings) != 1 {
		return nil, nil, fmt.Errorf("%d servers are named, not one", len(settings))
	}
	setting := settings[0]
	if len(setting.Words) < 2 || setting.Words[0] != "asks" {
		return nil, nil, setting.Wrong(errors.New("the setting of these stories is: asks ADDRESS [mixed]"))
	}
	addr, err := netip.ParseAddr(setting.Words[1])
	if err != nil {
		return nil, nil, setting.Wrong(err)
	}
	c := upstream.NewClient(upstream.Config{Network: w, PlainCase: len(setting.Words) == 2})
	server := c.Server(netip.AddrPortFrom(addr, 53))
	resolve := func(ctx context.Context, x *names.Exchange) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		reply, err := server.Ask(ctx, &upstream.Query{
			Question: x.Question(), DO: x.DO(), Budget: upstream.NewBudget(100, 1<<20),
		})
		if err != nil {
			return err
		}
		return pass(reply.Message, x)
	}
	return names.ResolverFunc(resolve), func() { server.Close(); c.Wait() }, nil
}

// pass writes a reply as it came.
func pass(packet []byte, x *names.Exchange) error {
	m, err := wire.ParseMessage(packet)
	if err != nil {
		return err
	}
	x.RCode = m.RCode
	x.Reply.Flags |= m.Flags & wire.FlagAA
	for s := wire.SectionAnswer; s <= wire.SectionAdditional; s++ {
		x.Reply.SetSection(s)
		for _, r := range m.Section(s) {
			if err := x.Reply.Raw(r.Name, r.Type, r.Class, r.TTL, r.Data); err != nil {
				x.Truncate()
				return nil
			}
		}
	}
	return nil
}

// wrong is a story that does not happen as it is written.
const wrong = `zone example. on 192.0.2.53
  www A 192.0.2.80

story s
recursor asks 192.0.2.53

# The remark stays.
ask www.example. A
  NXDOMAIN
  sent: 2
  sent to 192.0.2.54: at most 3
  took: at most 5ms
  took: ?
  seen: nothing

advance 1s
  seen: 192.0.2.53 www.example. A -> answer

ask www.example. MX
`

const right = `zone example. on 192.0.2.53
  www A 192.0.2.80

story s
recursor asks 192.0.2.53

# The remark stays.
ask www.example. A
  NOERROR aa
  answer: www.example. 3600 A 192.0.2.80
  sent: 1
  sent to 192.0.2.54: at most 3
  took: at most 5ms
  took: 10ms
  seen: 192.0.2.53 www.example. A -> answer

advance 1s
  seen: nothing

ask www.example. MX
  NOERROR aa
`

func TestWhatIsNotAsTold(t *testing.T) {
	f, err := Parse("wrong.txt", wrong)
	if err != nil {
		t.Fatal(err)
	}
	const report = `wrong.txt:4: story "s"
wrong.txt:8: ask www.example. A
wanted the reply
  NXDOMAIN
got
  NOERROR aa
  answer: www.example. 3600 A 192.0.2.80
wanted sent: 2, got 1
wanted took: at most 5ms, got 10ms
wanted took: ? (run with -update), got 10ms
wanted the queries
  (nothing)
got
  192.0.2.53 www.example. A -> answer
wrong.txt:16: advance 1s
wanted the queries
  192.0.2.53 www.example. A -> answer
got
  (nothing)
wrong.txt:19: ask www.example. MX
wanted the reply
  (nothing)
got
  NOERROR aa

what was sent:
         0s  192.0.2.53 www.example. A -> answer  (EDNS cookie)
      1.01s  192.0.2.53 www.example. MX -> no data  (EDNS cookie)
`
	if got := f.Stories[0].play(t, startClient); got != report {
		t.Errorf("got\n%s\nwant\n%s", got, report)
	}
	if got := f.Updated(); got != right {
		t.Errorf("updated to\n%s\nwant\n%s", got, right)
	}
}

func TestSettingsThatAreNotUnderstood(t *testing.T) {
	f, err := Parse("f", "story s\nrecursor dreams\nask . NS\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Stories[0].play(t, startClient); got != "f:2:1: the setting of these stories is: asks ADDRESS [mixed]" {
		t.Error(got)
	}
}

func TestHints(t *testing.T) {
	f, err := Parse("f", `zone . on 198.41.0.4
  @ NS a.root.
  @ NS b.root.
  a.root. A 198.41.0.4
  a.root. AAAA 2001:db8::4
zone . on 199.9.14.201
  @ NS a.root.
story of the zone
story as told
root c.root. 192.0.2.3 2001:db8::3
`)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"[{a.root. [198.41.0.4 2001:db8::4]} {b.root. []}]", "[{c.root. [192.0.2.3 2001:db8::3]}]"} {
		p := &player{world: NewWorld(1)}
		for _, c := range f.Stories[i].commands {
			c.run(p)
		}
		if got := fmt.Sprint(p.world.Hints()); got != want {
			t.Errorf("%s: %s, not %s", f.Stories[i].Name, got, want)
		}
	}
}

// TestChance: fate is even, the same for the same seed, and another for
// another.
func TestChance(t *testing.T) {
	q := &query{Message: &wire.Message{Questions: []wire.Question{{Name: wire.MustParseName("www.example."), Type: wire.TypeA}}}}
	draws := func(seed uint64) (below int, first float64) {
		w := NewWorld(seed)
		first = w.chance(netip.Addr{}, q, "loss")
		for range 9999 {
			if w.chance(netip.Addr{}, q, "loss") < 0.2 {
				below++
			}
		}
		return below, first
	}
	n, first := draws(1)
	if n < 1900 || n > 2100 {
		t.Errorf("%d of 10000 draws are below 0.2", n)
	}
	if again, _ := draws(1); again != n {
		t.Errorf("the same seed gives %d, then %d", n, again)
	}
	if _, other := draws(2); other == first {
		t.Error("another seed gives the same")
	}
}
