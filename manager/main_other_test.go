//go:build !unix

package manager_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/internal/proof"
)

// Some tests drop what they hold, on purpose. So this is not under diagnose.Wrap.
func TestMain(m *testing.M) { goleak.VerifyTestMain(proof.Settled(m)) }
