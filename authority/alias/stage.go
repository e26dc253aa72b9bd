package alias

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// Stage brings the addresses next to ALIAS records to what is known, whatever the
// transaction does to them: a file that is read again has none. It is an
// [authority.Stage], for before the zone is signed.
//
// A name that gets an ALIAS record in place of addresses keeps those until the target is
// found. One that loses its ALIAS record loses what was derived from it.
func (k *Keeper) Stage(t *authority.Txn) error {
	isFile := t.Source() == authority.FromFile
	if t.Source() == authority.FromJournal || !isFile && t.IsWhole() {
		return nil
	}
	owners, gone := touched(t)
	if len(owners) == 0 && len(gone) == 0 && !(isFile && hasAlias(t)) {
		return nil
	}
	made := &authority.ChangeSet{From: serialOf(t), To: serialOf(t)}
	for _, name := range owners {
		if _, isBelow := t.CutOf(name); isBelow {
			continue
		}
		if err := k.check(t, name); err != nil {
			return err
		}
		if err := k.derive(t, name, made); err != nil {
			return err
		}
	}
	for _, name := range gone {
		withdraw(t, name, made)
	}
	if !isFile {
		return nil
	}
	if err := settleSerial(t, made); err != nil {
		return err
	}
	if c, ok := t.File(); ok && (!made.IsEmpty() || made.From != made.To) {
		if c.IsEmpty() {
			c = authority.ChangeSet{From: made.From, To: made.From}
		}
		t.NoteFile(c.Then(*made))
	}
	return nil
}

// hasAlias reports whether there is an ALIAS record, or was in the version before.
func hasAlias(t *authority.Txn) bool {
	return hasAny(t.Base()) || hasAny(t.Before())
}

// touched are the owners of ALIAS records that the transaction concerns, and names that had
// one and have none any longer.
func touched(t *authority.Txn) (owners, gone []wire.Name) {
	seen := map[wire.Key]bool{}
	see := func(name wire.Name) {
		key := name.Key()
		if seen[key] {
			return
		}
		seen[key] = true
		switch {
		case len(t.RRset(name, wire.TypeALIAS)) > 0:
			owners = append(owners, name.Clone())
		case hadAlias(t, name):
			gone = append(gone, name.Clone())
		}
	}
	if t.IsWhole() {
		for r := range t.Base().Aliases() {
			see(r.Name.Clone())
		}
		return owners, nil // what is gone is not in the new zone either
	}
	changes := t.Changes()
	for _, records := range [...][]wire.Record{changes.Removed, changes.Added} {
		for i := range records {
			if r := &records[i]; r.Type == wire.TypeALIAS || authority.IsAddress(r.Type) {
				see(r.Name)
			}
		}
	}
	return owners, gone
}

// hadAlias reports whether a name had an ALIAS record in the version before.
func hadAlias(t *authority.Txn, name wire.Name) bool {
	if t.Before() == nil {
		return false
	}
	for r := range t.Before().RecordsOf(name) {
		if r.Type == wire.TypeALIAS {
			return true
		}
	}
	return false
}

// addressesBefore are the addresses of a name in the version before.
func addressesBefore(t *authority.Txn, name wire.Name) (records []wire.Record) {
	if t.Before() == nil {
		return nil
	}
	for r := range t.Before().RecordsOf(name) {
		if authority.IsAddress(r.Type) {
			records = append(records, r)
		}
	}
	return records
}

func addressesNow(t *authority.Txn, name wire.Name) (records []wire.Record) {
	for r := range t.Records(name) {
		if authority.IsAddress(r.Type) {
			records = append(records, r.Clone())
		}
	}
	return records
}

func has(records []wire.Record, r wire.Record) bool {
	return slices.ContainsFunc(records, func(o wire.Record) bool { return o.Type == r.Type && bytes.Equal(o.Data, r.Data) })
}

// check refuses a second ALIAS record, and addresses that are neither derived nor what the
// ALIAS record replaces.
func (k *Keeper) check(t *authority.Txn, name wire.Name) error {
	aliases := t.RRset(name, wire.TypeALIAS)
	if len(aliases) > 1 {
		return fmt.Errorf("%v has more than one ALIAS record", name)
	}
	var derived []wire.Record
	if hadAlias(t, name) {
		derived = addressesBefore(t, name)
	}
	wanted, _ := k.wanted(aliases[0])
	for _, r := range addressesNow(t, name) {
		if !has(derived, r) && !has(wanted, r) {
			return fmt.Errorf("%v has an ALIAS record: its addresses are those of the target, and it has no other ones like %v %s; remove one of the two", name, r.Type, dataText(r))
		}
	}
	return nil
}

func dataText(r wire.Record) string { return string(wire.AppendRdataText(nil, r.Type, r.Data)) }

