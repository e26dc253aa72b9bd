package wire

// A layout is what the data of a type consists of, in the order of its RFC.
// One walk over it checks, decompresses, folds, prints or reads any type, so
// none of that is written once per type.
type layout []field

// field is one part of a layout: how it stands on the wire and in text.
type field uint8

const (
	// Numbers, in decimal.
	fieldUint8 field = iota
	fieldUint16
	fieldUint32
	fieldUint48
	fieldUint64
	fieldPeriod // 32 bits of seconds; text may have units: 1h30m

	// Names. The first three are what isName knows.
	fieldSharedName // may be compressed (RFC 3597 4), lower case in canonical form
	fieldFoldedName // never compressed, lower case in canonical form (RFC 4034 6.2)
	fieldName       // never compressed, its case always kept
	fieldNames      // as many as there are, case kept

	// Addresses.
	fieldIPv4
	fieldIPv6
	fieldEUI48
	fieldEUI64
	fieldLocator // 64 bits in four groups (RFC 6742)

	// Text.
	fieldString         // one character-string
	fieldStrings        // one or more
	fieldOptionalString // one or none
	fieldLongString     // all that is left, as one quoted string

	// Octets.
	fieldHex            // all that is left, in text at least one octet
	fieldBase64         // all that is left, in text at least one octet
	fieldOptionalBase64 // all that is left
	fieldSizedBase64    // after a length of 16 bits that the text shows too
	fieldSalt           // after a length octet, in hex; "-" for none
	fieldHash           // after a length octet, in base32hex

	// Codes with names.
	fieldType          // a record type
	fieldTypes         // a bitmap of record types (RFC 4034 4.1.2)
	fieldAlgorithm     // a DNSSEC algorithm, printed as a number
	fieldErrorCode     // an RCODE of 16 bits (RFC 8945 4.2)
	fieldHashAlgorithm // of NSEC3 and NSEC3PARAM, printed as a number
	fieldTime          // seconds since 1970 on a circle, YYYYMMDDHHmmSS in text (RFC 4034 3.2)

	// Parts that one type or family alone has; each is in its file.
	fieldA6
	fieldAMTRELAYRelay
	fieldAPL
	fieldATMA
	fieldCAATag
	fieldCertAlgorithm
	fieldCertType
	fieldDigest
	fieldDSYNCScheme
	fieldFingerprint
	fieldHIP
	fieldIPSECKEYGateway
	fieldKey
	fieldLOC
	fieldMediaData
	fieldNSAP
	fieldNXTTypes
	fieldSvcParams
	fieldWKS
	fieldZoneDigest
)

// isName reports whether f is exactly one name.
func (f field) isName() bool { return fieldSharedName <= f && f <= fieldName }

// isFolded reports whether f is a name that canonical form has in lower case.
func (f field) isFolded() bool { return f == fieldSharedName || f == fieldFoldedName }

// skip passes over a field that is not one name and fails if its octets
// are not what the field wants.
func (f field) skip(c *Cursor) {
	switch f {
	case fieldUint8, fieldAlgorithm, fieldHashAlgorithm, fieldCertAlgorithm, fieldDSYNCScheme:
		c.take(1)
	case fieldUint16, fieldType, fieldErrorCode, fieldCertType:
		c.take(2)
	case fieldUint32, fieldPeriod, fieldTime, fieldIPv4:
		c.take(4)
	case fieldUint48, fieldEUI48:
		c.take(6)
	case fieldUint64, fieldEUI64, fieldLocator:
		c.take(8)
	case fieldIPv6:
		c.take(16)
	case fieldNames:
		c.nameList()
	case fieldString, fieldSalt:
		c.CharacterString()
	case fieldStrings:
		c.characterStrings()
	case fieldOptionalString:
		c.optionalString()
	case fieldHex, fieldBase64, fieldOptionalBase64, fieldLongString, fieldNSAP:
		c.Rest()
	case fieldSizedBase64:
		c.sized()
	case fieldHash:
		c.hash()
	case fieldTypes:
		c.typeBitmap()
	case fieldA6:
		c.a6()
	case fieldAMTRELAYRelay:
		c.relay()
	case fieldAPL:
		c.apl()
	case fieldATMA:
		c.atma()
	case fieldCAATag:
		c.caaTag()
	case fieldDigest, fieldFingerprint:
		c.take(1)
		c.Rest()
	case fieldZoneDigest:
		c.take(2)
		c.Rest()
	case fieldHIP:
		c.hip()
	case fieldIPSECKEYGateway:
		c.gateway()
	case fieldKey:
		c.take(4)
		c.Rest()
	case fieldLOC:
		c.loc()
	case fieldMediaData:
		c.CharacterString()
		c.Rest()
	case fieldNXTTypes:
		c.nxtTypes()
	case fieldSvcParams:
		c.svcParams()
	case fieldWKS:
		c.wks()
	}
}

