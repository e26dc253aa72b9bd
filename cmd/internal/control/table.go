package control

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// field is a member of a JSON object. Objects are lists of them, so that the
// order that the server chose is kept.
type field struct {
	name  string
	value any // string, json.Number, bool, nil, []field, []any
}

// decode reads JSON.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return decodeNext(d)
}

func decodeNext(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		object := []field{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			value, err := decodeNext(d)
			if err != nil {
				return nil, err
			}
			object = append(object, field{fmt.Sprint(name), value})
		}
		_, err := d.Token()
		return object, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			value, err := decodeNext(d)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err := d.Token()
		return list, err
	}
	return token, nil
}

// printValue writes a value for people: an object as lines, a list of objects as a
// table, other lists one a line.
func printValue(to io.Writer, value any) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	switch v := value.(type) {
	case []field:
		printObject(w, "", v)
		for _, f := range v {
			if list, ok := f.value.([]any); ok && isTable(list) {
				fmt.Fprintf(w, "\n%s\n", f.name)
				w.Flush()
				printList(w, list)
				w.Flush()
			}
		}
	case []any:
		if len(v) == 0 {
			fmt.Fprintln(w, "none") // rather than nothing, which looks like a failure
		}
		printList(w, v)
	default:
		fmt.Fprintln(w, scalar(v))
	}
	return w.Flush()
}

// isTable reports whether a list has objects.
func isTable(list []any) bool {
	if len(list) == 0 {
		return false
	}
	_, ok := list[0].([]field)
	return ok
}

func printObject(w io.Writer, prefix string, object []field) {
	for _, f := range object {
		switch v := f.value.(type) {
		case []field:
			printObject(w, prefix+f.name+" ", v)
		case []any:
			if !isTable(v) {
				fmt.Fprintf(w, "%s\t%s\n", strings.ReplaceAll(prefix+f.name, "_", " "), scalar(v))
			}
		default:
			fmt.Fprintf(w, "%s\t%s\n", strings.ReplaceAll(prefix+f.name, "_", " "), scalar(v))
		}
	}
}

// printList writes a table whose columns are the fields of the first object.
func printList(w io.Writer, list []any) {
	var columns []string
	for _, each := range list {
		object, ok := each.([]field)
		if !ok {
			fmt.Fprintln(w, scalar(each))
			continue
		}
		for _, f := range object {
			if !slices.Contains(columns, f.name) {
				columns = append(columns, f.name)
			}
		}
	}
	if columns == nil {
		return
	}
	fmt.Fprintln(w, strings.ToUpper(strings.ReplaceAll(strings.Join(columns, "\t"), "_", " ")))
	for _, each := range list {
		object, _ := each.([]field)
		cells := make([]string, len(columns))
		for _, f := range object {
			cells[slices.Index(columns, f.name)] = scalar(f.value)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
}

// scalar writes a value on one line, without what a terminal would obey.
func scalar(value any) string {
	switch v := value.(type) {
	case nil:
		return "-"
	case string:
		return strings.Map(func(c rune) rune {
			if c < 0x20 || c >= 0x7f && c < 0xa0 {
				return '?'
			}
			return c
		}, v)
	case []any:
		parts := make([]string, len(v))
		for i, each := range v {
			parts[i] = scalar(each)
		}
		return strings.Join(parts, ", ")
	case []field:
		parts := make([]string, len(v))
		for i, each := range v {
			parts[i] = each.name + "=" + scalar(each.value)
		}
		return strings.Join(parts, " ")
	}
	return fmt.Sprint(value)
}
