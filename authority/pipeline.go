package authority

import (
	"fmt"

	"github.com/names-dns/names/wire"
)

// Pipeline is what every change of a zone passes through, in the order of the
// fields: check, sign, digest, then all edits are packed, journal, then the
// version becomes visible, tell. The first error ends the transaction without
// effect, as a [*Refusal]. A nil Pipeline does nothing.
type Pipeline struct {
	// Check may refuse what a client or a file wants to change.
	Check []Stage
	// Sign adds what is derived from the records: signatures, NSEC chains.
	Sign []Stage
	// Digest adds what is derived from all of that: ZONEMD (RFC 8976).
	Digest []Stage
	// Journal makes the change durable. It must not edit.
	Journal Journal
	// Tell receives every version that became visible: to send NOTIFY, to
	// update metrics or a store.
	Tell []Subscriber
	// Events are for observers.
	Events Events
}

// Stage reads the transaction that is being committed: its edits
// ([Txn.Changes]) and what the zone will be ([Txn.Records], [Txn.HasName],
// [Txn.CutOf], [Txn.Following] and others). It may edit further; the stages
// after it see the result. An error refuses the transaction.
//
// When the first stage is called, the edits have passed all checks of the zone;
// what a stage adds is checked before the next one is called. A stage decides by
// [Txn.Source] whether the change concerns it. It must not keep t.
type Stage func(t *Txn) error

// Journal makes changes durable before they are visible.
type Journal interface {
	// Append accepts the change that t makes ([Txn.Changes], [Txn.After]) and
	// returns at once; the receipt says when it is durable. Calls for one zone
	// come in the order of the versions, each with the receipt of the version
	// that t starts from, nil if that one is visible already. If that version
	// failed, or fails later, so does this one.
	Append(t *Txn, previous Receipt) (Receipt, error)
}

// Receipt is for a change that a [Journal] accepted.
type Receipt interface {
	// Wait returns when the change is durable, or cannot be made so.
	Wait() error
}

// Subscriber receives the versions of a zone after they became visible, in
// their order. The next version waits until all subscribers have returned, so
// they must neither edit the zone nor block.
type Subscriber func(p Publication)

// Publication is a version of a zone that became visible.
type Publication struct {
	Zone   *Zone
	Source Source
	// Before and After are the versions. Before is nil for the first one, After
	// when the zone expires.
	Before, After *Snapshot
	// Changes is the difference. It is nil if the zone was replaced as a whole
	// and no stage asked for the difference: see [Diff].
	Changes *ChangeSet
}

// Events are functions that observe the zones. Each may be nil. They are called
// by the goroutine that writes, and must not block or edit.
type Events struct {
	Published func(p Publication)
	Refused   func(r *Refusal)
}

// Source is where a transaction comes from.
type Source uint8

const (
	// FromControl is an edit by the operator or by the program itself.
	FromControl Source = iota
	// FromFile is a zone file.
	FromFile
	// FromJournal is a replay of what was accepted before.
	FromJournal
	// FromTransfer is a zone transfer from a primary.
	FromTransfer
	// FromUpdate is a dynamic update (RFC 2136).
	FromUpdate
)

func (s Source) String() string {
	switch s {
	case FromControl:
		return "control"
	case FromFile:
		return "file"
	case FromJournal:
		return "journal"
	case FromTransfer:
		return "transfer"
	case FromUpdate:
		return "update"
	}
	return fmt.Sprintf("source %d", uint8(s))
}

// Refusal is the error of a transaction that a stage refused.
type Refusal struct {
	Zone   wire.Name
	Source Source
	Stage  string // "check", "sign", "digest" or "journal"
	Err    error  // what the stage returned
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("zone %s: change from %s refused by stage %s: %v", r.Zone, r.Source, r.Stage, r.Err)
}

func (r *Refusal) Unwrap() error { return r.Err }

// stageKind names the stages that may edit.
type stageKind struct {
	name   string
	stages []Stage
}

// editing are the stages before the edits are packed, in their order.
func (p *Pipeline) editing() [3]stageKind {
	if p == nil {
		return [3]stageKind{}
	}
	return [...]stageKind{{"check", p.Check}, {"sign", p.Sign}, {"digest", p.Digest}}
}

// hasStages reports whether any of them is set.
func (p *Pipeline) hasStages() bool {
	return p != nil && len(p.Check)+len(p.Sign)+len(p.Digest) > 0
}

func (p *Pipeline) tell(v Publication) {
	if p == nil {
		return
	}
	for _, receive := range p.Tell {
		receive(v)
	}
	if p.Events.Published != nil {
		p.Events.Published(v)
	}
}

func (p *Pipeline) refused(r *Refusal) {
	if p != nil && p.Events.Refused != nil {
		p.Events.Refused(r)
	}
}
