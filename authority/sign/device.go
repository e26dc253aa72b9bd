package sign

import (
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/names-dns/names/wire"
)

// Device has private keys that do not leave it: a security module, a service, another
// process. Package keyhelper has one at the other end of a Unix socket. Its methods may be called
// at the same time; each comes to an end. What it signs is verified before a zone has it.
type Device interface {
	// Public returns the public half of the key that has a label.
	Public(label string) (crypto.PublicKey, error)
	// Generate makes a key. The label is a new one; bits is the length of an RSA modulus.
	Generate(label string, algorithm wire.Algorithm, bits int) (crypto.PublicKey, error)
	// Sign signs as [crypto.Signer] does. For Ed25519 and Ed448, hash is 0 and digest the message.
	Sign(label string, digest []byte, hash crypto.Hash) ([]byte, error)
}

// MaxLabel bounds the label of a key in a device, in octets.
const MaxLabel = 255

// CheckLabel reports whether a text can be the label of a key: visible ASCII, without
// spaces.
func CheckLabel(label string) error {
	if len(label) == 0 || len(label) > MaxLabel {
		return fmt.Errorf("label of %d octets: 1 to %d are possible", len(label), MaxLabel)
	}
	for _, c := range []byte(label) {
		if c <= ' ' || c > '~' {
			return fmt.Errorf("label %q has octets that are not visible ASCII", label)
		}
	}
	return nil
}

// deviceKey is a key whose private half is in a device.
type deviceKey struct {
	label  string
	public crypto.PublicKey
	device Device // nil: none is known
}

// errNoDevice is returned for a key in a device if no device is known.
var errNoDevice = errors.New("it is in a device, but no key helper is given: \"helper\" in [signing], or --helper")

func (k *deviceKey) Public() crypto.PublicKey { return k.public }

func (k *deviceKey) Sign(_ io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	if k.device == nil {
		return nil, fmt.Errorf("private key %q: %w", k.label, errNoDevice)
	}
	return k.device.Sign(k.label, digest, o.HashFunc())
}

// UseDevice has the keys sign that are in a device. The others stay as they are.
func UseDevice(keys []*Key, d Device) {
	for _, k := range keys {
		if in, ok := k.private.(*deviceKey); ok {
			in.device = d
		}
	}
}

// UseDevice has the keys of the set sign that are in a device. makes is that new keys are
// made there, too, not as files.
func (s *KeySet) UseDevice(d Device, makes bool) {
	UseDevice(s.Keys, d)
	s.device, s.deviceMakes = d, makes
}

// Label is the name of the key in its device; "" if it is not in one.
func (k *Key) Label() string {
	if in, ok := k.private.(*deviceKey); ok {
		return in.label
	}
	return ""
}

// GenerateInDevice is [GenerateAnother] for a key whose private half is made in a device,
// and stays there.
func GenerateInDevice(d Device, zone wire.Name, others []*Key, algorithm wire.Algorithm, flags uint16, bits int, now time.Time) (*Key, error) {
	for range 20 { // each that is not used stays in the device
		label, err := newLabel(zone, now)
		if err != nil {
			return nil, err
		}
		public, err := d.Generate(label, algorithm, bits)
		if err != nil {
			return nil, fmt.Errorf("making a key of algorithm %v in the device: %w", algorithm, err)
		}
		k, err := newDeviceKey(d, label, public, algorithm, flags, now)
		if err != nil || !hasTag(others, k) {
			return k, err
		}
	}
	return nil, errors.New("every new key has the tag of one that is there")
}

// KeyInDevice takes over a key that is in a device under a label. For an RSA key,
// algorithm says which hash it is used with; for others it may be 0.
func KeyInDevice(d Device, label string, algorithm wire.Algorithm, flags uint16, now time.Time) (*Key, error) {
	if err := CheckLabel(label); err != nil {
		return nil, err
	}
	public, err := d.Public(label)
	if err != nil {
		return nil, fmt.Errorf("key %q of the device: %w", label, err)
	}
	if algorithm == 0 {
		if algorithm, err = algorithmOf(public); err != nil {
			return nil, fmt.Errorf("key %q of the device: %w", label, err)
		}
	}
	return newDeviceKey(d, label, public, algorithm, flags, now)
}

func newDeviceKey(d Device, label string, public crypto.PublicKey, algorithm wire.Algorithm, flags uint16, now time.Time) (*Key, error) {
	private := &deviceKey{label, public, d}
	k, err := newSigningKey(algorithm, flags, private)
	if err != nil {
		return nil, fmt.Errorf("key %q of the device: %w", label, err)
	}
	now = now.UTC().Truncate(time.Second)
	return &Key{SigningKey: k, private: private, Created: now, Publish: now, Activate: now}, nil
}

// newLabel is a label that no other key has.
func newLabel(zone wire.Name, now time.Time) (string, error) {
	var chance [8]byte
	if _, err := rand.Read(chance[:]); err != nil {
		return "", err
	}
	end := "-" + now.UTC().Format("20060102") + "-" + hex.EncodeToString(chance[:])
	of := fileLabel(zone)
	return of[:min(len(of), MaxLabel-len(end))] + end, nil
}

// fields are those of the file of the key, which has nothing secret.
func (k *deviceKey) fields(field func(name string, value []byte)) error {
	public, err := MarshalPublic(k.public)
	if err != nil {
		return err
	}
	field("Label", []byte(k.label))
	field("PublicKey", public)
	return nil
}

// parseDeviceKey reads these fields.
func parseDeviceKey(fields map[string]string) (*deviceKey, error) {
	label, err := base64.StdEncoding.DecodeString(fields["Label"])
	if err != nil {
		return nil, fmt.Errorf("Label is not base64: %w", err)
	}
	if err := CheckLabel(string(label)); err != nil {
		return nil, err
	}
	public, err := parsePublicField(fields)
	if err != nil {
		return nil, err
	}
	return &deviceKey{label: string(label), public: public}, nil
}

// parsePublicField reads the public half of a key whose private half is elsewhere.
func parsePublicField(fields map[string]string) (crypto.PublicKey, error) {
	text, err := base64.StdEncoding.DecodeString(fields["PublicKey"])
	if err != nil {
		return nil, fmt.Errorf("PublicKey is not base64: %w", err)
	}
	public, err := ParsePublic(text)
	if err != nil {
		return nil, fmt.Errorf("PublicKey: %w", err)
	}
	return public, nil
}

// parseOfflineKey reads a key whose private half is on another machine.
func parseOfflineKey(fields map[string]string) (*offlineKey, error) {
	public, err := parsePublicField(fields)
	if err != nil {
		return nil, err
	}
	return &offlineKey{public: public}, nil
}
