package keys

import (
	"fmt"
	"io"
	"time"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/wire"
)

// request prints what offline keys are to sign. The keys that the zone will need
// meanwhile are made.
func request(out io.Writer, zone wire.Name, o options) error {
	var r *sign.Request
	if _, err := edit(zone, o, func(set *sign.KeySet) (err error) {
		r, err = set.Request(o.now, o.end, o.cds)
		return err
	}); err != nil {
		return err
	}
	text := r.AppendText(nil)
	if o.knot {
		text = r.Knot().AppendText(nil, o.now)
	}
	_, err := out.Write(text)
	return err
}

// signRequest is done on the machine that has the private halves. The response has the form
// of the request.
func signRequest(out io.Writer, zone wire.Name, o options) error {
	r, knot, err := readRequest(zone, o)
	if err != nil {
		return err
	}
	keys, err := sign.ReadKeys(o.dir, zone)
	if err != nil {
		return err
	}
	var text []byte
	if knot != nil {
		done, err := knot.Sign(keys)
		if err != nil {
			return err
		}
		text = done.AppendText(nil, o.now)
	} else {
		done, err := r.Sign(keys)
		if err != nil {
			return err
		}
		text = done.AppendText(nil)
	}
	_, err = out.Write(text)
	return err
}

// importResponse checks what was signed, and keeps it for the server.
func importResponse(out io.Writer, zone wire.Name, o options) error {
	r, _, err := readRequest(zone, o)
	if err != nil {
		return err
	}
	var until time.Time
	if _, err := edit(zone, o, func(set *sign.KeySet) (err error) {
		if until, err = set.Accept(r, o.now); err != nil {
			return err
		}
		return set.SaveSignatures(o.dir)
	}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "zone %s: the DNSKEY records of now are signed until %s\n", zone, until.UTC().Format(time.RFC3339))
	return err
}

// readRequest reads a request or a response in our form; knot is not nil if it came in that of
// Knot DNS.
func readRequest(zone wire.Name, o options) (r *sign.Request, knot *sign.KnotRequest, err error) {
	text, err := files.Read(o.file, sign.MaxRequest)
	if err != nil {
		return nil, nil, err
	}
	if sign.IsKnotRequest(text) {
		if knot, err = sign.ParseKnotRequest(text, o.file); err == nil {
			r = knot.Response()
		}
	} else {
		r, err = sign.ParseRequest(text, o.file)
	}
	if err != nil {
		return nil, nil, err
	}
	if !r.Zone.Equal(zone) {
		return nil, nil, fmt.Errorf("%s is for zone %s", o.file, r.Zone)
	}
	return r, knot, nil
}
