package thread

import (
	"context"
	"math"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// SleepContext pauses the calling goroutine for at least d, like [time.Sleep],
// unless ctx ends first. It returns nil when d has passed, at once if d <= 0,
// and [context.Cause] of ctx when ctx has ended, also if it had ended before
// the call. It is gevent.sleep and asyncio.sleep.
func SleepContext(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return park.Cause(ctx)
	}
	if d <= 0 {
		return nil
	}
	var over park.Latch
	if d < math.MaxInt64 {
		defer time.AfterFunc(d, over.Open).Stop()
	}
	return over.WaitContext(ctx)
}
