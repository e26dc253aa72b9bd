; The zone of the README: try it with "make run".
$ORIGIN example.com.
$TTL 1h
@           SOA   ns1 hostmaster (
                  2026112301 ; serial
                  6h         ; refresh
                  1h         ; retry
                  4w         ; expire
                  5m )       ; how long "there is no such name" may be remembered
            NS    ns1
            NS    ns2.example.net.
            A     192.0.2.10
            AAAA  2001:db8::10
            MX    10 mail
            TXT   "v=spf1 mx -all"
            CAA   0 issue "ca.example.net"
            HTTPS 1 . alpn=h2,h3
ns1         A     192.0.2.1
            AAAA  2001:db8::1
mail        A     192.0.2.25
www         CNAME @
*.dev       A     192.0.2.99     ; any name below dev
_sip._tcp   SRV   0 5 5060 sip
sip         A     192.0.2.60
old         DNAME dev            ; x.old is x.dev
lab         NS    ns.lab         ; a zone of its own, elsewhere
ns.lab      A     192.0.2.53
$GENERATE 1-9 host-$ A 192.0.2.10$
