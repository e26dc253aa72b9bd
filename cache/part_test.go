package cache

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/names-dns/names/wire"
)

// question reads "name TYPE".
func question(what string) wire.Question {
	a := asking(what)
	return wire.Question{Name: wire.MustParseName(a.name), Type: a.kind, Class: wire.ClassIN}
}

// message is the reply a to what, "name TYPE", in wire form.
func (a answer) message(t testing.TB, what string) []byte {
	t.Helper()
	var w wire.Writer
	w.Reset(nil, 65535)
	w.Flags = (wire.FlagQR | a.flags).WithRCode(a.rcode)
	if err := w.Question(question(what)); err != nil {
		t.Fatal(err)
	}
	for i, texts := range [...][]string{a.answers, a.authority, a.additional} {
		w.SetSection(wire.SectionAnswer + wire.Section(i))
		for _, line := range texts {
			r := record(line)
			if err := w.Raw(r.Name, r.Type, r.Class, r.TTL, r.Data); err != nil {
				t.Fatal(err)
			}
		}
	}
	return w.Finish()
}

// partText is a message of the cache's as text: flags, question, records.
func partText(t testing.TB, packet []byte) string {
	t.Helper()
	m, err := wire.ParseMessage(packet)
	if err != nil {
		t.Fatalf("what was found cannot be read: %v", err)
	}
	if m.Flags&^(wire.FlagAA|0xF) != wire.FlagQR || m.ID != 0 || len(m.Questions) != 1 {
		t.Errorf("header of what was found: %v, ID %d, %d questions", m.Flags, m.ID, len(m.Questions))
	}
	text := m.RCode.String()
	if m.Flags.Has(wire.FlagAA) {
		text += " AA"
	}
	text += "\n" + m.Questions[0].Name.String() + " " + m.Questions[0].Type.String() + "?\n"
	for section := wire.SectionAnswer; section <= wire.SectionAdditional; section++ {
		for _, line := range lines(m.Section(section)) {
			text += line + "\n"
		}
		text += ".\n"
	}
	return strings.ReplaceAll(text, `"`, "")
}

const (
	rrsigA    = "www.example.com. 300 TYPE46 \\# 20 00010803000001f40000000000000000000100aa"
	nsExample = "example.com. 3600 NS ns1.example.com."
)

