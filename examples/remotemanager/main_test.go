package main

import (
	"testing"

	"github.com/gothreading/threading/examples/internal/demo/demotest"
	"github.com/gothreading/threading/internal/proof"
)

func TestMain(m *testing.M) { demotest.Processes(m) }

func TestAServerAndTwoClients(t *testing.T) {
	const want = `the server serves
a client puts hello
another gets hello
the server has ended
`
	t.Setenv("TMPDIR", proof.ShortDir(t))
	if code, stdout, stderr := demotest.Start(program, "-fast"); code != 0 || stdout != want || stderr != "" {
		t.Errorf("exit code %d, %q, output\n%s\nwant\n%s", code, stderr, stdout, want)
	}
}
