package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"time"

	"github.com/names-dns/names/wire"
)

// LoadError is what is wrong with what [Cache.Load] was to read.
type LoadError struct {
	Offset int64 // of the octet where it was found to be wrong, from 0
	Err    error
}

func (e *LoadError) Error() string { return fmt.Sprintf("octet %d: %v", e.Offset, e.Err) }
func (e *LoadError) Unwrap() error { return e.Err }

// ErrOtherSource is what [Cache.Load] returns for what was saved with another
// source.
var ErrOtherSource = errors.New("cache: the saved answers come from elsewhere")

// What may be wrong with a dump.
var (
	errNoDump   = errors.New("not a saved cache")
	errShort    = errors.New("it ends too early")
	errTrailing = errors.New("something follows the end")
	errChecksum = errors.New("damaged: the checksum does not match")
	errBlock    = errors.New("block length out of range")
	errEntry    = errors.New("an entry is longer than the rest of its block")
	errKind     = errors.New("an entry is of no known kind")
	errLife     = errors.New("an entry lives longer than one may")
	errBefore   = errors.New("an entry is from before 1970")
)

// Why an entry of a dump may be left out.
var (
	errPast  = fmt.Errorf("%w: already expired", ErrNotKept)
	errThere = fmt.Errorf("%w: there is one already", ErrNotKept)
)

// Load puts into the cache what [Cache.Save] wrote with the same source, of
// this or another cache: its size, its bounds for TTLs and everything else may
// be others. Entries have the life that they have left by the wall clock, but
// never more than they had at first; those past their time are left out, if
// [Config.ServeStale] does not want them, and so are those that the cache has
// already. It returns how many it has put there: if there are more than the
// cache has room for, those that were asked for most stay.
//
// Each block is checked before anything of it is used, and nothing is read
// after the first that is wrong; a [*LoadError] says where that was, or
// [ErrOtherSource] that the whole is not for this cache. What was put there
// before the error stays: it is sound. A caller that wants all or nothing calls
// [Cache.FlushAll].
func (c *Cache) Load(r io.Reader, source string) (entries int, err error) {
	l := &loader{cache: c, r: r, flushes: c.flushes.Load(), now: c.now(), wall: time.Now().UnixMilli()}
	if err := l.begin(source); err != nil {
		return 0, err
	}
	for {
		block, err := l.block()
		if err != nil {
			return l.entries, err
		}
		if len(block) == 0 {
			return l.entries, l.end()
		}
		for at := 0; at < len(block); {
			n, err := l.entry(block[at:])
			if err != nil {
				return l.entries, l.errorAt(at, err)
			}
			at += n
		}
	}
}

// loader reads a dump.
type loader struct {
	cache     *Cache
	r         io.Reader
	flushes   uint64 // when it began, as the following
	now, wall int64  // on the cache's clock, and in milliseconds since 1970
	taken     []byte // what was read last
	offset    int64  // of that
	sum       uint32 // of what was read
	entries   int
}

// errorAt is an error about octet at of what was read last.
func (l *loader) errorAt(at int, err error) error { return &LoadError{l.offset + int64(at), err} }

// take reads n octets. They are lent until the next call.
func (l *loader) take(n int) ([]byte, error) {
	l.offset += int64(len(l.taken))
	l.taken = slices.Grow(l.taken[:0], n)[:n]
	read, err := io.ReadFull(l.r, l.taken)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = errShort
	}
	if err != nil {
		return nil, l.errorAt(read, err)
	}
	return l.taken, nil
}

// takeSealed reads n octets and the checksum that follows.
func (l *loader) takeSealed(n int) ([]byte, error) {
	b, err := l.take(n + 4)
	if err != nil {
		return nil, err
	}
	l.sum = crc32.Update(l.sum, dumpTable, b[:n])
	if binary.BigEndian.Uint32(b[n:]) != l.sum {
		return nil, l.errorAt(0, errChecksum)
	}
	return b[:n], nil
}

func (l *loader) begin(source string) error {
	b, err := l.take(dumpOpening)
	if err != nil {
		return err
	}
	if string(b[:len(dumpMagic)]) != dumpMagic {
		return l.errorAt(0, errNoDump)
	}
	if version := binary.BigEndian.Uint32(b[len(dumpMagic):]); version != dumpVersion {
		return l.errorAt(len(dumpMagic), fmt.Errorf("it was saved in version %d of the format, known is %d", version, dumpVersion))
	}
	l.sum = crc32.Update(l.sum, dumpTable, b)
	if b, err = l.takeSealed(sha256.Size); err != nil {
		return err
	}
	if digest := sha256.Sum256([]byte(source)); !bytes.Equal(b, digest[:]) {
		return ErrOtherSource
	}
	return nil
}