func TestPartsAreKept(t *testing.T) {
	for _, test := range []struct {
		what string
		part Part
		q    string
		answer
		life int   // seconds; 0: not at all
		err  error // then
	}{
		{"an RRset and its signature", PartAnswer, "www.example.com. A", answer{
			answers: []string{"www.example.com. 300 A 192.0.2.1", "www.example.com. 200 A 192.0.2.2", rrsigA}}, 200, nil},
		{"an RRset from a wildcard", PartAnswer, "www.example.com. A", answer{
			answers: []string{"www.example.com. 300 A 192.0.2.1"}, authority: []string{"*.example.com. 100 NSEC example.com. A"}}, 100, nil},
		{"an alias", PartAnswer, "www.example.com. CNAME", answer{answers: []string{"www.example.com. 300 CNAME a.example."}}, 300, nil},
		{"an alias and where it was made from", PartAnswer, "www.example.com. CNAME", answer{
			answers: []string{"example.com. 300 DNAME example.", "www.example.com. 300 CNAME www.example."}}, 300, nil},
		{"no longer than a day", PartAnswer, "a.test. A", answer{answers: []string{"a.test. 1000000 A 192.0.2.1"}}, 86400, nil},
		{"NODATA", PartAnswer, "www.example.com. A", answer{authority: []string{"example.com. 3600 SOA n.test. m.test. 1 2 3 4 60"}}, 60, nil},
		{"NXDOMAIN", PartAnswer, "www.example.com. A", answer{rcode: wire.RCodeNXDomain, authority: []string{"example.com. 30 SOA n.test. m.test. 1 2 3 4 60"}}, 30, nil},
		{"nothing negative for longer than three hours", PartAnswer, "www.example.com. A", answer{authority: []string{"example.com. 90000 SOA n.test. m.test. 1 2 3 4 90000"}}, 10800, nil},
		{"NS records of the zone itself", PartAnswer, "example.com. NS", answer{answers: []string{nsExample}}, 3600, nil},
		{"a delegation", PartDelegation, "example.com. NS", answer{authority: []string{nsExample}, additional: []string{"ns1.example.com. 120 A 192.0.2.1"}}, 120, nil},
		{"a signed delegation", PartDelegation, "example.com. NS", answer{authority: []string{nsExample, "example.com. 600 DS 1 8 9 0000"}}, 600, nil},
		{"that of the root", PartDelegation, ". NS", answer{flags: wire.FlagAA, authority: []string{". 3600 NS a.root-servers.net."}}, 3600, nil},

		{"an alias under the type it is an alias for", PartAnswer, "www.example.com. A", answer{answers: []string{"www.example.com. 300 CNAME a.example."}}, 0, errQuestion},
		{"an alias and its target", PartAnswer, "www.example.com. CNAME", answer{
			answers: []string{"www.example.com. 300 CNAME a.example.", "a.example. 300 A 192.0.2.1"}}, 0, errQuestion},
		{"another name", PartAnswer, "www.example.com. A", answer{answers: []string{"www.example.com. 300 A 192.0.2.1", "w.example.com. 300 A 192.0.2.1"}}, 0, errQuestion},
		{"a DNAME record above data", PartAnswer, "www.example.com. A", answer{answers: []string{"example.com. 300 DNAME example.", "www.example.com. 300 A 192.0.2.1"}}, 0, errQuestion},
		{"a signature alone", PartAnswer, "www.example.com. A", answer{answers: []string{rrsigA}}, 0, errQuestion},
		{"NXDOMAIN of the end of an alias", PartAnswer, "www.example.com. CNAME", answer{rcode: wire.RCodeNXDomain,
			answers: []string{"www.example.com. 300 CNAME a.example."}, authority: []string{"example. 30 SOA n.test. m.test. 1 2 3 4 60"}}, 0, errQuestion},
		{"NXDOMAIN without SOA", PartAnswer, "www.example.com. A", answer{rcode: wire.RCodeNXDomain}, 0, errNoSOA},
		{"a referral as an answer", PartAnswer, "www.example.com. A", answer{authority: []string{nsExample}}, 0, errNoSOA},
		{"a TTL of 0", PartAnswer, "www.example.com. A", answer{answers: []string{"www.example.com. 0 A 192.0.2.1"}}, 0, errNoTTL},
		{"ANY", PartAnswer, "www.example.com. ANY", answer{answers: []string{"www.example.com. 300 A 192.0.2.1"}}, 0, errMeta},
		{"SERVFAIL", PartAnswer, "www.example.com. A", answer{rcode: wire.RCodeServFail}, 0, errRCode},
		{"a truncated one", PartAnswer, "www.example.com. A", answer{flags: wire.FlagTC, answers: []string{"www.example.com. 300 A 192.0.2.1"}}, 0, errTruncated},
		{"an answer as a delegation", PartDelegation, "example.com. NS", answer{answers: []string{nsExample}}, 0, errServers},
		{"a delegation under another type", PartDelegation, "example.com. A", answer{authority: []string{nsExample}}, 0, errServers},
		{"a delegation of another zone", PartDelegation, "www.example.com. NS", answer{authority: []string{nsExample}}, 0, errServers},
		{"a delegation of two zones", PartDelegation, "example.com. NS", answer{authority: []string{nsExample, "com. 300 NS ns.example."}}, 0, errServers},
		{"a denied delegation", PartDelegation, "example.com. NS", answer{rcode: wire.RCodeNXDomain, authority: []string{nsExample}}, 0, errServers},
	} {
		t.Run(test.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCache(t, Config{ServeStale: time.Hour})
				packet := test.message(t, test.q)
				sent := slices.Clone(packet)
				err := c.KeepPart(test.part, packet, Unchecked)
				if !slices.Equal(sent, packet) {
					t.Error("the message was written to")
				}
				if test.life == 0 {
					if err != test.err || !errors.Is(err, ErrNotKept) || c.Stats().Entries != 0 {
						t.Errorf("kept, or refused for another reason: %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(test.life)*time.Second - time.Millisecond)
				if _, _, ok := c.FindPart(test.part, question(test.q), nil); !ok {
					t.Errorf("gone before its %d s are over", test.life)
				}
				time.Sleep(time.Millisecond)
				if _, _, ok := c.FindPart(test.part, question(test.q), nil); ok {
					t.Errorf("still there when its %d s are over", test.life)
				}
			})
		})
	}
}

