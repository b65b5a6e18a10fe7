package queue_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/queue"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// rounds scales the length of a race: under the race detector a full million takes more than 20 seconds. Every path is
// then still taken thousands of times.
func rounds(full int) int { return proof.Rounds(full, 10, 5) }

// Waiters of a queue of up to 32 items are handed the item, or the room, itself; those of a larger one are woken to
// try again. What is promised about waiting is promised of both, so it is tested on either side of the border.
var (
	bounded    = []int{1, 2, 32, 33, 128}
	capacities = []int{1, 2, 32, 33, 128, 0}
)

func eachCapacity(t *testing.T, capacities []int, test func(t *testing.T, maxsize int)) {
	t.Helper()
	for _, maxsize := range capacities {
		t.Run(capName(maxsize), func(t *testing.T) { test(t, maxsize) })
	}
}

func capName(maxsize int) string {
	if maxsize <= 0 {
		return "unbounded"
	}
	return fmt.Sprint("capacity ", maxsize)
}

// newQueue returns a queue that lets everybody go when the test ends, so that a test in a bubble that fails says why
// instead of leaving a deadlock.
func newQueue(t testing.TB, maxsize int) *queue.Queue[int] {
	q := queue.New[int](maxsize)
	t.Cleanup(func() {
		q.ShutdownNow()
		for q.Unfinished() > 0 {
			q.TaskDone()
		}
	})
	return q
}

// fill puts the items 0, 1, 2, ... until the queue is full, or n of them if it is unbounded, and returns how many.
func fill(t testing.TB, q *queue.Queue[int], n int) int {
	t.Helper()
	if q.Cap() > 0 {
		n = q.Cap()
	}
	for i := range n {
		if err := q.TryPut(i); err != nil {
			t.Fatalf("TryPut of item %d of %d: %v", i, n, err)
		}
	}
	return n
}

func wantError(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || (want == nil) != (err == nil) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// wantItems takes items and compares.
func wantItems(t testing.TB, q *queue.Queue[int], items ...int) {
	t.Helper()
	for _, want := range items {
		if item, err := q.TryGet(); err != nil || item != want {
			t.Fatalf("TryGet = %v, %v, want %v", item, err, want)
		}
	}
}

// wantState compares everything that can be asked about a queue.
func wantState(t testing.TB, q *queue.Queue[int], length, unfinished int) {
	t.Helper()
	if got := q.Len(); got != length {
		t.Errorf("Len() = %d, want %d", got, length)
	}
	if got := q.Unfinished(); got != unfinished {
		t.Errorf("Unfinished() = %d, want %d", got, unfinished)
	}
	if got := q.Empty(); got != (length == 0) {
		t.Errorf("Empty() = %t with %d items inside", got, length)
	}
	if got := q.Full(); got != (q.Cap() > 0 && length >= q.Cap()) {
		t.Errorf("Full() = %t with %d items inside and capacity %d", got, length, q.Cap())
	}
	if _, ok := q.Peek(); ok != (length > 0) {
		t.Errorf("Peek() says %t with %d items inside", ok, length)
	}
}

// wantPanic runs f and compares what it panics with.
func wantPanic(t testing.TB, want any, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := recover(); got != want {
			t.Errorf("recovered %v, want %v", got, want)
		}
	}()
	f()
}

// wantBadArgument runs f and compares the text of the ErrValue that it panics with.
func wantBadArgument(t testing.TB, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		err, _ := recover().(error)
		if want := "queue: bad argument: " + text; !errors.Is(err, queue.ErrValue) || err.Error() != want {
			t.Errorf("recovered %v, want %s", err, want)
		}
	}()
	f()
}

// A call runs on a goroutine of its own.
type call struct {
	done chan struct{}
	item int
	err  error
}

func start(f func() (int, error)) *call {
	c := &call{done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.item, c.err = f()
	}()
	return c
}

// returned reports whether the call has returned. In a bubble it is asked after synctest.Wait.
func (c *call) returned() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (c *call) wantWaiting(t testing.TB, what string) {
	t.Helper()
	if c.returned() {
		t.Fatalf("%s returned %d, %v; want it to wait", what, c.item, c.err)
	}
}

func (c *call) want(t testing.TB, what string, item int, err error) {
	t.Helper()
	if !c.returned() {
		t.Fatalf("%s still waits", what)
	}
	if c.item != item || !errors.Is(c.err, err) || (c.err == nil) != (err == nil) {
		t.Fatalf("%s = %d, %v, want %d, %v", what, c.item, c.err, item, err)
	}
}

// errTimeout stands for the false of JoinTimeout where calls are compared by their errors.
var errTimeout = errors.New("JoinTimeout reported false")

func joinTimeout(joined bool) error {
	if joined {
		return nil
	}
	return errTimeout
}
