package queue_test

import (
	"testing"
	"testing/synctest"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/queue"
)

// A queue of a package, such as a logger's, is used by a goroutine that was started outside and by one in a bubble at the
// same moment. Calls that do not wait may be.
func TestCallsThatDoNotWaitInsideAndOutsideOfABubble(t *testing.T) {
	for name, q := range map[string]*queue.Queue[int]{
		"FIFO":     new(queue.Queue[int]),
		"LIFO":     queue.NewLIFO[int](0),
		"priority": queue.NewPriority(0, func(a, b int) int { return a - b }),
	} {
		t.Run(name, func(t *testing.T) {
			use := func() {
				_ = q.Put(1)
				_ = q.Len()
				_, _ = q.TryGet()
				_ = q.TryPut(2)
				_, _ = q.Peek()
				_ = q.Unfinished()
				_ = q.Full()
				_ = q.Drain()
				_ = q.IsShutdown()
			}
			stop, stopped := make(chan bool), make(chan bool)
			go func() {
				defer close(stopped)
				for {
					select {
					case <-stop:
						return
					default:
						use()
					}
				}
			}()
			synctest.Test(t, func(t *testing.T) {
				for range proof.Rounds(500_000, 5, 10) {
					use()
				}
			})
			close(stop)
			<-stopped
		})
	}
}
