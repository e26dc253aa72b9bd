package validate

import (
	"context"

	"github.com/names-dns/names/wire"
)

// Client looks up names through a resolver, and proves what it says: programs that
// go by what they find, TLSA and SSHFP records say, need not trust the resolver or
// the way to it.
type Client struct {
	exchanger Exchanger
	validator *Validator
	// RequireSecure makes everything an error that is not secure. Otherwise insecure
	// answers are passed on as such. Set it before the first look-up.
	RequireSecure bool
}

// NewClient returns a client that asks e, which has to pass on signatures and proofs,
// and need not validate. The configuration needs no Fetcher.
func NewClient(e Exchanger, c Config) *Client {
	if c.Fetcher == nil {
		c.Fetcher = FetchFrom(e)
	}
	return &Client{exchanger: e, validator: New(c)}
}

// Answer is what a name has of a type.
type Answer struct {
	// Records are those asked for, of the name that the aliases lead to if there are
	// any. There are none if the name does not exist or lacks the type.
	Records []wire.Record
	RCode   wire.RCode // NOERROR or NXDOMAIN
	Verdict Verdict    // secure or insecure
	Reason  Reason     // why it is insecure
}

// LookUp returns the records of type t that name has. What is bogus, or could not be
// proved, is an [*Error], as is what is insecure if RequireSecure is set.
func (c *Client) LookUp(ctx context.Context, name wire.Name, t wire.Type) (*Answer, error) {
	q := wire.Question{Name: name, Type: t, Class: wire.ClassIN}
	m, err := c.exchanger.Exchange(ctx, Query(q))
	if err != nil {
		return nil, err
	}
	reply, err := ReplyFromMessage(m)
	if err != nil {
		return nil, err
	}
	result := c.validator.Check(ctx, reply, nil)
	if result.Verdict < Insecure || c.RequireSecure && result.Verdict != Secure {
		return nil, &Error{q, result.Verdict, result.Reason}
	}
	a := &Answer{RCode: reply.RCode, Verdict: result.Verdict, Reason: result.Reason}
	for _, set := range reply.Answer {
		if set.Type != t || result.Verdict == Secure && set.Verdict != Secure {
			continue
		}
		for _, data := range set.Data {
			a.Records = append(a.Records, wire.Record{Name: set.Name, Type: t, Class: set.Class, TTL: set.TTL, Data: data})
		}
	}
	return a, nil
}
