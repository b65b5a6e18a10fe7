//go:build threadingexplore

package queue_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/queue"
)

const tick = explore.Tick

// A transferCase lets putters and getters of different patience, 0 for all of it, meet at a queue that was filled
// before, and a shutdown if that is asked for. Nothing may be lost or doubled, and nobody may wait while there is what he
// waits for.
func transferCase(
	name string, make func() *queue.Queue[int], filled int, putters, getters []time.Duration, shutdown func(*queue.Queue[int]),
) explore.Case {
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			q                   = make()
			put, got, forgotten = filled, 0, ""
		)
		for i := range filled {
			_ = q.TryPut(i)
		}
		ended := func(who string, i int, d time.Duration, err error) {
			if d == 0 && (errors.Is(err, queue.ErrFull) || errors.Is(err, queue.ErrEmpty)) {
				forgotten += fmt.Sprintf(" %s %d", who, i)
			}
		}
		for i, d := range putters {
			start(fmt.Sprint("putter ", i), func() {
				err := put1(q, i, d)
				if err == nil {
					put++
				}
				ended("putter", i, d, err)
			})
		}
		for i, d := range getters {
			start(fmt.Sprint("getter ", i), func() {
				_, err := get1(q, d)
				if err == nil {
					got++
				}
				ended("getter", i, d, err)
			})
		}
		if shutdown != nil {
			start("shutdown", func() { shutdown(q) })
		}
		return func() error {
			left := q.Len()
			switch {
			case shutdown != nil && forgotten != "":
				return fmt.Errorf("not told of the shutdown:%s", forgotten)
			case forgotten != "" && left > 0 && (q.Cap() == 0 || left < q.Cap()):
				return fmt.Errorf("forgotten with %d inside:%s", left, forgotten)
			case shutdown == nil && put != got+left:
				return fmt.Errorf("%d put, %d got, %d inside", put, got, left)
			case got > put:
				return fmt.Errorf("%d put, %d got", put, got)
			}
			return nil
		}
	}}
}

// A negative time is a context that is cancelled at some moment.
const cancelled = -1

func put1(q *queue.Queue[int], item int, d time.Duration) error {
	switch d {
	case 0:
		return q.PutTimeout(item, explore.LastResort)
	case cancelled:
		return q.PutContext(soon(), item)
	}
	return q.PutTimeout(item, d)
}

func get1(q *queue.Queue[int], d time.Duration) (int, error) {
	switch d {
	case 0:
		return q.GetTimeout(explore.LastResort)
	case cancelled:
		return q.GetContext(soon())
	}
	return q.GetTimeout(d)
}

// soon returns a context that another goroutine ends when the schedule lets it.
func soon() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		explore.Point("cancel")
		cancel()
	}()
	return ctx
}

func TestNoScheduleBreaksAQueue(t *testing.T) {
	type times = []time.Duration
	fifo := func(size int) func() *queue.Queue[int] {
		return func() *queue.Queue[int] { return queue.New[int](size) }
	}
	priority := func() *queue.Queue[int] { return queue.NewPriority(1, func(a, b int) int { return a - b }) }
	for _, c := range []explore.Case{
		transferCase("capacity 1", fifo(1), 0, times{0, 0, tick}, times{0, tick, 0}, nil),
		transferCase("capacity 1, cancelled", fifo(1), 0, times{0, cancelled, 0}, times{0, cancelled}, nil),
		transferCase("capacity 1, full", fifo(1), 1, times{0, tick, 0}, times{0, 0}, nil),
		transferCase("unbounded", fifo(0), 0, times{0, 0, 0}, times{0, tick, 0, 0}, nil),
		transferCase("unbounded, cancelled", fifo(0), 0, times{0, 0}, times{0, cancelled, 0}, nil),
		transferCase("capacity 33, full", fifo(33), 33, times{0, tick, 0}, times{0, 0, tick}, nil),
		transferCase("priority", priority, 0, times{0, 0, tick}, times{0, tick, 0}, nil),
		transferCase("shutdown", fifo(1), 1, times{0, tick, 0}, times{0}, (*queue.Queue[int]).Shutdown),
		transferCase("shutdown of an empty queue", fifo(0), 0, nil, times{0, tick, 0}, (*queue.Queue[int]).Shutdown),
		transferCase("shutdown, large", fifo(33), 33, times{0, 0, tick}, times{tick}, (*queue.Queue[int]).ShutdownNow),
		joinCase,
	} {
		t.Run(c.Name, func(t *testing.T) { explore.Test(t, c) })
	}
}

// joinCase lets those who join meet those who finish.
var joinCase = explore.Case{Name: "join", Start: func(start func(string, func())) func() error {
	var q queue.Queue[int]
	forgotten := false
	_, _ = q.TryPut(1), q.TryPut(2)
	for i := range 2 {
		start(fmt.Sprint("worker ", i), func() {
			if _, err := q.TryGet(); err == nil {
				q.TaskDone()
			}
		})
		start(fmt.Sprint("joiner ", i), func() {
			if !q.JoinTimeout(explore.LastResort) {
				forgotten = true
			}
		})
	}
	start("impatient", func() { q.JoinTimeout(tick) })
	return func() error {
		if forgotten {
			return errors.New("a joiner was forgotten")
		}
		return nil
	}
}}
