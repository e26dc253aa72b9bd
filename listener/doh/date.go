package doh

import (
	"net/http"
	"sync/atomic"
	"time"
)

// date is the header field of that name, which is another one each second.
type date struct{ now atomic.Pointer[dateFields] }

type dateFields struct {
	second int64
	fields []byte
}

func (d *date) fields(now time.Time) []byte {
	second := now.Unix()
	f := d.now.Load()
	if f == nil || f.second != second {
		f = &dateFields{second, now.UTC().AppendFormat([]byte("\x0f\x12\x1d"), http.TimeFormat)} // RFC 7541 A
		d.now.Store(f)
	}
	return f.fields
}
