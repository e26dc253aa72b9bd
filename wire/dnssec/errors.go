package dnssec

import "errors"

// What callers tell apart. Every error of the package wraps one of these.
var (
	ErrAlgorithm  = errors.New("algorithm is not supported")
	ErrDigestType = errors.New("digest type is not supported")
	ErrKey        = errors.New("malformed DNSKEY")
	ErrSignature  = errors.New("unusable RRSIG")
	ErrNSEC3      = errors.New("unusable NSEC3")
	ErrIterations = errors.New("too many NSEC3 iterations")
	ErrSign       = errors.New("signing failed")
)
