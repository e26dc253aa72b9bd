package diagnostic

import "slices"

// Code names a kind of warning: short, stable, and the same in the text, in JSON,
// and for those that silence it.
type Code string

// The kinds of warnings. docs/checking-zones.md has an example of each.
const (
	// What the text says.
	TTLTooLarge    Code = "ttl-too-large"    // above 2^31-1: it counts as 0
	NoTTL          Code = "no-ttl"           // the SOA's MINIMUM is taken
	InheritedOwner Code = "inherited-owner"  // an indented line right after $ORIGIN or $INCLUDE
	KeywordOwner   Code = "keyword-owner"    // an owner that reads like a class: the line is not indented
	CutBySemicolon Code = "cut-by-semicolon" // text without quotes ends at its first semicolon
	LeftOut        Code = "left-out"         // a record that cannot be part of the zone

	// What names say.
	OutOfZone   Code = "out-of-zone"  // the record is left out
	MissingDot  Code = "missing-dot"  // a name ends in the zone's name twice
	NotASCII    Code = "not-ascii"    // a name in UTF-8 where xn-- is wanted
	HostName    Code = "host-name"    // a host with an underscore or something else that host names lack
	AddressName Code = "address-name" // a target that is an IP address
	URLName     Code = "url-name"     // a target that is a URL
	MailAddress Code = "mail-address" // the SOA's RNAME has an at sign

	// Where records lead.
	NoTarget    Code = "no-target"    // the target is in the zone, and the zone does not have it
	NoAddress   Code = "no-address"   // the target has neither A nor AAAA
	AliasTarget Code = "alias-target" // an NS, MX or SRV record points to a CNAME
	AliasLoop   Code = "alias-loop"   // CNAME records lead back to where they began
	AliasChain  Code = "alias-chain"  // too many CNAME records in a row

	// What record sets and texts hold.
	TTLsDiffer    Code = "ttls-differ"  // in one RRset: the smallest counts
	SPFRecords    Code = "spf-records"  // more than one SPF record at a name
	JoinedText    Code = "joined-text"  // an SPF record in strings that need a blank between them
	WordProcessor Code = "typography"   // quotes and blanks of a word processor
	WrongOwner    Code = "wrong-owner"  // a DMARC or DKIM record where no client looks for it
	Iterations    Code = "iterations"   // NSEC3 with many of them
	SerialBack    Code = "serial-back"  // after a reload
	SerialSame    Code = "serial-same"  // the contents changed after a reload, the serial did not
	SigExpired    Code = "sig-expired"  // signatures are too old
	SigExpires    Code = "sig-expires"  // signatures are about to expire
	SigNotYet     Code = "sig-not-yet"  // signatures are valid only later
	SigMissing    Code = "sig-missing"  // an RRset of a signed zone has no signature
	SigWrong      Code = "sig-wrong"    // a signature does not verify, or its key is not there
	DenialChain   Code = "denial-chain" // the NSEC chain has a gap
)

// Codes are all kinds of warnings.
func Codes() []Code {
	return []Code{
		TTLTooLarge, NoTTL, InheritedOwner, KeywordOwner, CutBySemicolon, LeftOut,
		OutOfZone, MissingDot, NotASCII, HostName, AddressName, URLName, MailAddress,
		NoTarget, NoAddress, AliasTarget, AliasLoop, AliasChain,
		TTLsDiffer, SPFRecords, JoinedText, WordProcessor, WrongOwner, Iterations, SerialBack, SerialSame,
		SigExpired, SigExpires, SigNotYet, SigMissing, SigWrong, DenialChain,
	}
}

// IsKnown reports whether there are warnings of that kind.
func (c Code) IsKnown() bool { return slices.Contains(Codes(), c) }
