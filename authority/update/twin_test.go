package update

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// slowZone is a list of records, to which RFC 2136 3 is applied line by line as
// its pseudocode has it.
type slowZone []wire.Record

func sameName(a, b wire.Name) bool { return strings.EqualFold(a.Wire(), b.Wire()) } // names of the test are ASCII

func (z slowZone) rrset(name wire.Name, kind wire.Type) (all []wire.Record) {
	for _, r := range z {
		if sameName(r.Name, name) && (r.Type == kind || kind == wire.TypeANY) {
			all = append(all, r)
		}
	}
	return all
}

func sameData(a, b wire.Record) bool {
	return a.Type == b.Type && canonical(&a) == canonical(&b)
}

// prerequisites is RFC 2136 3.2.5.
func (z slowZone) prerequisites(r *Request) wire.RCode {
	var temp []wire.Record
	for _, rr := range r.Prerequisites {
		if rr.TTL != 0 {
			return wire.RCodeFormErr
		}
		if !rr.Name.HasSuffix(r.Zone) {
			return wire.RCodeNotZone
		}
		switch rr.Class {
		case wire.ClassAny, wire.ClassNone:
			if len(rr.Data) != 0 {
				return wire.RCodeFormErr
			}
			found := len(z.rrset(rr.Name, rr.Type)) > 0
			switch {
			case rr.Class == wire.ClassAny && rr.Type == wire.TypeANY && !found:
				return wire.RCodeNXDomain
			case rr.Class == wire.ClassAny && !found:
				return wire.RCodeNXRRSet
			case rr.Class == wire.ClassNone && rr.Type == wire.TypeANY && found:
				return wire.RCodeYXDomain
			case rr.Class == wire.ClassNone && found:
				return wire.RCodeYXRRSet
			}
		case r.Class:
			temp = append(temp, rr)
		default:
			return wire.RCodeFormErr
		}
	}
	for _, rr := range temp {
		want, have := slowZone(temp).rrset(rr.Name, rr.Type), z.rrset(rr.Name, rr.Type)
		for _, both := range [][2][]wire.Record{{want, have}, {have, want}} {
			for _, one := range both[0] {
				if !slices.ContainsFunc(both[1], func(other wire.Record) bool { return sameData(one, other) }) {
					return wire.RCodeNXRRSet
				}
			}
		}
	}
	return wire.RCodeNoError
}

// prescan is RFC 2136 3.4.1.3.
func (z slowZone) prescan(r *Request) wire.RCode {
	for _, rr := range r.Updates {
		isMeta := rr.Type == 0 || rr.Type == wire.TypeOPT || rr.Type >= 128 && rr.Type < 256
		switch {
		case !rr.Name.HasSuffix(r.Zone):
			return wire.RCodeNotZone
		case rr.Class == r.Class && (isMeta || wire.CheckRdata(rr.Type, rr.Data) != nil):
			return wire.RCodeFormErr
		case rr.Class == r.Class:
		case rr.Class == wire.ClassAny && (rr.TTL != 0 || len(rr.Data) != 0 || isMeta && rr.Type != wire.TypeANY):
			return wire.RCodeFormErr
		case rr.Class == wire.ClassAny:
		case rr.Class == wire.ClassNone && (rr.TTL != 0 || isMeta):
			return wire.RCodeFormErr
		case rr.Class == wire.ClassNone:
		default:
			return wire.RCodeFormErr
		}
	}
	return wire.RCodeNoError
}

