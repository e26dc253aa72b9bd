package dnssec

import (
	"bytes"
	"testing"
	"time"

	"github.com/names-dns/names/wire"
)

// examples are keys of RFCs and of the root, with digests and signatures.
var examples = []struct {
	from string
	key  string
	tag  uint16
	ds   []string
	set  []string
	sig  string
}{
	{
		from: "RFC 4034 5.4, RFC 4509 2.3",
		key:  "dskey.example.com. 86400 IN DNSKEY 256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==",
		tag:  60485,
		ds: []string{
			"dskey.example.com. 86400 IN DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
			"dskey.example.com. 86400 IN DS 60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A",
		},
	},
	{
		from: "root, KSK-2017",
		key:  ". 172800 IN DNSKEY 257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU=",
		tag:  20326,
		ds:   []string{". 172800 IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"},
	},
	{
		from: "root, KSK-2024",
		key:  ". 172800 IN DNSKEY 257 3 8 AwEAAa96jeuknZlaeSrvyAJj6ZHv28hhOKkx3rLGXVaC6rXTsDc449/cidltpkyGwCJNnOAlFNKF2jBosZBU5eeHspaQWOmOElZsjICMQMC3aeHbGiShvZsx4wMYSjH8e7Vrhbu6irwCzVBApESjbUdpWWmEnhathWu1jo+siFUiRAAxm9qyJNg/wOZqqzL/dL/q8PkcRU5oUKEpUge71M3ej2/7CPqpdVwuMoTvoB+ZOT4YeGyxMvHmbrxlFzGOHOijtzN+u1TQNatX2XBuzZNQ1K+s2CXkPIZo7s6JgZyvaBevYtxPvYLw4z9mR7K2vaF18UYH9Z9GNUUeayffKC73PYc=",
		tag:  38696,
		ds:   []string{". 172800 IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16"},
	},
	{
		from: "RFC 6605 6.1",
		key:  "example.net. 3600 IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
		tag:  55648,
		ds:   []string{"example.net. 3600 IN DS 55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17"},
		set:  []string{"www.example.net. 3600 IN A 192.0.2.1"},
		sig:  "www.example.net. 3600 IN RRSIG A 13 3 3600 20100909100439 20100812100439 55648 example.net. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
	},
	{
		from: "RFC 6605 6.2",
		key:  "example.net. 3600 IN DNSKEY 257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
		tag:  10771,
		ds:   []string{"example.net. 3600 IN DS 10771 14 4 72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6"},
		set:  []string{"www.example.net. 3600 IN A 192.0.2.1"},
		sig:  "www.example.net. 3600 IN RRSIG A 14 3 3600 20100909102025 20100812102025 10771 example.net. /L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuzWTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm",
	},
	{
		from: "RFC 8080 6.1",
		key:  "example.com. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
		tag:  3613,
		ds:   []string{"example.com. 3600 IN DS 3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b"},
		set:  []string{"example.com. 3600 IN MX 10 mail.example.com."},
		sig:  "example.com. 3600 IN RRSIG MX 15 2 3600 1440021600 1438207200 3613 example.com. oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
	},
}

func TestExamples(t *testing.T) {
	for _, e := range examples {
		t.Run(e.from, func(t *testing.T) {
			r := record(t, e.key)
			key := parseKey(t, r.Data)
			if key.Tag != e.tag || KeyTag(r.Data) != e.tag {
				t.Errorf("tag is %d, not %d", key.Tag, e.tag)
			}
			for _, line := range e.ds {
				data, err := record(t, line).Rdata()
				if err != nil {
					t.Fatal(err)
				}
				ds := data.(*wire.DS)
				if !DigestMatches(ds, r.Name, r.Data) {
					t.Errorf("digest of type %d does not match", ds.DigestType)
				}
				ds.Digest[3] ^= 1
				if DigestMatches(ds, r.Name, r.Data) {
					t.Errorf("another digest of type %d matches", ds.DigestType)
				}
			}
			if e.sig == "" {
				return
			}
			sig := rrsig(t, e.sig)
			if !verifies(t, key, rrset(t, e.set...), sig) {
				t.Error("signature does not verify")
			}
			checkSpoiled(t, key, rrset(t, e.set...), sig)
		})
	}
}

