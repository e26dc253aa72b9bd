package doh

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

func TestParseJSONQuestion(t *testing.T) {
	for variables, want := range map[string]jsonQuestion{
		"name=www.example":                      {name: wire.MustParseName("www.example."), kind: wire.TypeA},
		"name=www.example.&type=aaaa&cd=1&do":   {name: wire.MustParseName("www.example."), kind: wire.TypeAAAA, checkingDisabled: true, dnssec: true},
		"type=65&name=a%5C046b.example&do=true": {name: wire.MustParseName(`a\.b.example.`), kind: wire.TypeHTTPS, dnssec: true},
		"name=.&type=TYPE65280&cd=0&do=false":   {name: wire.Root, kind: 65280},
		"&name=x&random_padding=aaaa&&":         {name: wire.MustParseName("x."), kind: wire.TypeA},
		"name=x&ct=application/dns-json":        {name: wire.MustParseName("x."), kind: wire.TypeA},
		"name=x&edns_client_subnet=0.0.0.0%2F0": {name: wire.MustParseName("x."), kind: wire.TypeA},
	} {
		if got, err := parseJSONQuestion(variables); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", variables, got, err, want)
		}
	}
	for variables, want := range map[string]string{
		"":                                     "name is missing",
		"name=":                                "name: ",
		"type=A":                               "name is missing",
		"name=a..b":                            "name: ",
		"name=" + strings.Repeat("a.", 600):    "name: is longer than a domain name can be",
		"name=" + strings.Repeat("a.", 200):    "name: ",
		"name=x&name=y":                        "name is given twice",
		"name=%zz":                             `name: invalid URL escape "%zz"`,
		"name=x&type=0":                        "type: 0 is not a record type",
		"name=x&type=65536":                    "type: 65536 is not a record type",
		"name=x&type=-1":                       "type: -1 is not a record type",
		"name=x&type=AAAAA":                    "type: AAAAA is not a record type",
		"name=x&do=yes":                        `do: "yes" is not 0, false, 1 or true`,
		"name=x&cd=2":                          `cd: "2" is not 0, false, 1 or true`,
		"name=x&ct=application/dns-message":    `ct: "application/dns-message" is not application/dns-json`,
		"name=x&edns_client_subnet=10.0.0.0/8": "edns_client_subnet: no subnets are passed on",
		"name=x&Type=A":                        `"Type" is unknown: name, type, cd, do, ct and random_padding are known`,
	} {
		_, err := parseJSONQuestion(variables)
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), `"`, ""), strings.ReplaceAll(want, `"`, "")) {
			t.Errorf("%.40s: %v; want %s", variables, err, want)
		}
		if err != nil && len(err.Error()) > 300 {
			t.Errorf("%.40s: an error of %d octets", variables, len(err.Error()))
		}
	}
}

// answer is the JSON form as a client reads it.
type answer struct {
	Status             int
	TC, RD, RA, AD, CD bool
	Question           []struct {
		Name string `json:"name"`
		Type int    `json:"type"`
	}
	Answer, Authority, Additional []struct {
		Name string `json:"name"`
		Type int    `json:"type"`
		TTL  uint32
		Data string `json:"data"`
	}
	Comment []string
}

func TestJSON(t *testing.T) {
	h, _ := newHandler(t, Handler{JSON: true})
	for _, c := range []struct {
		url, cache, body string
	}{
		{"/dns-query?name=www.example&do=1", "max-age=60", `{"Status":0,"TC":false,"RD":true,"RA":false,"AD":false,"CD":false,"Question":[{"name":"www.example.","type":1}],` +
			`"Answer":[{"name":"www.example.","type":1,"TTL":300,"data":"192.0.2.1"},{"name":"www.example.","type":1,"TTL":60,"data":"192.0.2.2"}]}`},
		{"/dns-query?type=TXT&name=no.example&cd=1", "max-age=120", `{"Status":3,"TC":false,"RD":true,"RA":false,"AD":false,"CD":true,"Question":[{"name":"no.example.","type":16}],` +
			`"Authority":[{"name":"example.","type":6,"TTL":900,"data":". . 0 0 0 0 120"}]}`},
		{"/dns-query?name=a%5C034%5C%5C.example", "max-age=120", `{"Status":3,"TC":false,"RD":true,"RA":false,"AD":false,"CD":false,"Question":[{"name":"a\\\"\\\\.example.","type":1}],` +
			`"Authority":[{"name":"example.","type":6,"TTL":900,"data":". . 0 0 0 0 120"}]}`},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", c.url, nil))
		if w.Code != 200 || w.Header().Get("Content-Type") != "application/dns-json" || w.Header().Get("Cache-Control") != c.cache || strings.TrimSpace(w.Body.String()) != c.body {
			t.Errorf("%s: %d %v\n%s", c.url, w.Code, w.Header(), w.Body)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: not JSON", c.url)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/dns-query?name=broken.example", nil))
	var a answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || a.Status != 2 || len(a.Question) != 1 || w.Header().Get("Cache-Control") != "max-age=0" {
		t.Errorf("SERVFAIL: %v, %s", err, w.Body)
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/dns-query?name=x&what=<b>", nil))
	if w.Code != 400 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") || w.Header().Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(w.Body.String(), "is unknown") {
		t.Errorf("a variable that is unknown: %d %v %s", w.Code, w.Header(), w.Body)
	}
	// Messages are answered as before, and without the option the rest is what it was.
	w = httptest.NewRecorder()
	h.ServeHTTP(w, get("www.example."))
	if _, err := wire.ParseMessage(w.Body.Bytes()); err != nil || w.Header().Get("Content-Type") != mediaType {
		t.Errorf("a message: %v, %v", w.Header(), err)
	}
	h.JSON = false
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/dns-query?name=www.example", nil))
	if w.Code != 400 || w.Body.Len() != 0 {
		t.Errorf("without the option: %d %s", w.Code, w.Body)
	}
}