// block reads the entries of a block.
func (l *loader) block() ([]byte, error) {
	b, err := l.take(4)
	if err != nil {
		return nil, err
	}
	l.sum = crc32.Update(l.sum, dumpTable, b)
	n := binary.BigEndian.Uint32(b)
	if n > 2*dumpBlock {
		return nil, l.errorAt(0, errBlock)
	}
	return l.takeSealed(int(n))
}

// end checks that there is nothing more.
func (l *loader) end() error {
	_, err := l.take(1)
	if err == nil {
		return l.errorAt(0, errTrailing)
	}
	if errors.Is(err, errShort) {
		return nil
	}
	return err
}

// entry puts the entry that b begins with into the cache, if it is of use
// there, and returns its length.
func (l *loader) entry(b []byte) (n int, err error) {
	if len(b) < dumpEntryLen {
		return 0, errEntry
	}
	n = dumpEntryLen + int(binary.BigEndian.Uint16(b))
	if len(b) < n {
		return 0, errEntry
	}
	e := savedEntry{
		variant:  variant(b[2]),
		used:     slot(b[3] & 3),
		security: Security(b[3] >> 2),
		extended: binary.BigEndian.Uint16(b[4:]),
		life:     int64(binary.BigEndian.Uint32(b[6:])) * 1000,
		expiry:   int64(binary.BigEndian.Uint64(b[10:])),
		message:  b[dumpEntryLen:n],
	}
	if err := e.check(); err != nil {
		return 0, err
	}
	switch err := l.restore(&e); {
	case err == nil:
		l.entries++
	case !errors.Is(err, ErrNotKept):
		return 0, err
	}
	return n, nil
}

// savedEntry is an entry of a dump.
type savedEntry struct {
	variant  variant
	used     slot
	security Security
	extended uint16
	life     int64 // milliseconds
	expiry   int64 // ... since 1970
	message  []byte
}

func (e *savedEntry) isPart() bool {
	return e.variant == variantAnswer || e.variant == variantDelegation
}

// check refuses what [Cache.Save] does not write.
func (e *savedEntry) check() error {
	switch {
	case !e.isPart() && (e.variant&^(variantDO|variantCO|variantCD) != 0 || e.security != Unchecked), e.security > Bogus:
		return errKind
	case e.life > maxTTL*1000, e.expiry > math.MaxInt64/2:
		return errLife
	case e.expiry < e.life:
		return errBefore
	}
	return nil
}

// restore puts e into the cache.
func (l *loader) restore(e *savedEntry) error {
	c := l.cache
	h, err := wire.ParseHeader(e.message)
	if err != nil {
		return err
	}
	p := c.packers.Get().(*packer)
	defer c.packers.Put(p)
	kept := keptFlags(h.Flags)
	if e.isPart() {
		kept = keptPart | uint8(e.security)<<keptSecurity
	}
	switch e.variant {
	case variantAnswer:
		err = p.packPart(PartAnswer, e.message, h.Flags.RCode(), e.security, &c.lifetimes, c.largest())
	case variantDelegation:
		err = p.packPart(PartDelegation, e.message, h.Flags.RCode(), e.security, &c.lifetimes, c.largest())
	default:
		err = p.pack(e.message, h.Flags.RCode(), &c.lifetimes, c.largest())
	}
	if err != nil {
		return err
	}
	var k key
	k.set(c.seed, p.question, e.variant)
	if p.allTypes {
		k.retarget(c.seed, typeAny, e.variant)
	}
	entry, err := p.assemble(&k, extra{rankOf(h.Flags, e.security), kept, h.Flags.RCode(), e.extended}, c.largest())
	if err != nil {
		return err
	}
	// If the wall clock was set back meanwhile, it came just now.
	age := max(l.wall-(e.expiry-e.life), 0)
	laidOut, s := header(entry), c.shard(&k)
	storedAt := l.now - age
	if storedAt <= 0 {
		return errPast
	}
	laidOut[0] = uint64(storedAt) << numberBits
	if !s.isOfUse(&laidOut, l.now) {
		return errPast
	}
	if there, ok := c.peek(&k); ok && s.isOfUse(&there, l.now) {
		return errThere
	}
	if !s.restore(&k, entry, l.now, storedAt, e.used) {
		return errRank
	}
	if c.flushes.Load() != l.flushes {
		s.remove(&k)
		return errFlushed
	}
	return nil
}
