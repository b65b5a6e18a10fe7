//go:build !threadingexplore

package proof

import (
	"math/rand/v2"
	"testing"

	"github.com/gothreading/threading/internal/explore"
)

func programs(t *testing.T, full int, generate func(*rand.Rand) explore.Case) {
	t.Helper()
	defer Watch(t)()
	seed, given := firstSeed(t)
	for range Rounds(full, 25, 5) {
		c := generate(rand.New(rand.NewPCG(seed, 1)))
		if err := byChance(c); err != nil {
			t.Fatalf("%s: %v\n%s", c.Name, err, replay(t, seed))
		}
		if !given {
			seed++
		}
	}
}
