package authority

// outcome is what the walk through a zone found (RFC 1034 4.3.2, step 3).
type outcome uint8

const (
	found      outcome = iota // the name is there (perhaps with no data: an empty non-terminal)
	wildcard                  // it is not, but "*" at its closest encloser is (step 3c)
	missing                   // neither
	delegation                // a zone cut is at or above it (step 3b)
	redirected                // an ancestor has a DNAME (RFC 6672 3.2, step 3c)
)

// walk is where a look-up ended.
type walk struct {
	outcome outcome
	// node is the name; the source of synthesis; of a name that is missing the
	// closest encloser; the cut; the owner of the DNAME.
	node node
	// enclosing is the label of the name asked at which its closest encloser
	// starts, the longest existing ancestor or the name itself (RFC 4592 3.3.1).
	enclosing int
}

// lookup walks from the name towards the apex until something is there: every
// name between a node and the apex has a node (RFC 8020 2), so the first hit is
// the closest encloser. Which cut a node is under was worked out at load.
func (s *Snapshot) lookup(asked *askedName, w *walk) {
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
