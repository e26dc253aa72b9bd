package sign

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/wire"
)

// Keys are kept as BIND and ldns keep them: Kexample.+013+12345.key has the
// DNSKEY record, and .private the private half and the times, so that keys move
// between these servers and this one as files.

// FileName is the name of a key's files without their endings.
func (k *Key) FileName(zone wire.Name) string {
	return fmt.Sprintf("K%s+%03d+%05d", fileLabel(zone), k.Record.Algorithm, k.Tag)
}

// fileLabel is a zone's name in the name of a file. Only letters, digits, "-", "_"
// and "." are as they are.
func fileLabel(zone wire.Name) string {
	var b strings.Builder
	for _, c := range []byte(zone.Fold().String()) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// timeFields are the times of a key in its file.
func (k *Key) timeFields() []struct {
	name string
	at   *time.Time
} {
	return []struct {
		name string
		at   *time.Time
	}{
		{"Created", &k.Created}, {"Publish", &k.Publish}, {"Activate", &k.Activate}, {"Inactive", &k.Inactive}, {"Delete", &k.Delete},
	}
}

// timeLayout is how times are written, in UTC.
const timeLayout = "20060102150405"

// ErrNoPrivateHalf is returned for a key that signs elsewhere.
var ErrNoPrivateHalf = errors.New("the private half of the key is not in memory")

// Write writes the two files of a key, which only the user can read: the private
// half first. Files that exist are replaced.
func (k *Key) Write(dir string, zone wire.Name) error {
	private, err := k.privateText()
	if err != nil {
		return err
	}
	base := filepath.Join(dir, k.FileName(zone))
	record := wire.Record{Name: zone, Type: wire.TypeDNSKEY, Class: wire.ClassIN, TTL: 3600, Data: k.Data()}
	if err := writeFile(base+".private", private, 0o600); err != nil {
		return err
	}
	return writeFile(base+".key", zonefile.AppendRecord(nil, &record), 0o644)
}

// writeFile replaces a file as a whole.
func writeFile(path string, contents []byte, mode fs.FileMode) error {
	err := files.Replace(path, func(w io.Writer) error {
		_, err := w.Write(contents)
		return err
	})
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err != nil {
		return fmt.Errorf("key file %s: %w", path, err)
	}
	return nil
}

func (k *Key) privateText() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Private-key-format: v1.3\nAlgorithm: %d (%v)\n", k.Record.Algorithm, k.Record.Algorithm)
	field := func(name string, value []byte) {
		fmt.Fprintf(&b, "%s: %s\n", name, base64.StdEncoding.EncodeToString(value))
	}
	switch private := k.private.(type) {
	case *ecdsa.PrivateKey:
		secret, err := private.Bytes()
		if err != nil {
			return nil, err
		}
		field("PrivateKey", secret)
	case ed25519.PrivateKey:
		field("PrivateKey", private.Seed())
	case *rsa.PrivateKey:
		private.Precompute()
		field("Modulus", private.N.Bytes())
		field("PublicExponent", big.NewInt(int64(private.E)).Bytes())
		field("PrivateExponent", private.D.Bytes())
		field("Prime1", private.Primes[0].Bytes())
		field("Prime2", private.Primes[1].Bytes())
		field("Exponent1", private.Precomputed.Dp.Bytes())
		field("Exponent2", private.Precomputed.Dq.Bytes())
		field("Coefficient", private.Precomputed.Qinv.Bytes())
	case *deviceKey:
		if err := private.fields(field); err != nil {
			return nil, err
		}
	case *offlineKey:
		public, err := MarshalPublic(private.public)
		if err != nil {
			return nil, err
		}
		b.WriteString("Offline: yes\n")
		field("PublicKey", public)
	default:
		of, seed := seedOf(private)
		if of == nil {
			return nil, fmt.Errorf("key %d: %w", k.Tag, ErrNoPrivateHalf)
		}
		field("PrivateKey", seed)
	}
	for _, f := range k.timeFields() {
		if !f.at.IsZero() {
			fmt.Fprintf(&b, "%s: %s\n", f.name, f.at.UTC().Format(timeLayout))
		}
	}
	return b.Bytes(), nil
}

