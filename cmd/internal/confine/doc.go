// Package confine takes from the process what it does not need any longer: the
// rights of root, and files that it has no business with (Landlock).
package confine
