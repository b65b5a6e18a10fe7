package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

func TestEveryQueueDoesAsItSays(t *testing.T) {
	const want = `Queue(2): empty true, 0 inside
after 11 and 22: full true, 2 inside
PutTimeout(33): queue: full, after 2.0 s
Get: 11
Get: 22
GetTimeout: queue: empty, after 2.0 s
tasks to do: 2
done with 123
done with 456
Join returns after 2.0 s, tasks to do: 0
last in, first out: [456 123]
by priority: [{1 think} {1 ask} {2 write} {3 rest}]
deque: back 333, front 456, 1 left
a pop from an empty deque finds something: false
all queues did as expected
`
	for _, args := range [][]string{nil, {"-fast"}} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			code, stdout, stderr := demotest.Start(program, args...)
			if code != 0 || stdout != want || stderr != "" {
				t.Errorf("%q: exit code %d, %q, output\n%s\nwant\n%s", args, code, stderr, stdout, want)
			}
			wait := 6 * time.Second
			if args != nil {
				wait /= 50
			}
			if d := time.Since(began); d != wait {
				t.Errorf("%q: took %v, want %v", args, d, wait)
			}
		})
	}
}

func TestAnUnknownFlagIsOneLine(t *testing.T) {
	code, stdout, stderr := demotest.Start(program, "-size", "2")
	if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "-size") {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
}
