package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// signed is what content writes about a zone, signed with ECDSA P-256 and NSEC, as
// most zones are, and with the DS record of each zone that it delegates.
func signed(zone string, content func(io.Writer)) func(io.Writer) error {
	return func(w io.Writer) error {
		var text strings.Builder
		content(&text)
		apex := wire.MustParseName(zone)
		var records []wire.Record
		var problems diagnostic.List
		err := zonefile.Read([]byte(text.String()), zone, zonefile.Options{Origin: apex}, &problems, func(r *zonefile.Record) error {
			r.Record.Name, r.Record.Data = r.Record.Name.Clone(), slices.Clone(r.Record.Data)
			records = append(records, r.Record)
			return nil
		})
		if err != nil {
			return err
		}
		children := map[wire.Key]bool{}
		for _, r := range slices.Clone(records) {
			if r.Type != wire.TypeNS || r.Name.Equal(apex) || children[r.Name.Key()] {
				continue
			}
			children[r.Name.Key()] = true
			ds, err := dsOf(r.Name)
			if err != nil {
				return err
			}
			records = append(records, wire.Record{Name: r.Name, Type: wire.TypeDS, Class: wire.ClassIN, TTL: r.TTL, Data: ds.AppendTo(nil, nil)})
		}
		key, err := keyOf(apex)
		if err != nil {
			return err
		}
		now := time.Now()
		records, err = signedtree.Sign(apex, records, signedtree.Options{
			Denial: signedtree.NSEC, Keys: []*dnssec.SigningKey{key},
			Inception: wire.SerialFromTime(now.Add(-24 * time.Hour)), Expiration: wire.SerialFromTime(now.Add(30 * 24 * time.Hour)),
		})
		if err != nil {
			return err
		}
		for _, r := range records {
			fmt.Fprintln(w, r)
		}
		return nil
	}
}

func keyOf(zone wire.Name) (*dnssec.SigningKey, error) {
	return signedtree.Key(zone, "key", wire.AlgorithmECDSAP256SHA256, wire.FlagZoneKey|wire.FlagSecureEntry)
}

func dsOf(zone wire.Name) (*wire.DS, error) {
	key, err := keyOf(zone)
	if err != nil {
		return nil, err
	}
	return key.DS(zone, dnssec.DigestSHA256)
}

// writeAnchor writes the trust anchor of the root.
func writeAnchor(w io.Writer) error {
	ds, err := dsOf(wire.Root)
	if err == nil {
		_, err = fmt.Fprintf(w, ". DS %v\n", ds)
	}
	return err
}
