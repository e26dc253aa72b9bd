package authority

import (
	"crypto/sha256"
	"hash"
	"io"
	"io/fs"
	"os"
	"sync"
)

// contents is what files had in them, in short: enough to know whether they
// have it still. The zero value knows nothing.
type contents struct {
	files  map[string][sha256.Size]byte
	unsure bool // a file was not read to its end, or had two contents
	peeked *peekedFile
}

// open opens a file for reading, and takes note of what is read.
func (c *contents) open(path string) (io.ReadCloser, error) {
	if p := c.peeked; p != nil && p.Name() == path {
		c.peeked = nil
		p.peeking = false
		return p, nil
	}
	return c.watch(path)
}

func (c *contents) watch(path string) (*watchedFile, error) {
	file, err := openFile(path)
	if err != nil {
		return nil, err
	}
	return &watchedFile{File: file, contents: c, hash: sha256.New()}, nil
}

// peek opens a file for a look at its beginning. When it is opened the next
// time, by open, it is this one, from its beginning: opening files is most of
// what many small zones cost.
func (c *contents) peek(path string) (io.ReadCloser, error) {
	file, err := c.watch(path)
	if err != nil {
		return nil, err
	}
	spare := spareHeads.Get().(*[]byte)
	c.peeked = &peekedFile{watchedFile: file, peeking: true, head: (*spare)[:0], spare: spare}
	return c.peeked, nil
}

// endPeeking closes a file that was peeked into and not opened.
func (c *contents) endPeeking() {
	if c.peeked != nil {
		c.peeked.peeking = false
		c.peeked.Close()
		c.peeked = nil
	}
}

// peekedFile is a file of which the beginning is read twice.
type peekedFile struct {
	*watchedFile
	peeking bool
	head    []byte  // what was read, or has still to be read again
	spare   *[]byte // where head lies, to be used again
}

// keptHead is the most that is used again, in octets: more than a file's
// beginning takes but for long comments.
const keptHead = 64 << 10

var spareHeads = sync.Pool{New: func() any { return new([]byte) }}

// Read reads the next octets, for the second time if there are such.
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

// Close closes the file, unless it has still to be read.
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

// watchedFile is a file of which every octet is taken note of.
type watchedFile struct {
	*os.File
	info     fs.FileInfo // nil until somebody asks
	contents *contents
	hash     hash.Hash
	read     int64
	whole    bool
}

// Stat describes the file as it was when it was asked for the first time.
func (f *watchedFile) Stat() (info fs.FileInfo, err error) {
	if f.info == nil {
		f.info, err = f.File.Stat()
	}
	return f.info, err
}

// Read reads the next octets. The end comes along with the last of those that
// Stat said there are, which spares a call.
func (f *watchedFile) Read(b []byte) (int, error) {
	n, err := f.File.Read(b)
	f.hash.Write(b[:n])
	f.read += int64(n)
	if err == nil && n < len(b) && f.info != nil && f.info.Mode().IsRegular() && f.read == f.info.Size() {
		err = io.EOF
	}
	f.whole = err == io.EOF
	return n, err
}

// Close closes the file.
func (f *watchedFile) Close() error {
	f.contents.note(f.Name(), [sha256.Size]byte(f.hash.Sum(nil)), f.whole)
	return f.File.Close()
}

func (c *contents) note(path string, sum [sha256.Size]byte, whole bool) {
	if c.files == nil {
		c.files = make(map[string][sha256.Size]byte)
	}
	if before, ok := c.files[path]; ok && before != sum || !whole {
		c.unsure = true
	}
	c.files[path] = sum
}

// noteFile takes note of what a file has now.
func (c *contents) noteFile(path string) {
	sum, err := sumOf(path)
	c.note(path, sum, err == nil)
}

func sumOf(path string) (sum [sha256.Size]byte, err error) {
	file, err := openFile(path)
	if err != nil {
		return sum, err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return sum, err
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// areStill reports whether every file has in it what it had.
func (c *contents) areStill() bool {
	if len(c.files) == 0 || c.unsure {
		return false
	}
	for path, before := range c.files {
		if now, err := sumOf(path); err != nil || now != before {
			return false
		}
	}
	return true
}
