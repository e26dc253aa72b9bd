package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// A segment is a header and frames; all numbers are big-endian:
//
//	header  magic "names journal 1\n", number u64, CRC-32C u32 of both
//	frame   magic u32, length u32 of the entry, batch u64, CRC-32C u32, entry
//
// After the last frame, the last segment may have zeros, which the next ones replace.
//
// Batch is the offset of the first frame that was written together with this one:
// it is on the disk only after all frames before that offset are. The checksum
// of a frame covers the number of the segment, the offset of the frame, the
// length, the batch and the entry: octets that were left over or moved are never
// taken for a frame. An entry:
//
//	kind u8, source u8, time u64 (seconds), class u16, from u32, to u32,
//	removed u32, added u32 (counts), zone name, digest (32 octets, only if the
//	kind is based), records
//
// and a record is owner name, type u16, TTL u32, length u16, data. Names are in
// wire form, not compressed.
const (
	headerMagic = "names journal 1\n"
	headerLen   = len(headerMagic) + 8 + 4
	frameMagic  = 0x4E4A5246 // "NJRF"
	frameLen    = 4 + 4 + 8 + 4
	entryLen    = 1 + 1 + 8 + 2 + 4*4

	// maxEntry is the largest entry, in octets.
	maxEntry = 1 << 30
)

// kind is what an entry says of its zone.
type kind uint8

const (
	edits  kind = 1 // the difference from the entry before
	whole  kind = 2 // all records: nothing before it is needed
	based  kind = 3 // what leads from the zone's file, which has that digest, to the version of the entry before
	forgot kind = 4 // the zone was removed: no entry before is of use
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errFormat is wrapped by what is wrong with octets of a segment.
var errFormat = errors.New("not an entry of a journal")

func appendHeader(b []byte, number uint64) []byte {
	start := len(b)
	b = append(b, headerMagic...)
	b = binary.BigEndian.AppendUint64(b, number)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// isHeader reports whether b starts with the header of that segment.
func isHeader(b []byte, number uint64) bool {
	return len(b) >= headerLen && string(b[:headerLen]) == string(appendHeader(nil, number))
}

// appendFrame frames an entry that will be at an offset of a segment.
func appendFrame(b []byte, number uint64, offset, batch int64, entry []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, frameMagic)
	b = binary.BigEndian.AppendUint32(b, uint32(len(entry)))
	b = binary.BigEndian.AppendUint64(b, uint64(batch))
	b = binary.BigEndian.AppendUint32(b, frameSum(number, offset, batch, entry))
	return append(b, entry...)
}

func frameSum(number uint64, offset, batch int64, entry []byte) uint32 {
	var place [28]byte
	binary.BigEndian.PutUint64(place[:], number)
	binary.BigEndian.PutUint64(place[8:], uint64(offset))
	binary.BigEndian.PutUint64(place[16:], uint64(batch))
	binary.BigEndian.PutUint32(place[24:], uint32(len(entry)))
	return crc32.Update(crc32.Checksum(place[:], castagnoli), castagnoli, entry)
}

// entryIn returns the entry of the frame that b, at that offset, starts with.
func entryIn(b []byte, number uint64, offset int64) ([]byte, error) {
	if len(b) < frameLen {
		return nil, fmt.Errorf("%w: %d octets are left", errFormat, len(b))
	}
	if binary.BigEndian.Uint32(b) != frameMagic {
		return nil, fmt.Errorf("%w: no frame begins here", errFormat)
	}
	n := int64(binary.BigEndian.Uint32(b[4:]))
	if n > maxEntry || n > int64(len(b)-frameLen) {
		return nil, fmt.Errorf("%w: entry of %d octets, of which %d are there", errFormat, n, len(b)-frameLen)
	}
	entry := b[frameLen : frameLen+n : frameLen+n]
	if frameSum(number, offset, batchOf(b), entry) != binary.BigEndian.Uint32(b[16:]) {
		return nil, fmt.Errorf("%w: checksum does not match", errFormat)
	}
	return entry, nil
}

// batchOf is the batch of the frame that b starts with.
func batchOf(b []byte) int64 { return int64(binary.BigEndian.Uint64(b[8:])) }

// Entry is a change as the journal has it.
type Entry struct {
	Zone    wire.Name
	Class   wire.Class
	Source  authority.Source
	Time    time.Time
	IsWhole bool // Changes has all records of the zone, as added
	// IsBased says that Changes leads from the zone's file, whose records have that
	// digest, to the version of the entry before. It is not a change of the zone.
	IsBased bool
	Digest  authority.Digest
	Changes authority.ChangeSet

	kind kind
}

func appendEntry(b []byte, e *Entry) []byte {
	b = append(b, byte(e.kind), byte(e.Source))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Time.Unix()))
	b = binary.BigEndian.AppendUint16(b, uint16(e.Class))
	for _, n := range [...]uint32{uint32(e.Changes.From), uint32(e.Changes.To), uint32(len(e.Changes.Removed)), uint32(len(e.Changes.Added))} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	b = e.Zone.AppendTo(b)
	if e.kind == based {
		b = append(b, e.Digest[:]...)
	}
	for _, list := range [...][]wire.Record{e.Changes.Removed, e.Changes.Added} {
		for _, r := range list {
			b = r.Name.AppendTo(b)
			b = binary.BigEndian.AppendUint16(b, uint16(r.Type))
			b = binary.BigEndian.AppendUint32(b, r.TTL)
			b = binary.BigEndian.AppendUint16(b, uint16(len(r.Data)))
			b = append(b, r.Data...)
		}
	}
	return b
}

