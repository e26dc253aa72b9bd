package serve

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"unicode"
)

// snake is a struct that is written as JSON with names like stored_failures, for
// structs of the library, which know nothing of JSON. Their order is kept, and
// embedded structs are written as part of the one they are in.
type snake struct{ value any }

// MarshalJSON writes the struct.
func (s snake) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	err := s.write(&b, reflect.ValueOf(s.value))
	b.WriteByte('}')
	return b.Bytes(), err
}

func (s snake) write(b *bytes.Buffer, v reflect.Value) error {
	for field, value := range v.Fields() {
		if field.Anonymous {
			if err := s.write(b, value); err != nil {
				return err
			}
			continue
		}
		inner := value.Interface()
		if value.Kind() == reflect.Struct {
			inner = snake{inner}
		}
		text, err := json.Marshal(inner)
		if err != nil {
			return err
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + snakeCase(field.Name) + `":`)
		b.Write(text)
	}
	return nil
}

// snakeCase turns UDPQueries into udp_queries.
func snakeCase(name string) string {
	letters := []rune(name)
	var b strings.Builder
	for i, c := range letters {
		if i > 0 && unicode.IsUpper(c) && (unicode.IsLower(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
