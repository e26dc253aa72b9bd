//go:build interop

package interop

import (
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"net/netip"
	"sort"
	"strconv"
	"strings"

	"github.com/names-dns/names/wire"
)

// answer is a reply read for comparison.
type answer struct {
	RCode   wire.RCode  // with the bits of the OPT record
	Flags   wire.Flags  // QR, opcode, AA, TC, RD, RA, AD, CD
	Echo    string      // the question section, case kept
	EDNS    *wire.EDNS  // nil: no OPT record; its options are not kept
	Records [4][]record // by section, in the order sent, without OPT
	Size    int         // octets
}

// record is a record that can be compared with ==. Owner and the names in its
// data are in lower case, and the data is written so that a person can read it
// where that is easy.
type record struct {
	Owner string
	Type  wire.Type
	Class wire.Class
	TTL   uint32
	Data  string
}

func (r record) String() string {
	return fmt.Sprintf("%s %d %s %s %s", r.Owner, r.TTL, r.Class, r.Type, r.Data)
}

// covers is the type an RRSIG record is for.
func (r record) covers() string {
	covered, _, _ := strings.Cut(r.Data, " ")
	return covered
}

// signs reports whether r is the RRSIG of an RRset of type t.
func (r record) signs(t wire.Type) bool {
	return r.Type == wire.TypeRRSIG && r.covers() == t.String()
}

// parseAnswer reads a reply to q. It is an error if it is none.
func parseAnswer(msg []byte, q query) (*answer, error) {
	var r wire.Reader
	if err := r.Reset(msg); err != nil {
		return nil, err
	}
	h := r.Header()
	a := &answer{RCode: h.Flags.RCode(), Flags: h.Flags, Size: len(msg)}
	if !h.Flags.Has(wire.FlagQR) {
		return nil, fmt.Errorf("reply without QR")
	}
	for {
		question, err := r.Question()
		if err == wire.ErrSectionDone {
			break
		}
		if err != nil {
			return nil, err
		}
		a.Echo += fmt.Sprintf("%s %s %s;", question.Name, question.Class, question.Type)
	}
	for section := wire.SectionAnswer; section <= wire.SectionAdditional; section++ {
		if err := r.NextSection(); err != nil {
			return nil, err
		}
		for {
			head, err := r.Next()
			if err == wire.ErrSectionDone {
				break
			}
			if err != nil {
				return nil, err
			}
			if head.Type == wire.TypeOPT && section == wire.SectionAdditional {
				opt, err := r.EDNS(head)
				if err != nil {
					return nil, err
				}
				if a.EDNS != nil {
					return nil, wire.ErrDuplicateOPT
				}
				a.RCode = opt.RCode(h.Flags)
				opt.Options = nil
				a.EDNS = &opt
				continue
			}
			data, err := dataText(&r, head.Type)
			if err != nil {
				return nil, err
			}
			a.Records[section] = append(a.Records[section], record{
				Owner: head.Name.Fold().String(),
				Type:  head.Type,
				Class: head.Class,
				TTL:   head.TTL,
				Data:  data,
			})
		}
	}
	return a, r.Close()
}

// layouts says how the data of types with names in them is made up: n is a
// name, a and A an address, a digit that many octets as a number, t a type, s a
// character-string, h one in base 32, b a type bitmap, * the rest. What is not
// here is octets.
var layouts = map[wire.Type]string{
	wire.TypeNS:    "n",
	wire.TypeCNAME: "n",
	wire.TypeDNAME: "n",
	wire.TypePTR:   "n",
	wire.TypeSOA:   "nn44444",
	wire.TypeMX:    "2n",
	wire.TypeRP:    "nn",
	wire.TypeAFSDB: "2n",
	wire.TypeRT:    "2n",
	wire.TypeKX:    "2n",
	wire.TypeSRV:   "222n",
	wire.TypeNAPTR: "22sssn",
	wire.TypeSVCB:  "2n*",
	wire.TypeHTTPS: "2n*",
	wire.TypeDS:    "211*",
	wire.TypeNSEC:  "nb",
	wire.TypeNSEC3: "112shb",
	wire.TypeRRSIG: "t114442n*",
	wire.TypeA:     "a",
	wire.TypeAAAA:  "A",
}

