package cache

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/names-dns/names/wire"
)

// TestKept tells for how long what kind of answer is kept.
func TestKept(t *testing.T) {
	subnet := wire.Options{}.Append(&wire.UnknownOption{Code: wire.OptionClientSubnet, Data: []byte{0, 1, 24, 24, 192, 0, 2}})
	everywhere := wire.Options{}.Append(&wire.UnknownOption{Code: wire.OptionClientSubnet, Data: []byte{0, 1, 24, 0, 192, 0, 2}})
	tests := []struct {
		what string
		ask  ask
		answer
		life int // seconds, 0: not at all
	}{
		{"the smallest TTL of all sections counts", ask{}, answer{
			answers: []string{"a.test. 300 A 192.0.2.1"}, authority: []string{"test. 200 NS ns.test."}, additional: []string{"ns.test. 100 A 192.0.2.1"}}, 100},
		{"one record without a TTL spoils the whole", ask{}, answer{
			answers: []string{"a.test. 300 A 192.0.2.1"}, additional: []string{"ns.test. 0 A 192.0.2.1"}}, 0},
		{"a TTL with the top bit set is 0", ask{}, answer{answers: []string{"a.test. 2147483648 A 192.0.2.1"}}, 0},
		{"no longer than a day", ask{}, answer{answers: []string{"a.test. 2147483647 A 192.0.2.1"}}, 86400},
		{"alias and address", ask{}, answer{answers: []string{"a.test. 300 CNAME b.test.", "b.test. 50 A 192.0.2.1"}}, 50},
		{"an alias that leads out of what is known", ask{}, answer{answers: []string{"a.test. 300 CNAME b.example."}}, 300},
		{"an alias by DNAME", ask{name: "a.test."}, answer{answers: []string{"test. 300 DNAME example.", "a.test. 300 CNAME a.example.", "a.example. 60 A 192.0.2.1"}}, 60},
		{"an alias to itself", ask{}, answer{answers: []string{"a.test. 300 CNAME A.test."}}, 0},
		{"a CNAME loop", ask{}, answer{answers: []string{"a.test. 300 CNAME b.test.", "b.test. 300 CNAME a.test."}}, 0},
		{"records about another name", ask{}, answer{answers: []string{"b.test. 300 A 192.0.2.1"}}, 0},

		{"NODATA: MINIMUM is the lower", ask{}, answer{authority: []string{"test. 3600 SOA n.test. m.test. 1 2 3 4 600"}}, 600},
		{"NODATA: the TTL of SOA is the lower", ask{}, answer{authority: []string{"test. 60 SOA n.test. m.test. 1 2 3 4 600"}}, 60},
		{"NXDOMAIN", ask{}, answer{rcode: wire.RCodeNXDomain, authority: []string{"test. 3600 SOA n.test. m.test. 1 2 3 4 600"}}, 600},
		{"no negative answer for longer than three hours", ask{}, answer{rcode: wire.RCodeNXDomain, authority: []string{"test. 86400 SOA n.test. m.test. 1 2 3 4 86400"}}, 10800},
		{"MINIMUM of 0", ask{}, answer{rcode: wire.RCodeNXDomain, authority: []string{"test. 3600 SOA n.test. m.test. 1 2 3 4 0"}}, 0},
		{"the end of an alias does not exist", ask{}, answer{rcode: wire.RCodeNXDomain,
			answers: []string{"a.test. 300 CNAME b.test."}, authority: []string{"test. 3600 SOA n.test. m.test. 1 2 3 4 30"}}, 30},
		{"the end of an alias has no such type", ask{}, answer{
			answers: []string{"a.test. 300 CNAME b.test."}, authority: []string{"test. 3600 SOA n.test. m.test. 1 2 3 4 30"}}, 30},
		{"SOA next to data does not shorten it", ask{}, answer{
			answers: []string{"a.test. 300 A 192.0.2.1"}, authority: []string{"test. 3600 SOA n.test. m.test. 1 2 3 4 30"}}, 300},
		{"NXDOMAIN without SOA", ask{}, answer{rcode: wire.RCodeNXDomain}, 0},
		{"NODATA without SOA", ask{}, answer{}, 0},
		{"a referral", ask{}, answer{authority: []string{"test. 3600 NS ns.test."}, additional: []string{"ns.test. 3600 A 192.0.2.1"}}, 0},

		{"truncated", ask{}, answer{flags: wire.FlagTC, answers: []string{"a.test. 300 A 192.0.2.1"}}, 0},
		{"refused", ask{}, answer{rcode: wire.RCodeRefused}, 0},
		{"not implemented", ask{}, answer{rcode: wire.RCodeNotImp}, 0},
		{"SERVFAIL", ask{}, answer{rcode: wire.RCodeServFail}, 5},
		{"an error", ask{}, answer{err: errors.New("no server to ask")}, 5},
		{"an alias too long", ask{}, answer{rcode: wire.RCodeYXDomain, answers: []string{"test. 300 DNAME example."}}, 0},
		{"ANY", ask{kind: wire.TypeANY}, answer{answers: []string{"a.test. 300 A 192.0.2.1"}}, 0},
		{"a transfer", ask{kind: wire.TypeAXFR}, answer{answers: []string{"a.test. 300 SOA n.test. m.test. 1 2 3 4 600"}}, 0},
		{"what was asked without wanting recursion", ask{noRD: true}, answer{answers: []string{"a.test. 300 A 192.0.2.1"}}, 0},
		{"for one network", ask{options: subnet}, answer{options: subnet, answers: []string{"a.test. 300 A 192.0.2.1"}}, 0},
		{"for every network", ask{options: subnet}, answer{options: everywhere, answers: []string{"a.test. 300 A 192.0.2.1"}}, 300},
		{"an unknown type", ask{kind: 65280}, answer{answers: []string{"a.test. 300 TYPE65280 \\# 3 c00c00"}}, 300},
		{"OPT among the answers", ask{}, answer{answers: []string{"a.test. 300 A 192.0.2.1", ". 300 TYPE41 \\# 0"}}, 0},
		{"a type that is for questions only", ask{}, answer{answers: []string{"a.test. 300 A 192.0.2.1", "a.test. 300 TYPE255 \\# 0"}}, 0},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newCache(t, Config{}).Resolver(&scripted{answer: test.answer})
				defer f.Close()
				if test.ask.name == "" {
					test.ask.name = "a.test."
				}
				f.TryResolve(test.ask.exchange(t))
				again := test.ask
				again.noRD = false
				for second := range 100_000 {
					if !f.cache.Get(again.exchange(t)) {
						if second != test.life {
							t.Errorf("kept for %d s, not %d", second, test.life)
						}
						return
					}
					// Only the seconds about the end are worth a look.
					if second == 2 && test.life > 10 {
						time.Sleep(time.Duration(test.life-4) * time.Second)
						for second = test.life - 2; f.cache.Get(again.exchange(t)); second++ {
							time.Sleep(time.Second)
						}
						if second != test.life {
							t.Errorf("kept for %d s, not %d", second, test.life)
						}
						return
					}
					time.Sleep(time.Second)
				}
				t.Error("kept for ever")
			})
		})
	}
}

