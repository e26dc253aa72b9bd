package dnstap

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// field is one field of a protocol buffer, as a slow reader sees it.
type field struct {
	number int
	value  any // uint64, uint32 or []byte
}

// fields reads a protocol buffer without knowing what is in it.
func fields(t *testing.T, b []byte) (all []field) {
	t.Helper()
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		if n <= 0 {
			t.Fatalf("no key at % x", b)
		}
		b = b[n:]
		switch key & 7 {
		case varint:
			v, n := binary.Uvarint(b)
			if n <= 0 {
				t.Fatalf("no number at % x", b)
			}
			all, b = append(all, field{int(key >> 3), v}), b[n:]
		case fixed32:
			all, b = append(all, field{int(key >> 3), binary.LittleEndian.Uint32(b)}), b[4:]
		case lengthDelimited:
			size, n := binary.Uvarint(b)
			if n <= 0 || size > uint64(len(b)-n) {
				t.Fatalf("length out of range at % x", b)
			}
			all, b = append(all, field{int(key >> 3), b[n : n+int(size)]}), b[n+int(size):]
		default:
			t.Fatalf("wire type %d", key&7)
		}
	}
	return all
}

func show(all []field) string {
	var s strings.Builder
	for _, f := range all {
		if octets, ok := f.value.([]byte); ok {
			fmt.Fprintf(&s, "%d=%x ", f.number, octets)
		} else {
			fmt.Fprintf(&s, "%d=%v ", f.number, f.value)
		}
	}
	return strings.TrimSpace(s.String())
}

func TestFrames(t *testing.T) {
	at := time.Unix(1700000000, 5)
	v4, v6 := netip.MustParseAddrPort("192.0.2.1:4000"), netip.MustParseAddrPort("[2001:db8::53]:53")
	for _, c := range []struct {
		name string
		m    Message
		want string
	}{
		{"a query over UDP", Message{Kind: ClientQuery, Protocol: UDP, Querier: v4, Responder: netip.MustParseAddrPort("192.0.2.53:53"), QueryTime: at, Packet: []byte{1, 2}},
			"1=5 2=1 3=1 4=c0000201 6=4000 5=c0000235 7=53 8=1700000000 9=5 10=0102"},
		{"a response over TLS and IPv6", Message{Kind: AuthResponse, Protocol: DoT, Querier: v6, QueryTime: at, ResponseTime: at.Add(time.Second), Packet: []byte{3}},
			"1=2 2=2 3=3 4=20010db8000000000000000000000053 6=53 8=1700000000 9=5 12=1700000001 13=5 14=03"},
		{"a query to a zone's server", Message{Kind: ResolverQuery, Protocol: TCP, Responder: v6, Zone: []byte{0}, Packet: []byte{4}},
			"1=3 2=2 3=2 5=20010db8000000000000000000000053 7=53 11=00 10=04"},
		{"IPv4 in an IPv6 socket", Message{Kind: UpdateQuery, Protocol: DoQ, Querier: netip.MustParseAddrPort("[::ffff:192.0.2.1]:4000")},
			"1=13 2=1 3=7 4=c0000201 6=4000 10="},
		{"no address", Message{Kind: ForwarderResponse, Protocol: DoH}, "1=8 3=4 14="},
		{"a large packet", Message{Kind: ClientResponse, Protocol: TCP, Packet: make([]byte, 65535)},
			"1=6 3=2 14=" + strings.Repeat("00", 65535)},
	} {
		frame := AppendFrame([]byte("before"), "ns1", "names 1", &c.m)[len("before"):]
		if got := binary.BigEndian.Uint32(frame); int(got) != len(frame)-4 {
			t.Errorf("%s: length %d of a frame of %d", c.name, got, len(frame))
		}
		if len(frame) > c.m.maxFrame(&Config{Identity: "ns1", Version: "names 1"}) {
			t.Errorf("%s: %d octets are more than maxFrame says", c.name, len(frame))
		}
		outer := fields(t, frame[4:])
		if len(outer) != 4 || outer[0].number != 1 || outer[1].number != 2 || outer[2].number != 14 || outer[3] != (field{15, uint64(1)}) {
			t.Errorf("%s: outer fields: %s", c.name, show(outer))
			continue
		}
		if got := show(fields(t, outer[2].value.([]byte))); got != c.want {
			t.Errorf("%s:\ngot  %.300s\nwant %.300s", c.name, got, c.want)
		}
	}
}

