package cli

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// IsTerminal reports whether what is written to w is looked at by people: it is a
// terminal, or something as much like one as /dev/null.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0
}

// ProgressBar is a line that shows how much of what is done, "" if all is.
func ProgressBar(what string, done, of int) string {
	if done >= of {
		return ""
	}
	const width = 40
	full := width * done / of
	return fmt.Sprintf("%s [%s%s] %d %%, %d of %d", what, strings.Repeat("#", full), strings.Repeat(".", width-full), 100*done/of, done, of)
}
