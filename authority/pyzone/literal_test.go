package pyzone

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/authority/diagnostic"
)

// evaluate prints what Python makes of literals, a line each in hexadecimal.
const evaluate = `
import ast, sys
for line in open(sys.argv[1]):
    source = bytes.fromhex(line)
    try:
        value = ast.literal_eval(source.decode('utf-8'))
        if isinstance(value, str):
            print("a string", value.encode('utf-8').hex())
        elif isinstance(value, bytes):
            print("a bytes string", value.hex())
        elif isinstance(value, bool) or value is None:
            print(value)
        elif isinstance(value, (int, float)):
            print("number", float(value).hex())
        else:
            print("else")
    except Exception as e:
        print("error")
`

// literalOf is the value of text as this package has it, in the words of
// evaluate.
func literalOf(text string) string {
	var problems diagnostic.List
	p := newParser([]byte("x = ("+text+")"), "x", &problems, nil)
	if err := p.parse(); err != nil || problems.Errors > 0 {
		return "error"
	}
	v := p.variables["x"]
	switch v.kind {
	case textString, byteString:
		return strings.TrimSpace(fmt.Sprintf("%v %s", v.kind, hex.EncodeToString(v.octets)))
	case none:
		return "None"
	case boolean:
		return map[bool]string{true: "True", false: "False"}[v.integer == 1]
	case integer, float:
		n := float64(v.integer) + v.float
		if v.negative {
			n = -n
		}
		return "number " + pythonHex(n)
	}
	return "else"
}

// pythonHex is what Python's float.hex returns.
func pythonHex(n float64) string {
	s := fmt.Sprintf("%.13x", n)
	if n == 0 {
		return "0x0.0p+0"
	}
	mantissa, exponent, _ := strings.Cut(s, "p")
	sign := exponent[:1]
	exponent = strings.TrimLeft(exponent[1:], "0")
	if exponent == "" {
		exponent = "0"
	}
	return mantissa + "p" + sign + exponent
}

// Literals thrown together at random mean what they mean to Python, or are
// errors to both. Python's own limits and ours are left out by construction:
// no f-strings, no \N, no number of more than 18 digits.
func TestLiteralsAsPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	pieces := []string{
		"'", "'", `"`, `'''`, `"""`, `\`, `\\`, `\n`, `\x41`, `\x4`, `\101`, `\7`, `\u00e9`, `\u12`, `\U0001F600`, `\U00110000`,
		"\\\n", "\\\r\n", "\n", "\r\n", "r", "b", "u", "R", "B", "rb", "br", "ur", "a", "é", " ", "\t", "x", "#", `\'`, `\"`, `\ `, `\d`,
	}
	numbers := []string{"0", "1", "2", "9", "_", ".", "e", "E", "+", "-", "0x", "0X", "0o", "0b", "a", "F", "j", "00", "10", " "}
	whole := []string{"'a' 'b'", "'a' b'b'", "b'a'b'b'", "('a')", "None", "True", "False", "-1", "+1", "- 1", "('a'\n'b')", "'a' # c\n'b'"}
	random := rand.New(rand.NewPCG(3, 4))
	texts := whole
	for range 20000 {
		from, most := pieces, 8
		var b strings.Builder
		quote := []string{"'", `"`, `'''`, "r'", "b'", "Rb\"", ""}[random.IntN(7)]
		if random.IntN(4) == 0 {
			from, most, quote = numbers, 6, ""
		}
		b.WriteString(quote)
		for range 1 + random.IntN(most) {
			b.WriteString(from[random.IntN(len(from))])
		}
		b.WriteString(strings.TrimLeft(quote, "rbRB"))
		texts = append(texts, b.String())
	}
	var lines strings.Builder
	for _, text := range texts {
		// In parentheses, so that a line's end is none of the statement's.
		fmt.Fprintf(&lines, "%s\n", hex.EncodeToString([]byte("("+text+")")))
	}
	path := filepath.Join(t.TempDir(), "literals")
	if err := os.WriteFile(path, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, "-W", "ignore", "-c", evaluate, path).Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(answers) != len(texts) {
		t.Fatalf("%d answers to %d texts", len(answers), len(texts))
	}
	good := 0
	for i, text := range texts {
		want := strings.TrimSpace(answers[i])
		switch want {
		case "else": // a complex number, a tuple: nothing a record takes
			continue
		case "number inf", "number -inf": // no number to count with
			want = "error"
		case "number -0x0.0p+0":
			want = "number 0x0.0p+0"
		}
		got := literalOf(text)
		if got != want {
			t.Errorf("%q is %s here, %s in Python", text, got, want)
		}
		if want != "error" {
			good++
		}
	}
	if good < 1000 {
		t.Errorf("only %d literals were good ones", good)
	}
}
