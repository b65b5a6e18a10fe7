package socketserver_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// programs are what a child of the test binary does instead of the tests, by name.
var programs = map[string]func(){}

func TestMain(m *testing.M) {
	if program, ok := programs[os.Getenv("SOCKETSERVER_TEST_PROGRAM")]; ok {
		program()
		return
	}
	goleak.VerifyTestMain(m)
}