// TestPartsAreFound tells what comes out: case, TTLs, flags.
func TestPartsAreFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, Config{})
		keep := func(part Part, q string, a answer) {
			t.Helper()
			if err := c.KeepPart(part, a.message(t, q), Unchecked); err != nil {
				t.Fatal(q, err)
			}
		}
		keep(PartAnswer, "www.example.com. A", answer{flags: wire.FlagAA | wire.FlagAD | wire.FlagRA, answers: []string{"www.example.com. 300 A 192.0.2.1", rrsigA}})
		keep(PartDelegation, "example.com. NS", answer{authority: []string{nsExample, "example.com. 600 DS 1 8 9 0000"}, additional: []string{"ns1.example.com. 120 A 192.0.2.1"}})
		keep(PartAnswer, "gone.example.com. TXT", answer{flags: wire.FlagAA, rcode: wire.RCodeNXDomain, authority: []string{soa}})
		keep(PartAnswer, "example.com. NS", answer{flags: wire.FlagAA, answers: []string{"example.com. 100 NS elsewhere.example."}})
		time.Sleep(2500 * time.Millisecond)
		prefix := []byte("before")
		for _, test := range []struct {
			part Part
			q    string
			want string
		}{
			{PartAnswer, "WWW.example.COM. A", "NOERROR AA\nWWW.example.COM. A?\n" +
				"WWW.example.COM. 298 IN A 192.0.2.1\nWWW.example.COM. 298 IN RRSIG TYPE1 8 3 1 19691231235820 19700101000000 0 . AA==\n.\n.\n.\n"},
			{PartDelegation, "example.com. NS", "NOERROR\nexample.com. NS?\n.\n" +
				"example.com. 3598 IN NS ns1.example.com.\nexample.com. 598 IN DS 1 8 9 0000\n.\nns1.example.com. 118 IN A 192.0.2.1\n.\n"},
			{PartAnswer, "example.com. NS", "NOERROR AA\nexample.com. NS?\nexample.com. 98 IN NS elsewhere.example.\n.\n.\n.\n"},
			{PartAnswer, "Gone.example.com. MX", "NXDOMAIN AA\nGone.example.com. MX?\n.\nexample.com. 298 IN SOA ns.example.com. admin.example.com. 1 3600 900 604800 300\n.\n.\n"},
			{PartAnswer, "www.example.com. AAAA", ""},
			{PartDelegation, "www.example.com. NS", ""},
			{PartDelegation, "example.com. A", ""},
			{PartDelegation, "gone.example.com. NS", ""},
		} {
			for _, room := range []int{0, 4096} {
				buf := append(make([]byte, 0, len(prefix)+room), prefix...)
				got, _, ok := c.FindPart(test.part, question(test.q), buf)
				if !strings.HasPrefix(string(got), "before") {
					t.Fatalf("%s: what was in the buffer is gone", test.q)
				}
				if ok != (test.want != "") {
					t.Errorf("%s: found: %v", test.q, ok)
				}
				if !ok {
					if len(got) != len(prefix) {
						t.Errorf("%s: not found, but something was appended", test.q)
					}
					continue
				}
				text := partText(t, got[len(prefix):])
				if diff := cmp.Diff(simplified(test.want), simplified(text)); diff != "" {
					t.Errorf("%s: %s", test.q, diff)
				}
			}
		}
	})
}

// simplified leaves the data of signatures out.
func simplified(text string) string {
	all := strings.Split(text, "\n")
	for i, line := range all {
		if owner, _, ok := strings.Cut(line, " IN RRSIG "); ok {
			all[i] = owner
		}
	}
	return strings.Join(all, "\n")
}

