package h2

import (
	"strconv"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Request is what a client asks.
type Request struct {
	Method, Scheme, Authority string
	Path                      string // with what is after "?"
	ContentType               string
	Length                    int64               // of the body, as the client says; -1: it does not
	Fields                    []hpack.HeaderField // all but those above, and these but for those before Path
	Body                      []byte

	expects bool // the client waits for a word before it sends the body
}

// fill takes the fields of a request. It returns false if they are not those of one (RFC
// 9113 8.2.2, 8.3.1). What holds for each of them is checked by block.
func (r *Request) fill(fields []hpack.HeaderField) bool {
	r.Length = -1
	hasPath := false
	for i := range fields {
		f := &fields[i]
		switch f.Name {
		case ":method":
			r.Method = f.Value
			continue
		case ":scheme":
			r.Scheme = f.Value
			continue
		case ":authority":
			r.Authority = f.Value
			continue
		case ":path":
			r.Path, hasPath = f.Value, true
			continue
		}
		if f.IsPseudo() {
			return false // RFC 9113 8.3: another one, such as :protocol, which is not offered (RFC 8441 3)
		}
		switch f.Name {
		case "content-type":
			r.ContentType = f.Value
		case "content-length":
			n, err := strconv.ParseUint(f.Value, 10, 63)
			if err != nil || r.Length >= 0 && r.Length != int64(n) {
				return false
			}
			r.Length = int64(n)
		case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
			return false
		case "te":
			if f.Value != "trailers" {
				return false
			}
		case "expect":
			r.expects = strings.EqualFold(f.Value, "100-continue")
		}
		r.Fields = append(r.Fields, *f)
	}
	if r.Method == "CONNECT" {
		return !hasPath && r.Scheme == "" && r.Authority != ""
	}
	return r.Method != "" && r.Path != "" && (r.Scheme == "https" || r.Scheme == "http")
}

// noTable says that we keep no fields in the client's table (RFC 7541 6.3).
const noTable = 0x20

var (
	tooLarge = AppendField(AppendStatus(nil, 431), "content-length", "0")
	carryOn  = AppendStatus(nil, 100)
)

// AppendStatus appends the status, the first field of a reply (RFC 9113 8.3.2).
func AppendStatus(b []byte, status int) []byte {
	if status == 200 {
		return append(b, 0x88) // RFC 7541 A
	}
	b = append(b, 0x08, 3)
	return strconv.AppendInt(b, int64(status), 10)
}

// AppendField appends a field as it is, whatever fields were sent before (RFC 7541 6.2.2). The name is in lower case.
func AppendField(b []byte, name, value string) []byte {
	b = append(b, 0)
	b = appendInt(b, len(name))
	b = append(b, name...)
	b = appendInt(b, len(value))
	return append(b, value...)
}

// appendInt appends the length of a string (RFC 7541 5.1, with a prefix of seven bits).
func appendInt(b []byte, n int) []byte {
	if n < 0x7F {
		return append(b, byte(n))
	}
	b = append(b, 0x7F)
	for n -= 0x7F; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// appendHeaders appends encoded fields, which may be longer than a frame.
func appendHeaders(b []byte, stream uint32, isLast bool, fields []byte) []byte {
	kind, flags := http2.FrameHeaders, http2.Flags(0)
	if isLast {
		flags = http2.FlagHeadersEndStream
	}
	for len(fields) > maxFrame {
		b = append(appendFrame(b, maxFrame, kind, flags, stream), fields[:maxFrame]...)
		fields = fields[maxFrame:]
		kind, flags = http2.FrameContinuation, 0
	}
	return append(appendFrame(b, len(fields), kind, flags|http2.FlagHeadersEndHeaders, stream), fields...)
}
