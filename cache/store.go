package cache

import (
	"encoding/binary"
	"time"
	"unsafe"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// storeReply stores the reply that x holds, which was asked for when the cache had
// been flushed so many times. k is the key of x.
func (c *Cache) storeReply(x *names.Exchange, k *key, flushes uint64) error {
	options := x.ReplyEDNS.Options
	var extended uint16
	var text []byte
	if data, ok := options.Find(wire.OptionExtendedError); ok && len(data) >= 2 {
		extended = binary.BigEndian.Uint16(data) + 1 // 65535 would be none: it is for private use
		text = data[2:]
	}
	if x.RCode == wire.RCodeServFail {
		return c.storeFailure(x.Question(), k, variantOf(&x.Query), extended, string(text), flushes)
	}
	if data, ok := options.Find(wire.OptionClientSubnet); ok && len(data) >= 4 && data[3] != 0 {
		return errSubnet // RFC 7871 7.3.1
	}
	p := c.packers.Get().(*packer)
	defer c.packers.Put(p)
	err := p.pack(x.Reply.Finish(), x.RCode, &c.lifetimes, c.largest())
	x.LeadsOn = x.LeadsOn || p.leadsOn
	if err != nil {
		return err
	}
	q := x.Question()
	if p.question.Type != q.Type || p.question.Class != q.Class || !p.question.Name.Equal(q.Name) {
		return errQuestion
	}
	e := extra{rankOf(x.Reply.Flags, Unchecked), keptFlags(x.Reply.Flags), x.RCode, extended}
	return c.store(p, k, q, variantOf(&x.Query), e, flushes)
}

// store puts what p has packed into the shard it belongs to, and takes out what
// it contradicts.
func (c *Cache) store(p *packer, k *key, q wire.Question, s variant, e extra, flushes uint64) error {
	target := *k
	if p.allTypes {
		target.retarget(c.seed, typeAny, s)
	}
	entry, err := p.assemble(&target, e, c.largest())
	if err != nil {
		return err
	}
	if !c.shard(&target).put(&target, entry, c.now()) {
		return errRank
	}
	if c.flushes.Load() != flushes {
		c.shard(&target).remove(&target)
		return errFlushed
	}
	other := *k
	other.retarget(c.seed, q.Type, s|variantFailure)
	c.shard(&other).remove(&other)
	if p.allTypes {
		c.shard(k).remove(k)
	} else {
		other.retarget(c.seed, typeAny, s)
		c.shard(&other).remove(&other)
	}
	c.count(unsafe.Pointer(p), stored)
	if c.config.Events.Stored != nil {
		c.config.Events.Stored(q, time.Duration(p.life)*time.Second)
	}
	return nil
}

// storeFailure remembers that q, of key k, got no answer (RFC 9520 3.2), and why.
func (c *Cache) storeFailure(q wire.Question, k *key, s variant, extended uint16, text string, flushes uint64) error {
	now := c.now()
	target := *k
	target.retarget(c.seed, q.Type, s|variantFailure)
	life := c.lifetimes.failure
	if before, ok := c.peek(&target); ok {
		life = c.lifetimes.nextFailure(&before, now)
	}
	whole := *k
	whole.retarget(c.seed, typeAny, s)
	if c.isStale(k, now) || c.isStale(&whole, now) {
		life = max(life, uint32(staleCooldown/time.Second))
	}
	if extended > 0 && isBogus(wire.ExtendedErrorCode(extended-1)) {
		life = max(life, bogusTTL)
	}
	p := c.packers.Get().(*packer)
	defer c.packers.Put(p)
	p.packFailure(life, text)
	entry, err := p.assemble(&target, extra{rankFailure, 0, wire.RCodeServFail, extended}, c.largest())
	if err != nil {
		return err
	}
	if c.flushes.Load() != flushes {
		return errFlushed
	}
	c.shard(&target).put(&target, entry, now)
	c.count(unsafe.Pointer(p), storedFailures)
	return nil
}

// bogusTTL is how many seconds an answer that could not be proved is not asked
// for again, at least (RFC 4035 4.7): what is signed wrongly stays so for longer
// than a server is away.
const bogusTTL = 60

// isBogus reports whether a failure is one of DNSSEC validation (RFC 8914 4).
func isBogus(code wire.ExtendedErrorCode) bool {
	return code >= wire.ExtendedErrorUnsupportedDNSKEYAlgorithm && code <= wire.ExtendedErrorUnsupportedDSDigestType ||
		code >= wire.ExtendedErrorIndeterminate && code <= wire.ExtendedErrorNSECMissing
}

func keptFlags(f wire.Flags) (kept uint8) {
	if f.Has(wire.FlagAD) {
		kept |= keptAD
	}
	if f.Has(wire.FlagRA) {
		kept |= keptRA
	}
	return kept
}