// TestPartsAndAnswersAreTwoThings: clients get answers only, a recursor parts
// only.
func TestPartsAndAnswersAreTwoThings(t *testing.T) {
	c := newCache(t, Config{})
	a := answer{flags: wire.FlagAA, answers: []string{"a.test. 300 A 192.0.2.1"}}
	gone := answer{flags: wire.FlagAA, rcode: wire.RCodeNXDomain, authority: []string{soa}}
	for q, a := range map[string]answer{"a.test. A": a, "gone.test. A": gone} {
		if err := c.KeepPart(PartAnswer, a.message(t, q), Unchecked); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.KeepPart(PartDelegation, answer{authority: []string{"a.test. 300 NS ns.a.test."}}.message(t, "a.test. NS"), Unchecked); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"a.test. A", "a.test. NS", "gone.test. A", "gone.test. MX"} {
		for _, flags := range []wire.Flags{0, wire.FlagCD} {
			for _, do := range []bool{false, true} {
				x := asking(what)
				x.flags, x.do = flags, do
				if c.Get(x.exchange(t)) {
					t.Errorf("a client is given a part: %s", what)
				}
			}
		}
	}
	if s := c.Stats(); s.StoredParts != 3 || s.Stored != 0 || s.Entries != 3 {
		t.Errorf("%+v", s)
	}

	c = newCache(t, Config{})
	for q, a := range map[string]answer{"a.test. A": a, "gone.test. A": gone, "test. NS": {answers: []string{"test. 300 NS ns.test."}}} {
		if err := c.Put(a.message(t, q)); err != nil {
			t.Fatal(err)
		}
		for _, part := range []Part{PartAnswer, PartDelegation} {
			if _, _, ok := c.FindPart(part, question(q), nil); ok {
				t.Errorf("an answer is found as part %d: %s", part, q)
			}
		}
	}
	if zone, _, _, ok := c.FindDelegation(wire.MustParseName("a.test."), wire.ClassIN, nil); ok {
		t.Errorf("an answer is found as the delegation of %s", zone)
	}
	if name, _, _, ok := c.FindDenied(wire.MustParseName("gone.test."), wire.ClassIN, nil); ok {
		t.Errorf("an answer denies %s", name)
	}
}

func TestPartRank(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, Config{})
		address := func(flags wire.Flags, n int) answer {
			return answer{flags: flags, answers: []string{fmt.Sprintf("a.example.com. 300 A 192.0.2.%d", n)}}
		}
		gone := func(flags wire.Flags) answer {
			return answer{flags: flags, rcode: wire.RCodeNXDomain, authority: []string{soa}}
		}
		for i, step := range []struct {
			after int // seconds
			answer
			want string // what is known then: the last octet of the address, or NXDOMAIN
		}{
			{0, address(0, 1), "1"},
			{1, address(0, 2), "2"},
			{1, address(wire.FlagAA, 3), "3"},
			{1, address(0, 4), "3"},
			{1, gone(0), "3"},
			{1, gone(wire.FlagAA), "NXDOMAIN"},
			{1, address(0, 5), "NXDOMAIN"},
			{1, gone(0), "NXDOMAIN"},
			{1, address(wire.FlagAA, 6), "6"},
			{300, gone(0), "NXDOMAIN"},
			{1, address(0, 7), "7"},
		} {
			time.Sleep(time.Duration(step.after) * time.Second)
			err := c.KeepPart(PartAnswer, step.message(t, "a.example.com. A"), Unchecked)
			packet, _, ok := c.FindPart(PartAnswer, question("a.example.com. A"), nil)
			if !ok {
				t.Fatalf("step %d: nothing is found", i)
			}
			m, parseErr := wire.ParseMessage(packet)
			if parseErr != nil {
				t.Fatal(parseErr)
			}
			got := m.RCode.String()
			if m.RCode == wire.RCodeNoError {
				_, got, _ = strings.Cut(lines(m.Answers)[0], "192.0.2.")
			}
			if got != step.want {
				t.Errorf("step %d: %s is known, not %s", i, got, step.want)
			}
			isNew := m.RCode == step.rcode && (m.RCode != wire.RCodeNoError || strings.HasSuffix(step.answers[0], "."+got)) && m.Flags.Has(wire.FlagAA) == step.flags.Has(wire.FlagAA)
			if isNew != (err == nil) || err != nil && !errors.Is(err, errRank) {
				t.Errorf("step %d: %v, known is %s", i, err, got)
			}
		}
	})
}

