//go:build race

package park

const raceEnabled = true // sync.Pool drops some of what it is given, on purpose
