package wire

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// ZoneVersion tells which version of a zone an answer comes from (RFC 9660).
// It is empty in queries.
type ZoneVersion struct {
	Labels  uint8 // of the zone's name, the root not counted
	Type    uint8 // what Version is: [ZoneVersionSerial] or another of IANA's list
	Version []byte
	Empty   bool
}

// ZoneVersionSerial is the type of a version that is the serial of the SOA.
const ZoneVersionSerial = 0

// OptionCode implements [Option].
func (o *ZoneVersion) OptionCode() OptionCode { return OptionZoneVersion }

// Parse implements [Option].
func (o *ZoneVersion) Parse(data []byte) error {
	switch {
	case len(data) == 0:
		*o = ZoneVersion{Empty: true}
		return nil
	case len(data) < 2, data[1] == ZoneVersionSerial && len(data) != 6:
		return fmt.Errorf("%w: neither empty nor the octets of its type", ErrOption)
	case data[0] > maxLabels:
		return fmt.Errorf("%w: no name has %d labels", ErrOption, data[0])
	}
	*o = ZoneVersion{Labels: data[0], Type: data[1], Version: data[2:]}
	return nil
}

// Len implements [Option].
func (o *ZoneVersion) Len() int {
	if o.Empty {
		return 0
	}
	return 2 + len(o.Version)
}

// AppendTo implements [Option].
func (o *ZoneVersion) AppendTo(b []byte) []byte {
	if o.Empty {
		return b
	}
	b = append(b, o.Labels, o.Type)
	return append(b, o.Version...)
}

const zoneVersionSerialName = "SOA-SERIAL"

// AppendText implements [Option]: the number of labels, SOA-SERIAL and the
// serial; of other types the number and the octets.
func (o *ZoneVersion) AppendText(b []byte) []byte {
	if o.Empty {
		return b
	}
	b = strconv.AppendUint(b, uint64(o.Labels), 10)
	b = append(b, ' ')
	if o.Type == ZoneVersionSerial && len(o.Version) == 4 {
		b = append(b, zoneVersionSerialName...)
		b = append(b, ' ')
		return strconv.AppendUint(b, uint64(binary.BigEndian.Uint32(o.Version)), 10)
	}
	b = strconv.AppendUint(b, uint64(o.Type), 10)
	b = append(b, ' ')
	return hex.AppendEncode(b, o.Version)
}

// ParseText implements [Option].
func (o *ZoneVersion) ParseText(text string) error {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		*o = ZoneVersion{Empty: true}
		return nil
	}
	if len(fields) < 2 || len(fields) > 3 {
		return fmt.Errorf("%w: not of the form LABELS TYPE VERSION", ErrOption)
	}
	fields = append(fields, "")[:3] // a version may be empty
	labels, err := parseNumber(fields[0], 8)
	if err != nil {
		return err
	}
	if strings.EqualFold(fields[1], zoneVersionSerialName) {
		serial, err := parseNumber(fields[2], 32)
		if err != nil {
			return err
		}
		return o.Parse(binary.BigEndian.AppendUint32([]byte{byte(labels), ZoneVersionSerial}, uint32(serial)))
	}
	kind, err := parseNumber(fields[1], 8)
	if err != nil {
		return err
	}
	data, err := hex.AppendDecode([]byte{byte(labels), byte(kind)}, []byte(fields[2]))
	if err != nil {
		return fmt.Errorf("%w: version is not octets in hexadecimal", ErrOption)
	}
	return o.Parse(data)
}
