package zonefile

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"

	"github.com/names-dns/names/wire"
)

// blockSize is how many octets of a file are read at once: few enough to stay in a
// core's own cache until they are parsed, and enough that the cost of a block does
// not matter. Readers that pause after each block have smaller ones.
const (
	blockSize        = 256 << 10
	pausingBlockSize = 32 << 10
)

// block is a piece of a file: whole lines.
type block struct {
	text   []byte
	line   int  // number of its first line
	last   bool // the file ends with it
	memory []byte
}

// blockReader cuts a file into blocks. It cuts at the end of a line and, if
// possible, before what looks like a record with its owner. The reader of the block
// finds out whether an entry really ends there.
type blockReader struct {
	file  io.ReadCloser
	size  int64   // of the file when it was opened, 0 if unknown
	taken int64   // octets of total that are still to be read
	block int     // how many octets to read at once
	total *budget // of all files together
	rest  []byte  // already read, after the last cut
	line  int     // of rest
}

// budget is how many octets may be read. It has a lock, because workers may find
// that a file has grown while the reader opens another.
type budget struct {
	mutex      sync.Mutex // nothing is called under it
	left, most int64
}

func (b *budget) take(n int64) error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if n > b.left {
		return fmt.Errorf("more than %d octets in all files together", b.most)
	}
	b.left -= n
	return nil
}

// open opens a file. Errors do not name it.
func (r *reader) open(path string) (*blockReader, error) {
	file, err := r.options.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	size := int64(0)
	if f, ok := file.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			size = info.Size()
		}
	}
	if err := r.octets.take(size); err != nil {
		file.Close()
		return nil, err
	}
	return &blockReader{file: file, size: size, taken: size, block: r.options.blockSize, total: r.octets, line: 1}, nil
}

// next reads the next block into b, whose memory it reuses. It is not called after
// the last one. Errors do not name the file.
func (c *blockReader) next(b *block) error {
	size := max(c.block, len(c.rest)+1)
	if c.size > 0 {
		size = min(size, len(c.rest)+int(c.taken)+1) // one octet more, to find the end at once
	}
	text := append(slices.Grow(b.memory[:0], size), c.rest...)
	for {
		var err error
		text, err = c.fill(text)
		b.memory = text
		if err != nil && err != io.EOF {
			return withoutPath(err)
		}
		cut := len(text)
		if err == nil {
			cut = lastCut(text)
		}
		if cut == 0 && err == nil {
			text = slices.Grow(text, cap(text)) // the line is longer than that
			continue
		}
		b.text, b.line, b.last = text[:cut], c.line, err == io.EOF
		if b.line == 1 {
			b.text = trimMark(b.text)
		}
		c.rest = append(c.rest[:0], text[cut:]...)
		c.line += countLines(b.text)
		return nil
	}
}

// fill reads until text is full or the file ends; then it returns io.EOF.
func (c *blockReader) fill(text []byte) ([]byte, error) {
	for len(text) < cap(text) {
		n, err := c.file.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		if c.taken -= int64(n); c.taken < 0 {
			if err := c.total.take(-c.taken); err != nil {
				return text, err
			}
			c.taken = 0
		}
		if err != nil {
			return text, err
		}
	}
	return text, nil
}

// lastCut returns where to cut text, after one of its line ends; 0 if it has none.
func lastCut(text []byte) int {
	end := bytes.LastIndexByte(text, '\n')
	for i := end; i >= 0; i = bytes.LastIndexByte(text[:i], '\n') {
		if i+1 < len(text) && octetKinds[text[i+1]] == ordinary && text[i+1] != '$' {
			return i + 1
		}
	}
	return end + 1
}

// countLines counts line ends: LF, CR LF and CR.
func countLines(text []byte) int {
	lines := bytes.Count(text, []byte{'\n'})
	if bytes.IndexByte(text, '\r') >= 0 {
		lines += bytes.Count(text, []byte{'\r'}) - bytes.Count(text, []byte("\r\n"))
	}
	return lines
}

// readFile reads the entries of a file and closes it. It returns errors of reading
// it, which do not name it.
func (r *reader) readFile(path string, c *blockReader, origin wire.Name) error {
	defer c.file.Close()
	r.enter(path, origin)
	defer r.leave()
	if r.workers > 1 && c.size > int64(c.block) {
		return r.readParallel(c)
	}
	b := block{memory: r.spareBlock}
	r.spareBlock = nil
	defer func() { r.spareBlock = b.memory }()
	for r.mayContinue() && !b.last {
		if err := c.next(&b); err != nil {
			return err
		}
		r.readBlock(&b)
		r.options.Pause()
	}
	return nil
}

// readBlock reads the entries that end in b, whose memory is used until it returns.
func (r *reader) readBlock(b *block) {
	if r.beginBlock(b) {
		r.readEntries()
		r.endBlock()
		r.flush()
	}
}

// beginBlock passes b to the scanner, after the entry that began in earlier blocks,
// if there is one. It returns false if it is too early to scan that entry again: an
// entry over many blocks is not scanned with each of them.
func (r *reader) beginBlock(b *block) bool {
	text := b.text
	if len(r.begun) > 0 {
		r.begun = append(r.begun, text...)
		if len(r.begun) < r.enough && !b.last {
			return false
		}
		text = r.begun
	}
	r.scanner.resume(text, !b.last)
	return true
}

// endBlock keeps the entry that did not end.
func (r *reader) endBlock() {
	r.begun = append(r.begun[:0], r.scanner.text[r.scanner.at:]...)
	r.enough = 2 * len(r.begun)
	r.ownerText = nil // points into the block
}
