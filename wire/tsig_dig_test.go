package wire

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestTSIGWithDig lets dig sign queries with each algorithm, and verify replies:
// one message over UDP, and a transfer of several messages over TCP, of which
// some may be unsigned.
func TestTSIGWithDig(t *testing.T) {
	dig, err := exec.LookPath("dig")
	if err != nil {
		t.Skipf("needs dig, of Debian's bind9-dnsutils: %v", err)
	}
	secret := []byte("0123456789abcdef0123456789abcdef")
	all := []TSIGKey{ // MACs truncated as much as they may be
		{Algorithm: TSIGSHA1, MACSize: 10}, {Algorithm: TSIGSHA256, MACSize: 16}, {Algorithm: TSIGSHA512, MACSize: 40},
	}
	for a := TSIGMD5; a.isKnown(); a++ {
		all = append(all, TSIGKey{Algorithm: a})
	}
	for _, key := range all {
		key.Name, key.Secret = MustParseName("Key.Example."), secret
		keys := &TSIGKeys{AllowMD5: true}
		if err := keys.Add(key); err != nil {
			t.Fatal(err)
		}
		t.Run(key.AlgorithmText(), func(t *testing.T) {
			s := startTSIGServer(t, keys, 0)
			for _, test := range []struct{ args, want string }{
				{"example. A", "NOERROR"},
				{"example. A +tcp", "NOERROR"},
				{"example. AXFR", "XFR size: 12 records (messages 12"},
			} {
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				defer cancel()
				args := append([]string{"@127.0.0.1", "-p", fmt.Sprint(s.port), "+tries=1", "+timeout=5", "-y", strings.ReplaceAll(key.Text(), "Key.Example.", "kEY.example.")}, strings.Fields(test.args)...)
				out, err := exec.CommandContext(ctx, dig, args...).CombinedOutput()
				if err != nil || !strings.Contains(string(out), test.want) || strings.Contains(string(out), ";; WARNING") || strings.Contains(string(out), "Couldn't verify") || strings.Contains(string(out), "expected a TSIG") {
					t.Errorf("%s: %v\n%s", test.args, err, out)
				}
			}
		})
	}
	t.Run("errors", func(t *testing.T) {
		keys := &TSIGKeys{}
		key := TSIGKey{Name: MustParseName("k."), Algorithm: TSIGSHA256, Secret: []byte("0123456789abcdef")}
		if err := keys.Add(key); err != nil {
			t.Fatal(err)
		}
		other := key
		other.Secret = []byte("fedcba9876543210")
		unknown := key
		unknown.Name = MustParseName("other.")
		for _, test := range []struct {
			name string
			key  TSIGKey
			late time.Duration
			want string
		}{
			{"BADKEY", unknown, 0, "BADKEY"},
			{"BADSIG", other, 0, "BADSIG"},
			{"BADTIME", key, time.Hour, "BADTIME"},
		} {
			s := startTSIGServer(t, keys, test.late)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			out, _ := exec.CommandContext(ctx, dig, "@127.0.0.1", "-p", fmt.Sprint(s.port), "+tries=1", "+timeout=5", "-y", test.key.Text(), "example.", "A").CombinedOutput()
			if !strings.Contains(string(out), "status: NOTAUTH") || !strings.Contains(string(out), test.want) {
				t.Errorf("%s:\n%s", test.name, out)
			}
		}
	})
}

// tsigServer replies with one record, or to AXFR with a message for each.
type tsigServer struct {
	keys *TSIGKeys
	port int
	late time.Duration // how far its clock is ahead
}

func startTSIGServer(t *testing.T, keys *TSIGKeys, late time.Duration) *tsigServer {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &tsigServer{keys: keys, late: late, port: tcp.Addr().(*net.TCPAddr).Port}
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: s.port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tcp.Close(); udp.Close() })
	go func() {
		buf := make([]byte, 65535)
		for {
			n, from, err := udp.ReadFromUDP(buf)
			if err != nil {
				return
			}
			for _, m := range s.replies(buf[:n]) {
				udp.WriteToUDP(m, from)
			}
		}
	}()
	go func() {
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				var length [2]byte
				for {
					if _, err := io.ReadFull(c, length[:]); err != nil {
						return
					}
					msg := make([]byte, binary.BigEndian.Uint16(length[:]))
					if _, err := io.ReadFull(c, msg); err != nil {
						return
					}
					for _, m := range s.replies(msg) {
						c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...))
					}
				}
			}()
		}
	}()
	return s
}

func (s *tsigServer) replies(query []byte) [][]byte {
	var q Query
	if q.Parse(query) != nil {
		return nil
	}
	now := time.Now().Add(s.late)
	session, err := s.keys.Verify(q.Message, q.TSIG, now)
	var failure *TSIGError
	if err != nil {
		failure = err.(*TSIGError)
	}
	soa := Record{Name: q.Question.Name, Type: TypeSOA, Class: ClassIN, Data: append(MustParseName("ns.").AppendTo(MustParseName("h.").AppendTo(nil)), make([]byte, 20)...)}
	records := []Record{soa}
	if q.Question.Type == TypeAXFR {
		for i := range 10 {
			records = append(records, Record{Name: q.Question.Name, Type: TypeA, Class: ClassIN, Data: []byte{192, 0, 2, byte(i)}})
		}
		records = append(records, soa)
	}
	if failure != nil {
		records = records[:1]
	}
	var all [][]byte
	for _, r := range records {
		m := Message{Questions: []Question{q.Question}, Answers: []Record{r}}
		m.ID, m.Flags = q.Header.ID, FlagQR|FlagAA
		if failure != nil {
			m.RCode, m.Answers = failure.RCode, nil
		}
		b, err := m.AppendTo(nil)
		if err != nil {
			return nil
		}
		if session != nil {
			before := len(b)
			if b = session.Sign(b, now); len(b) != before+session.Len() {
				panic("Len is not what Sign appends")
			}
		}
		all = append(all, b)
	}
	return all
}
