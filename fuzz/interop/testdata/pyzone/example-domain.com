# The example zone of the how-to of Twisted Names, record for record.
zone = [
    SOA(
        'example-domain.com',                      # the zone
        mname = "ns1.example-domain.com",          # primary server
        rname = "root.example-domain.com",         # responsible mailbox
        serial = 2003010601,
        refresh = "1H",
        retry = "1H",
        expire = "1H",
        minimum = "1H"
    ),

    A('example-domain.com', '127.0.0.1'),
    NS('example-domain.com', 'ns1.example-domain.com'),

    CNAME('www.example-domain.com', 'example-domain.com'),
    CNAME('ftp.example-domain.com', 'example-domain.com'),

    MX('example-domain.com', 0, 'mail.example-domain.com'),
    A('mail.example-domain.com', '123.0.16.43'),
    PTR('43.16.0.123.in-addr.arpa', 'mail.example-domain.com'),
]
