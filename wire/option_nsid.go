package wire

// NSID identifies a server (RFC 5001). It is empty in queries.
type NSID struct {
	ID []byte
}

// OptionCode implements [Option].
func (o *NSID) OptionCode() OptionCode { return OptionNSID }

// Parse implements [Option]. It never fails.
func (o *NSID) Parse(data []byte) error {
	o.ID = data
	return nil
}

// Len implements [Option].
func (o *NSID) Len() int { return len(o.ID) }

// AppendTo implements [Option].
func (o *NSID) AppendTo(b []byte) []byte { return append(b, o.ID...) }

// AppendText implements [Option]: 6e 73 31 ("ns1").
func (o *NSID) AppendText(b []byte) []byte { return appendDump(b, o.ID) }

// ParseText implements [Option].
func (o *NSID) ParseText(text string) (err error) {
	o.ID, err = parseDump(text)
	return err
}
