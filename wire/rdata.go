package wire

// Rdata is the data of one type of record: a struct with the fields of its
// RFC. Pointers to them are what implements it.
type Rdata interface {
	// Type is the record type the data is for.
	Type() Type
	// Parse reads the wire form, which must end where the cursor does. Byte
	// slices and names in the result are borrowed from the cursor.
	Parse(c *Cursor) error
	// AppendTo appends the wire form to b, with names compressed by c where
	// RFC 3597 4 allows it for the type; a nil c compresses nothing. If a field
	// is impossible - see [ValidateRdata] - it appends nothing, or data that
	// is not valid for the type: [Writer.Record] and [NewRecord] report it.
	AppendTo(b []byte, c *Compressor) []byte
	// Len is the length of the uncompressed wire form in octets.
	Len() int
}

// rdataType is what there is to know about the data of one record type.
type rdataType struct {
	layout layout       // nil: no type we know
	value  func() Rdata // returns an empty value
}

// rdataTypes has a line for each type with data and text of its own.
//
// A new type takes its number and mnemonic in codes.go, a file with its
// struct, a line here and a block in testdata/rdata.txt. Only if a part of it
// is like nothing in other types does it take a field of its own.
var rdataTypes = [...]rdataType{
	TypeA:          {layout{fieldIPv4}, value[A]},
	TypeNS:         {layout{fieldSharedName}, value[NS]},
	TypeMD:         {layout{fieldSharedName}, value[MD]},
	TypeMF:         {layout{fieldSharedName}, value[MF]},
	TypeCNAME:      {layout{fieldSharedName}, value[CNAME]},
	TypeSOA:        {layout{fieldSharedName, fieldSharedName, fieldUint32, fieldPeriod, fieldPeriod, fieldPeriod, fieldPeriod}, value[SOA]},
	TypeMB:         {layout{fieldSharedName}, value[MB]},
	TypeMG:         {layout{fieldSharedName}, value[MG]},
	TypeMR:         {layout{fieldSharedName}, value[MR]},
	TypeWKS:        {layout{fieldIPv4, fieldWKS}, value[WKS]},
	TypePTR:        {layout{fieldSharedName}, value[PTR]},
	TypeHINFO:      {layout{fieldString, fieldString}, value[HINFO]},
	TypeMINFO:      {layout{fieldSharedName, fieldSharedName}, value[MINFO]},
	TypeMX:         {layout{fieldUint16, fieldSharedName}, value[MX]},
	TypeTXT:        {layout{fieldStrings}, value[TXT]},
	TypeRP:         {layout{fieldFoldedName, fieldFoldedName}, value[RP]},
	TypeAFSDB:      {layout{fieldUint16, fieldFoldedName}, value[AFSDB]},
	TypeX25:        {layout{fieldString}, value[X25]},
	TypeISDN:       {layout{fieldString, fieldOptionalString}, value[ISDN]},
	TypeRT:         {layout{fieldUint16, fieldFoldedName}, value[RT]},
	TypeNSAP:       {layout{fieldNSAP}, value[NSAP]},
	TypeNSAPPTR:    {layout{fieldName}, value[NSAPPTR]},
	TypeSIG:        {layout{fieldType, fieldAlgorithm, fieldUint8, fieldPeriod, fieldTime, fieldTime, fieldUint16, fieldFoldedName, fieldBase64}, value[SIG]},
	TypeKEY:        {layout{fieldKey}, value[KEY]},
	TypePX:         {layout{fieldUint16, fieldFoldedName, fieldFoldedName}, value[PX]},
	TypeGPOS:       {layout{fieldString, fieldString, fieldString}, value[GPOS]},
	TypeAAAA:       {layout{fieldIPv6}, value[AAAA]},
	TypeLOC:        {layout{fieldLOC}, value[LOC]},
	TypeNXT:        {layout{fieldFoldedName, fieldNXTTypes}, value[NXT]},
	TypeEID:        {layout{fieldHex}, value[EID]},
	TypeNIMLOC:     {layout{fieldHex}, value[NIMLOC]},
	TypeSRV:        {layout{fieldUint16, fieldUint16, fieldUint16, fieldFoldedName}, value[SRV]},
	TypeATMA:       {layout{fieldATMA}, value[ATMA]},
	TypeNAPTR:      {layout{fieldUint16, fieldUint16, fieldString, fieldString, fieldString, fieldFoldedName}, value[NAPTR]},
	TypeKX:         {layout{fieldUint16, fieldFoldedName}, value[KX]},
	TypeCERT:       {layout{fieldCertType, fieldUint16, fieldCertAlgorithm, fieldBase64}, value[CERT]},
	TypeA6:         {layout{fieldA6}, value[A6]},
	TypeDNAME:      {layout{fieldFoldedName}, value[DNAME]},
	TypeSINK:       {layout{fieldUint8, fieldUint8, fieldUint8, fieldOptionalBase64}, value[SINK]},
	TypeAPL:        {layout{fieldAPL}, value[APL]},
	TypeDS:         {layout{fieldUint16, fieldAlgorithm, fieldDigest}, value[DS]},
	TypeSSHFP:      {layout{fieldUint8, fieldFingerprint}, value[SSHFP]},
	TypeIPSECKEY:   {layout{fieldUint8, fieldIPSECKEYGateway, fieldOptionalBase64}, value[IPSECKEY]},
	TypeRRSIG:      {layout{fieldType, fieldAlgorithm, fieldUint8, fieldPeriod, fieldTime, fieldTime, fieldUint16, fieldFoldedName, fieldBase64}, value[RRSIG]},
	TypeNSEC:       {layout{fieldName, fieldTypes}, value[NSEC]}, // case kept: RFC 6840 5.1
	TypeDNSKEY:     {layout{fieldKey}, value[DNSKEY]},
	TypeDHCID:      {layout{fieldBase64}, value[DHCID]},
	TypeNSEC3:      {layout{fieldHashAlgorithm, fieldUint8, fieldUint16, fieldSalt, fieldHash, fieldTypes}, value[NSEC3]},
	TypeNSEC3PARAM: {layout{fieldHashAlgorithm, fieldUint8, fieldUint16, fieldSalt}, value[NSEC3PARAM]},
	TypeTLSA:       {layout{fieldUint8, fieldUint8, fieldUint8, fieldHex}, value[TLSA]},
	TypeSMIMEA:     {layout{fieldUint8, fieldUint8, fieldUint8, fieldHex}, value[SMIMEA]},
	TypeHIP:        {layout{fieldHIP, fieldNames}, value[HIP]},
	TypeNINFO:      {layout{fieldStrings}, value[NINFO]},
	TypeRKEY:       {layout{fieldKey}, value[RKEY]},
	TypeTALINK:     {layout{fieldName, fieldName}, value[TALINK]},
	TypeCDS:        {layout{fieldUint16, fieldAlgorithm, fieldDigest}, value[CDS]},
	TypeCDNSKEY:    {layout{fieldKey}, value[CDNSKEY]},
	TypeOPENPGPKEY: {layout{fieldBase64}, value[OPENPGPKEY]},
	TypeCSYNC:      {layout{fieldUint32, fieldUint16, fieldTypes}, value[CSYNC]},
	TypeZONEMD:     {layout{fieldUint32, fieldZoneDigest}, value[ZONEMD]},
	TypeSVCB:       {layout{fieldUint16, fieldName, fieldSvcParams}, value[SVCB]},
	TypeHTTPS:      {layout{fieldUint16, fieldName, fieldSvcParams}, value[HTTPS]},
	TypeDSYNC:      {layout{fieldType, fieldDSYNCScheme, fieldUint16, fieldName}, value[DSYNC]},
	TypeHHIT:       {layout{fieldBase64}, value[HHIT]},
	TypeBRID:       {layout{fieldBase64}, value[BRID]},
	TypeSPF:        {layout{fieldStrings}, value[SPF]},
	TypeNID:        {layout{fieldUint16, fieldLocator}, value[NID]},
	TypeL32:        {layout{fieldUint16, fieldIPv4}, value[L32]},
	TypeL64:        {layout{fieldUint16, fieldLocator}, value[L64]},
	TypeLP:         {layout{fieldUint16, fieldName}, value[LP]},
	TypeEUI48:      {layout{fieldEUI48}, value[EUI48]},
	TypeEUI64:      {layout{fieldEUI64}, value[EUI64]},
	TypeTKEY:       {layout{fieldName, fieldUint32, fieldUint32, fieldUint16, fieldErrorCode, fieldSizedBase64, fieldSizedBase64}, value[TKEY]},
	TypeTSIG:       {layout{fieldName, fieldUint48, fieldUint16, fieldSizedBase64, fieldUint16, fieldErrorCode, fieldSizedBase64}, value[TSIG]},
	TypeURI:        {layout{fieldUint16, fieldUint16, fieldLongString}, value[URI]},
	TypeCAA:        {layout{fieldUint8, fieldCAATag, fieldLongString}, value[CAA]},
	TypeAVC:        {layout{fieldStrings}, value[AVC]},
	TypeDOA:        {layout{fieldUint32, fieldUint32, fieldUint8, fieldMediaData}, value[DOA]},
	TypeAMTRELAY:   {layout{fieldUint8, fieldAMTRELAYRelay}, value[AMTRELAY]},
	TypeRESINFO:    {layout{fieldStrings}, value[RESINFO]},
	TypeWALLET:     {layout{fieldStrings}, value[WALLET]},
	TypeCLA:        {layout{fieldStrings}, value[CLA]},
	TypeIPN:        {layout{fieldUint64}, value[IPN]},
}