func TestDifferingTTLsCountAsTheLowest(t *testing.T) {
	f := newCache(t, Config{}).Resolver(&scripted{answer: answer{answers: []string{
		"a.test. 300 A 192.0.2.1", "A.test. 100 A 192.0.2.2", "a.test. 200 A 192.0.2.3", "a.test. 250 TXT text"}}})
	defer f.Close()
	f.TryResolve(ask{name: "a.test."}.exchange(t))
	x := ask{name: "a.test."}.exchange(t)
	if !f.cache.Get(x) {
		t.Fatal("not kept")
	}
	want := []string{"a.test. 100 IN A 192.0.2.1", "a.test. 100 IN A 192.0.2.2", "a.test. 100 IN A 192.0.2.3", "a.test. 250 IN TXT text"}
	for i, got := range lines(reply(t, x).Answers) {
		if strings.Replace(got, `"`, "", 2) != want[i] {
			t.Errorf("record %d is %s, not %s", i, got, want[i])
		}
	}
}

func TestNXDOMAINHoldsForAllTypes(t *testing.T) {
	next := &scripted{answer: answer{rcode: wire.RCodeNXDomain, authority: []string{soa}}}
	f := newCache(t, Config{}).Resolver(next)
	defer f.Close()
	f.TryResolve(ask{name: "a.example.com.", kind: wire.TypeA}.exchange(t))
	x := ask{name: "a.example.com.", kind: wire.TypeMX}.exchange(t)
	if !f.cache.Get(x) || x.RCode != wire.RCodeNXDomain {
		t.Error("NXDOMAIN is forgotten for other types (RFC 2308 5)")
	}
	if f.cache.Get(ask{name: "b.a.example.com."}.exchange(t)) {
		t.Error("NXDOMAIN holds for a name below")
	}
	// ... but not where it is said of the end of an alias.
	next.answer.answers = []string{"c.example.com. 300 CNAME a.example.com."}
	f.TryResolve(ask{name: "c.example.com."}.exchange(t))
	if f.cache.Get(ask{name: "c.example.com.", kind: wire.TypeMX}.exchange(t)) {
		t.Error("NXDOMAIN holds for an alias")
	}
}

// coded is an error with an extended error.
type coded struct{ error }

func (coded) ExtendedError() (uint16, string) {
	return uint16(wire.ExtendedErrorNoReachableAuthority), "no server reachable"
}

func TestFailuresAreAskedLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &scripted{answer: answer{err: coded{errors.New("timeout")}}}
		f := newCache(t, Config{}).Resolver(next)
		defer f.Close()
		var lives []int
		for second, last := 0, 0; len(lives) < 9; second++ {
			x := ask{name: "a.test.", edns: true}.exchange(t)
			asked := next.asked
			err := f.TryResolve(x)
			switch {
			case next.asked > asked && err == nil:
				t.Fatal("a failure was taken for an answer")
			case next.asked > asked:
				lives = append(lives, second-last)
				last = second
			case err != nil || x.RCode != wire.RCodeServFail:
				t.Fatalf("%v, %v instead of the failure", err, x.RCode)
			default:
				want := []wire.ExtendedErrorCode{wire.ExtendedErrorNoReachableAuthority, wire.ExtendedErrorCachedError}
				if got := extendedErrors(reply(t, x)); !slices.Equal(got, want) {
					t.Fatalf("extended errors %v", got)
				}
			}
			time.Sleep(time.Second)
		}
		if want := []int{0, 5, 10, 20, 40, 80, 160, 300, 300}; !slices.Equal(lives, want) {
			t.Errorf("asked after %v s, not %v", lives, want)
		}
		// An answer ends it: the next failure counts as the first.
		next.answer = answer{answers: []string{"a.test. 1000 A 192.0.2.1"}}
		time.Sleep(300 * time.Second)
		f.TryResolve(ask{name: "a.test."}.exchange(t))
		time.Sleep(1000 * time.Second)
		next.answer = answer{rcode: wire.RCodeServFail}
		f.TryResolve(ask{name: "a.test."}.exchange(t))
		time.Sleep(5 * time.Second)
		if f.cache.Get(ask{name: "a.test."}.exchange(t)) {
			t.Error("the failure is remembered for more than five seconds")
		}
	})
}

func TestPut(t *testing.T) {
	x := ask{name: "a.test.", do: true, flags: wire.FlagCD}.exchange(t)
	x.ReplyEDNS.Flags = wire.FlagDO
	a := answer{answers: []string{"a.test. 300 A 192.0.2.1"}}
	if err := a.to(x); err != nil {
		t.Fatal(err)
	}
	packet := x.Finish()
	c := newCache(t, Config{})
	if err := c.Put(packet); err != nil {
		t.Fatal(err)
	}
	x = ask{name: "a.test.", do: true, flags: wire.FlagCD}.exchange(t)
	if !c.Get(x) {
		t.Fatal("the reply is not found under its own question")
	}
	if diff := cmp.Diff([]string{"a.test. 300 IN A 192.0.2.1"}, lines(reply(t, x).Answers)); diff != "" {
		t.Error(diff)
	}
	if c.Get(ask{name: "a.test."}.exchange(t)) {
		t.Error("the reply is found under another question")
	}
	for i := range packet {
		if err := newCache(t, Config{Size: 64 << 10}).Put(packet[:i]); err == nil {
			t.Errorf("the first %d octets are taken for a reply", i)
		}
	}
	if err := c.Put(ask{name: "a.test."}.query(t)); !errors.Is(err, ErrNotKept) {
		t.Errorf("a query: %v", err)
	}
	if err := c.Put(append(packet, 0)); err != nil {
		t.Errorf("octets after the end: %v", err)
	}
}

func TestAnswersTooLargeToKeep(t *testing.T) {
	var a answer
	for range 400 {
		a.answers = append(a.answers, `a.test. 300 TXT this-is-a-text-of-about-sixty-octets-to-fill-some-space-in-it`)
	}
	f := newCache(t, Config{}).Resolver(&scripted{answer: a})
	defer f.Close()
	x := ask{name: "a.test."}.exchange(t)
	if err := f.TryResolve(x); err != nil {
		t.Fatal(err)
	}
	if x.Reply.Len() < 16<<10 {
		t.Fatal("the answer is smaller than it should be for this test")
	}
	if f.cache.Get(ask{name: "a.test."}.exchange(t)) {
		t.Error("kept")
	}
	if s := f.cache.Stats(); s.NotKept != 1 || s.Stored != 0 {
		t.Errorf("%+v", s)
	}
}

// TestBogusIsNotAskedAgainForAMinute: what could not be proved is left alone for
// longer than servers that did not answer (RFC 4035 4.7).
func TestBogusIsNotAskedAgainForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &scripted{answer: answer{err: bogusError{}}}
		f := newCache(t, Config{}).Resolver(next)
		defer f.Close()
		var lives []int
		for second, last := 0, 0; len(lives) < 5; second++ {
			asked := next.asked
			f.TryResolve(ask{name: "a.test.", edns: true}.exchange(t))
			if next.asked > asked {
				lives = append(lives, second-last)
				last = second
			}
			time.Sleep(time.Second)
		}
		if want := []int{0, 60, 120, 240, 300}; !slices.Equal(lives, want) {
			t.Errorf("asked after %v s, not %v", lives, want)
		}
	})
}

// bogusError is that of a validator.
type bogusError struct{}

func (bogusError) Error() string { return "signature is wrong" }

func (bogusError) ExtendedError() (code uint16, text string) {
	return uint16(wire.ExtendedErrorBogus), "signature is wrong"
}
