// Package web serves a page on which an operator looks at a running server. All of
// it is embedded; it makes no request to other servers. What the page shows it gets
// from the API of package control.
package web