func TestFindDelegation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, Config{})
		for zone, ttl := range map[string]int{".": 1000, "com.": 900, "example.com.": 10, "b.a.example.com.": 500} {
			a := answer{authority: []string{fmt.Sprintf("%s %d NS ns.test.", zone, ttl)}}
			if err := c.KeepPart(PartDelegation, a.message(t, zone+" NS"), Unchecked); err != nil {
				t.Fatal(err)
			}
		}
		find := func(name, want string) {
			t.Helper()
			asked := wire.MustParseName(name)
			zone, packet, _, ok := c.FindDelegation(asked, wire.ClassIN, []byte("xy"))
			if !ok {
				if want != "" {
					t.Errorf("%s: nothing found, not %s", name, want)
				}
				return
			}
			if zone.String() != want {
				t.Errorf("%s: found %s, not %q", name, zone, want)
			}
			if !asked.HasSuffix(zone) || !strings.HasSuffix(asked.Wire(), zone.Wire()) {
				t.Errorf("%s: %s is not a suffix of it", name, zone)
			}
			if text := partText(t, packet[2:]); !strings.HasPrefix(text, "NOERROR\n"+want+" NS?\n") {
				t.Errorf("%s: %s", name, text)
			}
		}
		find("www.example.com.", "example.com.")
		find("www.Example.COM.", "Example.COM.")
		find("example.com.", "example.com.")
		find("x.b.a.example.com.", "b.a.example.com.")
		find("a.example.com.", "example.com.")
		find("b.example.com.", "example.com.")
		find("xample.com.", "com.")
		find("example.net.", ".")
		find(".", ".")
		find(strings.Repeat("a.", 120)+"com.", "com.")
		find(strings.Repeat(strings.Repeat("n", 62)+".", 4), ".")
		if _, _, _, ok := c.FindDelegation(wire.MustParseName("www.example.com."), wire.ClassCH, nil); ok {
			t.Error("found in another class")
		}
		if _, _, _, ok := c.FindDelegation(wire.Name{}, wire.ClassIN, nil); ok {
			t.Error("found for no name")
		}
		time.Sleep(10 * time.Second)
		find("www.example.com.", "com.")
		c.ForgetPart(PartDelegation, question("COM. NS"))
		find("www.example.com.", ".")
		find("x.b.a.example.com.", "b.a.example.com.")
		time.Sleep(490 * time.Second)
		find("x.b.a.example.com.", ".")
		time.Sleep(500 * time.Second)
		find("x.b.a.example.com.", "")
	})
}

func TestFindDenied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, Config{})
		gone := answer{rcode: wire.RCodeNXDomain, authority: []string{soa}}
		for _, name := range []string{"example.com.", "c.b.a.example.com.", "."} {
			if err := c.KeepPart(PartAnswer, gone.message(t, name+" TXT"), Unchecked); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.KeepPart(PartAnswer, answer{authority: []string{soa}}.message(t, "a.example.com. TXT"), Unchecked); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"example.com.": "example.com.", "A.example.com.": "example.com.", "d.c.b.a.EXAMPLE.com.": "c.b.a.EXAMPLE.com.", "com.": "", ".": "",
		} {
			ancestor, packet, _, ok := c.FindDenied(wire.MustParseName(name), wire.ClassIN, nil)
			if ok != (want != "") || ok && ancestor.String() != want {
				t.Errorf("%s: denied by %s, not %q", name, ancestor, want)
			}
			if ok && !strings.HasPrefix(partText(t, packet), "NXDOMAIN\n"+want+" A?\n") {
				t.Errorf("%s: %s", name, partText(t, packet))
			}
		}
		time.Sleep(299 * time.Second)
		if _, _, _, ok := c.FindDenied(wire.MustParseName("example.com."), wire.ClassIN, nil); !ok {
			t.Error("forgotten too early")
		}
		time.Sleep(time.Second)
		if _, _, _, ok := c.FindDenied(wire.MustParseName("example.com."), wire.ClassIN, nil); ok {
			t.Error("denied past its time")
		}
	})
}

func TestForgetPart(t *testing.T) {
	c := newCache(t, Config{})
	keep := func(part Part, q string, a answer) {
		if err := c.KeepPart(part, a.message(t, q), Unchecked); err != nil {
			t.Fatal(err)
		}
	}
	keep(PartAnswer, "a.test. NS", answer{answers: []string{"a.test. 300 NS ns.test."}})
	keep(PartDelegation, "a.test. NS", answer{authority: []string{"a.test. 300 NS ns.test."}})
	keep(PartAnswer, "gone.test. A", answer{rcode: wire.RCodeNXDomain, authority: []string{soa}})
	there := func(part Part, q string) bool { _, _, ok := c.FindPart(part, question(q), nil); return ok }
	c.ForgetPart(PartDelegation, question("A.test. NS"))
	if there(PartDelegation, "a.test. NS") || !there(PartAnswer, "a.test. NS") {
		t.Error("not the delegation was forgotten")
	}
	c.ForgetPart(PartDelegation, question("gone.test. NS"))
	c.ForgetPart(PartAnswer, question("a.test. MX"))
	if !there(PartAnswer, "gone.test. MX") || !there(PartAnswer, "a.test. NS") {
		t.Error("more was forgotten than said")
	}
	c.ForgetPart(PartAnswer, question("gone.test. MX"))
	if there(PartAnswer, "gone.test. A") {
		t.Error("NXDOMAIN was not forgotten")
	}
	checkIndex(t, c)
}

