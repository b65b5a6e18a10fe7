package pool_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/gothreading/threading/pool"
)

// One that is slow holds up nobody else: neither a function of OnDone, nor a callback of what was dropped.
func TestASlowCallbackHoldsUpNobody(t *testing.T) {
	inBubble(t, "OnDone", func(t *testing.T) {
		p := newPool(t, 1)
		gate := make(chan struct{})
		called := make(chan int, 3)
		for i := range 3 {
			r := pool.ApplyAsync(p, func(context.Context) (int, error) { return i, nil })
			r.OnDone(func(int, error) {
				if i == 0 {
					<-gate
				}
				called <- i
			})
		}
		synctest.Wait()
		if len(called) != 2 {
			t.Errorf("%d functions were called behind one that is slow, want 2", len(called))
		}
		close(gate)
	})
	inBubble(t, "dropped", func(t *testing.T) {
		p := newPool(t, 1)
		gate, hold := make(chan struct{}), make(chan struct{})
		called := make(chan error, 3)
		pool.ApplyAsync(p, func(context.Context) (int, error) { <-hold; return 0, nil })
		for i := range 3 {
			pool.ApplyAsync(p, func(context.Context) (int, error) { return i, nil }, pool.Callback(func(_ int, err error) {
				if i == 0 {
					<-gate
				}
				called <- err
			}))
		}
		synctest.Wait()
		p.CancelPending()
		synctest.Wait()
		if len(called) != 2 {
			t.Errorf("%d callbacks were called behind one that is slow, want 2", len(called))
		}
		close(gate)
		for range 3 {
			if err := <-called; !errors.Is(err, pool.ErrCancelled) {
				t.Error(err)
			}
		}
		close(hold)
	})
}
