package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"

	"github.com/miekg/pkcs11"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/wire"
)

// token is a [sign.Device]. Each request has a session to itself: PKCS#11 lets a session
// do one thing at a time.
type token struct {
	module *pkcs11.Ctx
	slot   uint
	pin    string

	sessions chan pkcs11.SessionHandle // not in use
	slots    chan struct{}             // one for each that is in use

	mu    sync.Mutex // guards login and known; login is done under it
	known map[string]*key
}

// maxSessions bounds what is asked of the token at the same time.
const maxSessions = 8

// key is what a token says about a key; handles are good in all sessions.
type key struct {
	private pkcs11.ObjectHandle
	public  crypto.PublicKey
}

var _ sign.Device = (*token)(nil)

func openToken(file, label, pin string) (*token, error) {
	module := pkcs11.New(file)
	if module == nil {
		return nil, fmt.Errorf("module %s cannot be loaded", file)
	}
	if err := module.Initialize(); err != nil {
		module.Destroy()
		return nil, fmt.Errorf("module %s: %w", file, err)
	}
	t := &token{module: module, pin: pin, known: map[string]*key{}, sessions: make(chan pkcs11.SessionHandle, maxSessions), slots: make(chan struct{}, maxSessions)}
	if err := t.find(label); err != nil {
		t.close()
		return nil, fmt.Errorf("module %s: %w", file, err)
	}
	return t, t.with(func(pkcs11.SessionHandle) error { return nil }) // a wrong PIN is reported now
}

func (t *token) close() {
	t.module.Finalize()
	t.module.Destroy()
}

func (t *token) find(label string) error {
	slots, err := t.module.GetSlotList(true)
	if err != nil {
		return err
	}
	var labels []string
	for _, slot := range slots {
		info, err := t.module.GetTokenInfo(slot)
		if err != nil {
			continue
		}
		if name := strings.TrimRight(info.Label, " \x00"); name == label {
			t.slot = slot
			return nil
		} else if name != "" {
			labels = append(labels, name)
		}
	}
	return fmt.Errorf("there is no token %q; there are %q", label, labels)
}

// with calls do with a session. A session that has failed is not used again: the device
// may have been reset.
func (t *token) with(do func(pkcs11.SessionHandle) error) error {
	t.slots <- struct{}{}
	defer func() { <-t.slots }()
	var session pkcs11.SessionHandle
	select {
	case session = <-t.sessions:
	default:
		var err error
		if session, err = t.open(); err != nil {
			return err
		}
	}
	err := do(session)
	if err == nil || errors.Is(err, errNoKey) {
		t.sessions <- session
		return err
	}
	t.module.CloseSession(session)
	t.mu.Lock()
	clear(t.known)
	t.mu.Unlock()
	return err
}

func (t *token) open() (pkcs11.SessionHandle, error) {
	session, err := t.module.OpenSession(t.slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		return 0, fmt.Errorf("opening a session: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	// One login counts for all sessions of the process, until the last one ends.
	if err := t.module.Login(session, pkcs11.CKU_USER, t.pin); err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_USER_ALREADY_LOGGED_IN)) {
		t.module.CloseSession(session)
		return 0, fmt.Errorf("login: %w", err)
	}
	return session, nil
}

var errNoKey = errors.New("there is no such key")

// object finds the one object of a class with a label.
func (t *token) object(s pkcs11.SessionHandle, class uint, label string) (pkcs11.ObjectHandle, error) {
	err := t.module.FindObjectsInit(s, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, class), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label)})
	if err != nil {
		return 0, err
	}
	found, _, err := t.module.FindObjects(s, 2)
	if end := t.module.FindObjectsFinal(s); err == nil {
		err = end
	}
	switch {
	case err != nil:
		return 0, err
	case len(found) == 0:
		return 0, fmt.Errorf("key %q: %w", label, errNoKey)
	case len(found) > 1:
		return 0, fmt.Errorf("key %q: several objects have this label", label)
	}
	return found[0], nil
}

// maxKnown bounds how many keys are remembered.
const maxKnown = 10_000

// key finds a key.
func (t *token) key(s pkcs11.SessionHandle, label string) (*key, error) {
	t.mu.Lock()
	k := t.known[label]
	t.mu.Unlock()
	if k != nil {
		return k, nil
	}
	private, err := t.object(s, pkcs11.CKO_PRIVATE_KEY, label)
	if err != nil {
		return nil, err
	}
	object, err := t.object(s, pkcs11.CKO_PUBLIC_KEY, label)
	if err != nil {
		return nil, err
	}
	public, err := t.publicKey(s, object)
	if err != nil {
		return nil, fmt.Errorf("public half of key %q: %w", label, err)
	}
	k = &key{private, public}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) >= maxKnown {
		clear(t.known)
	}
	t.known[label] = k
	return k, nil
}

// The curves, as parameters of a key (RFC 5480 2.1.1.1, RFC 8410 3; PKCS#11 3.0 names
// Ed25519 by a string).
var (
	p256      = []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}
	p384      = []byte{6, 5, 0x2b, 0x81, 4, 0, 0x22}
	ed25519As = []byte("\x13\x0cedwards25519")
)

const (
	ckkECEdwards           = 0x40
	ckmECEdwardsKeyPairGen = 0x1055
	ckmEDDSA               = 0x1057
)

