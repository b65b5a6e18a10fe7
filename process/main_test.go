package process_test

import (
	"os"
	"testing"

	"github.com/gothreading/threading/process"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	process.Init()
	goleak.VerifyTestMain(m)
	os.Exit(0)
}
