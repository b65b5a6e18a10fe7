package goid

import (
	"bytes"
	"runtime"
)

// Bubble returns the number of the testing/synctest bubble that the calling goroutine is in, or 0. It takes microseconds.
func Bubble() (n uint64) {
	_, digits, _ := bytes.Cut(description(), []byte("synctest bubble "))
	for _, d := range digits {
		if d < '0' || '9' < d {
			break
		}
		n = 10*n + uint64(d-'0')
	}
	return n
}

// Locked reports whether the calling goroutine is locked to its thread. It takes microseconds.
func Locked() bool { return bytes.Contains(description(), []byte(", locked to thread")) }

// description returns what the runtime says of the calling goroutine, which nothing else tells:
//
//	goroutine 9 [running, locked to thread, synctest bubble 1]:
func description() []byte {
	var buffer [256]byte
	line, _, _ := bytes.Cut(buffer[:runtime.Stack(buffer[:], false)], []byte("\n"))
	return line
}
