package wire

import (
	"bytes"
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"time"
)

// How messages are signed with a shared key (RFC 8945). Signing and verifying
// work on the octets of complete messages. A client:
//
//	msg, session, err := key.Sign(msg, time.Now())
//	...
//	err = session.Verify(reply, time.Now()) // for each message of the reply
//	err = session.Close()                   // after the last of several
//
// A server:
//
//	session, err := keys.Verify(msg, query.TSIG, time.Now())
//	... // a *TSIGError says which RCODE the reply must have
//	reply = session.Sign(reply, time.Now()) // for each message of the reply

// DefaultTSIGFudge is how far the clocks of client and server may differ.
const DefaultTSIGFudge = 300 * time.Second // RFC 8945 10

// maxUnsigned is how many messages of a stream may follow each other unsigned
// (RFC 8945 5.3.1).
const maxUnsigned = 99

var (
	// ErrTSIGMissing is returned for a message that has to be signed and is not.
	ErrTSIGMissing = errors.New("message is not signed with TSIG")
	// ErrTSIGFormat is returned for a TSIG record that is malformed.
	ErrTSIGFormat = errors.New("TSIG record is malformed")
)

// TSIGError is why a signed message was not accepted.
type TSIGError struct {
	// RCode is what a server replies: FORMERR for a record that is malformed,
	// and NOTAUTH otherwise (RFC 8945 5.2).
	RCode RCode
	// Code is what the TSIG record of the reply says: BADSIG (16), BADKEY,
	// BADTIME or BADTRUNC.
	Code RCode
	Key  Name // the name of the key in the message
	// FromPeer says that the peer reported the error in its reply.
	FromPeer bool
	Reason   string
}

func (e *TSIGError) Error() string {
	what := e.RCode.String()
	if e.Code != 0 {
		what = string(appendErrorCodeText(nil, e.Code))
	}
	if e.FromPeer {
		return fmt.Sprintf("TSIG key %s: peer reports %s", e.Key, what)
	}
	return fmt.Sprintf("TSIG key %s: %s: %s", e.Key, what, e.Reason)
}

// TSIGSession is a signed request with the messages that reply to it. It is for
// one goroutine.
type TSIGSession struct {
	key   TSIGKey
	mac   []byte // of the request, then of the last signed message
	error RCode  // what the reply to the request says
	time  uint64 // Time Signed of the request
	fudge uint16
	first bool // no message of the reply was signed or verified yet

	// MaxUnsigned is how many messages of a reply may follow each other
	// unsigned: servers may sign only some messages of a transfer (RFC 8945
	// 5.3.1). The default, 0, demands that all are signed; more than 99 is 99.
	MaxUnsigned int
	unsigned    int
	pending     hash.Hash // has the unsigned messages, which the next MAC covers; nil for none
}

// Key is the name of the key. It is proved only if Verify returned no error.
func (s *TSIGSession) Key() Name { return s.key.Name }

// Sign appends a TSIG record to a request and returns what its reply is verified
// with. MD5 is refused.
func (k TSIGKey) Sign(msg []byte, now time.Time) ([]byte, *TSIGSession, error) {
	switch {
	case len(msg) < HeaderLen:
		return msg, nil, ErrShort
	case k.Algorithm == TSIGMD5 || !k.Algorithm.isKnown():
		return msg, nil, fmt.Errorf("TSIG key %s: algorithm %s is not used for signing", k.Name, k.Algorithm)
	}
	s := &TSIGSession{key: k, first: true}
	d := TSIG{
		Algorithm: k.Algorithm.Name(), TimeSigned: uint64(now.Unix()), Fudge: uint16(DefaultTSIGFudge / time.Second),
		OriginalID: binary.BigEndian.Uint16(msg),
	}
	d.MAC = k.mac(nil, msg, &d, false)[:k.macSize()]
	s.mac = d.MAC
	return appendTSIG(msg, k.Name, &d), s, nil
}

