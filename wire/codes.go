package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// Type is a record or question type.
type Type uint16

// Class is a record or question class.
type Class uint16

// Opcode is the kind of a query.
type Opcode uint8

// RCode is a response code; those above 15 need EDNS or TSIG to be sent.
type RCode uint16

// Classes (RFC 1035 3.2.4, RFC 2136 2.4).
const (
	ClassIN   Class = 1
	ClassCS   Class = 2
	ClassCH   Class = 3
	ClassHS   Class = 4
	ClassNone Class = 254
	ClassAny  Class = 255
)

// Opcodes.
const (
	OpcodeQuery  Opcode = 0
	OpcodeIQuery Opcode = 1
	OpcodeStatus Opcode = 2
	OpcodeNotify Opcode = 4
	OpcodeUpdate Opcode = 5
	OpcodeDSO    Opcode = 6
)

// Response codes.
const (
	RCodeNoError   RCode = 0
	RCodeFormErr   RCode = 1
	RCodeServFail  RCode = 2
	RCodeNXDomain  RCode = 3
	RCodeNotImp    RCode = 4
	RCodeRefused   RCode = 5
	RCodeYXDomain  RCode = 6
	RCodeYXRRSet   RCode = 7
	RCodeNXRRSet   RCode = 8
	RCodeNotAuth   RCode = 9
	RCodeNotZone   RCode = 10
	RCodeDSOTypeNI RCode = 11
	RCodeBadVers   RCode = 16 // also BADSIG, in TSIG
	RCodeBadKey    RCode = 17
	RCodeBadTime   RCode = 18
	RCodeBadMode   RCode = 19
	RCodeBadName   RCode = 20
	RCodeBadAlg    RCode = 21
	RCodeBadTrunc  RCode = 22
	RCodeBadCookie RCode = 23
)

// Types with a number in IANA's registry.
const (
	TypeNone       Type = 0
	TypeA          Type = 1
	TypeNS         Type = 2
	TypeMD         Type = 3
	TypeMF         Type = 4
	TypeCNAME      Type = 5
	TypeSOA        Type = 6
	TypeMB         Type = 7
	TypeMG         Type = 8
	TypeMR         Type = 9
	TypeNULL       Type = 10
	TypeWKS        Type = 11
	TypePTR        Type = 12
	TypeHINFO      Type = 13
	TypeMINFO      Type = 14
	TypeMX         Type = 15
	TypeTXT        Type = 16
	TypeRP         Type = 17
	TypeAFSDB      Type = 18
	TypeX25        Type = 19
	TypeISDN       Type = 20
	TypeRT         Type = 21
	TypeNSAP       Type = 22
	TypeNSAPPTR    Type = 23
	TypeSIG        Type = 24
	TypeKEY        Type = 25
	TypePX         Type = 26
	TypeGPOS       Type = 27
	TypeAAAA       Type = 28
	TypeLOC        Type = 29
	TypeNXT        Type = 30
	TypeEID        Type = 31
	TypeNIMLOC     Type = 32
	TypeSRV        Type = 33
	TypeATMA       Type = 34
	TypeNAPTR      Type = 35
	TypeKX         Type = 36
	TypeCERT       Type = 37
	TypeA6         Type = 38
	TypeDNAME      Type = 39
	TypeSINK       Type = 40
	TypeOPT        Type = 41
	TypeAPL        Type = 42
	TypeDS         Type = 43
	TypeSSHFP      Type = 44
	TypeIPSECKEY   Type = 45
	TypeRRSIG      Type = 46
	TypeNSEC       Type = 47
	TypeDNSKEY     Type = 48
	TypeDHCID      Type = 49
	TypeNSEC3      Type = 50
	TypeNSEC3PARAM Type = 51
	TypeTLSA       Type = 52
	TypeSMIMEA     Type = 53
	TypeHIP        Type = 55
	TypeNINFO      Type = 56
	TypeRKEY       Type = 57
	TypeTALINK     Type = 58
	TypeCDS        Type = 59
	TypeCDNSKEY    Type = 60
	TypeOPENPGPKEY Type = 61
	TypeCSYNC      Type = 62
	TypeZONEMD     Type = 63
	TypeSVCB       Type = 64
	TypeHTTPS      Type = 65
	TypeDSYNC      Type = 66
	TypeHHIT       Type = 67
	TypeBRID       Type = 68
	TypeSPF        Type = 99
	TypeUINFO      Type = 100
	TypeUID        Type = 101
	TypeGID        Type = 102
	TypeUNSPEC     Type = 103
	TypeNID        Type = 104
	TypeL32        Type = 105
	TypeL64        Type = 106
	TypeLP         Type = 107
	TypeEUI48      Type = 108
	TypeEUI64      Type = 109
	TypeNXNAME     Type = 128
	TypeTKEY       Type = 249
	TypeTSIG       Type = 250
	TypeIXFR       Type = 251
	TypeAXFR       Type = 252
	TypeMAILB      Type = 253
	TypeMAILA      Type = 254
	TypeANY        Type = 255
	TypeURI        Type = 256
	TypeCAA        Type = 257
	TypeAVC        Type = 258
	TypeDOA        Type = 259
	TypeAMTRELAY   Type = 260
	TypeRESINFO    Type = 261
	TypeWALLET     Type = 262
	TypeCLA        Type = 263
	TypeIPN        Type = 264
	TypeTA         Type = 32768
	TypeDLV        Type = 32769
)