// dataText writes the data of the record that Next returned last, the names
// in it whole and in lower case.
func dataText(r *wire.Reader, t wire.Type) (string, error) {
	c := r.Data()
	var words []string
	for _, part := range layouts[t] {
		switch part {
		case 'n':
			words = append(words, c.CompressedName().Fold().String())
		case 'a':
			words = append(words, netip.AddrFrom4([4]byte(c.Bytes(4))).String())
		case 'A':
			words = append(words, netip.AddrFrom16([16]byte(c.Bytes(16))).String())
		case '1':
			words = append(words, strconv.Itoa(int(c.Uint8())))
		case '2':
			words = append(words, strconv.Itoa(int(c.Uint16())))
		case '4':
			words = append(words, strconv.Itoa(int(c.Uint32())))
		case 't':
			words = append(words, wire.Type(c.Uint16()).String())
		case 's':
			words = append(words, strconv.Quote(string(c.CharacterString())))
		case 'h':
			words = append(words, strings.ToLower(base32.HexEncoding.EncodeToString(c.CharacterString())))
		case 'b':
			words = append(words, bitmapText(c.Rest()))
		case '*':
			words = append(words, hex.EncodeToString(c.Rest()))
		}
	}
	if rest := c.Rest(); len(rest) > 0 || layouts[t] == "" {
		words = append(words, `\#`, strconv.Itoa(len(rest)), hex.EncodeToString(rest))
	}
	return strings.Join(words, " "), c.Close()
}

// bitmapText writes the type bitmap of RFC 4034 4.1.2.
func bitmapText(bitmap []byte) string {
	var types []string
	for len(bitmap) >= 2 {
		window, n := int(bitmap[0]), int(bitmap[1])
		if 2+n > len(bitmap) {
			break
		}
		for i, octet := range bitmap[2 : 2+n] {
			for bit := range 8 {
				if octet&(0x80>>bit) != 0 {
					types = append(types, wire.Type(window*256+i*8+bit).String())
				}
			}
		}
		bitmap = bitmap[2+n:]
	}
	if len(bitmap) > 0 {
		types = append(types, hex.EncodeToString(bitmap))
	}
	return strings.Join(types, " ")
}

// flagNames are the bits a reply is compared by, in the order dig prints them.
var flagNames = []struct {
	Flag wire.Flags
	Name string
}{
	{wire.FlagAA, "aa"}, {wire.FlagTC, "tc"}, {wire.FlagRD, "rd"},
	{wire.FlagRA, "ra"}, {wire.FlagAD, "ad"}, {wire.FlagCD, "cd"},
}

// String is the answer as a page of text, sections sorted.
func (a *answer) String() string {
	if a == nil {
		return "(no reply)\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s", a.RCode)
	for _, f := range flagNames {
		if a.Flags.Has(f.Flag) {
			b.WriteString(" " + f.Name)
		}
	}
	if a.EDNS != nil {
		fmt.Fprintf(&b, " edns%d", a.EDNS.Version)
		if a.EDNS.DO() {
			b.WriteString(" do")
		}
	}
	b.WriteByte('\n')
	for section := wire.SectionAnswer; section <= wire.SectionAdditional; section++ {
		if len(a.Records[section]) == 0 {
			continue
		}
		fmt.Fprintf(&b, "  %s:\n", section)
		var lines []string
		for _, r := range a.Records[section] {
			lines = append(lines, r.String())
		}
		sort.Strings(lines)
		for _, l := range lines {
			if len(l) > 160 {
				l = l[:150] + "..."
			}
			fmt.Fprintf(&b, "    %s\n", l)
		}
	}
	return b.String()
}
