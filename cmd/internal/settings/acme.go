package settings

import (
	"net/url"
	"slices"
	"strings"

	"github.com/names-dns/names/wire"
)

// ACME says from which authority the certificate comes, and for which names (RFC 8555).
type ACME struct {
	Directory   string // URL
	Names       []wire.Name
	Email       string // "": the authority cannot reach the operator
	AcceptTerms bool   // of the authority
	Dir         string // the folder for the key of the account and the certificate
	EABKeyID    string // of an account with the authority that ours is bound to; "": there is none
	EABKeyFile  string // the file of its key
	Authority   string // a file of the authorities that vouch for the directory's server; "": those of the system
}

// IsWanted reports whether there is to be a certificate.
func (a *ACME) IsWanted() bool { return len(a.Names) > 0 }

// NameTexts are the names as certificates have them.
func (a *ACME) NameTexts() (all []string) {
	for _, name := range a.Names {
		all = append(all, strings.ToLower(strings.TrimSuffix(name.String(), ".")))
	}
	return all
}

// MaxACMENames is how many names a certificate may be for: as many as the authorities
// allow that allow most.
const MaxACMENames = 100

func checkACME(s *Settings, found *problems) {
	a := &s.ACME
	setting, ok := anyGiven(given{"acme.directory", a.Directory != ""}, given{"acme.email", a.Email != ""}, given{"acme.accept-terms", a.AcceptTerms},
		given{"acme.state", a.Dir != ""}, given{"acme.authority", a.Authority != ""},
		given{"acme.eab-key-id", a.EABKeyID != ""}, given{"acme.eab-key-file", a.EABKeyFile != ""})
	if !a.IsWanted() {
		found.addIf(ok, "{%s} requires {acme.names}: what the certificate is for", setting)
		return
	}
	found.addIf(len(a.Names) > MaxACMENames, "{acme.names} has %d names; a certificate can have %d", len(a.Names), MaxACMENames)
	found.addIf(!s.UsesTLS(), "{acme.names} requires {tls.address}, {https.address} or {quic.address}")
	found.addIf(a.Directory == "", "{acme.names} requires {acme.directory}: the URL of the authority")
	found.addIf(a.Dir == "", "{acme.names} requires {acme.state}: the folder of the certificate")
	found.addIf(!a.AcceptTerms, "{acme.names} requires {acme.accept-terms} = true: read the terms of the authority first")
	found.addIf(s.TLS.SelfSigned != "", "{acme.names} and {tls.self-signed} exclude each other: give one of them")
	if a.Directory != "" {
		u, err := url.Parse(a.Directory)
		found.addIf(err != nil || u.Scheme != "https" || u.Host == "", "{acme.directory} %q is not a URL that begins with https://", a.Directory)
	}
	found.addIf(a.Email != "" && (strings.Count(a.Email, "@") != 1 || strings.ContainsAny(a.Email, " ,?\r\n")), "{acme.email} %q is not a mail address", a.Email)
	found.addIf((a.EABKeyID == "") != (a.EABKeyFile == ""), "{acme.eab-key-id} and {acme.eab-key-file} require each other: the authority gives both")
	texts := a.NameTexts()
	for i, text := range texts {
		found.addIf(!isCertificateName(text), "{acme.names}: %q is not a name that a certificate can have", text)
		found.addIf(slices.Contains(texts[:i], text), "{acme.names}: %q is there twice", text)
	}
}

// isCertificateName reports whether a name is that of a host, or *. and such a name.
func isCertificateName(text string) bool {
	rest := strings.TrimPrefix(text, "*.")
	for _, c := range []byte(rest) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return rest != ""
}
