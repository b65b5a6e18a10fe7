package process_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/process"
)

var square = process.Register(pool.Plain(func(n int) int { return n * n }))
var sleepy = process.Register(func(ctx context.Context, n int) (int, error) {
	if n < 0 {
		os.Exit(-n)
	}
	if n > 1000 {
		return 0, os.ErrNotExist
	}
	time.Sleep(time.Duration(n) * time.Millisecond)
	return n, nil
})

func TestPool(t *testing.T) {
	p := process.NewPool(2)
	defer p.Shutdown()
	n, err := pool.Apply(p.Pool, pool.Bind(square.On(p), 7))
	if n != 49 || err != nil {
		t.Error(n, err)
	}
	items := make([]int, 100000)
	for i := range items {
		items[i] = i
	}
	all, err := process.Map(p, square, items)
	if err != nil || all[99999] != 99999*99999 {
		t.Error(all[99999], err)
	}
	_, err = pool.Apply(p.Pool, pool.Bind(sleepy.On(p), -3))
	var exit *process.ExitError
	if !errors.As(err, &exit) || exit.Code != 3 {
		t.Error(err)
	}
	_, err = pool.Apply(p.Pool, pool.Bind(sleepy.On(p), 2000))
	if !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = pool.Apply(p.Pool.WithContext(ctx), pool.Bind(sleepy.On(p), 900))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	out, err := process.Map(p, sleepy, []int{1, 2, -5, 3, 4, 2000, 6})
	t.Log(out, err)
}