// Verify verifies a signed request whose TSIG record is at offset at, which
// [Query] has. The error is a [*TSIGError]. The session is not nil unless the
// reply gets no TSIG record: after an error, too, it signs the reply as the
// error demands.
func (k *TSIGKeys) Verify(msg []byte, at int, now time.Time) (*TSIGSession, error) {
	name, d, err := readTSIG(msg, at)
	if err != nil {
		return nil, &TSIGError{RCode: RCodeFormErr, Key: name, Reason: err.Error()}
	}
	s := &TSIGSession{key: TSIGKey{Name: name.Clone()}, time: d.TimeSigned, fudge: d.Fudge, first: true}
	fail := func(code RCode, reason string) (*TSIGSession, error) {
		s.error = code
		return s, &TSIGError{RCode: RCodeNotAuth, Code: code, Key: s.key.Name, Reason: reason}
	}
	// RFC 8945 5.2.1
	key, ok := k.Find(name)
	s.key.Algorithm = algorithmOf(d.Algorithm)
	s.key.wireAlgorithm = d.Algorithm.Clone()
	switch {
	case !ok:
		return fail(RCodeBadKey, "key is not known")
	case s.key.Algorithm != key.Algorithm:
		return fail(RCodeBadKey, fmt.Sprintf("algorithm is %s, not %s", d.Algorithm, key.Algorithm))
	case key.Algorithm == TSIGMD5 && !k.AllowMD5:
		return fail(RCodeBadKey, "MD5 is not allowed")
	}
	s.key = key
	// RFC 8945 5.2.2
	if err := checkMACSize(key.Algorithm, len(d.MAC)); err != nil {
		return nil, &TSIGError{RCode: RCodeFormErr, Key: s.key.Name, Reason: err.Error()}
	}
	if !isMACOf(key.mac(nil, unsignedMessage(msg, at, d.OriginalID), d, false), d.MAC) {
		return fail(RCodeBadVers, "MAC does not match") // BADSIG has the number of BADVERS
	}
	s.mac = bytes.Clone(d.MAC) // msg is only lent
	// RFC 8945 5.2.3
	if !isInTime(d, now) {
		return fail(RCodeBadTime, fmt.Sprintf("signed at %d, %d s away from the present", d.TimeSigned, now.Unix()-int64(d.TimeSigned)))
	}
	// RFC 8945 5.2.4
	least := key.macSize()
	if k.MinMAC > 0 {
		least = min(least, k.MinMAC)
	}
	if len(d.MAC) < least {
		return fail(RCodeBadTrunc, fmt.Sprintf("MAC has %d octets", len(d.MAC)))
	}
	return s, nil
}

// Len is how many octets Sign adds to each message.
func (s *TSIGSession) Len() int {
	d := TSIG{Algorithm: s.key.algorithmName()}
	size := s.key.Name.Len() + 10 + d.Len()
	switch {
	case s.error == RCodeBadKey || s.error == RCodeBadVers: // no MAC
	case s.error == RCodeBadTime:
		size += s.key.macSize() + 6
	default:
		size += s.key.macSize()
	}
	return size
}

// Sign appends a TSIG record to a message of the reply, the next one of a stream
// if it was called before (RFC 8945 5.3, 5.3.1).
func (s *TSIGSession) Sign(msg []byte, now time.Time) []byte {
	d := TSIG{
		Algorithm: s.key.algorithmName(), TimeSigned: uint64(now.Unix()), Fudge: uint16(DefaultTSIGFudge / time.Second),
		OriginalID: binary.BigEndian.Uint16(msg), Error: s.error,
	}
	switch s.error {
	case RCodeBadKey, RCodeBadVers: // RFC 8945 5.3.2: not signed
		return appendTSIG(msg, s.key.Name, &d)
	case RCodeBadTime: // RFC 8945 5.2.3: the client's time, and ours
		d.TimeSigned, d.Fudge = s.time, s.fudge
		d.Other = appendUint48(nil, uint64(now.Unix()))
	}
	d.MAC = s.key.mac(s.mac, msg, &d, !s.first)[:s.key.macSize()]
	s.mac, s.first = d.MAC, false
	return appendTSIG(msg, s.key.Name, &d)
}

