package demotest

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/process"
)

// Processes runs the tests of a program that starts processes: it is all that its TestMain does.
func Processes(m *testing.M) {
	process.Init()
	if err := process.Supported(); err != nil {
		fmt.Println("skipped:", err)
		return
	}
	goleak.VerifyTestMain(m)
}
