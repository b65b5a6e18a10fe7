package pool_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/thread"
)

// nobodyRead is the name of the thread that reports the panics of a Result that nobody read.
const nobodyRead = "a Result that nobody read"

func TestMain(m *testing.M) {
	standard := thread.SetExceptHook(nil)
	thread.SetExceptHook(func(th *thread.Thread, p *thread.PanicError) {
		if th.Name() != nobodyRead { // of which there are many, in a test or long after it
			standard(th, p)
		}
	})
	goleak.VerifyTestMain(diagnose.Wrap(m))
}
