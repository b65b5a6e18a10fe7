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

func TestTheDogThatComesEarlyStarvesUntilMended(t *testing.T) {
	const want = `as in the tutorial, the dog comes early:
the dog sees no bone and leaves, 0 eaten
nobody eats: gave up after a second, 10 bones left
mended, the dog comes early again:
waiting until all bones are eaten
the dog has eaten bone 0
the dog has eaten bone 1
the dog has eaten bone 2
the dog has eaten bone 3
the dog has eaten bone 4
the dog has eaten bone 5
the dog has eaten bone 6
the dog has eaten bone 7
the dog has eaten bone 8
the dog has eaten bone 9
all bones are eaten
10 of 10 bones eaten
`
	for _, args := range [][]string{nil, {"-fast"}} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			code, stdout, stderr := demotest.Start(program, args...)
			if code != 0 || stdout != want || stderr != "" {
				t.Errorf("%q: exit code %d, %q, output\n%s\nwant\n%s", args, code, stderr, stdout, want)
			}
			// A second of waiting in vain, a fifth before the first bone, and a fifth for each.
			wait := 3200 * time.Millisecond
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
	code, stdout, stderr := demotest.Start(program, "-bones", "2")
	if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "-bones") {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
}
