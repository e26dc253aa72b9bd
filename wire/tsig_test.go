package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// tsigVectors are queries that dig of BIND 9 signed with the key of [digKey]; the
// name ends with the length of the MAC in bits if it is truncated.
var tsigVectors = []struct{ algorithm, query string }{
	{"hmac-md5", "999c0120000100000000000203777777076578616d706c6503636f6d000001000100002904d0000000000000036b6579076578616d706c650000fa00ff00000000003a08686d61632d6d6435077369672d616c670372656703696e740000006b0c841e012c0010e99382fdfae5224f7faa37bbd6549a99999c00000000"},
	{"hmac-sha1", "ce420120000100000000000203777777076578616d706c6503636f6d000001000100002904d0000000000000036b6579076578616d706c650000fa00ff00000000002f09686d61632d736861310000006b0c841e012c0014c7d56ea6ebe6ee7788fcf45a7cbbfd12d01bf2a7ce4200000000"},
	{"hmac-sha224", "af8a0120000100000000000203777777076578616d706c6503636f6d000001000100002904d0000000000000036b6579076578616d706c650000fa00ff0000000000390b686d61632d7368613232340000006b0c841e012c001c856aaa4ffb976feabdf5a3b7cfccb8eeeaaa6c0ff1f5979ff1758917af8a00000000"},
	{"hmac-sha256", "d6400120000100000000000203777777076578616d706c6503636f6d000001000100002904d0000000000000036b6579076578616d706c650000fa00ff00000000003d0b686d61632d7368613235360000006b0c841f012c00201b498ecf028f084718ef06e78a9039e826acd8f5026e56f41240adac20bea21ed64000000000"},
	{"hmac-sha384", "81c50120000100000000000203777777076578616d706c6503636f6d000001000100002904d0000000000000036b6579076578616d706c650000fa00ff00000000004d0b686d61632d7368613338340000006b0c841f012c00302d50dd08c537c95952d5680033fb1a91c538bdb3557256c94b3b6dcb94c6e3fe322eb5edf1e37aabc9fc98dfe35d472581c500000000"},
	{"hmac-sha512", "ebc10120000100000000000203777777076578616d706c6503636f6d000001000100002904d0000000000000036b6579076578616d706c650000fa00ff00000000005d0b686d61632d7368613531320000006b0c841f012c004084eae3bc56a431ebe78321eae170c7b56378dded71f9f7630257375347b3699f0465fb2f34ecb77a2b65ab7425e82c5a09acd3cc7b24d344a091cbda5493bab5ebc100000000"},
	{"hmac-sha256-128", "1f0f0120000100000000000203777777076578616d706c6503636f6d000001000100002904d0000000000000036b6579076578616d706c650000fa00ff00000000002d0b686d61632d7368613235360000006b0c841f012c0010ba3c439863d4a7f1614b66f279895d481f0f00000000"},
	{"hmac-sha1-80", "cb060120000100000000000203777777076578616d706c6503636f6d000001000100002904d0000000000000036b6579076578616d706c650000fa00ff00000000002509686d61632d736861310000006b0c841f012c000a2fb3b6b2b589cbc03dedcb0600000000"},
	{"hmac-sha512-256", "1d840120000100000000000203777777076578616d706c6503636f6d000001000100002904d0000000000000036b6579076578616d706c650000fa00ff00000000003d0b686d61632d7368613531320000006b0c841f012c00205700db5d773672487d46d58151d450a54e61e40fce75732826f105d259530ddf1d8400000000"},
}

const digSecret = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