// Verify verifies the next message of the reply. The error is [ErrTSIGMissing],
// [ErrTSIGFormat], a [*TSIGError], or says how the message is malformed; no
// message of the reply is to be trusted then.
func (s *TSIGSession) Verify(msg []byte, now time.Time) error {
	var q Query
	if err := q.Parse(msg); err != nil {
		return err
	}
	msg = q.Message
	if q.TSIG == 0 {
		// RFC 8945 5.3.1: the first message is signed.
		if s.first || s.unsigned >= min(s.MaxUnsigned, maxUnsigned) {
			return ErrTSIGMissing
		}
		if s.pending == nil {
			s.pending = s.key.beginMAC(s.mac)
		}
		s.unsigned++
		s.pending.Write(msg)
		return nil
	}
	name, d, err := readTSIG(msg, q.TSIG)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTSIGFormat, err)
	}
	bad := func(code RCode, reason string) error {
		return &TSIGError{RCode: RCodeNotAuth, Code: code, Key: s.key.Name, Reason: reason}
	}
	switch {
	case !name.Equal(s.key.Name) || algorithmOf(d.Algorithm) != s.key.Algorithm:
		return bad(RCodeBadKey, fmt.Sprintf("reply is signed with key %s, %s", name, d.Algorithm))
	case len(d.MAC) == 0 && (d.Error == RCodeBadKey || d.Error == RCodeBadVers):
		return &TSIGError{RCode: q.Header.Flags.RCode(), Code: d.Error, Key: s.key.Name, FromPeer: true} // RFC 8945 5.4: it may be forged
	}
	if err := checkMACSize(s.key.Algorithm, len(d.MAC)); err != nil {
		return fmt.Errorf("%w: %w", ErrTSIGFormat, err)
	}
	h := s.pending
	if h == nil {
		h = s.key.beginMAC(s.mac)
	}
	h.Write(unsignedMessage(msg, q.TSIG, d.OriginalID))
	if !isMACOf(s.key.endMAC(h, d, !s.first), d.MAC) {
		return bad(RCodeBadVers, "MAC of the reply does not match")
	}
	s.mac, s.first, s.unsigned, s.pending = bytes.Clone(d.MAC), false, 0, nil // msg is only lent
	switch {
	case d.Error != 0:
		return &TSIGError{RCode: q.Header.Flags.RCode(), Code: d.Error, Key: s.key.Name, FromPeer: true}
	case !isInTime(d, now):
		return bad(RCodeBadTime, fmt.Sprintf("reply was signed at %d, %d s away from the present", d.TimeSigned, now.Unix()-int64(d.TimeSigned)))
	case len(d.MAC) < s.key.macSize():
		return bad(RCodeBadTrunc, fmt.Sprintf("MAC of the reply has %d octets", len(d.MAC)))
	}
	return nil
}

// Close reports [ErrTSIGMissing] if the last message that was verified was not
// signed: nothing proves the messages since the last one that was (RFC 8945
// 5.3.1).
func (s *TSIGSession) Close() error {
	if s.first || s.unsigned > 0 {
		return ErrTSIGMissing
	}
	return nil
}

// mac returns the MAC of a message (RFC 8945 4.3). previous is the MAC that came
// before, nil for a request; see endMAC for later.
func (k *TSIGKey) mac(previous, msg []byte, d *TSIG, later bool) []byte {
	h := k.beginMAC(previous)
	h.Write(msg)
	return k.endMAC(h, d, later)
}

func (k *TSIGKey) beginMAC(previous []byte) hash.Hash {
	h := hmac.New(k.Algorithm.hash(), k.Secret)
	if previous != nil {
		h.Write(binary.BigEndian.AppendUint16(nil, uint16(len(previous))))
		h.Write(previous)
	}
	return h
}