// maxKeyFile bounds a key file, in octets.
const maxKeyFile = 64 << 10

// ReadKey reads the two files of a key. path may end in .key, .private or
// neither. The private half must not be readable by others.
func ReadKey(path string) (zone wire.Name, k *Key, err error) {
	base := strings.TrimSuffix(strings.TrimSuffix(path, ".key"), ".private")
	public, err := files.Read(base+".key", maxKeyFile)
	if err != nil {
		return zone, nil, fmt.Errorf("key: %w", err)
	}
	zone, record, err := parsePublic(public, base+".key")
	if err != nil {
		return zone, nil, err
	}
	private, err := files.Read(base+".private", maxKeyFile)
	if err != nil {
		return zone, nil, fmt.Errorf("key: %w", err)
	}
	if info, err := os.Stat(base + ".private"); err == nil && info.Mode().Perm()&0o077 != 0 {
		return zone, nil, fmt.Errorf("%s.private can be read by others: chmod 600 it, and think of a new key", base)
	}
	k, err = parsePrivate(private, base+".private", record)
	return zone, k, err
}

// parsePublic reads a file with one DNSKEY record, which may have no TTL.
func parsePublic(text []byte, file string) (zone wire.Name, record wire.DNSKEY, err error) {
	found := 0
	var problems diagnostic.List
	err = zonefile.Read(append([]byte("$TTL 3600\n"), text...), file, zonefile.Options{Origin: wire.Root}, &problems, func(r *zonefile.Record) error {
		if r.Type != wire.TypeDNSKEY {
			return fmt.Errorf("%s: a key file has one DNSKEY record, not one of type %s", file, r.Type)
		}
		found++
		zone = r.Name.Clone()
		c := wire.CursorOver(bytes.Clone(r.Data))
		return record.Parse(&c)
	})
	switch {
	case len(problems.Problems) > 0:
		return zone, record, fmt.Errorf("%s: %w", file, problems.Problems[0].Err)
	case err == nil && found != 1:
		err = fmt.Errorf("%s: a key file has one DNSKEY record, not %d", file, found)
	}
	return zone, record, err
}

// ParsePrivateKey reads a private half as in a .private file, with the flags of
// the DNSKEY record. file is for errors.
func ParsePrivateKey(text []byte, file string, flags uint16) (*Key, error) {
	return parsePrivate(text, file, wire.DNSKEY{Flags: flags})
}

// lineError says what is wrong with a file that cannot be read in lines.
func lineError(err error) error {
	if errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("line is longer than %d octets", bufio.MaxScanTokenSize)
	}
	return err
}

// parsePrivate reads a private half and checks that it belongs to the public one,
// if that is known.
func parsePrivate(text []byte, file string, public wire.DNSKEY) (*Key, error) {
	fields := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, ";") {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("%s:%d: not \"Name: value\"", file, n)
		}
		if _, ok := fields[name]; ok {
			return nil, fmt.Errorf("%s:%d: %s is there twice", file, n, name)
		}
		fields[name] = strings.TrimSpace(value)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, lineError(err))
	}
	if v := fields["Private-key-format"]; !strings.HasPrefix(v, "v1.") {
		return nil, fmt.Errorf("%s: Private-key-format is %q, not v1.2 or v1.3", file, v)
	}
	word, _, _ := strings.Cut(fields["Algorithm"], " ")
	algorithm, ok := wire.ParseAlgorithm(word)
	if !ok {
		return nil, fmt.Errorf("%s: algorithm %q is unknown", file, fields["Algorithm"])
	}
	var signer crypto.Signer
	var err error
	if fields["Offline"] == "yes" {
		signer, err = parseOfflineKey(fields)
	} else if fields["Label"] != "" && fields["PublicKey"] != "" { // BIND writes a label, too, but not the rest
		signer, err = parseDeviceKey(fields)
	} else {
		signer, err = parseSigner(algorithm, fields)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	made, err := newSigningKey(algorithm, public.Flags, signer)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(public.PublicKey) > 0 && string(public.AppendTo(nil, nil)) != string(made.Data()) {
		return nil, fmt.Errorf("%s: the private half does not belong to the DNSKEY record of the .key file", file)
	}
	k := &Key{SigningKey: made, private: signer}
	for _, f := range k.timeFields() {
		if value := fields[f.name]; value != "" {
			if *f.at, err = time.Parse(timeLayout, value); err != nil {
				return nil, fmt.Errorf("%s: %s is %q, not YYYYMMDDhhmmss", file, f.name, value)
			}
		}
	}
	return k, nil
}

