//go:build !race

package proof

// Race tells whether the race detector is on. It makes everything several times slower, makes sync.Pool forget at random
// what it was given, and allocates.
const Race = false
