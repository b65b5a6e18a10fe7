package local

import (
	"context"
	"sync"

	"github.com/gothreading/threading/internal/backend"
)

// A counterObject is a number.
type counterObject struct {
	base
	guard sync.Mutex
	n     int64
}

func (o *counterObject) info(*backend.Info) {}

type counterRef struct{ ref }

func (c *Client) Counter(spec backend.Spec) backend.Counter {
	return &counterRef{ref{client: c, spec: spec}}
}

func (r *counterRef) Add(ctx context.Context, n int64) (int64, error) {
	_, o, err := r.enterFor(ctx)
	if err != nil {
		return 0, err
	}
	defer o.common().leave()
	c := o.(*counterObject)
	c.guard.Lock()
	defer c.guard.Unlock()
	sum := c.n + n
	if (sum > c.n) != (n > 0) && n != 0 {
		return c.n, backend.Errorf(backend.ErrValue, "%s: %d + %d overflows", r.spec, c.n, n)
	}
	c.n = sum
	return sum, nil
}

func (r *counterRef) Set(ctx context.Context, n int64) error {
	_, o, err := r.enterFor(ctx)
	if err != nil {
		return err
	}
	defer o.common().leave()
	c := o.(*counterObject)
	c.guard.Lock()
	defer c.guard.Unlock()
	c.n = n
	return nil
}
