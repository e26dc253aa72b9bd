//go:build interop

package twisted

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/names-dns/names/wire"
)

// query is a message to both servers.
type query struct {
	wire.Question
	Text    string // what it is, for reports
	Message []byte
	TCP     bool
	Flags   wire.Flags
	EDNS    bool
	Odd     string // why no server should answer it as it would any other; "" for questions
}

// answer is what came back, taken apart.
type answer struct {
	Silent  bool   // nothing came
	Form    string // what is wrong with its form; the rest is empty then
	RCode   wire.RCode
	Flags   wire.Flags
	Echo    string // the question section
	EDNS    bool
	Records [4][]record // by section
	Size    int
}

// record is a record that can be compared with ==, names in lower case.
type record struct {
	Owner string
	TTL   uint32
	Class wire.Class
	Type  wire.Type
	Data  string
}

func (r record) String() string {
	return fmt.Sprintf("%s %d %s %s %s", r.Owner, r.TTL, r.Class, r.Type, r.Data)
}

// withoutTTL is all of r that says something about its owner.
func (r record) withoutTTL() record { r.TTL = 0; return r }

// replyTime is how long a server on the same machine may take to reply. Who
// has not by then says nothing.
const replyTime = 3 * time.Second

// ask sends the message and waits for the reply, which must bear its ID.
func ask(server netip.AddrPort, q *query) (*answer, error) {
	network := "udp4"
	if q.TCP {
		network = "tcp4"
	}
	conn, err := net.DialTimeout(network, server.String(), replyTime)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(replyTime))
	message := q.Message
	if q.TCP {
		message = append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
	}
	if _, err := conn.Write(message); err != nil {
		return nil, err
	}
	reply := make([]byte, 65535)
	var n int
	if !q.TCP {
		n, err = conn.Read(reply)
	} else if _, err = io.ReadFull(conn, reply[:2]); err == nil {
		n, err = io.ReadFull(conn, reply[:binary.BigEndian.Uint16(reply)])
	}
	if err != nil && q.Odd == "" {
		return nil, err
	}
	if err != nil {
		return &answer{Silent: true}, nil
	}
	if n < 2 || len(q.Message) >= 2 && [2]byte(reply) != [2]byte(q.Message) {
		return nil, fmt.Errorf("reply %x has another ID", reply[:n])
	}
	return parse(reply[:n]), nil
}

// parse takes a reply apart.
func parse(reply []byte) *answer {
	a := &answer{Size: len(reply)}
	m, err := wire.ParseMessage(reply)
	if err != nil {
		a.Form = err.Error()
		return a
	}
	a.RCode, a.Flags, a.EDNS = m.RCode, m.Flags, m.EDNS != nil
	for _, q := range m.Questions {
		a.Echo += fmt.Sprintf("%s %s %s;", q.Name, q.Class, q.Type)
	}
	for s := wire.SectionAnswer; s <= wire.SectionAdditional; s++ {
		for _, r := range m.Section(s) {
			data := wire.AppendRdataText(nil, r.Type, wire.AppendCanonicalRdata(nil, r.Type, r.Data))
			a.Records[s] = append(a.Records[s], record{r.Name.Fold().String(), r.TTL, r.Class, r.Type, string(data)})
		}
	}
	return a
}

// String is the answer as a page of text.
func (a *answer) String() string {
	switch {
	case a.Silent:
		return "    (nothing)\n"
	case a.Form != "":
		return "    (cannot be read: " + a.Form + ")\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "    %s %016b", a.RCode, uint16(a.Flags))
	if a.EDNS {
		b.WriteString(" edns")
	}
	fmt.Fprintf(&b, " %s\n", a.Echo)
	for s := wire.SectionAnswer; s <= wire.SectionAdditional; s++ {
		lines := make([]string, len(a.Records[s]))
		for i, r := range a.Records[s] {
			lines[i] = fmt.Sprintf("    %s: %s\n", s, r)
		}
		slices.Sort(lines)
		b.WriteString(strings.Join(lines, ""))
	}
	return b.String()
}
