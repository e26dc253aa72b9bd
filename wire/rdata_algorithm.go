package wire

import "strconv"

// Algorithm is the number of an algorithm for DNSSEC keys and signatures.
type Algorithm uint8

// Algorithms of DNSSEC.
const (
	AlgorithmDelete          Algorithm = 0 // RFC 8078 4
	AlgorithmRSAMD5          Algorithm = 1
	AlgorithmDH              Algorithm = 2
	AlgorithmDSA             Algorithm = 3
	AlgorithmRSASHA1         Algorithm = 5
	AlgorithmNSEC3DSA        Algorithm = 6
	AlgorithmNSEC3RSASHA1    Algorithm = 7
	AlgorithmRSASHA256       Algorithm = 8
	AlgorithmRSASHA512       Algorithm = 10
	AlgorithmECCGOST         Algorithm = 12
	AlgorithmECDSAP256SHA256 Algorithm = 13
	AlgorithmECDSAP384SHA384 Algorithm = 14
	AlgorithmED25519         Algorithm = 15
	AlgorithmED448           Algorithm = 16
	AlgorithmSM2SM3          Algorithm = 17
	AlgorithmMLDSA44         Algorithm = 18
	AlgorithmECCGOST12       Algorithm = 23
	AlgorithmIndirect        Algorithm = 252
	AlgorithmPrivateDNS      Algorithm = 253
	AlgorithmPrivateOID      Algorithm = 254
)

var algorithmNames = map[Algorithm]string{
	AlgorithmDelete: "DELETE", AlgorithmRSAMD5: "RSAMD5", AlgorithmDH: "DH",
	AlgorithmDSA: "DSA", AlgorithmRSASHA1: "RSASHA1", AlgorithmNSEC3DSA: "NSEC3DSA",
	AlgorithmNSEC3RSASHA1: "NSEC3RSASHA1", AlgorithmRSASHA256: "RSASHA256",
	AlgorithmRSASHA512: "RSASHA512", AlgorithmECCGOST: "ECCGOST",
	AlgorithmECDSAP256SHA256: "ECDSAP256SHA256", AlgorithmECDSAP384SHA384: "ECDSAP384SHA384",
	AlgorithmED25519: "ED25519", AlgorithmED448: "ED448", AlgorithmSM2SM3: "SM2SM3", AlgorithmMLDSA44: "MLDSA44",
	AlgorithmECCGOST12: "ECC-GOST12", AlgorithmIndirect: "INDIRECT",
	AlgorithmPrivateDNS: "PRIVATEDNS", AlgorithmPrivateOID: "PRIVATEOID",
}

// algorithmsByName has the names of RFC 2535 and of IANA besides ours.
var algorithmsByName = func() map[string]Algorithm {
	m := invert(algorithmNames)
	m["DSA-NSEC3-SHA1"] = AlgorithmNSEC3DSA
	m["NSEC3DSASHA1"] = AlgorithmNSEC3DSA
	m["RSASHA1-NSEC3-SHA1"] = AlgorithmNSEC3RSASHA1
	m["ECC-GOST"] = AlgorithmECCGOST
	return m
}()

// String returns the mnemonic, or the number.
func (a Algorithm) String() string {
	if s, ok := algorithmNames[a]; ok {
		return s
	}
	return strconv.Itoa(int(a))
}

// ParseAlgorithm reads a mnemonic or a number, case ignored.
func ParseAlgorithm[T string | []byte](text T) (Algorithm, bool) {
	return parseCode(text, algorithmsByName, "")
}

// algorithm reads a mnemonic or a number.
func (w *wordReader) algorithm() {
	code8(w, "an algorithm, its mnemonic or a number from 0 to 255", algorithmsByName)
}
