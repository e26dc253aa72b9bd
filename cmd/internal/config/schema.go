package config

import (
	"encoding/json"
	"fmt"
)

// object is a part of a JSON Schema.
type object map[string]any

// Schema returns a JSON Schema of the file, with which editors complete and
// check it.
func Schema() []byte {
	properties := object{"include": object{
		"type": "array", "items": object{"type": "string"}, "minItems": 1, "description": includeText,
	}}
	for _, s := range sections {
		properties[s.name] = s.schema()
	}
	b, err := json.MarshalIndent(object{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "Configuration of the names DNS server",
		"type":    "object", "additionalProperties": false, "properties": properties,
	}, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("a schema of strings and numbers cannot be written: %v", err))
	}
	return append(b, '\n')
}

// includeText says what include does.
const includeText = "Further files, as a list of patterns. Paths in a file begin at the folder of that file. An included file cannot include others, and an option cannot be given twice."

func (s section) schema() object {
	properties := object{}
	var required []string
	for _, o := range s.options {
		properties[o.key] = o.schema()
		if o.isRequired {
			required = append(required, o.key)
		}
	}
	table := object{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		table["required"] = required
	}
	switch s.form {
	case isListed:
		return object{"type": "array", "items": table, "description": s.what}
	case isNamed:
		return object{"type": "object", "additionalProperties": table, "description": s.what}
	}
	table["description"] = s.what
	return table
}

func (o about) schema() object {
	schema := object{"description": o.what + " Default: " + o.why}
	switch o.kind {
	case isString:
		schema["type"] = "string"
		if o.isSize {
			schema["type"] = []string{"string", "integer"}
		}
		if o.words != nil {
			schema["enum"] = o.words
		}
	case isInteger:
		schema["type"], schema["minimum"], schema["maximum"] = "integer", o.least, o.most
	case isBool:
		schema["type"] = "boolean"
	case isArray:
		schema["type"], schema["items"], schema["minItems"] = "array", object{"type": "string"}, 1
		if o.tables != nil {
			properties := object{}
			for _, each := range o.tables {
				properties[each.key] = each.schema()
			}
			schema["items"] = object{"type": "object", "additionalProperties": false, "properties": properties}
		}
	}
	return schema
}
