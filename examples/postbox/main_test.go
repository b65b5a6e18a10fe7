package main

import (
	"testing"

	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { demotest.Processes(m) }

func TestTheValueArrivesInThreeWays(t *testing.T) {
	const want = `queue: [42, <nil>, "hello"]
pipe: [42, <nil>, "hello"]
pipe: closed at the other end
result: [42, <nil>, "hello"]
`
	if code, stdout, stderr := demotest.Start(program); code != 0 || stderr != "" || stdout != want {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
}
