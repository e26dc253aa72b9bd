package wire

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// ExtendedError says more about a failure than the RCODE does (RFC 8914).
type ExtendedError struct {
	Code ExtendedErrorCode
	Text string // for people, in UTF-8
}

// ExtendedErrorCode is the number of an extended error.
type ExtendedErrorCode uint16

// Extended errors with a number in IANA's registry.
const (
	ExtendedErrorOther                       ExtendedErrorCode = 0
	ExtendedErrorUnsupportedDNSKEYAlgorithm  ExtendedErrorCode = 1
	ExtendedErrorUnsupportedDSDigestType     ExtendedErrorCode = 2
	ExtendedErrorStaleAnswer                 ExtendedErrorCode = 3
	ExtendedErrorForgedAnswer                ExtendedErrorCode = 4
	ExtendedErrorIndeterminate               ExtendedErrorCode = 5
	ExtendedErrorBogus                       ExtendedErrorCode = 6
	ExtendedErrorSignatureExpired            ExtendedErrorCode = 7
	ExtendedErrorSignatureNotYetValid        ExtendedErrorCode = 8
	ExtendedErrorDNSKEYMissing               ExtendedErrorCode = 9
	ExtendedErrorRRSIGsMissing               ExtendedErrorCode = 10
	ExtendedErrorNoZoneKeyBitSet             ExtendedErrorCode = 11
	ExtendedErrorNSECMissing                 ExtendedErrorCode = 12
	ExtendedErrorCachedError                 ExtendedErrorCode = 13
	ExtendedErrorNotReady                    ExtendedErrorCode = 14
	ExtendedErrorBlocked                     ExtendedErrorCode = 15
	ExtendedErrorCensored                    ExtendedErrorCode = 16
	ExtendedErrorFiltered                    ExtendedErrorCode = 17
	ExtendedErrorProhibited                  ExtendedErrorCode = 18
	ExtendedErrorStaleNXDomainAnswer         ExtendedErrorCode = 19
	ExtendedErrorNotAuthoritative            ExtendedErrorCode = 20
	ExtendedErrorNotSupported                ExtendedErrorCode = 21
	ExtendedErrorNoReachableAuthority        ExtendedErrorCode = 22
	ExtendedErrorNetworkError                ExtendedErrorCode = 23
	ExtendedErrorInvalidData                 ExtendedErrorCode = 24
	ExtendedErrorSignatureExpiredBeforeValid ExtendedErrorCode = 25
	ExtendedErrorTooEarly                    ExtendedErrorCode = 26
	ExtendedErrorUnsupportedNSEC3Iterations  ExtendedErrorCode = 27
	ExtendedErrorUnableToConformToPolicy     ExtendedErrorCode = 28
	ExtendedErrorSynthesized                 ExtendedErrorCode = 29
	ExtendedErrorInvalidQueryType            ExtendedErrorCode = 30
	ExtendedErrorRateLimited                 ExtendedErrorCode = 31
	ExtendedErrorOverQuota                   ExtendedErrorCode = 32
	ExtendedErrorNegativeTrustAnchor         ExtendedErrorCode = 33
	ExtendedErrorNewDelegationOnly           ExtendedErrorCode = 34
)

