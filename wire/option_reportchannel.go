package wire

// ReportChannel is where failures to validate an answer may be reported (RFC 9567).
type ReportChannel struct {
	Agent Name
}

// OptionCode implements [Option].
func (o *ReportChannel) OptionCode() OptionCode { return OptionReportChannel }

// Parse implements [Option].
func (o *ReportChannel) Parse(data []byte) (err error) {
	o.Agent, err = parseOptionName(data)
	return err
}

// Len implements [Option].
func (o *ReportChannel) Len() int { return o.Agent.Len() }

// AppendTo implements [Option].
func (o *ReportChannel) AppendTo(b []byte) []byte { return o.Agent.AppendTo(b) }

// AppendText implements [Option]: the name.
func (o *ReportChannel) AppendText(b []byte) []byte { return o.Agent.AppendText(b) }

// ParseText implements [Option].
func (o *ReportChannel) ParseText(text string) (err error) {
	o.Agent, err = ParseName(text)
	return err
}
