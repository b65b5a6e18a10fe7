//go:build race

package process

import (
	"os"
	"runtime"
	"strings"
	"unsafe"
)

// raceEnvironment keeps a program that is built with -race from taking a second
// to exit, and keeps what the user has told the race detector.
func raceEnvironment() []string {
	options := os.Getenv("GORACE")
	if strings.Contains(options, "atexit_sleep_ms") {
		return nil
	}
	return []string{strings.TrimSpace("GORACE=" + options + " atexit_sleep_ms=0")}
}

// What is sent happens before it is received: as package syscall has it, for
// all wires together.
var wireSync uint64

func raceSend() { runtime.RaceReleaseMerge(unsafe.Pointer(&wireSync)) }
func raceRecv() { runtime.RaceAcquire(unsafe.Pointer(&wireSync)) }
