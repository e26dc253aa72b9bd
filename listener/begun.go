package listener

import "net"

// begunListener accepts connections that TLS is spoken over, and of which the first octet
// is looked at before.
type begunListener struct{ net.Listener }

func (l begunListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &begunConn{Conn: conn}, nil
}

// begunConn is such a connection.
type begunConn struct {
	net.Conn
	first   [1]byte
	isFirst bool // first was read, and is still to be returned
}

// handshakeRecord is the first octet of a record of TLS that has a handshake message (RFC
// 8446 5.1). No PROXY header begins with it.
const handshakeRecord = 22

// beginsTLS reports whether a handshake comes first, and no PROXY header. It reads the first
// octet, which Read returns all the same.
func (c *begunConn) beginsTLS() (bool, error) {
	if _, err := c.Conn.Read(c.first[:]); err != nil {
		return false, err
	}
	c.isFirst = true
	return c.first[0] == handshakeRecord, nil
}

func (c *begunConn) Read(b []byte) (int, error) {
	if c.isFirst && len(b) > 0 {
		c.isFirst = false
		return copy(b, c.first[:]), nil
	}
	return c.Conn.Read(b)
}
