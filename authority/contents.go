package authority

import (
	"crypto/sha256"
	"hash"
	"io"
	"os"
)

// contents is what files had in them, in short: enough to know whether they
// have it still. The zero value knows nothing.
type contents struct {
	files  map[string][sha256.Size]byte
	unsure bool // a file was not read to its end, or had two contents
}

// open opens a file for reading, and takes note of what is read.
func (c *contents) open(path string) (io.ReadCloser, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &watchedFile{File: file, contents: c, hash: sha256.New()}, nil
}

// watchedFile is a file of which every octet is taken note of.
type watchedFile struct {
	*os.File
	contents *contents
	hash     hash.Hash
	whole    bool
}

// Read reads the next octets.
func (f *watchedFile) Read(b []byte) (int, error) {
	n, err := f.File.Read(b)
	f.hash.Write(b[:n])
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
	file, err := os.Open(path)
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