// update is RFC 2136 3.4.2.7, with RFC 2181 5.2 for TTLs.
func (z slowZone) update(r *Request) slowZone {
	z = slices.Clone(z)
	remove := func(which func(wire.Record) bool) { z = slices.DeleteFunc(z, which) }
	soaSerial := func(r wire.Record) uint32 { return binary.BigEndian.Uint32(r.Data[len(r.Data)-20:]) }
	for _, rr := range r.Updates {
		at := func(o wire.Record) bool { return sameName(o.Name, rr.Name) }
		isApex := sameName(rr.Name, r.Zone)
		switch rr.Class {
		case r.Class:
			all := z.rrset(rr.Name, wire.TypeANY)
			hasOther := slices.ContainsFunc(all, func(o wire.Record) bool {
				return o.Type != wire.TypeCNAME && o.Type != wire.TypeNSEC && o.Type != wire.TypeRRSIG
			})
			isAlias := len(z.rrset(rr.Name, wire.TypeCNAME)) > 0
			if rr.Type == wire.TypeCNAME && hasOther || rr.Type != wire.TypeCNAME && rr.Type != wire.TypeNSEC && rr.Type != wire.TypeRRSIG && isAlias {
				continue
			}
			if rr.Type == wire.TypeSOA {
				soa := z.rrset(rr.Name, wire.TypeSOA)
				if len(soa) == 0 || soaSerial(rr) != soaSerial(soa[0]) && !wire.Serial(soaSerial(soa[0])).Less(wire.Serial(soaSerial(rr))) {
					continue
				}
			}
			isOne := rr.Type == wire.TypeSOA || rr.Type == wire.TypeCNAME || rr.Type == wire.TypeDNAME
			remove(func(o wire.Record) bool {
				isService := rr.Type == wire.TypeWKS && o.Type == wire.TypeWKS && string(o.Data[:5]) == string(rr.Data[:5])
				return at(o) && o.Type == rr.Type && (isOne || isService || sameData(o, rr))
			})
			if len(all) > 0 {
				rr.Name = all[0].Name
			}
			z = append(z, rr)
			for i := range z {
				if at(z[i]) && z[i].Type == rr.Type {
					z[i].TTL = min(rr.TTL, 1<<31-1) // RFC 2181 8
				}
			}
		case wire.ClassAny:
			remove(func(o wire.Record) bool {
				if !at(o) || isApex && (o.Type == wire.TypeSOA || o.Type == wire.TypeNS) {
					return false
				}
				return o.Type == rr.Type || rr.Type == wire.TypeANY && o.Type != wire.TypeNSEC && o.Type != wire.TypeRRSIG
			})
		case wire.ClassNone:
			if rr.Type == wire.TypeSOA || rr.Type == wire.TypeNS && isApex && len(z.rrset(rr.Name, wire.TypeNS)) == 1 {
				continue
			}
			remove(func(o wire.Record) bool { return at(o) && sameData(o, rr) })
		}
	}
	return z
}

// request is what the twin makes of a request: the zone afterwards, unless the
// RCODE is an error.
func (z slowZone) request(r *Request) (wire.RCode, slowZone) {
	if rcode := z.prerequisites(r); rcode != wire.RCodeNoError {
		return rcode, z
	}
	if rcode := z.prescan(r); rcode != wire.RCodeNoError {
		return rcode, z
	}
	return wire.RCodeNoError, z.update(r)
}

// lines is the records as text, in order, without the serial number.
func (z slowZone) lines() []string {
	var lines []string
	for _, r := range z {
		if r.Type == wire.TypeSOA {
			r = r.Clone()
			clear(r.Data[len(r.Data)-20:][:4])
		}
		lines = append(lines, strings.ToLower(r.String()))
	}
	slices.Sort(lines)
	return lines
}

func recordsOf(z *authority.Zone) (all slowZone) {
	for r := range z.Snapshot().All() {
		all = append(all, r.Clone())
	}
	return all
}

// compare makes a request of a zone and of its twin.
func compare(t *testing.T, z *authority.Zone, r *Request) {
	t.Helper()
	before, serial := recordsOf(z), z.Snapshot().Serial()
	want, after := before.request(r)
	got, err := try(z, r)
	if want == wire.RCodeNoError && got == wire.RCodeRefused {
		// What the zone refuses as a whole the twin does not know; the zone is as before.
		var e *Error
		if !errors.As(err, &e) || !slices.Equal(recordsOf(z).lines(), before.lines()) {
			t.Fatalf("%v\nzone is %q\nnot %q", err, recordsOf(z).lines(), before.lines())
		}
		return
	}
	if got != want {
		t.Fatalf("%+v of %q: %v, twin says %v", r, before.lines(), err, want)
	}
	if have, wanted := recordsOf(z).lines(), after.lines(); !slices.Equal(have, wanted) {
		t.Fatalf("%+v of %q:\nzone is %q\ntwin is %q", r, before.lines(), have, wanted)
	}
	if is := z.Snapshot().Serial(); is != serial && !serial.Less(is) || is == serial && !slices.Equal(before.lines(), recordsOf(z).lines()) {
		t.Fatalf("serial number goes from %v to %v", serial, is)
	}
}