func digKey(t testing.TB, algorithm string) TSIGKey {
	t.Helper()
	if words := strings.Split(algorithm, "-"); len(words) == 3 {
		algorithm = words[0] + "-" + words[1]
	}
	k, err := ParseTSIGKey(algorithm + ":KEY.example:" + digSecret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func keysOf(t testing.TB, list ...TSIGKey) *TSIGKeys {
	t.Helper()
	keys := new(TSIGKeys)
	for _, k := range list {
		if err := keys.Add(k); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

// vector returns a query of dig, and when it was signed.
func vector(t testing.TB, text string) (msg []byte, at int, signed time.Time) {
	t.Helper()
	msg, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	var q Query
	if err := q.Parse(msg); err != nil {
		t.Fatal(err)
	}
	_, d, err := readTSIG(msg, q.TSIG)
	if err != nil {
		t.Fatal(err)
	}
	return msg, q.TSIG, time.Unix(int64(d.TimeSigned), 0)
}

// tsigErrorOf describes an error of Verify: RCODE and TSIG error.
func tsigErrorOf(err error) string {
	var e *TSIGError
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	if e.Code == 0 {
		return e.RCode.String()
	}
	return e.RCode.String() + " " + string(appendErrorCodeText(nil, e.Code))
}

// TestTSIGVectors: what dig signed is verified, and signed by us it is the same.
func TestTSIGVectors(t *testing.T) {
	for _, v := range tsigVectors {
		msg, at, signed := vector(t, v.query)
		key := digKey(t, v.algorithm)
		keys := keysOf(t, key)
		keys.AllowMD5, keys.MinMAC = true, 10
		s, err := keys.Verify(msg, at, signed.Add(5*time.Minute))
		if err != nil || !s.Key().Equal(key.Name) {
			t.Errorf("%s: %v", v.algorithm, err)
		}
		if strings.Count(v.algorithm, "-") == 2 || key.Algorithm == TSIGMD5 {
			continue
		}
		again, _, err := key.Sign(unsignedMessage(msg, at, uint16(msg[0])<<8|uint16(msg[1])), signed)
		if err != nil || !bytes.Equal(again, msg) {
			t.Errorf("%s: signed\n%x, want\n%x, %v", v.algorithm, again, msg, err)
		}
	}
}

// TestTSIGRefusals: what is wrong with a request, in the order of RFC 8945 5.2,
// and what the reply is signed with.
func TestTSIGRefusals(t *testing.T) {
	msg, at, signed := vector(t, tsigVectors[3].query) // SHA-256
	short, shortAt, shortSigned := vector(t, tsigVectors[6].query)
	md, mdAt, mdSigned := vector(t, tsigVectors[0].query)
	key := digKey(t, "hmac-sha256")
	otherSecret, otherName, otherAlgorithm := key, key, key
	otherSecret.Secret = []byte("something else")
	otherName.Name = MustParseName("another.")
	otherAlgorithm.Algorithm = TSIGSHA512
	cut := func(octets int) []byte { // the MAC, truncated by us
		_, d, err := readTSIG(msg, at)
		if err != nil {
			t.Fatal(err)
		}
		if octets > len(d.MAC) {
			d.MAC = append(d.MAC, make([]byte, octets-len(d.MAC))...)
		}
		d.MAC = d.MAC[:octets]
		return appendTSIG(unsignedMessage(msg, at, d.OriginalID), key.Name, d)
	}
	changed := bytes.Clone(msg)
	changed[13] ^= 1
	class := bytes.Clone(msg)
	class[at+key.Name.Len()+3] = 1
	for _, test := range []struct {
		name   string
		keys   []TSIGKey
		minMAC int
		msg    []byte
		at     int
		now    time.Time
		want   string
		mac    int // octets of the MAC in the reply; -1: it has no TSIG record
	}{
		{"good", []TSIGKey{key}, 0, msg, at, signed, "<nil>", 32},
		{"no key", nil, 0, msg, at, signed, "NOTAUTH BADKEY", 0},
		{"another key", []TSIGKey{otherName}, 0, msg, at, signed, "NOTAUTH BADKEY", 0},
		{"key for another algorithm", []TSIGKey{otherAlgorithm}, 0, msg, at, signed, "NOTAUTH BADKEY", 0},
		{"MD5", []TSIGKey{digKey(t, "hmac-md5")}, 0, md, mdAt, mdSigned, "NOTAUTH BADKEY", 0},
		{"another secret", []TSIGKey{otherSecret}, 0, msg, at, signed, "NOTAUTH BADSIG", 0},
		{"changed message, too late as well", []TSIGKey{key}, 0, changed, at, signed.Add(time.Hour), "NOTAUTH BADSIG", 0},
		{"as late as may be", []TSIGKey{key}, 0, msg, at, signed.Add(300 * time.Second), "<nil>", 32},
		{"too late", []TSIGKey{key}, 0, msg, at, signed.Add(301 * time.Second), "NOTAUTH BADTIME", 32},
		{"too early", []TSIGKey{key}, 0, msg, at, signed.Add(-301 * time.Second), "NOTAUTH BADTIME", 32},
		{"truncated", []TSIGKey{key}, 0, short, shortAt, shortSigned, "NOTAUTH BADTRUNC", 32},
		{"truncated, and allowed", []TSIGKey{key}, 16, short, shortAt, shortSigned, "<nil>", 32},
		{"truncated more than allowed", []TSIGKey{key}, 17, short, shortAt, shortSigned, "NOTAUTH BADTRUNC", 32},
		{"truncated and too late", []TSIGKey{key}, 0, short, shortAt, shortSigned.Add(time.Hour), "NOTAUTH BADTIME", 32},
		{"MAC below half", []TSIGKey{key}, 10, cut(15), at, signed, "FORMERR", -1},
		{"MAC of nothing", []TSIGKey{key}, 0, cut(0), at, signed, "FORMERR", -1},
		{"MAC too long", []TSIGKey{key}, 0, cut(33), at, signed, "FORMERR", -1},
		{"class IN", []TSIGKey{key}, 0, class, at, signed, "FORMERR", -1},
		{"ends early", []TSIGKey{key}, 0, msg[:len(msg)-1], at, signed, "FORMERR", -1},
		{"no record", []TSIGKey{key}, 0, msg, HeaderLen, signed, "FORMERR", -1},
		{"no record at all", []TSIGKey{key}, 0, msg, 0, signed, "FORMERR", -1},
	} {
		t.Run(test.name, func(t *testing.T) {
			keys := keysOf(t, test.keys...)
			keys.MinMAC = test.minMAC
			s, err := keys.Verify(test.msg, test.at, test.now)
			if got := tsigErrorOf(err); got != test.want {
				t.Fatalf("%s, want %s (%v)", got, test.want, err)
			}
			if (s == nil) != (test.mac < 0) {
				t.Fatalf("session %v", s)
			}
			if s == nil {
				return
			}
			header := Header{ID: 7, Flags: FlagQR}
			reply := header.AppendTo(nil)
			signedReply := s.Sign(reply, test.now)
			var q Query
			if err := q.Parse(signedReply); err != nil || q.TSIG != HeaderLen || len(signedReply) != HeaderLen+s.Len() {
				t.Fatalf("%x: %v", signedReply, err)
			}
			_, d, err := readTSIG(signedReply, q.TSIG)
			if err != nil || len(d.MAC) != test.mac || !strings.HasSuffix(test.want, string(appendErrorCodeText(nil, d.Error))) && d.Error != 0 {
				t.Errorf("%v, %v", d, err)
			}
			if d.Error == RCodeBadTime && (d.TimeSigned != s.time || !bytes.Equal(d.Other, appendUint48(nil, uint64(test.now.Unix())))) {
				t.Errorf("BADTIME does not tell the times: %v", d)
			}
		})
	}
}

// exchangeTSIG signs a request, and returns both ends of the exchange.
func exchangeTSIG(t testing.TB, now time.Time) (client, server *TSIGSession) {
	t.Helper()
	key := digKey(t, "hmac-sha256")
	msg := AppendQuery(nil, 1, 0, Question{MustParseName("example."), TypeAXFR, ClassIN}, nil)
	msg, client, err := key.Sign(msg, now)
	if err != nil {
		t.Fatal(err)
	}
	var q Query
	if err := q.Parse(msg); err != nil {
		t.Fatal(err)
	}
	server, err = keysOf(t, key).Verify(msg, q.TSIG, now)
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

// TestTSIGStreams: messages of a reply, some unsigned, lost, repeated, changed.
func TestTSIGStreams(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for _, test := range []struct {
		name     string
		unsigned int    // how many the client takes
		script   string // s: signed, u: unsigned, S: signed but lost, R: the last one again, x: changed after signing
		want     string // error of the first that fails, or of Close
	}{
		{"one", 0, "s", "<nil>"},
		{"many", 0, "ssssss", "<nil>"},
		{"unsigned between", 99, "suuusuus", "<nil>"},
		{"unsigned between, which is not allowed", 0, "sus", ErrTSIGMissing.Error()},
		{"99 unsigned", 99, "s" + strings.Repeat("u", 99) + "s", "<nil>"},
		{"100 unsigned", 1000, "s" + strings.Repeat("u", 100) + "s", ErrTSIGMissing.Error()},
		{"first unsigned", 99, "us", ErrTSIGMissing.Error()},
		{"last unsigned", 99, "ssu", ErrTSIGMissing.Error()},
		{"nothing", 99, "", ErrTSIGMissing.Error()},
		{"one lost", 99, "sSs", "NOTAUTH BADSIG"},
		{"one repeated", 99, "sR", "NOTAUTH BADSIG"},
		{"one changed", 99, "sx", "NOTAUTH BADSIG"},
		{"unsigned one changed", 99, "sUs", "NOTAUTH BADSIG"},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, server := exchangeTSIG(t, now)
			client.MaxUnsigned = test.unsigned
			var err error
			var last []byte
			for i, step := range test.script {
				header := Header{ID: 1, Flags: FlagQR}
				msg := header.AppendTo(nil)
				msg[3] = byte(i) &^ 0xF
				switch step {
				case 'u', 'U': // the signer covers it with the next
					if server.pending == nil {
						server.pending = server.key.beginMAC(server.mac)
					}
					server.pending.Write(msg)
					if step == 'U' {
						msg[2] ^= 1
					}
				case 'R':
					msg = last
				default:
					msg = signAfterUnsigned(server, msg, now)
					if step == 'x' {
						msg[2] ^= 1
					}
				}
				last = msg
				if step == 'S' {
					continue
				}
				if err = client.Verify(msg, now); err != nil {
					break
				}
			}
			if err == nil {
				err = client.Close()
			}
			if got := tsigErrorOf(err); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

// signAfterUnsigned is Sign of a server that left messages unsigned.
func signAfterUnsigned(s *TSIGSession, msg []byte, now time.Time) []byte {
	if s.pending == nil {
		return s.Sign(msg, now)
	}
	d := TSIG{Algorithm: s.key.Algorithm.Name(), TimeSigned: uint64(now.Unix()), Fudge: 300, OriginalID: 1}
	s.pending.Write(msg)
	d.MAC = s.key.endMAC(s.pending, &d, true)
	s.mac, s.pending = d.MAC, nil
	return appendTSIG(msg, s.key.Name, &d)
}

// TestTSIGErrorsOfServers: what a client makes of a reply that reports an error.
func TestTSIGErrorsOfServers(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	key := digKey(t, "hmac-sha256")
	other := key
	other.Secret = []byte("something else")
	for _, test := range []struct {
		keys []TSIGKey
		late time.Duration
		want string
	}{
		{nil, 0, "NOTAUTH BADKEY"},
		{[]TSIGKey{other}, 0, "NOTAUTH BADSIG"},
		{[]TSIGKey{key}, time.Hour, "NOTAUTH BADTIME"},
	} {
		msg, client, err := key.Sign(AppendQuery(nil, 1, 0, Question{MustParseName("example."), TypeA, ClassIN}, nil), now)
		if err != nil {
			t.Fatal(err)
		}
		var q Query
		if err := q.Parse(msg); err != nil {
			t.Fatal(err)
		}
		server, _ := keysOf(t, test.keys...).Verify(msg, q.TSIG, now.Add(test.late))
		header := Header{ID: 1, Flags: FlagQR | Flags(RCodeNotAuth)}
		err = client.Verify(server.Sign(header.AppendTo(nil), now.Add(test.late)), now)
		var e *TSIGError
		if got := tsigErrorOf(err); got != test.want || !errors.As(err, &e) || !e.FromPeer {
			t.Errorf("%s, want %s: %v", got, test.want, err)
		}
	}
}

// TestMD5SignsNothing: it is for requests of others, if at all.
func TestMD5SignsNothing(t *testing.T) {
	if _, _, err := digKey(t, "hmac-md5").Sign(make([]byte, HeaderLen), time.Now()); err == nil {
		t.Error("signed with MD5")
	}
	if _, err := NewTSIGKey(MustParseName("k."), TSIGMD5); err == nil {
		t.Error("made a key for MD5")
	}
}

func TestParseTSIGKey(t *testing.T) {
	for text, want := range map[string]string{
		"hmac-sha1:Key.Example:AAEC":      "hmac-sha1:key.example.:AAEC",
		"key:AAEC":                        "hmac-sha256:key.:AAEC",
		"HMAC-SHA512.:k.:AA EC":           "hmac-sha512:k.:AAEC",
		"hmac-md5.sig-alg.reg.int:k:AAEC": "hmac-md5:k.:AAEC",
		"":                                "TSIG key is not written as algorithm:name:secret",
		"key":                             "TSIG key is not written as algorithm:name:secret",
		"a:b:c:d":                         "TSIG key is not written as algorithm:name:secret",
		"hmac-sha3:k:AAEC":                `TSIG algorithm "hmac-sha3" is not one of`,
		"hmac-sha1:k:A":                   "secret of TSIG key k. is not base64",
		"hmac-sha1:k:":                    "secret of TSIG key k. is empty",
		"hmac-sha1:a..b:AAEC":             `name of TSIG key "a..b": `,
		"hmac-sha1:k:" + strings.Repeat("A", 700): "secret of TSIG key k. has 525 octets, more than 512",
	} {
		k, err := ParseTSIGKey(text)
		got := k.Text()
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
		if err == nil && (strings.Contains(fmt.Sprintf("%v %+v %#v", k, k, k), "AAEC") || strings.Contains(fmt.Sprintf("%#v", k), "[]byte")) {
			t.Errorf("%q: a secret is printed: %#v", text, k)
		}
	}
}

func TestParseTSIGKeys(t *testing.T) {
	good := `key "a.example" { algorithm hmac-sha256; secret "AAEC"; };`
	for text, want := range map[string]string{
		"":   "",
		good: "hmac-sha256:a.example.:AAEC",
		"# c\n// d\n/* e\n */ key b {\n\tsecret AAEC ; algorithm \"hmac-sha1\";};\n" + good: "hmac-sha1:b.:AAEC hmac-sha256:a.example.:AAEC",
		good + "\n" + strings.ToUpper(`key "a.example."`):                                   `f:2:1: "KEY" is not expected`,
		good + good:                                     "f:1:116: TSIG key a.example. is there already",
		"options { };":                                  `f:1:1: "options" is not expected: only key { } is read here`,
		"key a { algorithm hmac-sha256; };":             `f:1:5: key "a" has no secret`,
		"key a {\n secret AAEC; };":                     `f:1:5: key "a" has no algorithm`,
		"key a { algorithm hmac-sha256; secret AAEC; }": `f:1:46: ";" is missing`,
		"key a { algorithm hmac-sha256; secret AAEC; secret AAEC; };": `f:1:45: key "a" has more than one secret`,
		"key a { algorithm x; secret AAEC; };":                        `f:1:5: TSIG algorithm "x" is not one of`,
		"key a { algorithm ; };":                                      `f:1:19: key "a": algorithm has no value`,
		"key a {":                                                     `f:1:8: key "a" does not end`,
		"key {":                                                       "f:1:5: key has no name",
		"key a { level 3; };":                                         `f:1:9: key "a": "level" is neither algorithm nor secret`,
		"key \"a\n\" {":                                               "f:1:5: string does not end",
		"/* x":                                                        "f:1:1: comment does not end",
		"key":                                                         "f:1:4: key has no name",
	} {
		keys, err := ParseTSIGKeys([]byte(text), "f")
		var words []string
		for _, k := range keys {
			words = append(words, k.Text())
			again, err := ParseTSIGKeys(k.AppendStanza(nil), "f")
			if err != nil || len(again) != 1 || again[0].Text() != k.Text() {
				t.Errorf("%s reads back as %v, %v", k.AppendStanza(nil), again, err)
			}
		}
		got := strings.Join(words, " ")
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%q:\n%s, want\n%s", text, got, want)
		}
	}
}

// FuzzTSIG verifies octets as requests and as replies: nothing that was changed
// is accepted, and what is appended to it is what Len says.
func FuzzTSIG(f *testing.F) {
	for _, v := range tsigVectors {
		msg, _, _ := vector(f, v.query)
		f.Add(msg)
	}
	var originals [][]byte
	keys := &TSIGKeys{MinMAC: 10, AllowMD5: true}
	for _, v := range tsigVectors {
		msg, _, _ := vector(f, v.query)
		originals = append(originals, msg)
	}
	keys.Add(digKey(f, "hmac-sha256"))
	now := time.Unix(0x6b0c841f, 0)
	f.Fuzz(func(t *testing.T, msg []byte) {
		var q Query
		if q.Parse(msg) != nil || q.TSIG == 0 {
			return
		}
		s, err := keys.Verify(q.Message, q.TSIG, now)
		if err == nil {
			isKnown := false
			for _, o := range originals {
				// The ID is not signed, the original ID is; nor is the case of names.
				same := len(o) == len(q.Message) && bytes.Equal(bytes.ToLower(o[2:q.TSIG]), bytes.ToLower(q.Message[2:q.TSIG]))
				isKnown = isKnown || same
			}
			if !isKnown {
				t.Fatalf("accepted %x", msg)
			}
		}
		if s != nil {
			header := Header{ID: q.Header.ID, Flags: FlagQR}
			reply := s.Sign(header.AppendTo(nil), now)
			if len(reply) != HeaderLen+s.Len() {
				t.Fatalf("%d octets, want %d", len(reply), HeaderLen+s.Len())
			}
		}
		client, _ := exchangeTSIG(t, now)
		if client.Verify(msg, now) == nil {
			t.Fatalf("accepted as a reply: %x", msg)
		}
	})
}

// FuzzTSIGKeys reads text as a file of keys.
func FuzzTSIGKeys(f *testing.F) {
	f.Add([]byte("# c\n// d\n/* e\n */ key b {\n\tsecret AAEC ; algorithm \"hmac-sha1\";};\nkey \"a\\\\.b\" { algorithm hmac-sha256; secret \"AAEC\"; };"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := ParseTSIGKeys(text, "f")
		if err != nil && !strings.HasPrefix(err.Error(), "f:") {
			t.Fatalf("an error without a place: %v", err)
		}
		for _, k := range keys {
			again, err := ParseTSIGKey(k.Text())
			if strings.Contains(k.Name.String(), ":") {
				continue // this form has no escapes
			}
			if err != nil || again.Text() != k.Text() {
				t.Fatalf("%s reads back as %s, %v", k.Text(), again.Text(), err)
			}
		}
	})
}

// What was verified may be overwritten before the next message of the reply is
// signed or verified.
func TestTSIGSessionKeepsNothingLent(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	key, err := ParseTSIGKey("hmac-sha256:key.:c2VjcmV0")
	if err != nil {
		t.Fatal(err)
	}
	var keys TSIGKeys
	if err := keys.Add(key); err != nil {
		t.Fatal(err)
	}
	question := Question{Name: MustParseName("example."), Type: TypeAXFR, Class: ClassIN}
	query, client, err := key.Sign(AppendQuery(nil, 1, 0, question, nil), now)
	if err != nil {
		t.Fatal(err)
	}
	var q Query
	if err := q.Parse(query); err != nil {
		t.Fatal(err)
	}
	server, err := keys.Verify(query, q.TSIG, now)
	if err != nil {
		t.Fatal(err)
	}
	clear(query)
	for i := range 3 {
		reply := server.Sign(AppendQuery(nil, 1, FlagQR, question, nil), now)
		if err := client.Verify(reply, now); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		clear(reply)
	}
}

// Keys whose MACs are truncated: what dig signs with them is accepted, in both directions
// they are as short as that and no shorter, and RFC 8945 5.2.2.1 says how short they may be.
func TestTSIGTruncated(t *testing.T) {
	for _, v := range tsigVectors[6:] {
		key, err := ParseTSIGKey(v.algorithm + ":KEY.example:" + digSecret)
		if err != nil {
			t.Fatal(err)
		}
		msg, at, signed := vector(t, v.query)
		if _, err := keysOf(t, key).Verify(msg, at, signed); err != nil {
			t.Fatalf("%s: %v", v.algorithm, err)
		}
		if again, err := ParseTSIGKey(key.Text()); err != nil || again.MACSize != key.MACSize || again.AlgorithmText() != v.algorithm {
			t.Errorf("%s: %v, %v", key.Text(), again, err)
		}
		query, client, err := key.Sign(AppendQuery(nil, 1, 0, Question{MustParseName("example."), TypeAXFR, ClassIN}, nil), signed)
		if err != nil {
			t.Fatal(err)
		}
		var q Query
		if err := q.Parse(query); err != nil {
			t.Fatal(err)
		}
		server, err := keysOf(t, key).Verify(query, q.TSIG, signed)
		if err != nil {
			t.Fatalf("%s: %v", v.algorithm, err)
		}
		whole := key
		whole.MACSize = 0
		if _, err := keysOf(t, whole).Verify(query, q.TSIG, signed); tsigErrorOf(err) != "NOTAUTH BADTRUNC" {
			t.Errorf("%s: a server without truncation says %v", v.algorithm, err)
		}
		strict := *client
		strict.key.MACSize++
		for i := range 3 { // a stream
			header := Header{ID: 1, Flags: FlagQR}
			reply := server.Sign(header.AppendTo(nil), signed)
			if len(reply) != HeaderLen+server.Len() {
				t.Errorf("%s: message %d has %d octets, not %d", v.algorithm, i, len(reply), HeaderLen+server.Len())
			}
			if err := client.Verify(reply, signed); err != nil {
				t.Errorf("%s: message %d: %v", v.algorithm, i, err)
			}
			if err := strict.Verify(reply, signed); i == 0 && tsigErrorOf(err) != "NOTAUTH BADTRUNC" {
				t.Errorf("%s: a client that wants more says %v", v.algorithm, err)
			}
		}
	}
	for algorithm, want := range map[string]string{
		"hmac-sha256-127": "128 to 256 bits", "hmac-sha256-120": "128 to 256 bits", "hmac-sha256-264": "128 to 256 bits", "hmac-sha1-72": "80 to 160 bits",
		"hmac-sha1-90": "80 to 160 bits", "hmac-sha256-": "is not one of", "hmac-sha256--128": "is not one of", "hmac-sha256-x": "is not one of", "128": "is not one of", "": "is not one of",
		"hmac-sha256-128": "", "hmac-sha256-256": "", "HMAC-SHA512-256": "", "hmac-sha384-192": "", "hmac-sha1-80": "",
	} {
		_, err := ParseTSIGKey(algorithm + ":key:c2VjcmV0")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", algorithm, err, want)
		}
	}
}