func TestFlushTakesPartsToo(t *testing.T) {
	all := []string{"answer a.test. A", "answer a.test. TXT", "answer gone.test. A", "delegation test. NS", "delegation a.test. NS", "delegation b.a.test. NS"}
	parts := map[string]Part{"answer": PartAnswer, "delegation": PartDelegation}
	for _, test := range []struct {
		what  string
		flush func(c *Cache) int
		gone  []int
	}{
		{"a name", func(c *Cache) int { return c.Flush(wire.MustParseName("A.test.")) }, []int{0, 1, 4}},
		{"a type", func(c *Cache) int { return c.FlushType(wire.MustParseName("a.test."), wire.TypeNS) }, []int{4}},
		{"any type of a name that does not exist", func(c *Cache) int { return c.FlushType(wire.MustParseName("gone.test."), wire.TypeNS) }, []int{2}},
		{"a subtree", func(c *Cache) int { return c.FlushSubtree(wire.MustParseName("a.test.")) }, []int{0, 1, 4, 5}},
		{"all", (*Cache).FlushAll, []int{0, 1, 2, 3, 4, 5}},
	} {
		c := newCache(t, Config{})
		for _, what := range all {
			kind, q, _ := strings.Cut(what, " ")
			name, rtype, _ := strings.Cut(q, " ")
			line := name + " 300 " + rtype + map[string]string{"A": " 192.0.2.1", "TXT": " text", "NS": " ns.test."}[rtype]
			a := answer{answers: []string{line}}
			switch {
			case kind == "delegation":
				a = answer{authority: []string{line}}
			case name == "gone.test.":
				a = answer{rcode: wire.RCodeNXDomain, authority: []string{soa}}
			}
			if err := c.KeepPart(parts[kind], a.message(t, q), Unchecked); err != nil {
				t.Fatal(what, err)
			}
		}
		if n := test.flush(c); n != len(test.gone) {
			t.Errorf("%s: %d entries, not %d", test.what, n, len(test.gone))
		}
		for i, what := range all {
			kind, q, _ := strings.Cut(what, " ")
			if _, _, ok := c.FindPart(parts[kind], question(q), nil); ok == slices.Contains(test.gone, i) {
				t.Errorf("%s: %s is there: %v", test.what, what, ok)
			}
		}
	}
}

// TestPartsTakeTheirShareOfTheBudget: they are evicted like everything else,
// and the others for them.
func TestPartsTakeTheirShareOfTheBudget(t *testing.T) {
	c := newCache(t, Config{Size: 256 << 10, Shards: 1})
	part, whole := numberedDelegation(t), numbered(t)
	for i := range 20_000 {
		number(part, i)
		number(whole, i)
		if err := errors.Join(c.KeepPart(PartDelegation, part, Unchecked), c.Put(whole)); err != nil {
			t.Fatal(err)
		}
	}
	s := c.Stats()
	if s.Used > s.Size || s.Evicted == 0 || s.StoredParts != 20_000 || s.Stored != 20_000 {
		t.Errorf("%+v", s)
	}
	checkIndex(t, c)
}

// numberedDelegation is what the servers of example.com say of those of
// n00000000.example.com.
func numberedDelegation(t testing.TB) []byte {
	return answer{
		authority: []string{
			"n00000000.example.com. 3600 NS ns1.n00000000.example.com.", "n00000000.example.com. 3600 NS ns2.n00000000.example.com.",
			"n00000000.example.com. 3600 DS 12345 13 2 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfe2d3c916",
		},
		additional: []string{"ns1.n00000000.example.com. 3600 A 192.0.2.1", "ns2.n00000000.example.com. 3600 A 192.0.2.2"},
	}.message(t, "n00000000.example.com. NS")
}
