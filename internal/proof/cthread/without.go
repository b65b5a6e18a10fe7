//go:build !cgo || windows

package cthread

// Run returns false: there are no such threads.
func Run(func()) bool { return false }