// farRdataTypes are those whose numbers are too far off for an array, counted
// from TA.
var farRdataTypes = [...]rdataType{
	0:                {layout{fieldUint16, fieldAlgorithm, fieldDigest}, value[TA]},
	TypeDLV - TypeTA: {layout{fieldUint16, fieldAlgorithm, fieldDigest}, value[DLV]},
}

// aliasRdataType is that of ALIAS. Its name keeps its case where the canonical form is
// made, as that of every type younger than RFC 4034 6.2.
var aliasRdataType = rdataType{layout{fieldName}, value[ALIAS]}

// rdataTypeOf returns the entry for t, an empty one for types not known.
func rdataTypeOf(t Type) *rdataType {
	switch {
	case int(t) < len(rdataTypes):
		return &rdataTypes[t]
	case t == TypeTA, t == TypeDLV:
		return &farRdataTypes[t-TypeTA]
	case t == TypeALIAS:
		return &aliasRdataType
	}
	return &rdataTypes[TypeNone]
}

// value returns an empty T.
func value[T any, P interface {
	*T
	Rdata
}]() Rdata {
	return P(new(T))
}

// NewRdata returns an empty value for data of type t, for types without one of
// their own an [*Unknown].
func NewRdata(t Type) Rdata {
	if e := rdataTypeOf(t); e.value != nil {
		return e.value()
	}
	return &Unknown{Code: t}
}

