package socketserver_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/process"
)

// programs are what a child of the test binary does instead of the tests, by name.
var programs = map[string]func(){}

// The same, before process.Init.
var programsBeforeInit = map[string]func(){}

func TestMain(m *testing.M) {
	name := os.Getenv("SOCKETSERVER_TEST_PROGRAM")
	if program, ok := programsBeforeInit[name]; ok {
		program()
		return
	}
	process.Init()
	if program, ok := programs[name]; ok {
		program()
		return
	}
	goleak.VerifyTestMain(proof.Settled(diagnose.Wrap(m)))
}
