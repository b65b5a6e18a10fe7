package main

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

func TestEveryOrderHasItsFate(t *testing.T) {
	code, stdout, stderr, took := demotest.StartInBubble(t, program)
	const want = `the book is refused: pool: the backlog is full
the poster is not ready after a second
ready: poster <nil>
ready: ticket <nil>
ready: cards <nil>
the brochure: paper jam on page 3; most of the others were never begun
the short catalogue: 3 pages, <nil>
the long catalogue: the customer has left
3 printers were warmed up, and 3 switched off
`
	if code != 0 || stderr != "" || stdout != want {
		t.Errorf("exit code %d, %q, got\n%s\nwant\n%s", code, stderr, stdout, want)
	}
	if took != 8500*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}