// TypeALIAS is the type of [ALIAS], from the range for private use (RFC 6895 3.1). The
// number is that of PowerDNS.
const TypeALIAS Type = 65401

var typeNames = map[Type]string{
	TypeA: "A", TypeNS: "NS", TypeMD: "MD", TypeMF: "MF", TypeCNAME: "CNAME",
	TypeSOA: "SOA", TypeMB: "MB", TypeMG: "MG", TypeMR: "MR", TypeNULL: "NULL",
	TypeWKS: "WKS", TypePTR: "PTR", TypeHINFO: "HINFO", TypeMINFO: "MINFO",
	TypeMX: "MX", TypeTXT: "TXT", TypeRP: "RP", TypeAFSDB: "AFSDB", TypeX25: "X25",
	TypeISDN: "ISDN", TypeRT: "RT", TypeNSAP: "NSAP", TypeNSAPPTR: "NSAP-PTR",
	TypeSIG: "SIG", TypeKEY: "KEY", TypePX: "PX", TypeGPOS: "GPOS", TypeAAAA: "AAAA",
	TypeLOC: "LOC", TypeNXT: "NXT", TypeEID: "EID", TypeNIMLOC: "NIMLOC",
	TypeSRV: "SRV", TypeATMA: "ATMA", TypeNAPTR: "NAPTR", TypeKX: "KX",
	TypeCERT: "CERT", TypeA6: "A6", TypeDNAME: "DNAME", TypeSINK: "SINK",
	TypeOPT: "OPT", TypeAPL: "APL", TypeDS: "DS", TypeSSHFP: "SSHFP",
	TypeIPSECKEY: "IPSECKEY", TypeRRSIG: "RRSIG", TypeNSEC: "NSEC",
	TypeDNSKEY: "DNSKEY", TypeDHCID: "DHCID", TypeNSEC3: "NSEC3",
	TypeNSEC3PARAM: "NSEC3PARAM", TypeTLSA: "TLSA", TypeSMIMEA: "SMIMEA",
	TypeHIP: "HIP", TypeNINFO: "NINFO", TypeRKEY: "RKEY", TypeTALINK: "TALINK",
	TypeCDS: "CDS", TypeCDNSKEY: "CDNSKEY", TypeOPENPGPKEY: "OPENPGPKEY",
	TypeCSYNC: "CSYNC", TypeZONEMD: "ZONEMD", TypeSVCB: "SVCB", TypeHTTPS: "HTTPS",
	TypeDSYNC: "DSYNC", TypeHHIT: "HHIT", TypeBRID: "BRID", TypeSPF: "SPF",
	TypeUINFO: "UINFO", TypeUID: "UID", TypeGID: "GID", TypeUNSPEC: "UNSPEC",
	TypeNID: "NID", TypeL32: "L32", TypeL64: "L64", TypeLP: "LP",
	TypeEUI48: "EUI48", TypeEUI64: "EUI64", TypeNXNAME: "NXNAME", TypeTKEY: "TKEY",
	TypeTSIG: "TSIG", TypeIXFR: "IXFR", TypeAXFR: "AXFR", TypeMAILB: "MAILB",
	TypeMAILA: "MAILA", TypeANY: "ANY", TypeURI: "URI", TypeCAA: "CAA",
	TypeAVC: "AVC", TypeDOA: "DOA", TypeAMTRELAY: "AMTRELAY",
	TypeRESINFO: "RESINFO", TypeWALLET: "WALLET", TypeCLA: "CLA", TypeIPN: "IPN",
	TypeTA: "TA", TypeDLV: "DLV", TypeALIAS: "ALIAS",
}

var typesByName = invert(typeNames)

// String returns the mnemonic, or TYPEnnn (RFC 3597 5).
func (t Type) String() string {
	if s, ok := typeNames[t]; ok {
		return s
	}
	return "TYPE" + strconv.Itoa(int(t))
}

// ParseType reads a mnemonic or TYPEnnn, case ignored.
func ParseType[T string | []byte](text T) (Type, error) {
	if t := commonType(text); t != TypeNone {
		return t, nil
	}
	n, ok := parseCode(text, typesByName, "TYPE")
	if !ok {
		return 0, fmt.Errorf("%s is not a record type", quoteForError(text))
	}
	return n, nil
}

