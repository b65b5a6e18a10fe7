package barrier_test

import (
	"testing"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/proof"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// rounds scales the length of a race. Every path is taken thousands of times
// also under the race detector.
func rounds(full int) int { return proof.Rounds(full, 10, 5) }