// CheckRdata reports what is wrong with uncompressed data of type t. Data of
// types not known here is never wrong, unless it is longer than 65535 octets.
func CheckRdata(t Type, data []byte) error {
	if len(data) > maxRdataLen {
		return ErrRdataTooLong
	}
	if isAddress(t, len(data)) {
		return nil
	}
	l := rdataTypeOf(t).layout
	if l == nil {
		return nil
	}
	c := CursorOver(data)
	for _, f := range l {
		if f.isName() {
			c.Name()
		} else {
			f.skip(&c)
		}
	}
	return c.Close()
}

// isAddress reports whether data of t is right if it has so many octets: that of most
// records.
func isAddress(t Type, octets int) bool {
	return t == TypeA && octets == 4 || t == TypeAAAA && octets == 16
}

// maxRdataLen is what fits RDLENGTH.
const maxRdataLen = 1<<16 - 1

// AppendRdata appends the data of the record that Next returned last in
// uncompressed form to b, checked as [CheckRdata] does. Names of the types
// that may not compress them are read compressed all the same, unless they
// stand in a part of the data whose form depends on other parts.
func (r *Reader) AppendRdata(b []byte, t Type) ([]byte, error) {
	if raw := r.Raw(); isAddress(t, len(raw)) {
		return append(b, raw...), nil
	}
	c := r.Data()
	start := len(b)
	l := rdataTypeOf(t).layout
	if l == nil {
		return append(b, r.Raw()...), nil
	}
	b = l.appendTo(b, &c, false)
	if len(b)-start > maxRdataLen {
		c.Fail(ErrRdataTooLong) // it fitted only while it was compressed
	}
	if err := c.Close(); err != nil {
		return b[:start], r.fail(c.errAt, err)
	}
	return b, nil
}

