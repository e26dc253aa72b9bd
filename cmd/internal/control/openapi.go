package control

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// object is a part of an OpenAPI document.
type object map[string]any

// OpenAPI describes the API of verbs, as an OpenAPI document in JSON.
func OpenAPI(verbs []Verb, version string) []byte {
	paths := object{"/v1/": object{"get": object{
		"operationId": "verbs", "summary": "The verbs of the server.", "responses": responses(reflect.TypeFor[[]Verb]()),
	}}}
	for i := range verbs {
		v := verbs[i]
		v.countArguments()
		method := "get"
		if v.Changes {
			method = "post"
		}
		operation := object{
			"operationId": strings.ReplaceAll(v.Name, " ", "-"), "summary": v.What,
			"responses": responses(reflect.TypeOf(v.Reply)),
		}
		if v.most > 0 {
			operation["parameters"] = []object{{
				"name": "arg", "in": "query", "required": v.least > 0, "style": "form", "explode": true,
				"description": "The arguments, one after the other: " + v.Arguments,
				"schema":      object{"type": "array", "items": object{"type": "string"}, "minItems": v.least, "maxItems": v.most},
			}}
		}
		paths[v.path()] = object{method: operation}
	}
	b, err := json.MarshalIndent(object{
		"openapi": "3.1.0",
		"info": object{"title": "Control API of the names DNS server", "version": version,
			"description": "Verbs that change something take POST, others GET. docs/control.md has the words for people."},
		"paths": paths,
		"components": object{"schemas": object{"failure": object{
			"type": "object", "properties": object{"error": object{"type": "string"}}, "required": []string{"error"},
		}}},
	}, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("a description of strings and numbers cannot be written: %v", err))
	}
	return append(b, '\n')
}

// responses are the replies to a verb that returns a t; nil: it may return anything.
func responses(t reflect.Type) object {
	all := object{}
	for status, what := range map[string]string{"400": "The request is wrong in itself.", "409": "It could not be done."} {
		all[status] = object{"description": what, "content": object{"application/json": object{"schema": object{"$ref": "#/components/schemas/failure"}}}}
	}
	all["200"] = object{"description": "It was done.", "content": object{"application/json": object{"schema": schema(t)}}}
	return all
}

// schema describes the JSON that encoding/json makes of a t.
func schema(t reflect.Type) object {
	if t == nil {
		return object{}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schema(t.Elem())
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Slice:
		return object{"type": "array", "items": schema(t.Elem())}
	case reflect.Struct:
		properties, required := object{}, []string{}
		for field := range t.Fields() {
			name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "-" || !field.IsExported() {
				continue
			}
			properties[name] = schema(field.Type)
			if options != "omitempty" {
				required = append(required, name)
			}
		}
		slices.Sort(required)
		return object{"type": "object", "properties": properties, "required": required}
	case reflect.Float64:
		return object{"type": "number"}
	}
	return object{"type": "integer"}
}
