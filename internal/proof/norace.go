//go:build !race

package proof

// Race reports whether the race detector is on. It makes everything several
// times slower, makes sync.Pool drop values at random, and allocates.
const Race = false
