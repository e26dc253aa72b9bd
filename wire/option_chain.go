package wire

// Chain asks for all records that validation needs below a name that the
// client trusts already (RFC 7901).
type Chain struct {
	ClosestTrustPoint Name
}

// OptionCode implements [Option].
func (o *Chain) OptionCode() OptionCode { return OptionChain }

// Parse implements [Option].
func (o *Chain) Parse(data []byte) (err error) {
	o.ClosestTrustPoint, err = parseOptionName(data)
	return err
}

// Len implements [Option].
func (o *Chain) Len() int { return o.ClosestTrustPoint.Len() }

// AppendTo implements [Option].
func (o *Chain) AppendTo(b []byte) []byte { return o.ClosestTrustPoint.AppendTo(b) }

// AppendText implements [Option]: the name.
func (o *Chain) AppendText(b []byte) []byte { return o.ClosestTrustPoint.AppendText(b) }

// ParseText implements [Option].
func (o *Chain) ParseText(text string) (err error) {
	o.ClosestTrustPoint, err = ParseName(text)
	return err
}

// parseOptionName reads an option that is one name, uncompressed.
func parseOptionName(data []byte) (Name, error) {
	c := CursorOver(data)
	name := c.Name()
	if err := c.Close(); err != nil {
		return Name{}, ErrOption
	}
	return name, nil
}
