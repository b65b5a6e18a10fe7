//go:build !race

package locktest

// Race tells whether the race detector is on.
const Race = false
