// Package howto holds the code of docs/building-servers.md, which is compiled
// and run by its tests. It has nothing to import.
package howto
