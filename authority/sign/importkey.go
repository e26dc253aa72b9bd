package sign

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/wire"
)

// ImportKey reads a private half from a file of another server: PEM, as Knot DNS keeps
// keys (PKCS #8), or the text of BIND's .private files, which is what PowerDNS exports. The
// DNSKEY record gets flags. A PEM file does not say which hash an RSA key is used
// with: algorithm does; for others it may be 0. The key counts as one that is in use.
func ImportKey(path string, algorithm wire.Algorithm, flags uint16, now time.Time) (*Key, error) {
	text, err := files.Read(path, maxKeyFile)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	var k *Key
	if block, _ := pem.Decode(text); block != nil {
		k, err = parsePEM(block, algorithm, flags)
		if err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	} else {
		k, err = ParsePrivateKey(text, path, flags)
	}
	if err != nil {
		return nil, err
	}
	if algorithm != 0 && k.Record.Algorithm != algorithm {
		return nil, fmt.Errorf("%s has a key of algorithm %v, not %v", path, k.Record.Algorithm, algorithm)
	}
	if k.Created.IsZero() {
		k.Created = now.UTC().Truncate(time.Second)
	}
	return k, nil
}

func parsePEM(block *pem.Block, algorithm wire.Algorithm, flags uint16) (*Key, error) {
	if block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("a PEM block %q: PRIVATE KEY (PKCS #8) is read", block.Type)
	}
	signer, err := ParsePrivate(block.Bytes)
	if err != nil {
		return nil, err
	}
	if algorithm == 0 {
		if algorithm, err = algorithmOf(signer.Public()); err != nil {
			return nil, err
		}
	}
	made, err := newSigningKey(algorithm, flags, signer)
	if err != nil {
		return nil, err
	}
	return &Key{SigningKey: made, private: signer}, nil
}

// algorithmOf is the algorithm that keys of a kind are used with, if there is only one.
func algorithmOf(public crypto.PublicKey) (wire.Algorithm, error) {
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		switch public.Curve {
		case elliptic.P256():
			return wire.AlgorithmECDSAP256SHA256, nil
		case elliptic.P384():
			return wire.AlgorithmECDSAP384SHA384, nil
		}
		return 0, fmt.Errorf("an ECDSA key on the curve %s: P-256 and P-384 sign zones", public.Curve.Params().Name)
	case ed25519.PublicKey:
		return wire.AlgorithmED25519, nil
	case *rsa.PublicKey:
		return 0, errors.New("an RSA key: say whether it is used with RSASHA256 or RSASHA512")
	}
	for _, s := range added {
		if _, err := s.AppendKey(nil, public); err == nil {
			return s.Number, nil
		}
	}
	return 0, fmt.Errorf("a %T does not sign zones", public)
}

// AppendPEM appends the private half in the form that Knot DNS imports (PKCS #8).
func (k *Key) AppendPEM(b []byte) ([]byte, error) {
	if k.private == nil || k.Label() != "" || k.IsOffline() {
		return nil, fmt.Errorf("%s: %w", k, ErrNoPrivateHalf)
	}
	der, err := MarshalPrivate(k.private)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k, err)
	}
	return append(b, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...), nil
}

// readBINDState reads what BIND has noted about a key (K*.state): nil if it has not.
func readBINDState(dir string, k *Key, zone wire.Name) (*Progress, error) {
	path := filepath.Join(dir, k.FileName(zone)+".state")
	text, err := files.Read(path, maxKeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	p, err := parseBINDState(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// parseBINDState reads lines of "Name: value"; a time may be followed by itself in words.
func parseBINDState(text []byte) (*Progress, error) {
	fields := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), ":")
		if word := strings.Fields(value); ok && len(word) > 0 && !strings.HasPrefix(name, ";") {
			fields[name] = word[0]
		}
	}
	if err := lines.Err(); err != nil {
		return nil, lineError(err)
	}
	at := func(name string) (t time.Time, err error) {
		if fields[name] != "" {
			if t, err = time.Parse(timeLayout, fields[name]); err != nil {
				err = fmt.Errorf("%s is %q, not YYYYMMDDhhmmss", name, fields[name])
			}
		}
		return t, err
	}
	p := &Progress{Role: RoleAll}
	switch {
	case fields["KSK"] == "yes" && fields["ZSK"] == "no":
		p.Role = RoleKeys
	case fields["KSK"] == "no" && fields["ZSK"] == "yes":
		p.Role = RoleZone
	}
	if fields["GoalState"] == "OMNIPRESENT" {
		p.Goal = Omnipresent
	}
	var err error
	for part, name := range [parts]string{PartDNSKEY: "DNSKEY", PartKeySignature: "KRRSIG", PartZoneSignature: "ZRRSIG", PartDS: "DS"} {
		if !p.Role.has(Part(part)) {
			continue
		}
		state := slices.Index(stateNames[:], strings.ToLower(fields[name+"State"]))
		if state < 0 {
			return nil, fmt.Errorf("%sState is %q", name, fields[name+"State"])
		}
		is := PartState{State: State(state), Why: "as BIND had it"}
		if is.Since, err = at(name + "Change"); err != nil {
			return nil, err
		}
		p.Parts[part] = is
	}
	if p.Active, err = at("Active"); err != nil {
		return nil, err
	}
	// What BIND saw of DS records is looked at again: the parent may have changed.
	return p, nil
}
