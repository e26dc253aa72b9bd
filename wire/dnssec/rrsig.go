package dnssec

import (
	"fmt"
	"time"

	"github.com/names-dns/names/wire"
)

// CheckRRSIG checks what is to be checked of a signature over r before any
// cryptography and apart from time and keys, in the order of RFC 4035 5.3.1.
// The error wraps [ErrSignature].
func CheckRRSIG(sig *wire.RRSIG, r *RRset) error {
	switch {
	case !MayBeSigned(sig.Covered):
		return fmt.Errorf("%w: %v records have no signatures", ErrSignature, sig.Covered)
	case sig.Covered != r.Type:
		return fmt.Errorf("%w: it covers %v, not %v", ErrSignature, sig.Covered, r.Type)
	case !r.Name.HasSuffix(sig.Signer):
		return fmt.Errorf("%w: signer %v is not at or above %v", ErrSignature, sig.Signer, r.Name)
	case int(sig.Labels) > LabelCount(r.Name):
		return fmt.Errorf("%w: it counts %d labels of an owner that has %d", ErrSignature, sig.Labels, LabelCount(r.Name))
	case int(sig.Labels) < sig.Signer.LabelCount():
		// The wildcard would be above the zone that it is in.
		return fmt.Errorf("%w: it counts %d labels, fewer than its signer %v has", ErrSignature, sig.Labels, sig.Signer)
	}
	return nil
}

// MayBeSigned reports whether RRsets of type t have signatures: those that lie
// in zones do, except signatures. 128 to 255 are types that only questions and
// messages have (RFC 6895 3.1).
func MayBeSigned(t wire.Type) bool {
	switch t {
	case wire.TypeNone, wire.TypeRRSIG, wire.TypeSIG, wire.TypeOPT:
		return false
	}
	return t < 128 || t > 255
}

// TimeError says that a signature is outside of its time.
type TimeError struct {
	Expired bool // else it is not valid yet
	At      time.Time
	Now     time.Time
}

func (e *TimeError) Error() string {
	if e.Expired {
		return "expired " + ago(e.Now.Sub(e.At))
	}
	return "not valid for another " + duration(e.At.Sub(e.Now))
}

func (e *TimeError) Unwrap() error { return ErrSignature }

// CheckTime checks inception and expiration against now, in serial number
// arithmetic (RFC 4034 3.1.5). It allows skew on both sides: a tenth of the
// validity, but no less than least and no more than most.
func CheckTime(sig *wire.RRSIG, now time.Time, least, most time.Duration) error {
	expiration, inception := sig.Expiration.Time(now), sig.Inception.Time(now)
	if expiration.Before(inception) {
		return fmt.Errorf("%w: it expires before its inception", ErrSignature)
	}
	skew := min(max(expiration.Sub(inception)/10, least), most)
	switch {
	case now.Add(-skew).After(expiration):
		return &TimeError{Expired: true, At: expiration, Now: now}
	case now.Add(skew).Before(inception):
		return &TimeError{At: inception, Now: now}
	}
	return nil
}

func ago(d time.Duration) string { return duration(d) + " ago" }

// duration is a duration for people: one unit, a whole number of it.
func duration(d time.Duration) string {
	unit, n := "second", int64(d/time.Second)
	switch {
	case d >= 48*time.Hour:
		unit, n = "day", int64(d/(24*time.Hour))
	case d >= 2*time.Hour:
		unit, n = "hour", int64(d/time.Hour)
	case d >= 2*time.Minute:
		unit, n = "minute", int64(d/time.Minute)
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}
