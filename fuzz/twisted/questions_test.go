//go:build interop

package twisted

import (
	"fmt"
	"strings"

	"github.com/names-dns/names/wire"
)

// owners are the names that the zones and the hosts file have.
var owners = strings.Fields(`
example-domain.com www.example-domain.com ftp.example-domain.com mail.example-domain.com
43.16.0.123.in-addr.arpa

rich.example ns1.rich.example a.rich.example mixed.case.rich.example zero.rich.example aaaa.rich.example
md.rich.example mf.rich.example mb.rich.example mg.rich.example mr.rich.example null.rich.example wks.rich.example
ptr.rich.example hinfo.rich.example minfo.rich.example mx.rich.example txt.rich.example spf.rich.example
rp.rich.example afsdb.rich.example _imap._tcp.rich.example naptr.rich.example a6.rich.example dname.rich.example
sshfp.rich.example www.rich.example alias-mx.rich.example far.rich.example out.rich.example dangling.rich.example
child.rich.example ns.child.rich.example lame.rich.example *.wild.rich.example deep.empty.rich.example
large.rich.example

sub.rich.example host.sub.rich.example

localhost printer.hosts.example printer six.hosts.example both.hosts.example
`)

// others are names that they do not have.
var others = strings.Fields(`
nothing.rich.example x.a.rich.example below.wild.rich.example b.a.wild.rich.example wild.rich.example
empty.rich.example case.rich.example mixed.dname.rich.example x.child.rich.example x.lame.rich.example
nothing.sub.rich.example nothing.example-domain.com notrich.example other-example-domain.com
. com example elsewhere.example www.elsewhere.example wrong.hosts.example hosts.example
50.2.0.192.in-addr.arpa 99.2.0.192.in-addr.arpa 0.16.0.123.in-addr.arpa
`)

// types are asked for everywhere: those that Twisted has records of, some that
// it has not, and one that no server has.
var types = []wire.Type{
	wire.TypeA, wire.TypeNS, wire.TypeMD, wire.TypeMF, wire.TypeCNAME, wire.TypeSOA, wire.TypeMB, wire.TypeMG,
	wire.TypeMR, wire.TypeNULL, wire.TypeWKS, wire.TypePTR, wire.TypeHINFO, wire.TypeMINFO, wire.TypeMX, wire.TypeTXT,
	wire.TypeRP, wire.TypeAFSDB, wire.TypeAAAA, wire.TypeSRV, wire.TypeNAPTR, wire.TypeA6, wire.TypeDNAME,
	wire.TypeSSHFP, wire.TypeSPF, wire.TypeANY, wire.TypeDS, wire.TypeCAA, wire.Type(65300),
}

// manner is a way to put a question.
type manner struct {
	Name    string
	TCP     bool
	Flags   wire.Flags
	EDNS    *wire.EDNS
	Capital bool
}

var manners = []manner{
	{Name: "+rd", Flags: wire.FlagRD},
	{Name: "+rd +tcp", Flags: wire.FlagRD, TCP: true},
}

// rareManners are for questions of a few types.
var rareManners = []manner{
	{Name: "+nord"},
	{Name: "+rd in capitals", Flags: wire.FlagRD, Capital: true},
	{Name: "+rd +cd +ad", Flags: wire.FlagRD | wire.FlagCD | wire.FlagAD},
	{Name: "+rd +bufsize=1232", Flags: wire.FlagRD, EDNS: &wire.EDNS{UDPSize: 1232}},
	{Name: "+rd +dnssec +tcp", Flags: wire.FlagRD, EDNS: &wire.EDNS{UDPSize: 1232, Flags: wire.FlagDO}, TCP: true},
}

func allQuestions() (queries []*query) {
	for _, name := range append(owners, others...) {
		for i, kind := range types {
			for _, m := range manners {
				queries = append(queries, m.query(name, kind, wire.ClassIN))
			}
			if i%8 != 0 && kind != wire.TypeANY {
				continue
			}
			for _, m := range rareManners {
				queries = append(queries, m.query(name, kind, wire.ClassIN))
			}
		}
		for _, class := range []wire.Class{wire.ClassCH, wire.ClassHS, wire.Class(2)} {
			queries = append(queries, manners[0].query(name, wire.TypeA, class))
		}
	}
	return append(queries, oddMessages()...)
}

func (m manner) query(name string, kind wire.Type, class wire.Class) *query {
	if m.Capital {
		name = strings.ToUpper(name)
	}
	q := &query{Question: wire.Question{Name: wire.MustParseName(name), Type: kind, Class: class}, TCP: m.TCP, Flags: m.Flags, EDNS: m.EDNS != nil}
	q.Text = fmt.Sprintf("%s %s %s %s", q.Name, class, kind, m.Name)
	q.Message = wire.AppendQuery(nil, 4711, m.Flags, q.Question, m.EDNS)
	return q
}

// oddMessages are those that no server answers as it would a question.
func oddMessages() (queries []*query) {
	question := wire.Question{Name: wire.MustParseName("a.rich.example."), Type: wire.TypeA, Class: wire.ClassIN}
	add := func(odd string, message []byte) {
		queries = append(queries, &query{Question: question, Text: odd, Odd: odd, Message: message})
	}
	plain := wire.AppendQuery(nil, 4711, 0, question, nil)
	for _, opcode := range []wire.Opcode{wire.OpcodeIQuery, wire.OpcodeStatus, wire.OpcodeNotify, wire.OpcodeUpdate, 7} {
		add(fmt.Sprintf("opcode %v", opcode), wire.AppendQuery(nil, 4711, wire.Flags(0).WithOpcode(opcode), question, nil))
	}
	add("a response", wire.AppendQuery(nil, 4711, wire.FlagQR, question, nil))
	add("two questions", counted(append(plain[:len(plain):len(plain)], plain[wire.HeaderLen:]...), 2))
	add("no question", counted(plain[:wire.HeaderLen:wire.HeaderLen], 0))
	add("half a question", plain[:len(plain)-5])
	add("octets after the end", append(plain[:len(plain):len(plain)], 1, 2, 3))
	add("a label of an unknown kind", append(plain[:wire.HeaderLen:wire.HeaderLen], 0x41, 'x', 0, 0, 1, 0, 1))
	add("EDNS version 1", wire.AppendQuery(nil, 4711, 0, question, &wire.EDNS{UDPSize: 1232, Version: 1}))
	for _, kind := range []wire.Type{wire.TypeAXFR, wire.TypeIXFR} {
		for _, tcp := range []bool{false, true} {
			q := wire.Question{Name: wire.MustParseName("sub.rich.example."), Type: kind, Class: wire.ClassIN}
			odd := fmt.Sprintf("%v, TCP %t", kind, tcp)
			queries = append(queries, &query{Question: q, Text: odd, Odd: odd, TCP: tcp, Message: wire.AppendQuery(nil, 4711, 0, q, nil)})
		}
	}
	return queries
}

// counted writes another number of questions into a message.
func counted(message []byte, questions byte) []byte {
	message[5] = questions
	return message
}
