package queue_test

import (
	"testing"

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
			proof.InsideAndOutside(t, func() {
				_ = q.Put(1)
				_ = q.Len()
				_, _ = q.TryGet()
				_ = q.TryPut(2)
				_, _ = q.Peek()
				_ = q.Unfinished()
				_ = q.Full()
				_ = q.Drain()
				_ = q.IsShutdown()
			})
		})
	}
}
