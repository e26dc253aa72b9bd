package authority

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// Warnings of names and texts that are valid, but probably not what was meant. No
// name is looked up for them: what records point to is in check_targets.go.

// isHostOctet says which octets are in the names of hosts (RFC 952, RFC 1123 2.1):
// letters, digits and hyphens.
var isHostOctet = func() (is [256]bool) {
	for i := range is {
		c := byte(i)
		is[i] = c == '-' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
	}
	return is
}()

// isASCII reports whether all octets of text are below 128.
func isASCII(text string) bool {
	const top = 0x8080808080808080
	last := len(text) - 8
	if last < 0 {
		all := byte(0)
		for i := range len(text) {
			all |= text[i]
		}
		return all < utf8.RuneSelf
	}
	all := word64(text[last:])
	for i := 0; i < last; i += 8 {
		all |= word64(text[i:])
	}
	return all&top == 0
}

// isHostLabel reports whether a host may be called so: by letters, digits and
// hyphens. Only the first label of a name is a host's own; those after it may be
// those of Active Directory (gc._msdcs).
func isHostLabel(label string) bool {
	for i := range len(label) {
		if !isHostOctet[label[i]] {
			return label == "*"
		}
	}
	return true
}

// adviseOwner warns of an owner that is probably not what was meant.
func (p *packer) adviseOwner(name wire.Name, o *owner, records []addedRecord) {
	at := records[0]
	switch {
	case !isASCII(name.Wire()):
		p.adviseASCII(at, name, displayName(name)+" is not a name")
	case endsTwice(name.Wire(), p.origin.Wire()):
		p.problems.Warnf(p.position(at), diagnostic.MissingDot,
			"%s ends in the zone's name twice: is a dot missing at the end? Write %s", name, endingOnce(name, p.origin))
	case o.facts&(hasIPv4|hasIPv6) != 0 && !isHostLabel(name.FirstLabel()):
		p.problems.Warnf(p.position(at), diagnostic.HostName,
			"%s has an address, but is not the name of a host: those have letters, digits and hyphens only", name)
	}
}

// adviseASCII warns of a name in the record at that is not in ASCII. What begins
// with subject and ends in "is not a name".
func (p *packer) adviseASCII(at addedRecord, name wire.Name, subject string) {
	shown := displayName(name)
	about := strings.TrimSuffix(shown, ".")
	if c, what := diagnostic.Typography(shown); c != 0 {
		p.problems.WarnAboutf(p.position(at), diagnostic.WordProcessor, about,
			"%s in ASCII: it has %s in it (%U), which no client asks for", subject, what, c)
		return
	}
	if ascii, ok := asciiName(name); ok {
		p.problems.WarnAboutf(p.position(at), diagnostic.NotASCII, about, "%s in ASCII: clients ask for its xn-- form; write %s", subject, ascii)
		return
	}
	p.problems.WarnAboutf(p.position(at), diagnostic.NotASCII, about, "%s in ASCII: clients ask for the xn-- form of its labels; write that", subject)
}

// displayName is a name with its labels in UTF-8 as they are, for people.
func displayName(name wire.Name) string {
	var b strings.Builder
	for rest := name; !rest.IsRoot() && !rest.IsZero(); rest = rest.Parent() {
		label := rest.FirstLabel()
		if utf8.ValidString(label) && !strings.ContainsFunc(label, func(c rune) bool { return !unicode.IsGraphic(c) || c == '.' || c == '\\' }) {
			b.WriteString(label + ".")
			continue
		}
		single, _ := wire.NameFromLabels(label)
		b.WriteString(single.String())
	}
	return b.String()
}

// asciiName is the name with labels that are not ASCII in their xn-- form (RFC
// 5891 4.4), in lower case. It is a proposal: compositions are not looked at.
func asciiName(name wire.Name) (string, bool) {
	var labels []string
	for rest := name; !rest.IsRoot(); rest = rest.Parent() {
		label := rest.FirstLabel()
		if !isASCII(label) {
			if !utf8.ValidString(label) || strings.ContainsFunc(label, unicode.IsMark) {
				return "", false
			}
			label = "xn--" + punycode([]rune(strings.ToLower(label)))
			if len(label) > wire.MaxLabelLen {
				return "", false
			}
		}
		labels = append(labels, label)
	}
	ascii, err := wire.NameFromLabels(labels...)
	return ascii.String(), err == nil
}

// punycode encodes a label (RFC 3492 6.3).
func punycode(label []rune) string {
	const base, tmin, tmax, skew, damp = 36, 1, 26, 38, 700
	digit := func(d int) byte { return "abcdefghijklmnopqrstuvwxyz0123456789"[d] }
	var b []byte
	for _, c := range label {
		if c < utf8.RuneSelf {
			b = append(b, byte(c))
		}
	}
	basic := len(b)
	done, n, delta, bias := basic, rune(utf8.RuneSelf), 0, 72
	if basic > 0 {
		b = append(b, '-')
	}
	for done < len(label) {
		next := rune(unicode.MaxRune)
		for _, c := range label {
			if c >= n {
				next = min(next, c)
			}
		}
		delta += int(next-n) * (done + 1)
		n = next
		for _, c := range label {
			if c < n {
				delta++
			}
			if c != n {
				continue
			}
			q := delta
			for k := base; ; k += base {
				t := min(max(k-bias, tmin), tmax)
				if q < t {
					break
				}
				b = append(b, digit(t+(q-t)%(base-t)))
				q = (q - t) / (base - t)
			}
			b = append(b, digit(q))
			first := done == basic
			done++
			if first {
				delta /= damp
			} else {
				delta /= 2
			}
			delta += delta / done
			k := 0
			for ; delta > (base-tmin)*tmax/2; k += base {
				delta /= base - tmin
			}
			bias, delta = k+(base-tmin+1)*delta/(delta+skew), 0
		}
		delta++
		n++
	}
	return string(b)
}

