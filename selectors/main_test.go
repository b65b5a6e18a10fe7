package selectors_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/proof"
)

// programs are what a child of the test binary does instead of the tests, by name.
var programs = map[string]func(){}

func TestMain(m *testing.M) {
	if program, ok := programs[os.Getenv("SELECTORS_TEST_PROGRAM")]; ok {
		program()
		return
	}
	goleak.VerifyTestMain(proof.Settled(diagnose.Wrap(m)))
}
