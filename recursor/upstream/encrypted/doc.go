// Package encrypted asks servers over TLS (RFC 7858) and HTTPS (RFC 8484), and
// knows who they are: a [Server] is what a URL says, such as
// tls://9.9.9.9#dns.quad9.net, a [Client] its connections.
//
// By default the profile is strict (RFC 8310 5): a server has to show a
// certificate for its name, from an authority that is trusted, or have a key that
// the URL pins. What cannot be proved is not asked. [Client.Transport] makes of it
// what a client of package upstream asks by.
//
// QUIC and HTTP/3 need a library: package doq, which is given in [Config].
//
// Read next: server.go for the URLs, client.go for connections, https.go.
package encrypted
