//go:build !race

package park

// raceEnabled reports whether the race detector is on.
const raceEnabled = false
