package process_test

import (
	"context"
	"testing"

	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/process"
)

var double = process.Register(pool.Plain(func(n int) int { return 2 * n }))

type job struct {
	Total *process.Value[int]
	Items *process.Queue[string]
	Done  *process.Event
	Lock  *process.Lock
	Cond  *process.Condition
}

var worker = process.Register(func(ctx context.Context, in job) (struct{}, error) {
	for range in.Items.TasksContext(ctx) {
		process.Add(in.Total, 1)
	}
	in.Done.Set()
	return struct{}{}, nil
})

func TestStart(t *testing.T) {
	p, err := process.Go(double, 21)
	if err != nil {
		t.Fatal(err)
	}
	n, err := p.Result()
	if n != 42 || err != nil {
		t.Error(n, err)
	}
	j := job{process.NewValue(0), process.NewQueue[string](0), process.NewEvent(), process.NewLock(), process.NewCondition(nil)}
	w, err := process.Go(worker, j)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		j.Items.Put("x")
	}
	j.Items.Join()
	j.Items.Shutdown()
	j.Done.Wait()
	w.Join()
	if _, err := w.Result(); err != nil || j.Total.Get() != 100 {
		t.Error(err, j.Total.Get())
	}
}
