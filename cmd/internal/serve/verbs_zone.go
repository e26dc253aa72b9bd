package serve

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/journal"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/wire"
)

// zoneVerbs are those that look into zones and edit them.
func (s *Server) zoneVerbs() []control.Verb {
	return []control.Verb{
		{Name: "zone text", Arguments: "ZONE [SERIAL]", What: "The records of a zone, now or as it was.", Do: s.doZoneText},
		{Name: "zone begin", Arguments: "ZONE", Changes: true, What: "Begin to edit a zone.", Do: s.doZoneBegin},
		{Name: "zone set", Arguments: "ZONE NAME [TTL] TYPE DATA...", Changes: true, What: "Add a record, in the edits.", Do: s.doZoneSet},
		{Name: "zone unset", Arguments: "ZONE NAME [TYPE] [DATA...]", Changes: true, What: "Remove a record, an RRset or a name, in the edits.", Do: s.doZoneUnset},
		{Name: "zone lines", Arguments: "ZONE LINE...", Changes: true, What: "Add lines of nsupdate's language to the edits.", Do: s.doZoneLines},
		{Name: "zone diff", Arguments: "ZONE [FROM] [TO]", What: "What the edits change, or what differs between two versions.", Do: s.doZoneDiff},
		{Name: "zone commit", Arguments: "ZONE", Changes: true, What: "Make the edits visible, all at once.", Do: s.doZoneCommit, Reply: changeReply{}},
		{Name: "zone abort", Arguments: "ZONE", Changes: true, What: "Drop the edits.", Do: s.doZoneAbort},
		{Name: "zone log", Arguments: "ZONE [N]", What: "The last changes of a zone that the journal has.", Do: s.doZoneLog, Reply: []zoneLogReply{}},
		{Name: "zone show", Arguments: "ZONE SERIAL", What: "What the change to a serial number was.", Do: s.doZoneShow},
		{Name: "zone revert", Arguments: "ZONE SERIAL", Changes: true, What: "Make a zone what it was at a serial number.", Do: s.doZoneRevert, Reply: changeReply{}},
	}
}

// findEditable returns a zone that operators and programs may edit: one that comes from a
// file.
func (s *Server) findEditable(text string) (*servedZone, error) {
	z, err := s.findServed(text)
	switch {
	case err != nil:
		return nil, err
	case z.from.IsProduced():
		return nil, errors.New(madeHere(z.zones[0].Origin()))
	case z.loader == nil:
		return nil, fmt.Errorf("zone %v comes from other servers: change it there", z.zones[0].Origin())
	}
	return z, nil
}

// findServed returns a zone that is served. One that comes from primaries has no loader.
func (s *Server) findServed(text string) (*servedZone, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	zone, err := findZone(s.set, text)
	if err != nil {
		return nil, err
	}
	for i := range s.zones {
		if s.zones[i].zones[0] == zone {
			found := s.zones[i]
			return &found, nil
		}
	}
	if c := s.transfer.served[zone.Origin().Key()]; c != nil && c.zone == zone {
		return &servedZone{from: &c.from, zones: []*authority.Zone{zone}}, nil
	}
	return nil, fmt.Errorf("zone %v is part of a file of several: change it there", zone.Origin())
}

func parseSerial(text string) (wire.Serial, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, control.Usagef("%q is not a serial number", text)
	}
	return wire.Serial(n), nil
}

// recordText is a record on one line.
func recordText(r *wire.Record) string {
	return strings.ReplaceAll(strings.TrimSpace(string(zonefile.AppendRecord(nil, r))), "\t", " ")
}

// maxZoneText bounds how many records are sent as text.
const maxZoneText = 1_000_000

