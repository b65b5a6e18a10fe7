package main

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) {
	if parts.Play() {
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func TestAChildChangesAttributes(t *testing.T) {
	const want = `x = 2, lst = [1 2], the child says "namespace"
the lock of a child that has ended is free
`
	if code, stdout, stderr := demotest.Start(program, "-fast"); code != 0 || stdout != want || stderr != "" {
		t.Errorf("exit code %d, %q, output\n%s\nwant\n%s", code, stderr, stdout, want)
	}
}
