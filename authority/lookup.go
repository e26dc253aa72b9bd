package authority

// outcome is what the walk through a zone found (RFC 1034 4.3.2, step 3).
type outcome uint8

const (
	found      outcome = iota // the name exists (perhaps with no data: an empty non-terminal)
	wildcard                  // it does not, but "*" at its closest encloser does (step 3c)
	missing                   // neither
	delegation                // a zone cut is at or above it (step 3b)
	redirected                // an ancestor has a DNAME (RFC 6672 3.2, step 3c)
)

// walk is the result of a look-up.
type walk struct {
	outcome outcome
	// node is, by outcome: the name; the source of synthesis; the closest
	// encloser of a missing name; the cut; the owner of the DNAME.
	node node
	// enclosing is the label of the query name at which its closest encloser
	// starts, the longest existing ancestor or the name itself (RFC 4592 3.3.1).
	enclosing int
}

// lookup walks from the name towards the apex until a name exists: every name
// between a node and the apex has a node (RFC 8020 2), so the first hit is the
// closest encloser. Which cut a node is under was determined at load.
func (s *Snapshot) lookup(asked *lookupName, w *walk) {
	label := 0
	n, ok := s.find(asked, label)
	for !ok {
		label++
		n, ok = s.find(asked, label)
	}
	w.node, w.enclosing = n, label
	switch {
	case n.cut() != 0:
		w.outcome, w.node = delegation, s.node(n.cut())
	case label == 0:
		w.outcome = found
	case n.has(flagDNAME):
		w.outcome = redirected
	case n.wildcard() != 0:
		w.outcome, w.node = wildcard, s.node(n.wildcard())
	default:
		w.outcome = missing
	}
}
