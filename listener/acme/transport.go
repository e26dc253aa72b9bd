package acme

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	answerTime  = time.Minute // until the authority begins to answer a request
	requestTime = 2 * time.Minute
	maxRequests = 1000    // of an attempt
	maxBody     = 1 << 20 // octets of a reply

	shortestPoll, longestPoll = time.Second, time.Minute // between looks at what the authority decides
)

// httpClient is a client for one attempt. polls says that it waits as Retry-After says.
func (m *Manager) httpClient(polls bool) *http.Client {
	return &http.Client{Transport: &transport{base: m.base, polls: polls}, Timeout: requestTime}
}

// transport bounds what an authority can make us do: package acme reads replies to their
// end, asks as often as they say, and waits as long.
type transport struct {
	base  http.RoundTripper
	polls bool
	sent  atomic.Int64
}

var errRequests = errors.New("the authority has not come to an end after 1000 requests")

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.sent.Add(1) > maxRequests {
		return nil, errRequests
	}
	if r.URL.Scheme != "https" {
		return nil, fmt.Errorf("the authority refers to %s, which is not over HTTPS (RFC 8555 6.1)", r.URL.Redacted())
	}
	reply, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	reply.Body = &limitedBody{io.LimitedReader{R: reply.Body, N: maxBody}, reply.Body}
	if again := reply.Header.Get("Retry-After"); again != "" && t.polls && reply.StatusCode < 300 {
		poll := min(max(readRetryAfter(again, time.Now()), shortestPoll), longestPoll)
		reply.Header.Set("Retry-After", strconv.Itoa(int(poll/time.Second)))
	}
	return reply, nil
}

// limitedBody is the beginning of a body.
type limitedBody struct {
	io.LimitedReader
	io.Closer
}

// readRetryAfter reads a number of seconds or a date (RFC 9110 10.2.3); 0: it is neither,
// or has passed.
func readRetryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	then, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return max(then.Sub(now), 0)
}

// maxTries is how often a request is sent that fails for a reason that may pass.
const maxTries = 6

// retryRequest is for [acme.Client.RetryBackoff]: used nonces and errors of the server. A
// limit of rates is left to the next attempt.
func retryRequest(n int, _ *http.Request, reply *http.Response) time.Duration {
	switch {
	case n >= maxTries || reply.StatusCode == http.StatusTooManyRequests:
		return 0
	case reply.StatusCode == http.StatusBadRequest:
		return time.Millisecond // a nonce, of which there is another already (RFC 8555 6.5)
	}
	wait := time.Second << (n - 1)
	return wait + rand.N(wait)
}
