package check

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/names-dns/names/authority/pyzone"
)

// inputs opens what names check reads. A pipe gives its octets once, but they
// are wanted more often: to see which format they have, for the zone, and for the
// lines that are shown. They are kept in memory; files are opened again.
type inputs struct {
	stdin io.Reader
	pipes map[string][]byte
}

// maxPipe is how many octets are taken from a pipe.
const maxPipe = 1 << 30

// open opens a regular file, a pipe, or - for standard input.
func (in *inputs) open(path string) (io.ReadCloser, error) {
	if text, ok := in.pipes[path]; ok {
		return io.NopCloser(bytes.NewReader(text)), nil
	}
	if path == "-" {
		return in.keep(path, in.stdin)
	}
	info, err := os.Stat(path) // a pipe that is opened has to be read
	if err != nil {
		return nil, err
	}
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return os.Open(path)
	case mode&fs.ModeNamedPipe != 0:
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		return in.keep(path, file)
	case mode.IsDir():
		return nil, errors.New("is a directory")
	}
	return nil, errors.New("is neither a file nor a pipe; standard input is written as -")
}

// keep reads all there is, and opens it.
func (in *inputs) keep(path string, from io.Reader) (io.ReadCloser, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxPipe+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxPipe {
		return nil, fmt.Errorf("more than %d octets come out of the pipe: write them to a file first", maxPipe)
	}
	if in.pipes == nil {
		in.pipes = make(map[string][]byte)
	}
	in.pipes[path] = text
	return io.NopCloser(bytes.NewReader(text)), nil
}

// isPyzone looks at the beginning of a file.
func (in *inputs) isPyzone(path string) (bool, error) {
	f, err := in.open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 16<<10)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return false, err
	}
	return pyzone.LooksLike(head[:n]), nil
}

// maxShownLine is how many octets of a line are kept to be shown.
const maxShownLine = 4 << 10

// lines returns those lines of a file that are wanted, as far as they are
// there. A line ends in LF, CR LF or CR, as for the readers of zones.
func (in *inputs) lines(path string, wanted map[int]bool) map[int]string {
	found := make(map[int]string)
	f, err := in.open(path)
	if err != nil {
		return found
	}
	defer f.Close()
	var line []byte
	number, afterCR := 1, false
	end := func() {
		if wanted[number] {
			found[number] = string(line)
		}
		line = line[:0]
		number++
	}
	buf := make([]byte, 64<<10)
	for len(found) < len(wanted) {
		n, err := f.Read(buf)
		for _, c := range buf[:n] {
			switch {
			case c == '\n' && afterCR:
			case c == '\n' || c == '\r':
				end()
			case len(line) < maxShownLine && wanted[number]:
				line = append(line, c)
			}
			afterCR = c == '\r'
		}
		if err != nil {
			end()
			break
		}
	}
	return found
}