func (t *token) publicKey(s pkcs11.SessionHandle, object pkcs11.ObjectHandle) (crypto.PublicKey, error) {
	values := func(kinds ...uint) ([][]byte, error) {
		var wanted []*pkcs11.Attribute
		for _, kind := range kinds {
			wanted = append(wanted, pkcs11.NewAttribute(kind, nil))
		}
		attributes, err := t.module.GetAttributeValue(s, object, wanted)
		var all [][]byte
		for _, a := range attributes {
			all = append(all, a.Value)
		}
		return all, err
	}
	kind, err := values(pkcs11.CKA_KEY_TYPE)
	if err != nil {
		return nil, err
	}
	switch kind := number(kind[0]); kind {
	case pkcs11.CKK_RSA:
		v, err := values(pkcs11.CKA_MODULUS, pkcs11.CKA_PUBLIC_EXPONENT)
		if err != nil {
			return nil, err
		}
		e := new(big.Int).SetBytes(v[1])
		if e.BitLen() > 31 {
			return nil, errors.New("public exponent of more than 31 bits")
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(v[0]), E: int(e.Int64())}, nil
	case pkcs11.CKK_EC, ckkECEdwards:
		v, err := values(pkcs11.CKA_EC_PARAMS, pkcs11.CKA_EC_POINT)
		if err != nil {
			return nil, err
		}
		var point []byte // an OCTET STRING, which some modules leave out
		if rest, err := asn1.Unmarshal(v[1], &point); err != nil || len(rest) > 0 {
			point = v[1]
		}
		switch params := string(v[0]); {
		case kind == ckkECEdwards && len(point) == ed25519.PublicKeySize:
			return ed25519.PublicKey(point), nil
		case params == string(p256):
			return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		case params == string(p384):
			return ecdsa.ParseUncompressedPublicKey(elliptic.P384(), point)
		}
		return nil, errors.New("its curve does not sign zones")
	default:
		return nil, fmt.Errorf("keys of type %#x do not sign zones", kind)
	}
}

// number is a CK_ULONG, in the order of octets of the machine.
func number(b []byte) uint64 {
	switch len(b) {
	case 8:
		return binary.NativeEndian.Uint64(b)
	case 4:
		return uint64(binary.NativeEndian.Uint32(b))
	}
	return 1<<64 - 1 // no type of key
}

// Public returns the public half of a key.
func (t *token) Public(label string) (public crypto.PublicKey, err error) {
	err = t.with(func(s pkcs11.SessionHandle) error {
		k, err := t.key(s, label)
		if err == nil {
			public = k.public
		}
		return err
	})
	return public, err
}

// Generate makes a key that cannot be taken out of the token.
func (t *token) Generate(label string, algorithm wire.Algorithm, bits int) (crypto.PublicKey, error) {
	var mechanism uint
	var kind []*pkcs11.Attribute
	switch algorithm {
	case wire.AlgorithmRSASHA256, wire.AlgorithmRSASHA512:
		if bits == 0 {
			bits = 2048
		}
		mechanism, kind = pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, bits), pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}),
		}
	case wire.AlgorithmECDSAP256SHA256:
		mechanism, kind = pkcs11.CKM_EC_KEY_PAIR_GEN, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, p256)}
	case wire.AlgorithmECDSAP384SHA384:
		mechanism, kind = pkcs11.CKM_EC_KEY_PAIR_GEN, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, p384)}
	case wire.AlgorithmED25519:
		mechanism, kind = ckmECEdwardsKeyPairGen, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, ed25519As)}
	default:
		return nil, fmt.Errorf("keys of algorithm %v are not made here", algorithm)
	}
	err := t.with(func(s pkcs11.SessionHandle) error {
		if _, err := t.object(s, pkcs11.CKO_PRIVATE_KEY, label); !errors.Is(err, errNoKey) {
			return errors.Join(fmt.Errorf("there is a key %q already", label), err)
		}
		public := append(kind, pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_ID, []byte(label)),
			pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true))
		private := []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_ID, []byte(label)),
			pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true), pkcs11.NewAttribute(pkcs11.CKA_SIGN, true),
			pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
		}
		_, _, err := t.module.GenerateKeyPair(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}, public, private)
		return err
	})
	if err != nil {
		return nil, err
	}
	return t.Public(label)
}

// The start of what RSA signs, before the digest (RFC 8017 9.2, note 1).
var digestInfo = map[crypto.Hash][]byte{
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20},
	crypto.SHA384: {0x30, 0x41, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2, 5, 0, 4, 0x30},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3, 5, 0, 4, 0x40},
}

// Sign signs.
func (t *token) Sign(label string, digest []byte, hash crypto.Hash) (signature []byte, err error) {
	err = t.with(func(s pkcs11.SessionHandle) error {
		k, err := t.key(s, label)
		if err != nil {
			return err
		}
		mechanism, message := uint(0), digest
		switch k.public.(type) {
		case *rsa.PublicKey:
			start := digestInfo[hash]
			if start == nil {
				return fmt.Errorf("key %q: hash %v", label, hash)
			}
			mechanism, message = pkcs11.CKM_RSA_PKCS, append(append([]byte(nil), start...), digest...)
		case *ecdsa.PublicKey:
			mechanism = pkcs11.CKM_ECDSA
		case ed25519.PublicKey:
			mechanism = ckmEDDSA
		}
		if err := t.module.SignInit(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}, k.private); err != nil {
			return fmt.Errorf("key %q: %w", label, err)
		}
		if signature, err = t.module.Sign(s, message); err != nil {
			return fmt.Errorf("key %q: %w", label, err)
		}
		if _, ok := k.public.(*ecdsa.PublicKey); ok { // two numbers, which crypto.Signer returns as DER
			half := len(signature) / 2
			signature, err = asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])})
		}
		return err
	})
	return signature, err
}