func TestFramesAllocateNothing(t *testing.T) {
	b := make([]byte, 0, 4096)
	m := Message{Kind: ClientQuery, Protocol: UDP, Querier: netip.MustParseAddrPort("192.0.2.1:4000"), QueryTime: time.Unix(1, 0), Packet: make([]byte, 100)}
	if n := testing.AllocsPerRun(100, func() { AppendFrame(b, "ns1", "1", &m) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// reader plays the reading end of a Frame Stream and returns its data frames.
func reader(c io.ReadWriter) (frames [][]byte, err error) {
	if err := readControl(c, readyFrame); err != nil {
		return nil, fmt.Errorf("READY: %w", err)
	}
	if _, err := c.Write(appendControl(nil, acceptFrame, true)); err != nil {
		return nil, err
	}
	frames, err = dataFrames(c)
	if err == nil {
		_, err = c.Write(appendControl(nil, finishFrame, false))
	}
	return frames, err
}

// dataFrames reads from START to STOP.
func dataFrames(r io.Reader) (frames [][]byte, err error) {
	if err := readControl(r, startFrame); err != nil {
		return nil, fmt.Errorf("START: %w", err)
	}
	for {
		var length [4]byte
		if _, err := io.ReadFull(r, length[:]); err != nil {
			return frames, err
		}
		n := binary.BigEndian.Uint32(length[:])
		if n == 0 {
			return frames, readControl(io.MultiReader(bytes.NewReader(length[:]), r), stopFrame)
		}
		frame := make([]byte, n)
		if _, err := io.ReadFull(r, frame); err != nil {
			return frames, err
		}
		frames = append(frames, frame)
	}
}

// piped makes an output whose target is the returned end of a connection in memory.
func piped(t *testing.T, config Config) (*Output, net.Conn) {
	t.Helper()
	config.Target = "unix:/unused"
	o, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	o.dial = func(context.Context) (io.WriteCloser, io.Reader, error) {
		c := &deadlineConn{ours}
		return c, c, nil
	}
	return o, theirs
}

func TestMessagesReachTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, theirs := piped(t, Config{Identity: "ns1"})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { o.Run(ctx); close(done) }()
		type result struct {
			frames [][]byte
			err    error
		}
		read := make(chan result, 1)
		go func() {
			frames, err := reader(theirs)
			read <- result{frames, err}
		}()
		for i := range 1000 {
			o.Record(&Message{Kind: ClientQuery, Protocol: UDP, Packet: []byte{byte(i >> 8), byte(i)}})
			if i%100 == 0 {
				synctest.Wait()
				time.Sleep(flushInterval)
			}
		}
		cancel()
		<-done
		got := <-read
		if got.err != nil || len(got.frames) != 1000 {
			t.Fatalf("%d frames, %v", len(got.frames), got.err)
		}
		for i, frame := range got.frames {
			if !bytes.HasSuffix(frame[:len(frame)-2], []byte{byte(i >> 8), byte(i)}) {
				t.Fatalf("frame %d is % x", i, frame)
			}
		}
		if s := o.Stats(); s != (Stats{Written: 1000}) {
			t.Errorf("%+v", s)
		}
	})
}

