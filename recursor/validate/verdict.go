package validate

import (
	"fmt"

	"github.com/names-dns/names/wire"
)

// Verdict is what DNSSEC says about an RRset or a reply (RFC 4033 5). Of two
// verdicts about parts of a whole, the smaller one is that of the whole.
type Verdict uint8

const (
	// Unchecked: not looked at, because nothing depends on it. Do not keep it
	// and do not pass it on as proved.
	Unchecked Verdict = iota
	// Bogus: it should be signed, and the signatures or proofs do not hold.
	Bogus
	// Indeterminate: it could not be found out, for want of records or because
	// a limit was reached. Clients get SERVFAIL, as for bogus replies.
	Indeterminate
	// Insecure: proved to be unsigned, or under no trust anchor.
	Insecure
	// Secure: proved.
	Secure
)

var verdictNames = [...]string{"unchecked", "bogus", "indeterminate", "insecure", "secure"}

func (v Verdict) String() string { return verdictNames[v] }

// Reason says why a verdict is not secure: a code for programs (RFC 8914) and
// a text that a person can act on.
type Reason struct {
	Code wire.ExtendedErrorCode
	Text string
}

func (r Reason) String() string { return r.Text }

// ForInsecure reports whether clients learn why an insecure answer is: the zone is
// signed, and that does not count here.
func (r Reason) ForInsecure() bool {
	switch r.Code {
	case wire.ExtendedErrorUnsupportedDNSKEYAlgorithm, wire.ExtendedErrorUnsupportedDSDigestType,
		wire.ExtendedErrorUnsupportedNSEC3Iterations, wire.ExtendedErrorNegativeTrustAnchor:
		return true
	}
	return false
}

// judgement is a verdict with its reason.
type judgement struct {
	verdict Verdict
	reason  Reason
	// isTried: the zone that signed it is secure, and a signature was tried with a key
	// of that zone or is out of its time; or that zone ought to be secure, and its keys
	// do not hold. So it is bogus wherever it is from.
	isTried bool
}

var secure = judgement{verdict: Secure}

func bogus(code wire.ExtendedErrorCode, format string, args ...any) judgement {
	return judgement{verdict: Bogus, reason: Reason{code, fmt.Sprintf(format, args...)}}
}

func insecure(code wire.ExtendedErrorCode, format string, args ...any) judgement {
	return judgement{verdict: Insecure, reason: Reason{code, fmt.Sprintf(format, args...)}}
}

func indeterminate(code wire.ExtendedErrorCode, format string, args ...any) judgement {
	return judgement{verdict: Indeterminate, reason: Reason{code, fmt.Sprintf(format, args...)}}
}

// and is the judgement about a whole of which j and o are parts.
func (j judgement) and(o judgement) judgement {
	if o.verdict < j.verdict {
		return o
	}
	return j
}

// plain is a name as operators write it: without the final dot.
func plain(n wire.Name) string {
	text := n.String()
	if len(text) > 1 {
		text = text[:len(text)-1]
	}
	return text
}
