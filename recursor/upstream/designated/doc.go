// Package designated finds the encrypted transports of resolvers that are known by an address
// only (DDR, RFC 9462): they are asked which they designate, those that prove the address by
// their certificate are used, and in a private network those at the same address.
package designated