// parseEntryHead reads an entry without its records, which it returns. Names are
// copied.
func parseEntryHead(b []byte) (e Entry, removed, added uint32, records []byte, err error) {
	if len(b) < entryLen {
		return e, 0, 0, nil, fmt.Errorf("%w: it ends early", errFormat)
	}
	e.kind, e.Source = kind(b[0]), authority.Source(b[1])
	e.Time = time.Unix(int64(binary.BigEndian.Uint64(b[2:])), 0)
	e.Class = wire.Class(binary.BigEndian.Uint16(b[10:]))
	e.Changes.From, e.Changes.To = wire.Serial(binary.BigEndian.Uint32(b[12:])), wire.Serial(binary.BigEndian.Uint32(b[16:]))
	removed, added = binary.BigEndian.Uint32(b[20:]), binary.BigEndian.Uint32(b[24:])
	if e.kind < edits || e.kind > forgot {
		return e, 0, 0, nil, fmt.Errorf("%w: kind %d is not known", errFormat, e.kind)
	}
	e.IsWhole, e.IsBased = e.kind == whole, e.kind == based
	name, n, err := wire.NameFromWire(b[entryLen:])
	if err != nil {
		return e, 0, 0, nil, fmt.Errorf("%w: zone name: %w", errFormat, err)
	}
	e.Zone = name
	b = b[entryLen+n:]
	if e.IsBased {
		if len(b) < len(e.Digest) {
			return e, 0, 0, nil, fmt.Errorf("%w: its digest ends early", errFormat)
		}
		b = b[copy(e.Digest[:], b):]
	}
	return e, removed, added, b, nil
}

// parseEntry reads an entry, all of it. The records share memory with b.
func parseEntry(b []byte) (Entry, error) {
	e, removed, added, rest, err := parseEntryHead(b)
	if err != nil {
		return e, err
	}
	const least = 1 + 8 // octets of a record
	if uint64(removed)+uint64(added) > uint64(len(rest)/least) {
		return e, fmt.Errorf("%w: %d records in %d octets", errFormat, uint64(removed)+uint64(added), len(rest))
	}
	for _, list := range [...]struct {
		to    *[]wire.Record
		count uint32
	}{{&e.Changes.Removed, removed}, {&e.Changes.Added, added}} {
		*list.to = slices.Grow(*list.to, int(list.count))
		for range list.count {
			name, n, err := wire.BorrowName(rest)
			if err != nil {
				return e, fmt.Errorf("%w: owner: %w", errFormat, err)
			}
			if rest = rest[n:]; len(rest) < 8 {
				return e, fmt.Errorf("%w: a record ends early", errFormat)
			}
			size := 8 + int(binary.BigEndian.Uint16(rest[6:]))
			if len(rest) < size {
				return e, fmt.Errorf("%w: data of a record ends early", errFormat)
			}
			*list.to = append(*list.to, wire.Record{
				Name: name, Type: wire.Type(binary.BigEndian.Uint16(rest)), Class: e.Class,
				TTL: binary.BigEndian.Uint32(rest[2:]), Data: rest[8:size:size],
			})
			rest = rest[size:]
		}
	}
	if len(rest) > 0 {
		return e, fmt.Errorf("%w: %d octets are left over", errFormat, len(rest))
	}
	return e, nil
}