// read appends a field from its text.
func (f field) read(w *wordReader) {
	switch f {
	case fieldUint8:
		w.uint8()
	case fieldUint16:
		w.uint16()
	case fieldUint32:
		w.uint32()
	case fieldUint48:
		w.uint48()
	case fieldUint64:
		w.uint64()
	case fieldPeriod:
		w.period()
	case fieldSharedName, fieldFoldedName, fieldName:
		w.name()
	case fieldNames:
		w.nameList()
	case fieldIPv4:
		w.ipv4()
	case fieldIPv6:
		w.ipv6()
	case fieldEUI48:
		w.eui(6)
	case fieldEUI64:
		w.eui(8)
	case fieldLocator:
		w.locator()
	case fieldString:
		w.characterString()
	case fieldStrings:
		w.characterStrings()
	case fieldOptionalString:
		w.optionalString()
	case fieldLongString:
		w.longString()
	case fieldHex:
		w.hexRest("hex digits")
	case fieldBase64:
		w.base64Rest(true)
	case fieldOptionalBase64:
		w.base64Rest(false)
	case fieldSizedBase64:
		w.sizedBase64()
	case fieldSalt:
		w.salt()
	case fieldHash:
		w.hash()
	case fieldType:
		w.recordType()
	case fieldTypes:
		w.typeBitmap()
	case fieldAlgorithm:
		w.algorithm()
	case fieldHashAlgorithm:
		w.hashAlgorithm()
	case fieldErrorCode:
		w.errorCode()
	case fieldTime:
		w.time()
	case fieldA6:
		w.a6()
	case fieldAMTRELAYRelay:
		w.relay()
	case fieldAPL:
		w.apl()
	case fieldATMA:
		w.atma()
	case fieldCAATag:
		w.caaTag()
	case fieldCertAlgorithm:
		w.algorithm()
	case fieldCertType:
		w.certType()
	case fieldDigest:
		w.digest(digestTypesByName, digestLen)
	case fieldDSYNCScheme:
		w.dsyncScheme()
	case fieldFingerprint:
		w.digest(nil, fingerprintLen)
	case fieldHIP:
		w.hip()
	case fieldIPSECKEYGateway:
		w.gateway()
	case fieldKey:
		w.key()
	case fieldLOC:
		w.loc()
	case fieldMediaData:
		w.mediaData()
	case fieldNSAP:
		w.nsap()
	case fieldNXTTypes:
		w.nxtTypes()
	case fieldSvcParams:
		w.svcParams()
	case fieldWKS:
		w.wks()
	case fieldZoneDigest:
		w.zoneDigest()
	}
}

// appendText reads a field from c, which is over the whole data, and appends
// its text to b. It fails c where the octets have no text.
func (f field) appendText(b []byte, c *Cursor) []byte {
	switch f {
	case fieldUint8, fieldAlgorithm, fieldHashAlgorithm:
		return appendUint(b, uint64(c.Uint8()))
	case fieldUint16:
		return appendUint(b, uint64(c.Uint16()))
	case fieldUint32, fieldPeriod:
		return appendUint(b, uint64(c.Uint32()))
	case fieldUint48:
		return appendUint(b, c.Uint48())
	case fieldUint64:
		return appendUint(b, c.Uint64())
	case fieldSharedName, fieldFoldedName, fieldName:
		return c.Name().AppendText(b)
	case fieldNames:
		return appendNamesText(b, c)
	case fieldIPv4:
		return c.ipv4().AppendTo(b)
	case fieldIPv6:
		return c.ipv6().AppendTo(b)
	case fieldEUI48:
		return appendEUIText(b, c.take(6))
	case fieldEUI64:
		return appendEUIText(b, c.take(8))
	case fieldLocator:
		return appendLocatorText(b, c.take(8))
	case fieldString:
		return appendQuoted(b, c.CharacterString())
	case fieldStrings:
		return appendStringsText(b, c.characterStrings())
	case fieldOptionalString:
		return appendStringsText(b, c.optionalString())
	case fieldLongString:
		return appendQuoted(b, c.Rest())
	case fieldHex:
		return appendHex(b, c.restForText())
	case fieldBase64:
		return appendBase64(b, c.restForText())
	case fieldOptionalBase64:
		return appendBase64(b, c.Rest())
	case fieldSizedBase64:
		return appendSizedText(b, c.sized())
	case fieldSalt:
		return appendSaltText(b, c.CharacterString())
	case fieldHash:
		return appendBase32Hex(b, c.hash())
	case fieldType:
		return appendTypeText(b, Type(c.Uint16()))
	case fieldTypes:
		return c.typeBitmap().appendText(b)
	case fieldErrorCode:
		return appendErrorCodeText(b, RCode(c.Uint16()))
	case fieldTime:
		return Serial(c.Uint32()).AppendTime(b)
	case fieldA6:
		return appendA6Text(b, c)
	case fieldAMTRELAYRelay:
		return appendRelayText(b, c)
	case fieldAPL:
		return appendAPLText(b, c)
	case fieldATMA:
		return appendATMAText(b, c)
	case fieldCAATag:
		return append(b, c.caaTag()...)
	case fieldCertAlgorithm:
		return appendCertAlgorithmText(b, c.Uint8())
	case fieldCertType:
		return appendCertTypeText(b, c.Uint16())
	case fieldDigest:
		return appendDigestText(b, c, digestLen)
	case fieldFingerprint:
		return appendDigestText(b, c, fingerprintLen)
	case fieldZoneDigest:
		return appendZoneDigestText(b, c)
	case fieldDSYNCScheme:
		return appendDSYNCSchemeText(b, c.Uint8())
	case fieldHIP:
		return appendHIPText(b, c)
	case fieldIPSECKEYGateway:
		return appendGatewayText(b, c)
	case fieldKey:
		return appendKeyText(b, c)
	case fieldLOC:
		return appendLOCText(b, c)
	case fieldMediaData:
		return appendMediaDataText(b, c)
	case fieldNSAP:
		return appendLowerHex(append(b, "0x"...), c.restForText())
	case fieldNXTTypes:
		return appendNXTTypesText(b, c.nxtTypes())
	case fieldSvcParams:
		return appendSvcParamsText(b, c)
	case fieldWKS:
		return appendWKSText(b, c)
	}
	return b
}
