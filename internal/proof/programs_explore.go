//go:build threadingexplore

package proof

import (
	"math/rand/v2"
	"testing"

	"github.com/gothreading/threading/internal/explore"
)

func programs(t *testing.T, _ int, generate func(*rand.Rand) explore.Case) {
	t.Helper()
	explore.Programs(t, generate)
}
