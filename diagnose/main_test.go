package diagnose_test

import (
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
)

// hang is a limit that only a test which hangs reaches.
const hang = 3 * time.Minute

func TestMain(m *testing.M) {
	if diagnose.Full {
		os.Exit(m.Run()) // what is deadlocked on purpose stays
	}
	goleak.VerifyTestMain(m)
}