// checkSpoiled: no signature and no RRset that differs in a bit verifies.
func checkSpoiled(t *testing.T, key *Key, set *RRset, sig *wire.RRSIG) {
	t.Helper()
	for at := range sig.Signature {
		spoiled := *sig
		spoiled.Signature = bytes.Clone(sig.Signature)
		spoiled.Signature[at] ^= 1 << (at % 8)
		if verifies(t, key, set, &spoiled) {
			t.Errorf("signature with octet %d changed verifies", at)
		}
	}
	for _, length := range []int{0, 1, len(sig.Signature) - 1} {
		cut := *sig
		cut.Signature = sig.Signature[:length]
		if verifies(t, key, set, &cut) {
			t.Errorf("signature cut to %d octets verifies", length)
		}
	}
	long := *sig
	long.Signature = append(bytes.Clone(sig.Signature), 0)
	if verifies(t, key, set, &long) {
		t.Error("signature with an octet after it verifies")
	}
	for name, change := range map[string]func(*wire.RRSIG){
		"original TTL": func(s *wire.RRSIG) { s.OriginalTTL++ },
		"expiration":   func(s *wire.RRSIG) { s.Expiration++ },
		"inception":    func(s *wire.RRSIG) { s.Inception-- },
		"key tag":      func(s *wire.RRSIG) { s.KeyTag++ },
	} {
		spoiled := *sig
		change(&spoiled)
		if verifies(t, key, set, &spoiled) {
			t.Errorf("signature with another %s verifies", name)
		}
	}
	set.Data[0] = bytes.Clone(set.Data[0])
	set.Data[0][len(set.Data[0])-1] ^= 1
	if verifies(t, key, set, sig) {
		t.Error("signature verifies for other records")
	}
}

// TestKeyTagOfRSAMD5: the tag is cut from the modulus (RFC 4034 B.1).
func TestKeyTagOfRSAMD5(t *testing.T) {
	if tag := KeyTag([]byte{1, 0, 3, 1, 1, 3, 0xAA, 0xBB, 0xCC, 0xDD}); tag != 0xBBCC {
		t.Errorf("tag is %04X", tag)
	}
	for _, short := range [][]byte{nil, {1, 0, 3}, {1, 0, 3, 1}, {1, 0, 3, 1, 2, 3}} {
		if tag := KeyTag(short); tag != 0 {
			t.Errorf("tag of %X is %d", short, tag)
		}
	}
}

// TestKeyTagOfTheLongestKey: the sum does not overflow (RFC 4034 B).
func TestKeyTagOfTheLongestKey(t *testing.T) {
	data := bytes.Repeat([]byte{0xFF}, 65535)
	sum := uint64(0)
	for i, octet := range data {
		sum += uint64(octet) << (8 * (1 - i%2))
	}
	if want := uint16(sum + sum>>16); KeyTag(data) != want {
		t.Errorf("tag is %d, not %d", KeyTag(data), want)
	}
}

func TestPreferredDigest(t *testing.T) {
	for _, c := range []struct {
		digestType uint8
		all        []uint8
		want       bool
	}{
		{1, []uint8{1}, true},
		{1, []uint8{1, 2}, false},
		{1, []uint8{1, 4}, false},
		{1, []uint8{1, 3}, true}, // GOST does not count
		{2, []uint8{1, 2, 4}, true},
		{4, []uint8{1, 2, 4}, true},
		{3, []uint8{3}, false},
		{99, []uint8{99}, false},
	} {
		if got := PreferredDigest(c.digestType, c.all); got != c.want {
			t.Errorf("digest type %d among %v: %v", c.digestType, c.all, got)
		}
	}
}

// TestAlgorithmStatus is the table against what RFC 9904 to 9906 say.
func TestAlgorithmStatus(t *testing.T) {
	byDefault := NewAlgorithms(Policy{})
	for n, want := range map[wire.Algorithm]Status{
		0: Unknown, 1: Refused, 3: Refused, 5: ByPolicy, 6: Refused, 7: ByPolicy, 8: Supported, 9: Unknown,
		10: Supported, 12: Refused, 13: Supported, 14: Supported, 15: Supported, 16: External, 17: Refused,
		18: External, 23: Refused, 200: Unknown, 253: Unknown, 254: Unknown, 255: Unknown,
	} {
		if got := AlgorithmStatus(n); got != want {
			t.Errorf("%v is %v, not %v", n, got, want)
		}
		if byDefault.Has(n) != (want == Supported) {
			t.Errorf("%v by default: %v", n, byDefault.Has(n))
		}
		if all.Has(n) != (want == Supported || want == ByPolicy) {
			t.Errorf("%v with SHA-1: %v", n, all.Has(n))
		}
	}
}

