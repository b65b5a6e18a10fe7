// Package hook lets a package report a panic to the except hook of package thread, on a goroutine that lives on.
package hook

// Report calls the except hook in the calling thread. It is set by package thread, and like there, a panic in the hook
// ends the process.
var Report func(value any, stack []byte)
