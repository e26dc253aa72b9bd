//go:build !unix

package confine

import "errors"

// Account is a user of the system.
type Account struct{ Name string }

var errNoUsers = errors.New("this system has no users to become")

// Find returns an error: there are no such users.
func Find(string) (*Account, error) { return nil, errNoUsers }

// IsCurrent reports false.
func (a *Account) IsCurrent() bool { return false }

// Trust does nothing.
func (a *Account) Trust() {}

// OwnTree returns an error.
func (a *Account) OwnTree(string) error { return errNoUsers }

// Own returns an error.
func (a *Account) Own(...string) error { return errNoUsers }

// Become returns an error.
func (a *Account) Become() error { return errNoUsers }