// A message of pointers to one long name, which unfolds, is cut, and says so.
func TestJSONIsBounded(t *testing.T) {
	long := wire.MustParseName(strings.Repeat(strings.Repeat(`\001`, 63)+".", 3) + "example.")
	e, err := listener.NewEdge(listener.Config{Resolver: names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
		for x.Reply.Raw(long, wire.TypeNULL, wire.ClassIN, 60, nil) == nil {
		}
		return nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	h := &Handler{Edge: e, JSON: true}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/dns-query?type=NULL&name="+strings.ReplaceAll(long.String(), `\`, "%5C"), nil))
	var a answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || !a.TC || len(a.Answer) < 100 {
		t.Errorf("%d, %v, %d records, TC %v", w.Code, err, len(a.Answer), a.TC)
	}
	if w.Body.Len() > maxJSON+10000 {
		t.Errorf("%d octets", w.Body.Len())
	}
}

// Extended errors are comments, and the code is the whole one.
func TestJSONComments(t *testing.T) {
	m := wire.Message{Flags: wire.FlagQR | wire.FlagRA, RCode: wire.RCodeBadVers, Questions: []wire.Question{{Name: wire.Root, Type: wire.TypeNS, Class: wire.ClassIN}},
		EDNS: new(wire.EDNS)}
	for _, e := range []wire.ExtendedError{{Code: 22}, {Code: 6, Text: "no \"key\"\x00"}} {
		m.EDNS.Options = m.EDNS.Options.Append(&e)
	}
	b, err := m.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := new(exchange).appendJSON(nil, b)
	var a answer
	if err != nil || json.Unmarshal(text, &a) != nil || a.Status != 16 || !a.RA || len(a.Comment) != 2 ||
		a.Comment[0] != "EDE: 22 (No Reachable Authority)" || a.Comment[1] != `EDE: 6 (DNSSEC Bogus): (no "key"\000)` {
		t.Errorf("%v, %s", err, text)
	}
}

func FuzzJSON(f *testing.F) {
	f.Add("name=www.example&type=AAAA&do=1", query("www.example."))
	f.Add("name=%41&cd&random_padding=x&ct=application/dns-json", append(bytes.Clone(query("a.example.")), 0, 0, 1))
	m := wire.Message{RCode: wire.RCodeBadVers, Questions: []wire.Question{{Name: wire.Root, Type: wire.TypeNS, Class: wire.ClassIN}},
		Answers: []wire.Record{{Name: wire.MustParseName(`a\"b\.`), Type: wire.TypeTXT, Class: wire.ClassIN, Data: []byte("\x04\"\\\x00\xff")}},
		EDNS:    &wire.EDNS{Options: wire.Options(nil).Append(&wire.ExtendedError{Code: 3, Text: "\xff\""})}}
	b, err := m.AppendTo(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("", b)
	f.Fuzz(func(t *testing.T, variables string, reply []byte) {
		if q, err := parseJSONQuestion(variables); err == nil {
			var read wire.Query
			read.Parse(q.appendQuery(nil))
			if read.Err != nil || read.Question.Name != q.name || read.Question.Type != q.kind || read.EDNS.DO() != q.dnssec {
				t.Errorf("%q: %+v, read as %+v", variables, q, read)
			}
		} else if len(err.Error()) > 1000 {
			t.Errorf("an error of %d octets", len(err.Error()))
		}
		text, err := new(exchange).appendJSON(nil, reply)
		if err == nil && (!json.Valid(text) || len(text) > 10*maxJSON) {
			t.Errorf("%d octets: %.200s", len(text), text)
		}
	})
}