// wanted are the records that an ALIAS record stands for; ok is false if the target is not
// known yet.
func (k *Keeper) wanted(alias wire.Record) (records []wire.Record, ok bool) {
	name, valid := targetOf(alias)
	if !valid {
		return nil, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	t := k.targets[name.Key()]
	if t == nil || !t.isKnown {
		return nil, false
	}
	ttl := min(alias.TTL, uint32(k.config.MaxTTL/time.Second))
	for _, a := range t.addresses.All {
		r := wire.Record{Name: alias.Name, Type: wire.TypeA, Class: alias.Class, TTL: ttl, Data: a.AsSlice()}
		if a.Is6() {
			r.Type = wire.TypeAAAA
		}
		records = append(records, r)
	}
	return records, true
}

// derive makes the addresses of a name what its ALIAS record stands for, and notes in made
// what it did, unless that is nil. While the target is not known, the addresses are those
// of the version before.
func (k *Keeper) derive(t *authority.Txn, name wire.Name, made *authority.ChangeSet) error {
	aliases := t.RRset(name, wire.TypeALIAS)
	if len(aliases) == 0 {
		return nil
	}
	wanted, ok := k.wanted(aliases[0])
	if !ok {
		wanted = addressesBefore(t, name)
	}
	now := addressesNow(t, name)
	isSame := len(now) == len(wanted)
	for _, r := range now {
		isSame = isSame && slices.ContainsFunc(wanted, func(o wire.Record) bool {
			return o.Type == r.Type && o.TTL == r.TTL && bytes.Equal(o.Data, r.Data)
		})
	}
	if isSame {
		return nil
	}
	for _, r := range now {
		t.Remove(r)
	}
	for i := range wanted {
		wanted[i] = wanted[i].Clone()
		if err := t.Add(wanted[i]); err != nil {
			return err
		}
	}
	if made != nil {
		made.Removed, made.Added = append(made.Removed, now...), append(made.Added, wanted...)
	}
	return nil
}

// withdraw removes what was derived from an ALIAS record that is gone. What a file has of
// its own at that name stays, and so does what the transaction adds, even if it was derived
// before.
func withdraw(t *authority.Txn, name wire.Name, made *authority.ChangeSet) {
	derived := addressesBefore(t, name)
	if t.Source() == authority.FromFile {
		unsaved, _ := t.File()
		derived = slices.DeleteFunc(slices.Clone(unsaved.Added), func(r wire.Record) bool {
			return !authority.IsAddress(r.Type) || !r.Name.Equal(name)
		})
	}
	for _, r := range derived {
		if r = r.Clone(); !t.AddsAddress(r) && t.Remove(r) {
			made.Removed = append(made.Removed, r)
		}
	}
}

// settleSerial gives what comes from a file a serial number that secondaries fetch: that of
// what is served has gone ahead of it with the addresses. If nothing else differs, there
// is no new version.
func settleSerial(t *authority.Txn, made *authority.ChangeSet) error {
	before, soa := t.Before(), t.RRset(t.Origin(), wire.TypeSOA)
	if before == nil || len(soa) == 0 {
		return nil
	}
	now := serialOf(t)
	if before.Serial().Less(now) {
		return nil
	}
	next := before.Serial()
	if t.IsWhole() || !onlySerial(t.Changes()) {
		if next == now && t.IsWhole() && made.IsEmpty() {
			return nil
		}
		next++
	}
	if next == now {
		return nil
	}
	old := soa[0].Clone()
	changed := old.Clone()
	binary.BigEndian.PutUint32(changed.Data[len(changed.Data)-20:], uint32(next))
	if err := t.Add(changed); err != nil {
		return err
	}
	made.Removed, made.Added = append([]wire.Record{old}, made.Removed...), append([]wire.Record{changed}, made.Added...)
	made.To = next
	return nil
}

// onlySerial reports whether nothing changes but the serial number.
func onlySerial(c authority.ChangeSet) bool {
	if len(c.Removed) != len(c.Added) || len(c.Added) > 1 {
		return false
	}
	for i, r := range c.Added {
		was := c.Removed[i]
		if r.Type != wire.TypeSOA || was.Type != wire.TypeSOA || r.TTL != was.TTL || len(r.Data) != len(was.Data) {
			return false
		}
		at := len(r.Data) - 20
		if !bytes.Equal(r.Data[:at], was.Data[:at]) || !bytes.Equal(r.Data[at+4:], was.Data[at+4:]) {
			return false
		}
	}
	return true
}

func serialOf(t *authority.Txn) wire.Serial {
	for _, r := range t.RRset(t.Origin(), wire.TypeSOA) {
		return wire.Serial(binary.BigEndian.Uint32(r.Data[len(r.Data)-20:]))
	}
	return 0
}