// parseSigner makes a private key of the fields of its file.
func parseSigner(algorithm wire.Algorithm, fields map[string]string) (crypto.Signer, error) {
	var failed error
	octets := func(name string) []byte {
		value, err := base64.StdEncoding.DecodeString(fields[name])
		if (err != nil || len(value) == 0) && failed == nil {
			failed = fmt.Errorf("%s is missing, or not base64", name)
		}
		return value
	}
	number := func(name string) *big.Int { return new(big.Int).SetBytes(octets(name)) }
	switch algorithm {
	case wire.AlgorithmECDSAP256SHA256, wire.AlgorithmECDSAP384SHA384:
		curve, size := elliptic.P256(), 32
		if algorithm == wire.AlgorithmECDSAP384SHA384 {
			curve, size = elliptic.P384(), 48
		}
		secret := octets("PrivateKey")
		if failed != nil {
			return nil, failed
		}
		if len(secret) > size {
			return nil, fmt.Errorf("PrivateKey has %d octets, not %d", len(secret), size)
		}
		padded := append(make([]byte, size-len(secret)), secret...) // some programs drop zeros
		k, err := ecdsa.ParseRawPrivateKey(curve, padded)
		if err != nil {
			return nil, fmt.Errorf("PrivateKey: %w", err)
		}
		return k, nil
	case wire.AlgorithmED25519:
		seed := octets("PrivateKey")
		if failed != nil {
			return nil, failed
		}
		if len(seed) != ed25519.SeedSize {
			return nil, fmt.Errorf("PrivateKey has %d octets, not %d", len(seed), ed25519.SeedSize)
		}
		return ed25519.NewKeyFromSeed(seed), nil
	case wire.AlgorithmRSASHA256, wire.AlgorithmRSASHA512:
		exponent := number("PublicExponent")
		k := &rsa.PrivateKey{
			PublicKey: rsa.PublicKey{N: number("Modulus"), E: int(exponent.Int64())},
			D:         number("PrivateExponent"), Primes: []*big.Int{number("Prime1"), number("Prime2")},
		}
		switch {
		case failed != nil:
			return nil, failed
		case !exponent.IsInt64() || exponent.Int64() > 1<<31-1:
			return nil, errors.New("PublicExponent has more than 31 bits")
		}
		if err := k.Validate(); err != nil {
			return nil, fmt.Errorf("RSA key: %w", err)
		}
		k.Precompute()
		return k, nil
	}
	of := addedOf(algorithm)
	if of == nil {
		return nil, CheckAlgorithm(algorithm)
	}
	seed := octets("PrivateKey")
	if failed != nil {
		return nil, failed
	}
	return of.Keys.FromSeed(seed)
}

// ReadKeys reads the keys of a zone from a directory: those whose files are named
// for it.
func ReadKeys(dir string, zone wire.Name) ([]*Key, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("keys of zone %s: %w", zone, err)
	}
	var keys []*Key
	prefix := "K" + fileLabel(zone) + "+"
	for _, e := range entries {
		if !strings.HasPrefix(strings.ToLower(e.Name()), strings.ToLower(prefix)) || !strings.HasSuffix(e.Name(), ".private") {
			continue
		}
		of, k, err := ReadKey(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if !of.Equal(zone) {
			return nil, fmt.Errorf("%s is named for zone %s, but has a key of %s", filepath.Join(dir, e.Name()), zone, of)
		}
		keys = append(keys, k)
	}
	return keys, nil
}
