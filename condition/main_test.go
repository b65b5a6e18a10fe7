package condition_test

import (
	"testing"

	"go.uber.org/goleak"
)

// Some tests drop a lock that is held, on purpose. So this is not under diagnose.Wrap.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