// endMAC adds what the MAC covers of the record itself. later says that the
// message is not the first one of a reply: then that is only the times (RFC
// 8945 5.3.1).
func (k *TSIGKey) endMAC(h hash.Hash, d *TSIG, later bool) []byte {
	var b []byte
	if !later {
		b = k.Name.AppendFolded(b)
		b = binary.BigEndian.AppendUint16(b, uint16(ClassAny))
		b = binary.BigEndian.AppendUint32(b, 0) // TTL
		b = d.Algorithm.AppendFolded(b)
	}
	b = appendUint48(b, d.TimeSigned)
	b = binary.BigEndian.AppendUint16(b, d.Fudge)
	if !later {
		b = binary.BigEndian.AppendUint16(b, uint16(d.Error))
		b = appendSized(b, d.Other)
	}
	h.Write(b)
	return h.Sum(nil)
}

// isMACOf compares in constant time. sent may be truncated.
func isMACOf(computed, sent []byte) bool { return hmac.Equal(computed[:len(sent)], sent) }

// checkMACSize checks how far a MAC is truncated (RFC 8945 5.2.2.1).
func checkMACSize(a TSIGAlgorithm, size int) error {
	if most, least := a.Size(), leastMAC(a); size > most || size < least {
		return fmt.Errorf("MAC has %d octets, not between %d and %d", size, least, most)
	}
	return nil
}

// leastMAC is how many octets of a MAC have to be sent (RFC 8945 5.2.2.1).
func leastMAC(a TSIGAlgorithm) int { return max(10, a.Size()/2) }

// isInTime reports whether a message was signed about now (RFC 8945 5.2.3).
func isInTime(d *TSIG, now time.Time) bool {
	away := now.Unix() - int64(d.TimeSigned)
	return away <= int64(d.Fudge) && away >= -int64(d.Fudge)
}

// unsignedMessage returns what was signed: the message without the TSIG record at
// offset at, and with the ID it had (RFC 8945 4.3.2).
func unsignedMessage(msg []byte, at int, id uint16) []byte {
	b := append([]byte(nil), msg[:at]...)
	binary.BigEndian.PutUint16(b, id)
	binary.BigEndian.PutUint16(b[10:], binary.BigEndian.Uint16(b[10:])-1) // ARCOUNT
	return b
}

// appendTSIG appends the record, and counts it.
func appendTSIG(msg []byte, name Name, d *TSIG) []byte {
	binary.BigEndian.PutUint16(msg[10:], binary.BigEndian.Uint16(msg[10:])+1) // ARCOUNT
	msg = name.AppendTo(msg)
	msg = binary.BigEndian.AppendUint16(msg, uint16(TypeTSIG))
	msg = binary.BigEndian.AppendUint16(msg, uint16(ClassAny))
	msg = binary.BigEndian.AppendUint32(msg, 0) // TTL
	msg = binary.BigEndian.AppendUint16(msg, uint16(d.Len()))
	return d.AppendTo(msg, nil)
}

// readTSIG reads the record at offset at, the last one of msg.
func readTSIG(msg []byte, at int) (name Name, d *TSIG, err error) {
	if at < HeaderLen || at >= len(msg) {
		return Name{}, nil, ErrShort
	}
	name, at, err = readName(msg, at, len(msg), new(nameMemory))
	if err != nil {
		return Name{}, nil, err
	}
	if at+10 > len(msg) {
		return name, nil, ErrShort
	}
	fixed := msg[at : at+10]
	switch {
	case Type(binary.BigEndian.Uint16(fixed)) != TypeTSIG:
		return name, nil, ErrTSIGMissing
	case Class(binary.BigEndian.Uint16(fixed[2:])) != ClassAny:
		return name, nil, errors.New("class of the TSIG record is not ANY") // RFC 8945 4.2
	case binary.BigEndian.Uint32(fixed[4:]) != 0:
		return name, nil, errors.New("TTL of the TSIG record is not 0")
	case at+10+int(binary.BigEndian.Uint16(fixed[8:])) != len(msg):
		return name, nil, ErrTrailing
	}
	// Names in the data are not compressed (RFC 3597 4): the data stands alone.
	d = new(TSIG)
	c := CursorOver(msg[at+10:])
	if err := d.Parse(&c); err != nil {
		return name, nil, err
	}
	return name, d, nil
}