func (s *Server) doZoneText(_ context.Context, args []string) (any, error) {
	var snapshot *authority.Snapshot
	if len(args) == 1 { // any zone may be looked at
		zone, err := findZone(s.current.Load().set, args[0])
		if err != nil {
			return nil, err
		}
		if snapshot = zone.Snapshot(); snapshot == nil {
			return nil, fmt.Errorf("zone %v is not loaded", zone.Origin())
		}
	} else {
		z, err := s.findServed(args[0])
		if err != nil {
			return nil, err
		}
		serial, err := parseSerial(args[1])
		if err != nil {
			return nil, err
		}
		if snapshot, err = s.versionOf(z, serial); err != nil {
			return nil, err
		}
	}
	if n := snapshot.Records(); n > maxZoneText {
		return nil, fmt.Errorf("zone %v has %d records: transfer it instead", snapshot.Origin(), n)
	}
	lines := make([]string, 0, snapshot.Records())
	for r := range snapshot.All() {
		lines = append(lines, recordText(&r))
	}
	return lines, nil
}

func (s *Server) doZoneBegin(_ context.Context, args []string) (any, error) {
	z, err := s.findEditable(args[0])
	if err != nil {
		return nil, err
	}
	if z.zones[0].Snapshot() == nil {
		return nil, fmt.Errorf("zone %v is not loaded", z.zones[0].Origin())
	}
	if err := s.drafts.begin(z.zones[0]); err != nil {
		return nil, err
	}
	if s.journals.covers(z.from) {
		s.transfer.begun.Go(func() { s.journals.Prepare(z.zones[0]) })
	}
	return fmt.Sprintf("editing %v; end with names ctl zone commit or abort", z.zones[0].Origin()), nil
}

func (s *Server) doZoneSet(_ context.Context, args []string) (any, error) {
	return s.addEdits(args[0], editLine("add", args[1:]))
}

func (s *Server) doZoneUnset(_ context.Context, args []string) (any, error) {
	return s.addEdits(args[0], editLine("del", args[1:]))
}

func (s *Server) doZoneLines(_ context.Context, args []string) (any, error) {
	return s.addEdits(args[0], args[1:]...)
}

func (s *Server) addEdits(zone string, lines ...string) (any, error) {
	z, err := s.findEditable(zone)
	if err != nil {
		return nil, err
	}
	n, err := s.drafts.add(z.zones[0], lines...)
	if err != nil {
		return nil, err
	}
	return fmt.Sprintf("%d edits of %v", n, z.zones[0].Origin()), nil
}

// differences are the lines of a change set, as diff has them.
func differences(c authority.ChangeSet) []string {
	lines := make([]string, 0, len(c.Removed)+len(c.Added))
	for i := range c.Removed {
		lines = append(lines, "- "+recordText(&c.Removed[i]))
	}
	for i := range c.Added {
		lines = append(lines, "+ "+recordText(&c.Added[i]))
	}
	return lines
}

func (s *Server) doZoneDiff(_ context.Context, args []string) (any, error) {
	z, err := s.findServed(args[0])
	if err != nil {
		return nil, err
	}
	if len(args) == 1 {
		edits, err := s.drafts.edits(z.zones[0])
		if err != nil {
			return nil, err
		}
		var changes authority.ChangeSet
		_, err = z.zones[0].Update(authority.FromControl, func(t *authority.Txn) error {
			if err := applyEdits(t, edits); err != nil {
				return err
			}
			changes = t.Changes()
			return errNothing
		})
		if err != errNothing {
			return nil, err
		}
		return differences(changes), nil
	}
	var versions [2]*authority.Snapshot
	serials := args[1:]
	if len(serials) == 1 {
		versions[1] = z.zones[0].Snapshot()
	}
	for i, text := range serials {
		serial, err := parseSerial(text)
		if err != nil {
			return nil, err
		}
		if versions[i], err = s.versionOf(z, serial); err != nil {
			return nil, err
		}
	}
	return differences(authority.Diff(versions[0], versions[1])), nil
}

// changeReply is the reply to zone commit and zone revert.
type changeReply struct {
	Zone    string `json:"zone"`
	Was     uint32 `json:"serial_before"`
	Serial  uint32 `json:"serial"`
	Added   int    `json:"added"`
	Removed int    `json:"removed"`
	Kept    string `json:"kept"`
}

