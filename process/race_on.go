//go:build race

package process

import (
	"os"
	"strings"
)

// raceEnvironment keeps a program that is built with -race from taking a second to exit, and keeps what the user has told
// the race detector.
func raceEnvironment() []string {
	options := os.Getenv("GORACE")
	if strings.Contains(options, "atexit_sleep_ms") {
		return nil
	}
	return []string{strings.TrimSpace("GORACE=" + options + " atexit_sleep_ms=0")}
}