// AppendCanonicalRdata appends uncompressed data of type t in the canonical
// form of RFC 4034 6.2: names of the types listed there in lower case, NSEC
// taken out (RFC 6840 5.1). Data that is not what t wants is appended as it is.
func AppendCanonicalRdata(b []byte, t Type, data []byte) []byte {
	l := rdataTypeOf(t).layout
	start := len(b)
	if l != nil {
		c := CursorOver(data)
		b = l.appendTo(b, &c, true)
		if c.Close() == nil {
			return b
		}
	}
	return append(b[:start], data...)
}

// appendTo appends the fields of l as c has them, names decompressed, and
// folded if that is asked for and the canonical form has it so.
func (l layout) appendTo(b []byte, c *Cursor, canonical bool) []byte {
	for _, f := range l {
		from, at := len(b), c.at
		if f.isName() {
			b = append(b, c.CompressedName().wire...)
		} else {
			f.skip(c)
			b = append(b, c.since(at)...)
		}
		switch {
		case c.err != nil:
			return b
		case canonical && f.isFolded():
			foldOctets(b[from:])
		case canonical && f == fieldA6:
			foldOctets(b[from+a6NameOffset(b[from:]):])
		}
	}
	return b
}

// foldOctets puts the names that b consists of into lower case.
func foldOctets(b []byte) {
	for i := range b {
		b[i] = fold[b[i]]
	}
}

// nameShape is where the compressible names of a type are: after how many
// octets, and how many of them.
type nameShape struct {
	before uint8
	count  uint8
}

// nameShapes is what the layouts say about compressible names, put so that
// the writer need not walk them. MX is the last type that has any.
var nameShapes = func() (shapes [TypeMX + 1]nameShape) {
	for t := range shapes {
		for _, f := range rdataTypes[t].layout {
			switch {
			case f == fieldSharedName:
				shapes[t].count++
			case f == fieldUint16 && shapes[t].count == 0:
				shapes[t].before += 2
			}
		}
	}
	return shapes
}()

// compresses reports whether names in the data of t may be compressed: those
// of RFC 1035 and no others (RFC 3597 4).
func compresses(t Type) bool { return int(t) < len(nameShapes) && nameShapes[t].count > 0 }

// appendRdata appends uncompressed data of type t with its names compressed
// if that is allowed.
func (c *Compressor) appendRdata(b []byte, t Type, data []byte) []byte {
	c.target = 0
	if !compresses(t) {
		return append(b, data...)
	}
	shape := nameShapes[t]
	before := min(int(shape.before), len(data))
	b = append(b, data[:before]...)
	data = data[before:]
	for range shape.count {
		b, data = c.appendName(b, data)
	}
	return append(b, data...)
}

// appendName appends the name that data starts with and returns what is
// after it. Octets that are not a name are copied as they are.
func (c *Compressor) appendName(b, data []byte) ([]byte, []byte) {
	n, _, err := BorrowName(data)
	if err != nil {
		return append(b, data...), nil
	}
	at := len(b)
	b = c.AppendName(b, n)
	c.target = c.placeOf(b, at)
	return b, data[n.Len():]
}
