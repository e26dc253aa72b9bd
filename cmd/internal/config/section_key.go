package config

import (
	"github.com/names-dns/names/wire"
)

// key is [[key]].
type key struct {
	name              wire.Name
	algorithm, secret string
}

var keySection = listed("key", "A TSIG key (RFC 8945), with which messages between servers are signed. names keygen tsig makes one. A file with [[key]] must be one that other users cannot read; key-file of [transfers] reads keys from files of their own.",
	"[[key]]\nname = \"secondary\"\nsecret = \"bm90IGEgc2VjcmV0LCBqdXN0IHRleHQ=\"\n",
	func(r *reader, k key, at Position) {
		algorithm := k.algorithm
		if algorithm == "" {
			algorithm = "hmac-sha256"
		}
		read, err := wire.ParseTSIGKey(algorithm + ":" + k.name.String() + ":" + k.secret)
		if err != nil {
			r.add(at, "key %v: %v", k.name, err)
			return
		}
		if read.Algorithm == wire.TSIGMD5 {
			r.add(at, "key %v: hmac-md5 is not used any longer (RFC 8945 6); write hmac-sha256", k.name)
			return
		}
		for _, other := range r.Settings.Transfers.Keys {
			if other.Name.Equal(read.Name) {
				r.add(at, "key %v is given twice; delete one of the two", k.name)
				return
			}
		}
		r.keyAt = append(r.keyAt, at)
		r.Settings.Transfers.Keys = append(r.Settings.Transfers.Keys, read)
	},
	func(c *Config) (all []key) {
		for _, k := range c.Settings.Transfers.Keys {
			all = append(all, key{name: k.Name, algorithm: k.AlgorithmText()})
		}
		return all
	},
	required(domain(about{
		key: "name", what: "The name of the key. Both servers have to call it that.", why: "It has to be given.",
		example: `"secondary"`, others: []string{"id", "keyname"},
	}, func(k *key) *wire.Name { return &k.name })),
	text(about{
		key: "algorithm", what: "How messages are signed: hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384 or hmac-sha512. With a number of bits after it, as in hmac-sha256-128, signatures are truncated to so many, and those of others may be (RFC 8945 5.2.2.1).",
		why: "hmac-sha256.", example: `"hmac-sha512"`,
	}, func(k *key) *string { return &k.algorithm }),
	func() option[key] {
		o := text(about{
			key: "secret", what: "The secret, in base64.", why: "It has to be given.", example: `"bm90IGEgc2VjcmV0LCBqdXN0IHRleHQ="`,
		}, func(k *key) *string { return &k.secret })
		o.isRequired = true
		o.write = func(*key) string { return "" } // secrets are not repeated
		return o
	}(),
)
