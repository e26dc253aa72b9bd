package serve

// Help is what the command prints about itself.
const Help = `names serve answers DNS queries over UDP, TCP, TLS, HTTPS and QUIC.

Usage:

  names serve [--config FILE] [--print-config]
  names serve [options]
  names serve [options] --bindzone FILE [--pyzone FILE]...
  names serve [options] --recursive --cache

A question is answered from the zones. For what they do not hold, those to whom
recursion is offered get an answer from the cache, the hosts file, or other
servers, asked in that order. Without zones, and with no other server to ask, the
server resolves from the root, with a cache, for loopback and private networks.

Zones:

  --bindzone [ORIGIN=]FILE  serve the zone in a master file (RFC 1035). Without
                            ORIGIN the file says the zone's name: the owner of
                            its SOA record, its first $ORIGIN, or its own name,
                            as in example.com, example.com.db or 192.0.2.rev.
                            A FILE with a = in its name is written as ./FILE
  --pyzone FILE             serve the zone in a file of Twisted Names' syntax,
                            which is read and not run
  --any-in-full             answer ANY in full over UDP too (otherwise: one
                            RRset over UDP, all of them over TCP)

Changes:

  --allow-update WHO        let WHO change all zones by dynamic update: an address,
                            a network, or key:NAME; may be repeated. The
                            configuration file has rules for names and types.
                            Copies pass requests on to their primaries
  --journal DIR             keep changes of zones in DIR before they are visible:
                            they are there after a restart, and secondaries get
                            what has changed. Without it they are lost
  --journal-size SIZE       in at most SIZE of disk. Default: 1GiB
  --journal-age TIME        drop what is older (720h) and only for secondaries.
                            Default: when there is no room
  --zonefile-sync TIME      write zones to their files TIME after a change (5m).
                            Default: never

Signing:

  --sign DIR                sign the zones of --bindzone with DNSSEC; their keys
                            are in DIR, and are made if there are none

Transfers:

  --allow-transfer WHO      let WHO have the zones (AXFR, IXFR): an address, a
                            network, or key:NAME for clients that sign with that
                            TSIG key; may be repeated. Default: none
  --tsig-key FILE           TSIG keys in FILE: key {} as in BIND's configuration,
                            or a line of algorithm:name:secret for each; may be
                            repeated
  --secondary [key:NAME@]ADDR[:PORT]/ZONE
                            keep a copy of ZONE as the primary at ADDR has it;
                            repeated for one ZONE: further primaries, in order
  --secondary-dir DIR       keep these copies in DIR, for the next start
  --also-notify ADDR[:PORT] send NOTIFY to ADDR when a zone has changed; may be
                            repeated

Recursion:

  --from-root               ask the servers of the names themselves, from the
                            root down
  --root-hints FILE         begin with the root servers in FILE, a master file,
                            not with the ones built in
  --local-root FROM         answer from a copy of the root zone (RFC 8806), which
                            is transferred from FROM: an address, or iana for
                            the servers that IANA lists; may be repeated
  --local-root-file FILE    keep that copy in FILE, or take it from there
  --stub ZONE=ADDR[:PORT]   ask this authoritative server about ZONE, not those
                            that its parent names; may be repeated
  --no-qname-min            show every server the whole name (not RFC 9156)
  --do-not-query NET        never ask servers in NET; may be repeated
  --query-localhost         servers may be on loopback addresses
  --opportunistic-encryption
                            ask authoritative servers over TLS or QUIC that can
                            be asked so (RFC 9539), in the clear otherwise
  --trust-anchor FILE       validate with the DNSSEC keys in FILE: DS or DNSKEY
                            records, BIND's trust-anchors, or root-anchors.xml;
                            may be repeated. Default: the root's keys
  --trust-anchor-state FILE follow the keys of trust anchors (RFC 5011): new ones
                            are trusted after 30 days, revoked ones no longer.
                            What is known of them is kept in FILE
  --insecure ZONE[=END]     do not validate ZONE, until END (2026-12-24); may be
                            repeated
  --now TIME                judge signatures as if the server had been started at
                            TIME (2027-01-11T00:00:00Z)
  --report-errors           tell agents of zones what is bogus (RFC 9567)
  --validation-log-only     log what is not proved, and pass it on
  --no-validation           pass on answers whether they are proved or not
  -r, --recursive           ask the servers of /etc/resolv.conf
  --resolv-conf FILE        ask the servers of FILE, which is watched for changes
  --forward ADDR[:PORT]     ask this server instead; may be repeated
  --forward ZONE=ADDR[:PORT]
                            ask this server about ZONE; may be repeated
  --forward tls://ADDR#NAME, https://NAME/dns-query@ADDR, quic://ADDR#NAME
                            ask it over TLS, HTTPS or QUIC (docs/forwarding.md),
                            also after ZONE=
  --trust-ad ADDR[:PORT]    believe this server, of those above, when it says that
                            an answer is authentic (AD); may be repeated
  --bootstrap ADDR[:PORT]   ask this server for the address of one whose URL has
                            only a name; may be repeated
  --upgrade ddr             ask servers with an address over the encrypted transport
                            that they designate and that proves it (RFC 9462), and
                            in the clear if there is none
  --upstream-authority FILE trust the certificates of servers for which the
                            authorities in FILE vouch, not those of the system;
                            may be repeated
  --hosts-file FILE         answer from a hosts file first, which is watched
  --allow-recursion NET     offer all this to NET: a network, an address, or one
                            of loopback, private, any; may be repeated.
                            Default: loopback and private networks
  -c, --cache               remember what was found elsewhere
  --cache-size SIZE         in at most SIZE of memory. Default: 64MiB
  --cache-file FILE         keep the cache in FILE from one start to the next
  --serve-stale[=TIME]      use what expired less than TIME ago (24h) when the
                            servers do not answer

Addresses:

  -i, --interface ADDR      listen on ADDR only: an IP address, or ADDR:PORT;
                            may be repeated. Default: all addresses, IPv4 and IPv6
  -p, --port N              listen on port N. Default: 53
  --workers N               receive on N sockets per address. Default: one per core
  --max-udp-size N          send no datagram larger than N octets. Default: 1232

Limits (0: none; docs/limits.md says what each protects):

  --rate-limit N            send a network (/24, /56) over UDP at most N replies
                            a second of one kind about one name. Default: 200
  --rate-limit-in-all N     and at most N a second in all. Default: 5000
  --slip N                  above that, send every Nth reply truncated, so that
                            the client asks over TCP. Default: 2; 0: none
  --rate-limit-exempt NET   not to clients in NET; may be repeated
  --rate-limit-log-only     log and count what is above the limits, and send it
  --client-queries N        answer a client at most N queries a second that take
                            recursion. Default: 0
  --client-waiting N        let at most N of them wait at once. Default: 1000
  --client-burst N          send a client at most N octets at once over UDP of
                            replies that had to wait. Default: 65536
  --client-exempt NET       not clients in NET; may be repeated
  --upstream-queries N      send one other server at most N queries a second.
                            Default: 0
  --connection-rate N       let a network begin at most N connections a second,
                            but for --rate-limit-exempt. Default: 1000

  --allow-query WHO         answer only WHO: a network, an address, a word as
                            above, or key:NAME; may be repeated. Access lists of
                            the file (acl:NAME) say more. Default: all

  --proxy NET               load balancers in NET begin each datagram and each
                            connection, with TLS or without, with a PROXY header
                            that says whose it is; may be repeated

Encryption:

  --tls ADDR[:PORT]         listen for DNS over TLS (RFC 7858), on port 853 if
                            none is given; may be repeated
  --https ADDR[:PORT]       listen for DNS over HTTPS (RFC 8484), HTTP/3 among it, on
                            port 443 if none is given; may be repeated
  --https-path PATH         at this path. Default: /dns-query
  --https-json              answer ?name=NAME&type=TYPE in JSON there, too
  --https-oblivious         answer queries that are encrypted for this server, and
                            come by way of a proxy (RFC 9230), there, too
  --no-http3                do not offer HTTP/3
  --https-plain ADDR[:PORT] listen for the same in the clear, from a proxy on this
                            machine; may be repeated
  --https-proxy NET         believe proxies in NET which client they ask for
                            (X-Forwarded-For); may be repeated
  --quic ADDR[:PORT]        listen for DNS over QUIC (RFC 9250), on port 853 if none
                            is given; may be repeated
  --quic-early-data         answer queries in early data (0-RTT) at once, if a
                            repetition by others does no harm
  --tls-certificate FILE    certificate and those that lead from it to an
                            authority (PEM), read again when it changes; may be
                            repeated: clients get the one for the name they ask for
  --tls-key FILE            private key, if it is in a file of its own; may be
                            repeated
  --tls-self-signed FILE    key and certificate of the server's own, made at the
                            first start; without any of these they are lost with
                            the server. The log has their pin
  --tls-only-13             refuse TLS 1.2
  --tls-ticket-keys FILE    keys of session tickets (64 hexadecimal digits a line),
                            the same for all servers of one address
  --tls-client-authority FILE
                            refuse clients without a certificate of an authority
                            in FILE; may be repeated
  --tls-client-pin PIN      refuse clients but those whose key has this SHA-256,
                            in base64; may be repeated
  --tls-client-optional     let clients without a certificate connect too

Identity:

  --nsid TEXT               tell TEXT to clients that ask for the server's NSID
                            or for id.server
  --cookie-secret HEX       make cookies with this secret of 16 octets, as do
                            the other servers at the same address; those
                            repeated are only recognised. Default: random
  --hide-version            do not tell version.bind

Logging:

  -v, --verbose             log each query, and what the cache had; twice: whole
                            messages, and all that the cache does
  --query-log WHICH         log all queries, only failures, or those that are
                            slow (500ms) or slow=TIME
  --query-log-file FILE     write these lines to FILE, which is opened again at
                            SIGUSR1, or to journald
  --query-log-format FORM   write them as text or json
  --query-log-one-in N      log one query in N of them
  --dnstap TARGET           record messages for dnstap at unix:PATH,
                            tcp:HOST:PORT or file:PATH
  --dnstap-messages KIND    record these only: client, auth, resolver, forwarder
                            or update; may be repeated
  --dnstap-one-in N         record one query in N

Process:

  --user NAME               become this user once addresses are bound

Configuration file:

  --config FILE             do what FILE says, instead of other options. Without
                            any option: /etc/names/names.toml, if it is there
  --print-config            print what is in force as such a file, and end

Zones are checked before anything is bound; a zone with an error stops the
start. SIGHUP reads the configuration file and all zones again: what has an
error is kept as it was.
SIGINT and SIGTERM stop the server once queries in progress are answered.

Exit code: 0 after a stop, 1 if the server cannot run, 2 for a wrong command line.

Examples:

  names serve --bindzone example.com
  names serve -i 127.0.0.1 -p 10053 --bindzone example.com=zones/primary.txt
  names serve
  names serve --from-root -c --forward corp.example=10.0.0.53
  names serve --bindzone example.com --tsig-key /etc/names/keys --allow-transfer key:secondary
  names serve --secondary 192.0.2.53/example.org --secondary-dir /var/lib/names
  names serve --bindzone example.com --journal /var/lib/names/journal --allow-transfer 192.0.2.54
  names serve --recursive --cache
  names serve -c --forward 192.0.2.53 --forward corp.example=10.0.0.53
  names serve --config /etc/names/names.toml
  names serve -i ::1 -i 192.0.2.1:5353 --pyzone example-domain.com -v
`
