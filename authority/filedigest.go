package authority

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/internal/files"
)

// fileDigest holds digests of files that were read, to find out later whether they
// have changed. The zero value has none.
type fileDigest struct {
	ctx    context.Context // ends reading; may be nil
	files  []readFile      // few: the zone's, and those it includes
	absent []string        // files that were opened and did not exist
	unsure bool            // a file was not read to its end, or changed while it was read twice
	peeked *peekedFile
	opener func(path string) (io.ReadCloser, error) // of File.Open
}

// readFile is a file that was read.
type readFile struct {
	path string
	sum  [sha256.Size]byte
	mark files.Mark // the zero value if the file may change and keep its mark
}

// open opens a file for reading, and computes the digest of what is read.
func (c *fileDigest) open(path string) (io.ReadCloser, error) {
	if c.opener != nil {
		return c.opener(path)
	}
	if p := c.peeked; p != nil && p.Name() == path {
		c.peeked = nil
		p.peeking = false
		return p, nil
	}
	file, err := c.watch(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			c.absent = append(c.absent, path)
		}
		return nil, err
	}
	return file, nil
}

func (c *fileDigest) watch(path string) (*watchedFile, error) {
	if err := c.err(); err != nil {
		return nil, err
	}
	file, info, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	f := &watchedFile{File: file, info: info, digest: c, hash: sha256.New()}
	if mark := files.MarkOf(info); mark.WasSettled(time.Now()) {
		f.mark = mark
	}
	return f, nil
}

// peek opens a file to read its beginning. The next call of open for the same path
// returns this file, from its beginning: with many small zones, opening files is
// most of the cost.
func (c *fileDigest) peek(path string) (io.ReadCloser, error) {
	if c.opener != nil {
		return c.opener(path)
	}
	file, err := c.watch(path)
	if err != nil {
		return nil, err
	}
	spare := spareHeads.Get().(*[]byte)
	c.peeked = &peekedFile{watchedFile: file, peeking: true, head: (*spare)[:0], spare: spare}
	return c.peeked, nil
}

// endPeeking closes a file that peek opened and open did not return.
func (c *fileDigest) endPeeking() {
	if c.peeked != nil {
		c.peeked.peeking = false
		c.peeked.Close()
		c.peeked = nil
	}
}

// peekedFile is a file whose beginning is read twice.
type peekedFile struct {
	*watchedFile
	peeking bool
	head    []byte  // what peeking has read, or what is still to be read again
	spare   *[]byte // the memory of head, from spareHeads
}

// keptHead is the largest head that is pooled, in octets: only long comments make
// larger ones.
const keptHead = 64 << 10

var spareHeads = sync.Pool{New: func() any { return new([]byte) }}

// Read reads the next octets; after peeking, it starts again from the beginning.
func (f *peekedFile) Read(b []byte) (int, error) {
	if f.peeking {
		n, err := f.watchedFile.Read(b)
		f.head = append(f.head, b[:n]...)
		*f.spare = f.head
		return n, err
	}
	if len(f.head) == 0 && !f.whole {
		return f.watchedFile.Read(b)
	}
	n := copy(b, f.head)
	f.head = f.head[n:]
	if len(f.head) == 0 && f.whole {
		return n, io.EOF
	}
	return n, nil
}

// Close closes the file, unless open is still to return it.
func (f *peekedFile) Close() error {
	if f.peeking {
		return nil
	}
	f.head = nil
	if f.spare != nil && cap(*f.spare) <= keptHead {
		spareHeads.Put(f.spare)
	}
	f.spare = nil
	return f.watchedFile.Close()
}

// watchedFile is a file whose digest is computed while it is read.
type watchedFile struct {
	*os.File
	info   fs.FileInfo // from when it was opened
	mark   files.Mark
	digest *fileDigest
	hash   hash.Hash
	read   int64
	whole  bool
}

// Stat describes the file as of when it was opened.
func (f *watchedFile) Stat() (fs.FileInfo, error) { return f.info, nil }

// Read reads the next octets. It returns io.EOF together with the last octets
// according to Stat, which saves a call.
func (f *watchedFile) Read(b []byte) (int, error) {
	if err := f.digest.err(); err != nil {
		return 0, err
	}
	n, err := f.File.Read(b)
	f.hash.Write(b[:n])
	f.read += int64(n)
	if err == nil && n < len(b) && f.read == f.info.Size() {
		err = io.EOF
	}
	f.whole = err == io.EOF
	return n, err
}

// Close closes the file.
func (f *watchedFile) Close() error {
	f.digest.record(f)
	return f.File.Close()
}

func (f *watchedFile) sum() [sha256.Size]byte { return [sha256.Size]byte(f.hash.Sum(nil)) }

func (c *fileDigest) record(f *watchedFile) {
	now := readFile{f.Name(), f.sum(), f.mark}
	c.unsure = c.unsure || !f.whole
	for i := range c.files {
		if before := &c.files[i]; before.path == now.path {
			c.unsure = c.unsure || before.sum != now.sum
			*before = now
			return
		}
	}
	c.files = append(c.files, now)
}

// isUnchanged reports whether a file has the contents it had: with a look at it, or if
// that does not tell, by reading it.
func (c *fileDigest) isUnchanged(before *readFile) bool {
	if before.mark != (files.Mark{}) && files.MarkAt(before.path) == before.mark {
		return true
	}
	file, err := c.watch(before.path)
	if err != nil {
		return false
	}
	defer file.File.Close()
	if _, err := io.CopyN(io.Discard, file, zonefile.DefaultMaxBytes+1); err != io.EOF || file.sum() != before.sum {
		return false
	}
	before.mark = file.mark
	return true
}

// err is why reading has to stop; nil if it need not.
func (c *fileDigest) err() error {
	if c.ctx == nil {
		return nil
	}
	return c.ctx.Err()
}

// errOr returns err, or if reading had to stop, the reason for that.
func (c *fileDigest) errOr(err error) error {
	if ended := c.err(); ended != nil && err != nil {
		return ended
	}
	return err
}

// areUnchanged reports whether all files have the contents they had.
func (c *fileDigest) areUnchanged() bool {
	if len(c.files) == 0 || c.unsure {
		return false
	}
	for _, path := range c.absent {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	for i := range c.files {
		if !c.isUnchanged(&c.files[i]) {
			return false
		}
	}
	return true
}
