// Package processtime tells work that can wait how much else the process has to do.
package processtime