// TestStuckReaderHoldsUpNoQuery records far more than fits while the reader has
// stopped reading: Record returns each time, and what is lost is counted.
func TestStuckReaderHoldsUpNoQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, theirs := piped(t, Config{Buffer: 1 << 16})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { o.Run(ctx); close(done) }()
		if err := readControl(theirs, readyFrame); err != nil {
			t.Fatal(err)
		}
		theirs.Write(appendControl(nil, acceptFrame, true))
		if err := readControl(theirs, startFrame); err != nil {
			t.Fatal(err)
		}
		const count = 10000
		for i := range count {
			o.Record(&Message{Kind: ClientQuery, Protocol: UDP, Packet: make([]byte, 100)})
			if i == count/2 {
				time.Sleep(2 * flushInterval) // the first buffer is under way
			}
		}
		if most := 1 << 16; cap(o.waiting) > most {
			t.Errorf("the buffer has grown to %d", cap(o.waiting))
		}
		time.Sleep(writeTimeout + flushInterval)
		cancel()
		theirs.Close()
		<-done
		s := o.Stats()
		o.mu.Lock()
		waiting := o.frames
		o.mu.Unlock()
		if s.Written != 0 || s.Dropped+waiting != count {
			t.Errorf("%+v and %d waiting, of %d", s, waiting, count)
		}
	})
}

func TestSampling(t *testing.T) {
	o, err := New(Config{Target: "tcp:127.0.0.1:1", OneIn: 10})
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		o.Record(&Message{Kind: ClientQuery})
	}
	if s := o.Stats(); o.frames != 100 || s.Sampled != 900 {
		t.Errorf("%d frames, %+v", o.frames, s)
	}
}

func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tap")
	run := func() *Output {
		o, err := New(Config{Target: "file:" + path})
		if err != nil {
			t.Fatal(err)
		}
		o.Record(&Message{Kind: AuthResponse, Packet: []byte{7}})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := o.runOnce(ctx); err != nil && !strings.Contains(err.Error(), "not empty") {
			t.Fatal(err)
		}
		return o
	}
	if s := run().Stats(); s.Written != 1 {
		t.Errorf("%+v", s)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if frames, err := dataFrames(bytes.NewReader(content)); len(frames) != 1 || err != nil {
		t.Errorf("%d frames, %v", len(frames), err)
	}
	if s := run().Stats(); s.Written != 0 {
		t.Errorf("a file that is not empty was written to: %+v", s)
	}
}

func TestTargets(t *testing.T) {
	for _, target := range []string{"", "unix", "unix:", "udp:1", "/path"} {
		if _, err := New(Config{Target: target}); err == nil || !strings.Contains(err.Error(), "unix:/path") {
			t.Errorf("%q: %v", target, err)
		}
	}
	if _, err := New(Config{Target: "unix:/x", Buffer: 100}); err == nil {
		t.Error("a buffer of 100 octets is taken")
	}
}

func TestReadersThatDoNotFit(t *testing.T) {
	other := appendControl(nil, acceptFrame, true)
	copy(other[len(other)-len(contentType):], "protobuf:other.thing!!")
	for name, reply := range map[string][]byte{
		"another content type": other,
		"another frame":        appendControl(nil, finishFrame, true),
		"data":                 {0, 0, 0, 5, 1, 2, 3, 4},
		"an endless frame":     {0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF},
		"a short field":        {0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 1, 9, 9},
		"an end":               {0, 0},
	} {
		if err := readControl(bytes.NewReader(reply), acceptFrame); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if err := readControl(bytes.NewReader(appendControl(nil, acceptFrame, false)), acceptFrame); err != nil {
		t.Errorf("no content type: %v", err)
	}
}

func FuzzControlFrame(f *testing.F) {
	f.Add(appendControl(nil, acceptFrame, true))
	f.Add(appendControl(nil, finishFrame, false))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 1, 9, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		if readControl(r, acceptFrame) == nil && len(b)-r.Len() > 8+maxControlFrame {
			t.Errorf("%d octets were read of one control frame", len(b)-r.Len())
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	o, err := New(Config{Target: "tcp:127.0.0.1:1", Identity: "ns1", Version: "names"})
	if err != nil {
		b.Fatal(err)
	}
	m := Message{Kind: ClientQuery, Protocol: UDP, Querier: netip.MustParseAddrPort("192.0.2.1:4000"), QueryTime: time.Now(), Packet: make([]byte, 60)}
	spare := make([]byte, 0, o.config.Buffer)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		o.Record(&m)
		if i%1024 == 0 {
			spare, _ = o.flush(io.Discard, spare)
		}
	}
}