// randomRequest chooses prerequisites and updates of few names, so that they meet.
func randomRequest(choose func(n int) int) *Request {
	pick := func(words ...string) string { return words[choose(len(words))] }
	r := NewRequest(origin)
	name := func() string { return pick("@", "a", "A", "b", "c.b", "d", "example.org.") }
	data := func() string {
		switch pick("A", "MX", "TXT", "CNAME", "NS", "SOA", "WKS", "DNAME", "NSEC") {
		case "A":
			return "A 192.0.2." + pick("1", "2", "3")
		case "MX":
			return "MX 1 " + pick("a", "A", "b")
		case "TXT":
			return "TXT " + pick("a", "A")
		case "CNAME":
			return "CNAME " + pick("a", "b")
		case "NS":
			return "NS " + pick("ns", "a")
		case "WKS":
			return "WKS 192.0.2.1 " + pick("6", "17") + " " + pick("25", "80")
		case "DNAME":
			return "DNAME " + pick("x.org.", "y.org.")
		case "NSEC":
			return "NSEC b A"
		}
		return "SOA ns admin " + pick("5", "10", "20", "2147483700") + " 7200 3600 1209600 " + pick("300", "400")
	}
	kind := func() string { return pick("A", "MX", "TXT", "CNAME", "NS", "SOA", "ANY", "NSEC") }
	for range choose(3) {
		switch choose(5) {
		case 0:
			mustParse(r, "yxrrset "+name()+" "+kind())
		case 1:
			mustParse(r, "nxrrset "+name()+" "+kind())
		case 2:
			mustParse(r, "yxdomain "+name())
		case 3:
			mustParse(r, "nxdomain "+name())
		case 4:
			mustParse(r, "yxrrset "+name()+" "+data())
		}
	}
	for range choose(6) {
		switch choose(4) {
		case 0, 1:
			mustParse(r, "add "+name()+" "+pick("60", "90")+" "+data())
		case 2:
			mustParse(r, "del "+name()+" "+kind())
		case 3:
			mustParse(r, "del "+name()+" "+data())
		}
	}
	return r
}

func mustParse(r *Request, line string) {
	if err := r.Parse(line, Text{Origin: origin}); err != nil {
		panic(fmt.Sprintf("%s: %v", line, err))
	}
}

// TestTwin: random requests do what the pseudocode of the RFC does.
func TestTwin(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		z := newZone(t, "a A 192.0.2.1\nb MX 1 a")
		for range 50 {
			compare(t, z, randomRequest(random.IntN))
		}
	}
}

// FuzzUpdate gives octets as a request to a zone and to its twin.
func FuzzUpdate(f *testing.F) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		b, err := randomRequest(random.IntN).AppendTo(nil, 1)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		r, err := ParseRequest(message)
		if err != nil {
			if RCodeOf(err) != wire.RCodeFormErr {
				t.Fatal(err)
			}
			return
		}
		again, err := r.AppendTo(nil, 1)
		if err == nil {
			if _, err := ParseRequest(again); err != nil {
				t.Fatalf("%+v does not read back: %v", r, err)
			}
		}
		if !r.Zone.Equal(origin) || r.Class != wire.ClassIN {
			return
		}
		for _, u := range r.Updates { // the twin knows no other signatures and chains
			if u.Type == wire.TypeRRSIG || u.Type == wire.TypeNSEC3 || u.Type == wire.TypeKEY || u.Type == wire.TypeSIG || u.Type == wire.TypeNXT {
				return
			}
		}
		compare(t, newZone(t, "a A 192.0.2.1\nb MX 1 a\nw WKS 192.0.2.1 6 25"), r)
	})
}
