package recursor

import "github.com/names-dns/names/recursor/upstream"

// What one query may cost, whatever the servers reply.
const (
	defaultAttempts = 6 // servers asked, the same one more than once included

	// queriesPerAttempt counts what goes to one server in one attempt on the
	// average: most take one, those that learn about the server some more.
	queriesPerAttempt = 3

	// maxOctets is how much is received: several replies of 64 KiB over TCP.
	maxOctets = 512 << 10
)

// newBudget returns what a question with so many attempts may cost.
func newBudget(attempts int) *upstream.Budget {
	return upstream.NewBudget(attempts*queriesPerAttempt, maxOctets)
}
