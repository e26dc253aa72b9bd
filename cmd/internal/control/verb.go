package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Verb is something that a server can be asked.
type Verb struct {
	Name      string `json:"name"`      // one word or several, like "cache flush name"
	Arguments string `json:"arguments"` // like "[ZONE]"; "DATA..." stands for several words
	What      string `json:"what"`      // a sentence
	Changes   bool   `json:"changes"`   // POST; the others are GET

	least, most int // arguments

	// Do returns what is printed: a value that encoding/json can write. Objects
	// become lines, lists of objects tables.
	Do func(ctx context.Context, args []string) (any, error) `json:"-"`

	// Reply is a value of the type that Do returns, for the description of the API.
	// It may be nil.
	Reply any `json:"-"`
}

// path is the verb in a URL.
func (v *Verb) path() string { return "/v1/" + strings.ReplaceAll(v.Name, " ", "/") }

// countArguments works out how many arguments the verb takes.
func (v *Verb) countArguments() {
	for word := range strings.FieldsSeq(v.Arguments) {
		if v.most++; word[0] != '[' {
			v.least++
		}
		if strings.Contains(word, "...") {
			v.most = maxArguments
		}
	}
}

// check reports whether there are as many arguments as the verb takes.
func (v *Verb) check(args []string) error {
	switch {
	case len(args) < v.least:
		return Usagef("%s: an argument is missing; write %s", v.Name, v.usage())
	case len(args) > v.most:
		return Usagef("%s: %q is an argument too many; write %s", v.Name, args[v.most], v.usage())
	}
	return nil
}

func (v *Verb) usage() string { return strings.TrimSpace("names ctl " + v.Name + " " + v.Arguments) }

// usageError is the error of a request that is wrong in itself.
type usageError struct{ error }

// Usagef returns an error that says that the request itself is wrong: HTTP status
// 400, exit code 2.
func Usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func isUsage(err error) bool { return errors.As(err, new(usageError)) }
