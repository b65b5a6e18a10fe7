package main

import (
	"testing"

	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { demotest.Processes(m) }

func TestAChildChangesAttributes(t *testing.T) {
	const want = `x = 2, lst = [1 2], the child says "namespace"
a child holds the lock: true
it was killed, and the lock is free
`
	if code, stdout, stderr := demotest.Start(program, "-fast"); code != 0 || stdout != want || stderr != "" {
		t.Errorf("exit code %d, %q, output\n%s\nwant\n%s", code, stderr, stdout, want)
	}
}