func TestCheckRRSIG(t *testing.T) {
	set := rrset(t, "a.b.example. 300 IN A 192.0.2.1")
	wildcard := rrset(t, "*.b.example. 300 IN A 192.0.2.1")
	for _, c := range []struct {
		name   string
		set    *RRset
		change func(*wire.RRSIG)
		want   string
	}{
		{"valid", set, func(s *wire.RRSIG) {}, ""},
		{"a wildcard's", set, func(s *wire.RRSIG) { s.Labels = 2 }, ""},
		{"the wildcard itself", wildcard, func(s *wire.RRSIG) { s.Labels = 2 }, ""},
		{"wildcard above the zone", set, func(s *wire.RRSIG) { s.Labels = 0 }, "unusable RRSIG: it counts 0 labels, fewer than its signer example. has"},
		{"more labels than the owner has", set, func(s *wire.RRSIG) { s.Labels = 4 }, "unusable RRSIG: it counts 4 labels of an owner that has 3"},
		{"the asterisk counted", wildcard, func(s *wire.RRSIG) { s.Labels = 3 }, "unusable RRSIG: it counts 3 labels of an owner that has 2"},
		{"signer below the owner", set, func(s *wire.RRSIG) { s.Signer = wire.MustParseName("x.a.b.example.") }, "unusable RRSIG: signer x.a.b.example. is not at or above a.b.example."},
		{"signer elsewhere", set, func(s *wire.RRSIG) { s.Signer = wire.MustParseName("c.example.") }, "unusable RRSIG: signer c.example. is not at or above a.b.example."},
		{"another type", set, func(s *wire.RRSIG) { s.Covered = wire.TypeAAAA }, "unusable RRSIG: it covers AAAA, not A"},
		{"a signature of a signature", set, func(s *wire.RRSIG) { s.Covered = wire.TypeRRSIG }, "unusable RRSIG: RRSIG records have no signatures"},
		{"a signature of OPT", set, func(s *wire.RRSIG) { s.Covered = wire.TypeOPT }, "unusable RRSIG: OPT records have no signatures"},
		{"a signature of ANY", set, func(s *wire.RRSIG) { s.Covered = wire.TypeANY }, "unusable RRSIG: ANY records have no signatures"},
		{"a signature of TSIG", set, func(s *wire.RRSIG) { s.Covered = wire.TypeTSIG }, "unusable RRSIG: TSIG records have no signatures"},
	} {
		sig := &wire.RRSIG{Covered: wire.TypeA, Labels: 3, Signer: wire.MustParseName("example.")}
		c.change(sig)
		err := CheckRRSIG(sig, c.set)
		if err == nil && c.want != "" || err != nil && err.Error() != c.want {
			t.Errorf("%s: %v, not %q", c.name, err, c.want)
		}
	}
}

func TestCheckTime(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	for _, c := range []struct {
		name                  string
		inception, expiration time.Duration // from now
		want                  string
	}{
		{"valid", -10 * day, 10 * day, ""},
		{"expired", -30 * day, -3 * day, "expired 3 days ago"},
		{"expired within the skew", -30 * day, -23 * time.Hour, ""},
		{"skew has a ceiling", -300 * day, -25 * time.Hour, "expired 25 hours ago"},
		{"skew has a floor", -2 * time.Hour, -30 * time.Minute, ""},
		{"skew is a tenth", -100 * time.Hour, -20 * time.Hour, "expired 20 hours ago"},
		{"not yet valid", 5 * day, 30 * day, "not valid for another 5 days"},
		{"not yet valid within the skew", 20 * time.Hour, 30 * day, ""},
		{"backwards", 2 * day, -2 * day, "unusable RRSIG: it expires before its inception"},
		{"a second", -10 * time.Hour, -time.Hour - time.Second, "expired 60 minutes ago"},
	} {
		sig := &wire.RRSIG{
			Inception: wire.SerialFromTime(now.Add(c.inception)), Expiration: wire.SerialFromTime(now.Add(c.expiration)),
		}
		err := CheckTime(sig, now, time.Hour, day)
		if err == nil && c.want != "" || err != nil && err.Error() != c.want {
			t.Errorf("%s: %v, not %q", c.name, err, c.want)
		}
	}
	// Past the end of the circle in 2106 (RFC 4034 3.1.5).
	late := time.Date(2106, 2, 7, 12, 0, 0, 0, time.UTC)
	sig := &wire.RRSIG{Inception: wire.SerialFromTime(late.Add(-day)), Expiration: wire.SerialFromTime(late.Add(day))}
	if sig.Expiration > sig.Inception {
		t.Error("the circle does not end in between")
	}
	if err := CheckTime(sig, late, time.Hour, day); err != nil {
		t.Error(err)
	}
}
