package wire

import (
	"cmp"
	"fmt"
	"net/netip"
)

// WKS says which well known services a host offers; historic (RFC 1035 3.4.2).
type WKS struct {
	Addr     netip.Addr
	Protocol uint8
	Ports    []byte // the bit for port 0 is the highest of the first octet
}

// Type returns [TypeWKS].
func (*WKS) Type() Type { return TypeWKS }

// Parse reads the wire form.
func (d *WKS) Parse(c *Cursor) error {
	d.Addr = c.ipv4()
	d.Protocol = c.Uint8()
	d.Ports = c.servicePorts()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *WKS) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = appendIPv4Octets(b, d.Addr)
	b = append(b, d.Protocol)
	return append(b, d.Ports...)
}

func (d *WKS) validate() error {
	return cmp.Or(requireIPv4("Addr", d.Addr), requireLength("Ports", d.Ports, maxPortOctets))
}

// Len is the length of the wire form in octets.
func (d *WKS) Len() int { return 5 + len(d.Ports) }

func (d WKS) String() string { return rdataString(&d) }

// maxPortOctets is what 65536 bits take.
const maxPortOctets = 1 << 16 / 8

func (c *Cursor) servicePorts() []byte {
	ports := c.Rest()
	if len(ports) > maxPortOctets {
		c.Fail(fmt.Errorf("%w: bitmap of services has more than 65536 bits", ErrRdata))
	}
	return ports
}

// wks passes over protocol and services.
func (c *Cursor) wks() {
	c.Uint8()
	c.servicePorts()
}

// Names of protocols and services that may stand in WKS data: those of the
// time when WKS was used (RFC 1010), and a few that became as well known.
var (
	wksProtocols = map[string]uint8{
		"ICMP": 1, "IGMP": 2, "GGP": 3, "ST": 5, "TCP": 6, "EGP": 8, "IGP": 9, "PUP": 12, "UDP": 17,
		"HMP": 20, "RDP": 27,
	}
	wksServices = map[string]uint16{
		"TCPMUX": 1, "RJE": 5, "ECHO": 7, "DISCARD": 9, "USERS": 11, "SYSTAT": 11, "DAYTIME": 13,
		"NETSTAT": 15, "QUOTE": 17, "QOTD": 17, "CHARGEN": 19, "FTP-DATA": 20, "FTP": 21, "SSH": 22,
		"TELNET": 23, "SMTP": 25, "NSW-FE": 27, "TIME": 37, "RLP": 39, "NAMESERVER": 42, "NICNAME": 43,
		"WHOIS": 43, "LOGIN": 49, "DOMAIN": 53, "BOOTPS": 67, "BOOTPC": 68, "TFTP": 69, "GOPHER": 70,
		"FINGER": 79, "HTTP": 80, "LINK": 87, "KERBEROS": 88, "SUPDUP": 95, "HOSTNAMES": 101,
		"HOSTNAME": 101, "ISO-TSAP": 102, "X400": 103, "X400-SND": 104, "CSNET-NS": 105, "POP2": 109,
		"POP3": 110, "SUNRPC": 111, "AUTH": 113, "SFTP": 115, "UUCP-PATH": 117, "NNTP": 119, "NTP": 123,
		"LOC-SRV": 135, "PROFILE": 136, "NETBIOS-NS": 137, "NETBIOS-DGM": 138, "NETBIOS-SSN": 139,
		"IMAP": 143, "IMAP2": 143, "SNMP": 161, "SNMPTRAP": 162, "SNMP-TRAP": 162, "BGP": 179, "IRC": 194,
		"LDAP": 389, "HTTPS": 443, "SUBMISSION": 587, "IMAPS": 993, "POP3S": 995,
	}
)

// wks reads the protocol and the services, by name or by number.
func (w *wordReader) wks() {
	code8(w, "a protocol, tcp, udp or a number from 0 to 255", wksProtocols)
	bitmap := len(w.b)
	for w.more() {
		text := w.word("a service")
		port, ok := parseCode(text, wksServices, "")
		if !ok {
			w.expected("a service, its name or a number from 0 to 65535")
			return
		}
		for len(w.b)-bitmap <= int(port/8) {
			w.b = append(w.b, 0)
		}
		w.b[bitmap+int(port/8)] |= 0x80 >> (port % 8)
	}
}

// appendWKSText appends protocol and services, as numbers.
func appendWKSText(b []byte, c *Cursor) []byte {
	b = appendUint(b, uint64(c.Uint8()))
	ports := c.servicePorts()
	if len(ports) > 0 && ports[len(ports)-1] == 0 {
		c.Fail(errNoText) // numbers would not bring these octets back
	}
	for i, octet := range ports {
		for bit := range 8 {
			if octet&(0x80>>bit) != 0 {
				b = appendUint(append(b, ' '), uint64(8*i+bit))
			}
		}
	}
	return b
}
