package wire_test

import (
	"fmt"

	"github.com/names-dns/names/wire"
)

// Words of a zone file become the octets of a record, and the octets text.
func ExampleAppendRdataFromText() {
	words := []wire.Word{{Text: []byte("10")}, {Text: []byte("mail")}}
	data, err := wire.AppendRdataFromText(nil, wire.TypeMX, words, wire.MustParseName("example.com."))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%X\n", data)
	fmt.Println(string(wire.AppendRdataText(nil, wire.TypeMX, data)))
	// Output:
	// 000A046D61696C076578616D706C6503636F6D00
	// 10 mail.example.com.
}

// An error names the word that is wrong.
func ExampleWordError() {
	words := []wire.Word{{Text: []byte("10")}}
	_, err := wire.AppendRdataFromText(nil, wire.TypeMX, words, wire.Root)
	fmt.Println(err)
	// Output:
	// word 2 of the data: expected a name, found the end of the data
}

// Octets become a value with the fields of the type's RFC.
func ExampleNewRdata() {
	data := []byte("\x00\x0A\x04mail\x07example\x00")
	c := wire.CursorOver(data)
	d := wire.NewRdata(wire.TypeMX)
	if err := d.Parse(&c); err != nil {
		fmt.Println(err)
		return
	}
	if mx, ok := d.(*wire.MX); ok {
		fmt.Println(mx.Preference, mx.Exchange)
	}
	// Output:
	// 10 mail.example.
}

// Parameters of a service are kept in wire form.
func ExampleSvcParams_Set() {
	var params wire.SvcParams
	params = params.Set(wire.SvcPort, []byte{0x01, 0xBB})
	params = params.Set(wire.SvcALPN, []byte("\x02h2\x02h3"))
	d := wire.HTTPS{SVCB: wire.SVCB{Priority: 1, Target: wire.Root, Params: params}}
	fmt.Println(d.String())
	// Output:
	// 1 . alpn="h2,h3" port=443
}
