package diagnose_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
)

func TestMain(m *testing.M) {
	if diagnose.Full {
		os.Exit(m.Run()) // what is deadlocked on purpose stays
	}
	goleak.VerifyTestMain(m)
}