// commonType knows the types that zones are full of, in upper case, and
// TypeNone for the rest. A large zone names a type several times a record:
// this takes a quarter of the time of the map.
func commonType[T string | []byte](text T) Type {
	if len(text) > len("NSEC3PARAM") {
		return TypeNone
	}
	switch string(text) {
	case "A":
		return TypeA
	case "AAAA":
		return TypeAAAA
	case "CAA":
		return TypeCAA
	case "CNAME":
		return TypeCNAME
	case "DNSKEY":
		return TypeDNSKEY
	case "DS":
		return TypeDS
	case "HTTPS":
		return TypeHTTPS
	case "MX":
		return TypeMX
	case "NS":
		return TypeNS
	case "NSEC":
		return TypeNSEC
	case "NSEC3":
		return TypeNSEC3
	case "NSEC3PARAM":
		return TypeNSEC3PARAM
	case "PTR":
		return TypePTR
	case "RRSIG":
		return TypeRRSIG
	case "SOA":
		return TypeSOA
	case "SRV":
		return TypeSRV
	case "TLSA":
		return TypeTLSA
	case "TXT":
		return TypeTXT
	}
	return TypeNone
}

// IsQuestionOnly reports whether t may stand in a question and never in a
// zone (RFC 6895 3.1: the meta types and QTYPEs).
func (t Type) IsQuestionOnly() bool {
	return t == TypeOPT || t == TypeNone || t >= 128 && t <= 255
}

var classNames = map[Class]string{
	ClassIN: "IN", ClassCS: "CS", ClassCH: "CH", ClassHS: "HS", ClassNone: "NONE", ClassAny: "ANY",
}

var classesByName = func() map[string]Class {
	m := invert(classNames)
	m["CHAOS"], m["HESIOD"] = ClassCH, ClassHS
	return m
}()

// String returns the mnemonic, or CLASSnnn (RFC 3597 5).
func (c Class) String() string {
	if s, ok := classNames[c]; ok {
		return s
	}
	return "CLASS" + strconv.Itoa(int(c))
}

// ParseClass reads a mnemonic or CLASSnnn, case ignored.
func ParseClass[T string | []byte](text T) (Class, error) {
	n, ok := parseCode(text, classesByName, "CLASS")
	if !ok {
		return 0, fmt.Errorf("%s is not a class", quoteForError(text))
	}
	return n, nil
}

var opcodeNames = map[Opcode]string{
	OpcodeQuery: "QUERY", OpcodeIQuery: "IQUERY", OpcodeStatus: "STATUS",
	OpcodeNotify: "NOTIFY", OpcodeUpdate: "UPDATE", OpcodeDSO: "DSO",
}

// String returns the mnemonic, or OPCODEnn.
func (o Opcode) String() string {
	if s, ok := opcodeNames[o]; ok {
		return s
	}
	return "OPCODE" + strconv.Itoa(int(o))
}

var rcodeNames = map[RCode]string{
	RCodeNoError: "NOERROR", RCodeFormErr: "FORMERR", RCodeServFail: "SERVFAIL",
	RCodeNXDomain: "NXDOMAIN", RCodeNotImp: "NOTIMP", RCodeRefused: "REFUSED",
	RCodeYXDomain: "YXDOMAIN", RCodeYXRRSet: "YXRRSET", RCodeNXRRSet: "NXRRSET",
	RCodeNotAuth: "NOTAUTH", RCodeNotZone: "NOTZONE", RCodeDSOTypeNI: "DSOTYPENI",
	RCodeBadVers: "BADVERS", RCodeBadKey: "BADKEY", RCodeBadTime: "BADTIME",
	RCodeBadMode: "BADMODE", RCodeBadName: "BADNAME", RCodeBadAlg: "BADALG",
	RCodeBadTrunc: "BADTRUNC", RCodeBadCookie: "BADCOOKIE",
}

// String returns the mnemonic, or RCODEnn.
func (r RCode) String() string {
	if s, ok := rcodeNames[r]; ok {
		return s
	}
	return "RCODE" + strconv.Itoa(int(r))
}

var opcodesByName, rcodesByName = invert(opcodeNames), invert(rcodeNames)

// ParseOpcode reads a mnemonic or OPCODEnn, case ignored.
func ParseOpcode(text string) (Opcode, error) {
	n, ok := parseCode(text, opcodesByName, "OPCODE")
	if !ok {
		return 0, fmt.Errorf("%s is not an opcode", quoteForError(text))
	}
	return n, nil
}

// ParseRCode reads a mnemonic or RCODEnn, case ignored.
func ParseRCode(text string) (RCode, error) {
	n, ok := parseCode(text, rcodesByName, "RCODE")
	if !ok {
		return 0, fmt.Errorf("%s is not a response code", quoteForError(text))
	}
	return n, nil
}

func invert[N comparable](names map[N]string) map[string]N {
	m := make(map[string]N, len(names))
	for n, s := range names {
		m[s] = n
	}
	return m
}

// parseCode looks text up in names, then reads it as prefix and a number.
func parseCode[T string | []byte, N ~uint8 | ~uint16](text T, names map[string]N, prefix string) (N, bool) {
	var buf [16]byte
	if len(text) > len(buf) {
		return 0, false
	}
	upper := buf[:len(text)]
	for i := range len(text) {
		c := text[i]
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		upper[i] = c
	}
	if n, ok := names[string(upper)]; ok {
		return n, true
	}
	digits, ok := strings.CutPrefix(string(upper), prefix)
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || v > uint64(^N(0)) {
		return 0, false
	}
	return N(v), true
}
