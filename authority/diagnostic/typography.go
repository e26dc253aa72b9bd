package diagnostic

import "unicode/utf8"

// typography is what word processors and web pages put in place of what is on a
// keyboard.
var typography = map[rune]string{
	'\u00a0': "a no-break space", '\u2007': "a figure space", '\u202f': "a narrow no-break space",
	'\u200b': "a zero-width space", '\u2060': "a word joiner", '\ufeff': "a byte order mark",
	'\u00ad': "a soft hyphen", '\u2011': "a no-break hyphen", '\u2013': "a dash", '\u2014': "a dash",
	'\u2018': "a typographic quote", '\u2019': "a typographic quote", '\u201a': "a typographic quote",
	'\u201c': "a typographic quote", '\u201d': "a typographic quote", '\u201e': "a typographic quote",
	'\u00ab': "a typographic quote", '\u00bb': "a typographic quote",
}

// Typography returns the first character in text that looks like one of the
// keyboard and is another, and what it is called; 0 if there is none.
func Typography[T string | []byte](text T) (c rune, what string) {
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		c, size := utf8.DecodeRuneInString(string(text[i:min(i+utf8.UTFMax, len(text))]))
		if what := typography[c]; what != "" {
			return c, what
		}
		i += size
	}
	return 0, ""
}
