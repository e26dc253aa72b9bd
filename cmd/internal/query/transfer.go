package query

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/names-dns/names/authority/transfer"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream/doq"
	"github.com/names-dns/names/recursor/upstream/encrypted"
	"github.com/names-dns/names/wire"
)

// transferZone asks for a zone, or for what has changed in it, and prints the records as
// they come. Servers are asked until one begins to reply.
func transferZone(ctx context.Context, o *queryOptions, args []string, stdout io.Writer) error {
	servers, err := o.servers(ctx)
	if err != nil {
		return err
	}
	request := transfer.Request{
		Zone: o.question.Name, Class: o.question.Class, Incremental: o.question.Type == wire.TypeIXFR, From: o.serial,
		Limits: transfer.Limits{Message: o.timeout, Time: 24 * time.Hour},
	}
	transport := cmp.Or(o.encryption.protocol, names.TCP)
	switch transport {
	case names.TLS, names.QUIC:
		request.Dial = func(ctx context.Context, _ string, _ netip.Addr, to netip.AddrPort) (net.Conn, error) {
			client, err := o.client(to, encrypted.Config{QUIC: doq.New})
			if err != nil {
				return nil, err
			}
			if transport == names.QUIC {
				return doq.Dial(ctx, client, netip.Addr{})
			}
			return client.DialTLS(ctx)
		}
	case names.HTTPS:
		return errors.New("transfers are asked for over TCP, TLS or QUIC, not HTTPS")
	}
	to := bufio.NewWriter(stdout)
	out := queryPrinter{display: o.show}
	if o.show.command && !o.show.short {
		out.command(args)
	}
	for _, server := range servers {
		began, count := time.Now(), 0
		var fetched transfer.Fetched
		fetched, err = transfer.Fetch(ctx, transfer.Primary{Address: server, Key: o.key}, request, func(r wire.Record) error {
			count++
			switch {
			case o.show.short:
				out.text = append(wire.AppendRdataText(out.text, r.Type, r.Data), '\n')
			case o.show.sections[wire.SectionAnswer]:
				out.text = append(out.text, out.records([]wire.Record{r})...)
			}
			_, err := to.Write(out.text)
			out.text = out.text[:0]
			return err
		})
		if err == nil && o.show.stats && !o.show.short {
			out.printf(";; Query time: %d msec\n;; SERVER: %s (%s)\n;; WHEN: %s\n;; XFR size: %d records (messages %d, bytes %d)\n\n", time.Since(began).Milliseconds(),
				serverText(server), strings.ToUpper(transport.String()), time.Now().Format("Mon Jan 02 15:04:05 MST 2006"), fetched.Records, fetched.Messages, fetched.Octets)
		}
		if err != nil {
			err = fmt.Errorf("transfer of %v from %s: %w", o.question.Name, serverText(server), err)
		}
		if err == nil || count > 0 || ctx.Err() != nil {
			break
		}
	}
	_, writeErr := to.Write(out.text)
	return errors.Join(err, writeErr, to.Flush())
}
