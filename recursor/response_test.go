package recursor

import (
	"strings"
	"testing"

	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// TestClassify: what the replies of a server of example.com come to.
func TestClassify(t *testing.T) {
	const soa = "example.com. 60 IN SOA ns.example.com. host.example.com. 1 2 3 4 5\n"
	long := strings.Repeat(strings.Repeat("x", 60)+".", 3)
	for _, test := range []struct {
		title, question, flags, status, answer, authority string
		want                                              string // kind, last name or child; or an error
	}{
		{"answer", "www.example.com. A", "aa", "NOERROR", "www.example.com. 60 IN A 192.0.2.1", "", "answer www.example.com."},
		{"answer of a child zone that the server has, too", "www.sub.example.com. A", "aa", "NOERROR", "www.sub.example.com. 60 IN A 192.0.2.1", "", "answer www.sub.example.com."},
		{"answer without AA", "www.example.com. A", "", "NOERROR", "www.example.com. 60 IN A 192.0.2.1", "", "answer www.example.com."},
		{"answer from a cache", "www.example.com. A", "ra", "NOERROR", "www.example.com. 60 IN A 192.0.2.1", "", errLame.Error()},
		{"answer about another name", "www.example.com. A", "aa", "NOERROR", "other.example.com. 60 IN A 192.0.2.1", "", errNotAnswer.Error()},
		{"alias inside", "www.example.com. A", "aa", "NOERROR", "www.example.com. 60 IN CNAME a.example.com.\na.example.com. 60 IN A 192.0.2.1", "", "answer a.example.com."},
		{"alias to elsewhere", "www.example.com. A", "aa", "NOERROR", "www.example.com. 60 IN CNAME a.example.net.", "", "alias a.example.net."},
		{"alias to elsewhere, with what the server says of that", "www.example.com. A", "aa", "NOERROR", "www.example.com. 60 IN CNAME a.example.net.\na.example.net. 60 IN A 192.0.2.66", "", "alias a.example.net."},
		{"alias to elsewhere, which the server says does not exist", "www.example.com. A", "aa", "NXDOMAIN", "www.example.com. 60 IN CNAME a.example.net.", "net. 60 IN SOA a. b. 1 2 3 4 5", "alias a.example.net."},
		{"alias to nothing", "www.example.com. A", "aa", "NXDOMAIN", "www.example.com. 60 IN CNAME a.example.com.", soa, "no such name a.example.com."},
		{"alias to a name without data", "www.example.com. A", "aa", "NOERROR", "www.example.com. 60 IN CNAME a.example.com.", soa, "no data a.example.com."},
		{"no data", "www.example.com. A", "aa", "NOERROR", "", soa, "no data www.example.com."},
		{"no data, of a child zone", "www.sub.example.com. A", "aa", "NOERROR", "", strings.ReplaceAll(soa, "example.com. 60", "sub.example.com. 60"), "no data www.sub.example.com."},
		{"no data, without SOA", "www.example.com. A", "aa", "NOERROR", "", "", "weak no data www.example.com."},
		{"no data, with the SOA of a zone above", "www.example.com. A", "aa", "NOERROR", "", "com. 60 IN SOA a. b. 1 2 3 4 5", "weak no data www.example.com."},
		{"no data, with the NS records of the zone", "www.example.com. A", "aa", "NOERROR", "", "example.com. 60 IN NS ns.example.com.", "weak no data www.example.com."},
		{"records of another type, without SOA", "www.example.com. A", "aa", "NOERROR", "www.example.com. 60 IN TXT x", "", "weak no data www.example.com."},
		{"records of another type, without SOA and AA", "www.example.com. A", "", "NOERROR", "www.example.com. 60 IN TXT x", "", errNothing.Error()},
		{"records of another type, with SOA", "www.example.com. A", "aa", "NOERROR", "www.example.com. 60 IN TXT x", soa, "no data www.example.com."},
		{"upward referral with AA", "www.example.com. A", "aa", "NOERROR", "", ". 60 IN NS a.root-servers.net.", errLost.Error()},
		{"upward referral with AA, with the zone's NS records", "www.example.com. A", "aa", "NOERROR", "", "example.com. 60 IN NS ns.example.com.\ncom. 60 IN NS a.gtld-servers.net.", errLost.Error()},
		{"referral with AA to another branch", "www.example.com. A", "aa", "NOERROR", "", "example.net. 60 IN NS ns.example.net.", errLost.Error()},
		{"referral with AA to a neighbour", "www.example.com. A", "aa", "NOERROR", "", "other.example.com. 60 IN NS ns.other.example.com.", errLost.Error()},
		{"no such name", "www.example.com. A", "aa", "NXDOMAIN", "", soa, "no such name www.example.com."},
		{"no such name, and yet an answer", "www.example.com. A", "aa", "NXDOMAIN", "www.example.com. 60 IN A 192.0.2.1", soa, errContradiction.Error()},
		{"no such name, with the SOA of a zone above", "www.example.com. A", "", "NXDOMAIN", "", "com. 60 IN SOA a. b. 1 2 3 4 5", errLame.Error()},
		{"referral", "www.sub.example.com. A", "", "NOERROR", "", "sub.example.com. 60 IN NS ns.sub.example.com.", "referral sub.example.com."},
		{"referral with AA", "www.sub.example.com. A", "aa", "NOERROR", "", "sub.example.com. 60 IN NS ns.sub.example.com.", "referral sub.example.com."},
		{"referral to the name itself", "sub.example.com. A", "", "NOERROR", "", "sub.example.com. 60 IN NS ns.sub.example.com.", "referral sub.example.com."},
		{"referral for a DS record", "sub.example.com. DS", "", "NOERROR", "", "sub.example.com. 60 IN NS ns.sub.example.com.", "weak no data sub.example.com."},
		{"referral for a DS record, and upward", "sub.example.com. DS", "", "NOERROR", "", "sub.example.com. 60 IN NS ns.sub.example.com.\n. 60 IN NS a.root-servers.net.", errUpward.Error()},
		{"referral to a zone above for a DS record", "a.sub.example.com. DS", "", "NOERROR", "", "sub.example.com. 60 IN NS ns.sub.example.com.", "referral sub.example.com."},
		{"referral for a DS record by the child itself", "example.com. DS", "", "NOERROR", "", "example.com. 60 IN NS ns.example.com.", errUpward.Error()},
		{"referral to the zone itself", "www.example.com. A", "", "NOERROR", "", "example.com. 60 IN NS ns.example.com.", errUpward.Error()},
		{"referral upward", "www.example.com. A", "", "NOERROR", "", ". 60 IN NS a.root-servers.net.", errUpward.Error()},
		{"referral sideways", "www.example.com. A", "", "NOERROR", "", "other.example.com. 60 IN NS ns.other.example.com.", errNothing.Error()},
		{"referral to another branch", "www.example.com. A", "", "NOERROR", "", "example.net. 60 IN NS ns.example.net.", errUpward.Error()},
		{"nothing at all", "www.example.com. A", "", "NOERROR", "", "", errNothing.Error()},
		{"a DNAME record", "a.d.example.com. A", "aa", "NOERROR", "d.example.com. 60 IN DNAME e.example.net.\na.d.example.com. 60 IN CNAME a.e.example.net.", "", "alias a.e.example.net."},
		{"a DNAME record of a zone above", "www.example.com. A", "aa", "NOERROR", "com. 60 IN DNAME net.\nwww.example.com. 60 IN CNAME www.example.net.", "", "alias www.example.net."},
		{"a DNAME record that makes too long a name", long + "d.example.com. A", "aa", "YXDOMAIN", "d.example.com. 60 IN DNAME " + long + "example.net.", "", "no such name " + long + "d.example.com."},
		{"the same, and the server says NOERROR", long + "d.example.com. A", "aa", "NOERROR", "d.example.com. 60 IN DNAME " + long + "example.net.", "", "no such name " + long + "d.example.com."},
		{"the same, and the server has an alias for it", long + "d.example.com. A", "aa", "NOERROR", "d.example.com. 60 IN DNAME " + long + "example.net.\n" + long + "d.example.com. 60 IN CNAME www.example.com.", "", "no such name " + long + "d.example.com."},
		{"YXDOMAIN and nothing else", "www.example.com. A", "aa", "YXDOMAIN", "", "", errNotTooLong.Error()},
		{"YXDOMAIN and the records", "www.example.com. A", "aa", "YXDOMAIN", "www.example.com. 60 IN A 192.0.2.66", "", errNotTooLong.Error()},
		{"YXDOMAIN and an alias", "www.example.com. A", "aa", "YXDOMAIN", "www.example.com. 60 IN CNAME a.example.net.", "", errNotTooLong.Error()},
		{"YXDOMAIN and a DNAME record whose name fits", "a.d.example.com. A", "aa", "YXDOMAIN", "d.example.com. 60 IN DNAME e.example.net.", "", errNotTooLong.Error()},
	} {
		t.Run(test.title, func(t *testing.T) {
			reply := replyOf(t, test.question, test.flags, test.status, test.answer, test.authority, "")
			m, err := wire.ParseMessage(reply.Message)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if p, err := classify(reply, m.Questions[0], wire.MustParseName("example.com.")); err != nil {
				got = err.Error()
			} else if p.isWeak {
				got = "weak " + p.kind.String() + " " + p.scrubber.last().String()
			} else if got = p.kind.String() + " " + p.scrubber.last().String(); p.kind == responseReferral {
				got = p.kind.String() + " " + p.child.String()
			}
			if got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

// replyOf makes a reply of texts.
func replyOf(t *testing.T, question, flags, status, answer, authority, additional string) *upstream.Reply {
	t.Helper()
	name, kind, _ := strings.Cut(question, " ")
	text := ";; ->>HEADER<<- opcode: QUERY, status: " + status + ", id: 1\n;; flags: qr " + flags +
		"; QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 0\n\n;; QUESTION SECTION:\n;" + name + "\tIN\t" + kind + "\n"
	for _, section := range [][2]string{{"ANSWER", answer}, {"AUTHORITY", authority}, {"ADDITIONAL", additional}} {
		if section[1] != "" {
			text += "\n;; " + section[0] + " SECTION:\n" + strings.TrimSuffix(section[1], "\n") + "\n"
		}
	}
	m, err := wire.ParseMessageText(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	b, err := m.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	rcode := m.RCode
	return &upstream.Reply{Message: b, RCode: rcode}
}