// endsTwice reports whether a name in wire form ends in the name of its zone
// twice.
func endsTwice(name, origin string) bool {
	labels := origin[:len(origin)-1]
	at := len(name) - len(origin) - len(labels)
	if at < 0 || len(labels) == 0 || !strings.EqualFold(name[at:at+len(labels)], labels) {
		return false
	}
	i := 0
	for i < at {
		i += 1 + int(name[i])
	}
	return i == at
}

// endingOnce is a name that ends in the zone's name twice, without the second.
func endingOnce(name, origin wire.Name) wire.Name {
	wireForm := name.Wire()
	once, _, err := wire.NameFromWire([]byte(wireForm[:len(wireForm)-origin.Len()] + "\x00"))
	if err != nil {
		return name
	}
	return once
}

// adviseText warns of TXT records that are probably not what was meant.
func (p *packer) adviseText(name wire.Name, set []addedRecord) {
	spf := 0
	for i, r := range set {
		if i > 0 && isSame(r, set[i-1]) {
			continue
		}
		data := r.data()
		first := data[1 : 1+int(data[0])]
		if isVersion(first, "v=spf1") {
			if spf++; spf == 2 {
				p.problems.Warnf(p.position(r), diagnostic.SPFRecords, "%s has more than one SPF record, which fails all mail: join them (RFC 7208 3.2)", name)
			}
			if before, after, ok := joinedTerms(data); ok {
				p.problems.Warnf(p.position(r), diagnostic.JoinedText,
					"the strings of an SPF record are read without a blank between them, here as %q: write one string, or end each with a blank (RFC 7208 3.3)", string(before)+string(after))
			}
		}
		if isVersion(first, "v=DMARC1") && !strings.EqualFold(name.FirstLabel(), "_dmarc") && !hasLabel(name, "_report") {
			p.problems.Warnf(p.position(r), diagnostic.WrongOwner, "a DMARC policy is looked for at _dmarc.%s, not at %s (RFC 7489 6.1)", name, name)
		}
		if isVersion(first, "v=DKIM1") && !hasLabel(name, "_domainkey") {
			p.problems.Warnf(p.position(r), diagnostic.WrongOwner, "a DKIM key is looked for at SELECTOR._domainkey.%s, not at %s (RFC 6376 3.6.2.1)", name, name)
		}
		p.adviseTypography(r)
	}
}

// isVersion reports whether text is a record of that version.
func isVersion(text []byte, version string) bool {
	if len(text) < len(version) || !bytes.EqualFold(text[:len(version)], []byte(version)) {
		return false
	}
	return len(text) == len(version) || text[len(version)] == ' ' || text[len(version)] == ';'
}

// joinedTerms finds two strings of an SPF record that each are or begin with a term of
// their own, and lack the blank that ends the first. A string that goes on in the
// middle of a term is as it is meant.
func joinedTerms(data []byte) (before, after []byte, found bool) {
	for len(data) > 0 {
		text := data[1 : 1+int(data[0])]
		data = data[1+len(text):]
		if len(before) > 0 && before[len(before)-1] != ' ' && beginsWithTerm(text) {
			return before[bytes.LastIndexByte(before, ' ')+1:], firstWord(text), true
		}
		before = text
	}
	return nil, nil, false
}

// spfTerms are the terms of SPF records (RFC 7208 4.6.1) with what must follow them.
var spfTerms = []string{"all", "include:", "a", "mx", "ptr", "ip4:", "ip6:", "exists:", "redirect=", "exp="}

// beginsWithTerm reports whether a term of an SPF record begins text.
func beginsWithTerm(text []byte) bool {
	if len(text) > 0 && bytes.IndexByte([]byte("+-~?"), text[0]) >= 0 {
		text = text[1:]
	}
	for _, term := range spfTerms {
		if len(text) < len(term) || !bytes.EqualFold(text[:len(term)], []byte(term)) {
			continue
		}
		switch last := term[len(term)-1]; {
		case last == ':' || last == '=', len(text) == len(term), bytes.IndexByte([]byte(" :/"), text[len(term)]) >= 0:
			return true
		}
	}
	return false
}

func firstWord(text []byte) []byte {
	word, _, _ := bytes.Cut(text, []byte(" "))
	return word
}

// hasLabel reports whether one of the labels of a name is that.
func hasLabel(name wire.Name, label string) bool {
	for ; !name.IsRoot(); name = name.Parent() {
		if strings.EqualFold(name.FirstLabel(), label) {
			return true
		}
	}
	return false
}

// adviseTypography warns of a text with quotes around it, or blanks in it, that
// came out of a word processor. In texts that machines read nothing else is
// right either.
func (p *packer) adviseTypography(r addedRecord) {
	data := r.data()
	if !slices.ContainsFunc(data, func(c byte) bool { return c >= utf8.RuneSelf }) {
		return
	}
	for len(data) > 0 {
		text := data[1 : 1+int(data[0])]
		data = data[1+len(text):]
		c, what := diagnostic.Typography(text)
		if c == 0 {
			continue
		}
		first, _ := utf8.DecodeRune(text)
		last, _ := utf8.DecodeLastRune(text)
		if strings.HasSuffix(what, "quote") && c != first && c != last && !bytes.HasPrefix(text, []byte("v=")) {
			continue
		}
		p.problems.WarnAboutf(p.position(r), diagnostic.WordProcessor, string(text), "the text has %s in it (%U): write it as on a keyboard", what, c)
		return
	}
}