func (s *Server) changed(z *servedZone, c authority.ChangeSet) changeReply {
	kept := "until the file is read again: there is no journal"
	if s.journals.covers(z.from) {
		kept = "in the journal"
	}
	return changeReply{z.zones[0].Origin().String(), uint32(c.From), uint32(c.To), len(c.Added), len(c.Removed), kept}
}

func (s *Server) doZoneCommit(_ context.Context, args []string) (any, error) {
	z, err := s.findEditable(args[0])
	if err != nil {
		return nil, err
	}
	zone := z.zones[0]
	edits, err := s.drafts.edits(zone)
	if err != nil {
		return nil, err
	}
	changes, err := zone.Update(authority.FromControl, func(t *authority.Txn) error {
		if err := applyEdits(t, edits); err != nil {
			return err
		}
		t.AdvanceSerial(z.from.Serial, time.Now())
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("the edits are not made, and are kept: %w", err)
	}
	s.drafts.end(zone)
	return s.changed(z, changes), nil
}

func (s *Server) doZoneAbort(_ context.Context, args []string) (any, error) {
	z, err := s.findServed(args[0])
	if err != nil {
		return nil, err
	}
	if err := s.drafts.end(z.zones[0]); err != nil {
		return nil, err
	}
	return fmt.Sprintf("the edits of %v are dropped", z.zones[0].Origin()), nil
}

// zoneLogReply is a line of the reply to zone log.
type zoneLogReply struct {
	Serial  uint32 `json:"serial"`
	Was     uint32 `json:"serial_before"`
	Time    string `json:"time"`
	Source  string `json:"source"`
	Added   int    `json:"added"`
	Removed int    `json:"removed"`
}

// defaultLog is how many changes zone log shows.
const defaultLog = 50

func (s *Server) doZoneLog(_ context.Context, args []string) (any, error) {
	z, err := s.findServed(args[0])
	if err != nil {
		return nil, err
	}
	most := defaultLog
	if len(args) > 1 {
		if most, err = strconv.Atoi(args[1]); err != nil || most < 1 {
			return nil, control.Usagef("%q is not a number of changes", args[1])
		}
	}
	list := []zoneLogReply{}
	err = s.history(z, func(e *journal.Entry) bool {
		if len(list) == most {
			list = list[1:]
		}
		list = append(list, zoneLogReply{
			uint32(e.Changes.To), uint32(e.Changes.From), e.Time.UTC().Format(time.RFC3339), e.Source.String(), len(e.Changes.Added), len(e.Changes.Removed),
		})
		return true
	})
	return list, err
}

// findVersion finds a zone and reads a serial number, the first two arguments.
func (s *Server) findVersion(args []string) (*servedZone, wire.Serial, error) {
	z, err := s.findServed(args[0])
	if err != nil {
		return nil, 0, err
	}
	serial, err := parseSerial(args[1])
	return z, serial, err
}

func (s *Server) doZoneShow(_ context.Context, args []string) (any, error) {
	z, serial, err := s.findVersion(args)
	if err != nil {
		return nil, err
	}
	var found []string
	err = s.history(z, func(e *journal.Entry) bool {
		if e.Changes.To == serial {
			found = differences(e.Changes)
		}
		return true
	})
	if err == nil && found == nil {
		err = fmt.Errorf("zone %v: the journal has no change to serial number %v", z.zones[0].Origin(), serial)
	}
	return found, err
}

func (s *Server) doZoneRevert(_ context.Context, args []string) (any, error) {
	if _, err := s.findEditable(args[0]); err != nil {
		return nil, err
	}
	z, serial, err := s.findVersion(args)
	if err != nil {
		return nil, err
	}
	changes, err := s.revert(z, serial)
	if err != nil {
		return nil, err
	}
	return s.changed(z, changes), nil
}
