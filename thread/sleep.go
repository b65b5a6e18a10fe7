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
		return cause(ctx)
	}
	if d <= 0 {
		return nil
	}
	var over park.Latch
	if d < math.MaxInt64 {
		defer time.AfterFunc(d, over.Open).Stop()
	}
	if !over.Wait(park.Until(ctx)) {
		return cause(ctx)
	}
	return nil
}

// cause is why ctx has ended, and is never nil.
func cause(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return context.Canceled // its Done is closed, and its Err denies it
}