var extendedErrorNames = [...]string{
	ExtendedErrorOther:                       "Other Error",
	ExtendedErrorUnsupportedDNSKEYAlgorithm:  "Unsupported DNSKEY Algorithm",
	ExtendedErrorUnsupportedDSDigestType:     "Unsupported DS Digest Type",
	ExtendedErrorStaleAnswer:                 "Stale Answer",
	ExtendedErrorForgedAnswer:                "Forged Answer",
	ExtendedErrorIndeterminate:               "DNSSEC Indeterminate",
	ExtendedErrorBogus:                       "DNSSEC Bogus",
	ExtendedErrorSignatureExpired:            "Signature Expired",
	ExtendedErrorSignatureNotYetValid:        "Signature Not Yet Valid",
	ExtendedErrorDNSKEYMissing:               "DNSKEY Missing",
	ExtendedErrorRRSIGsMissing:               "RRSIGs Missing",
	ExtendedErrorNoZoneKeyBitSet:             "No Zone Key Bit Set",
	ExtendedErrorNSECMissing:                 "NSEC Missing",
	ExtendedErrorCachedError:                 "Cached Error",
	ExtendedErrorNotReady:                    "Not Ready",
	ExtendedErrorBlocked:                     "Blocked",
	ExtendedErrorCensored:                    "Censored",
	ExtendedErrorFiltered:                    "Filtered",
	ExtendedErrorProhibited:                  "Prohibited",
	ExtendedErrorStaleNXDomainAnswer:         "Stale NXDomain Answer",
	ExtendedErrorNotAuthoritative:            "Not Authoritative",
	ExtendedErrorNotSupported:                "Not Supported",
	ExtendedErrorNoReachableAuthority:        "No Reachable Authority",
	ExtendedErrorNetworkError:                "Network Error",
	ExtendedErrorInvalidData:                 "Invalid Data",
	ExtendedErrorSignatureExpiredBeforeValid: "Signature Expired before Valid",
	ExtendedErrorTooEarly:                    "Too Early",
	ExtendedErrorUnsupportedNSEC3Iterations:  "Unsupported NSEC3 Iterations Value",
	ExtendedErrorUnableToConformToPolicy:     "Unable to conform to policy",
	ExtendedErrorSynthesized:                 "Synthesized",
	ExtendedErrorInvalidQueryType:            "Invalid Query Type",
	ExtendedErrorRateLimited:                 "Rate Limited",
	ExtendedErrorOverQuota:                   "Over Quota",
	ExtendedErrorNegativeTrustAnchor:         "Negative Trust Anchor",
	ExtendedErrorNewDelegationOnly:           "New Delegation Only",
}

// String returns the name in IANA's registry, "" for a number without one.
func (c ExtendedErrorCode) String() string {
	if int(c) < len(extendedErrorNames) {
		return extendedErrorNames[c]
	}
	return ""
}

// OptionCode implements [Option].
func (o *ExtendedError) OptionCode() OptionCode { return OptionExtendedError }

// Parse implements [Option].
func (o *ExtendedError) Parse(data []byte) error {
	if len(data) < 2 {
		return fmt.Errorf("%w: shorter than two octets", ErrOption)
	}
	*o = ExtendedError{ExtendedErrorCode(binary.BigEndian.Uint16(data)), string(data[2:])}
	return nil
}

// Len implements [Option].
func (o *ExtendedError) Len() int { return 2 + len(o.Text) }

// AppendTo implements [Option].
func (o *ExtendedError) AppendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(o.Code))
	return append(b, o.Text...)
}

// AppendText implements [Option]: 18 (Prohibited): (text), with octets of the
// text that are not printable ASCII as \DDD.
func (o *ExtendedError) AppendText(b []byte) []byte {
	b = strconv.AppendUint(b, uint64(o.Code), 10)
	if name := o.Code.String(); name != "" {
		b = append(b, " ("...)
		b = append(b, name...)
		b = append(b, ')')
	}
	if o.Text == "" {
		return b
	}
	b = append(b, ": ("...)
	for i := range len(o.Text) {
		if c := o.Text[i]; c == ' ' {
			b = append(b, c)
		} else {
			b = appendEscaped(b, c, c == '\\')
		}
	}
	return append(b, ')')
}

// ParseText implements [Option]. The number counts, the name need not be there.
func (o *ExtendedError) ParseText(text string) error {
	number, rest, hasText := strings.Cut(text, ":")
	number, _, _ = strings.Cut(number, "(")
	code, err := parseNumber(number, 16)
	if err != nil {
		return err
	}
	*o = ExtendedError{Code: ExtendedErrorCode(code)}
	if !hasText {
		return nil
	}
	rest = strings.TrimSpace(rest)
	if len(rest) < 2 || rest[0] != '(' || rest[len(rest)-1] != ')' {
		return fmt.Errorf("%w: text is not in parentheses", ErrOption)
	}
	rest = rest[1 : len(rest)-1]
	var unescaped strings.Builder
	for i := 0; i < len(rest); i++ {
		c := rest[i]
		if c == '\\' {
			octet, width, err := unescape(rest[i:])
			if err != nil {
				return err
			}
			c = octet
			i += width - 1
		}
		unescaped.WriteByte(c)
	}
	o.Text = unescaped.String()
	return nil
}
