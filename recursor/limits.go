package recursor

import (
	"errors"
	"sync/atomic"

	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/recursor/validate"
)

// What one question of a client may cost a [Recursor], with everything that
// has to be found out on the way: however zones are delegated, and even if
// they are made to be costly, no more is spent than this.
const (
	// maxQueries is how often servers are asked. BIND's max-recursion-queries
	// is 50, Unbound's quota 200.
	maxQueries = 64
	// maxReceived is how many octets servers may send.
	maxReceived = 1 << 20

	// maxDepth is how many questions may wait for one another: where the
	// server of the server of the name is. BIND's max-recursion-depth is 7.
	maxDepth = 7

	// maxLookups is how many name servers' addresses are looked up, of which
	// maxMissing may turn out to have none: NXNSAttack lives on names of
	// servers that do not exist.
	maxLookups = 24
	maxMissing = 5

	// maxReferrals is how many zone cuts are passed in one resolution.
	maxReferrals = 32

	// maxTries is how often servers of one zone are asked one question: the last
	// of as many as are looked at may be the only one that answers.
	maxTries = 13
)

// budget is what is left of all that.
type budget struct {
	upstream.Budget
	lookups atomic.Int32 // name servers' addresses that may yet be looked up
	missing atomic.Int32 // that may yet turn out to have none
	counts  *counters    // of limits that are reached

	proofs atomic.Pointer[validate.Budget] // of validation; nil before the first
}

// proofsOf is what is left of the budget for validation.
func (b *budget) proofsOf(v *validate.Validator) *validate.Budget {
	if b.proofs.Load() == nil {
		b.proofs.CompareAndSwap(nil, v.NewBudget())
	}
	return b.proofs.Load()
}

// begin makes b the budget of one client's question.
func (b *budget) begin(c *counters) *budget {
	b.counts = c
	b.Reset(maxQueries, maxReceived)
	b.lookups.Store(maxLookups)
	b.missing.Store(maxMissing)
	b.proofs.Store(nil)
	return b
}

// errExhausted is wrapped by failures of questions that have cost all they may.
var errExhausted = errors.New("query budget exhausted")
