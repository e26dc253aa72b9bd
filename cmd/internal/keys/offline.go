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
	_, err := out.Write(r.AppendText(nil))
	return err
}

// signRequest is done on the machine that has the private halves.
func signRequest(out io.Writer, zone wire.Name, o options) error {
	r, err := readRequest(zone, o)
	if err != nil {
		return err
	}
	keys, err := sign.ReadKeys(o.dir, zone)
	if err != nil {
		return err
	}
	done, err := r.Sign(keys)
	if err != nil {
		return err
	}
	_, err = out.Write(done.AppendText(nil))
	return err
}

// importResponse checks what was signed, and keeps it for the server.
func importResponse(out io.Writer, zone wire.Name, o options) error {
	r, err := readRequest(zone, o)
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

func readRequest(zone wire.Name, o options) (*sign.Request, error) {
	text, err := files.Read(o.file, sign.MaxRequest)
	if err != nil {
		return nil, err
	}
	r, err := sign.ParseRequest(text, o.file)
	if err != nil {
		return nil, err
	}
	if !r.Zone.Equal(zone) {
		return nil, fmt.Errorf("%s is for zone %s", o.file, r.Zone)
	}
	return r, nil
}
