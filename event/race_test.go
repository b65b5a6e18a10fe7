//go:build race

package event_test

const raceEnabled = true // sync.Pool drops some of what it is given, on purpose, and all takes about ten times as long
