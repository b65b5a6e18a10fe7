package main

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

func TestControlGoesWhereItIsSent(t *testing.T) {
	const want = "12\n56\n34\n78\ntest1 dead: false, test2 dead: true\ntest1 ends: greenlet: exit\n"
	if code, out, stderr := demotest.Start(program); code != 0 || stderr != "" || out != want {
		t.Errorf("exit code %d, %q, output\n%s\nwant\n%s", code, stderr, out, want)
	}
}
