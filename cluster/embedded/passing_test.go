package embedded_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/queue"
)

// Those who come to a queue and leave it look at it together with whoever serves them and sleeps.
func TestGettersAndPuttersComeAndGo(t *testing.T) {
	defer proof.Watch(t)()
	m, err := manager.Open(background, served(t))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	empty := manager.NewQueue[int](m, "empty", 0)
	full := manager.NewQueue[int](m, "full", 1)
	if err := full.Put(0); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range proof.Rounds(3000, 10, 5) {
				if _, err := empty.GetTimeout(50 * time.Microsecond); !errors.Is(err, queue.ErrEmpty) {
					t.Error(err)
				}
				if err := full.PutTimeout(1, 50*time.Microsecond); !errors.Is(err, queue.ErrFull) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// Many goroutines of one process settle their claims at once, which is one Txn.
func TestClaimsThatAreSettledTogether(t *testing.T) {
	m, err := manager.Open(background, served(t))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	const together = 40
	for name, settle := range map[string]func(q *manager.Queue[int], c *manager.Claim[int]) error{
		"ack":        func(_ *manager.Queue[int], c *manager.Claim[int]) error { return c.Ack(background) },
		"nack":       func(_ *manager.Queue[int], c *manager.Claim[int]) error { return c.Nack(background, 0) },
		"nack after": func(_ *manager.Queue[int], c *manager.Claim[int]) error { return c.Nack(background, time.Millisecond) },
	} {
		for kind, opts := range map[string][]manager.QueueOption{"": nil, " of a joinable queue": {manager.Joinable()}, " of the last delivery": {manager.MaxDeliveries(1)}} {
			t.Run(name+kind, func(t *testing.T) {
				q := manager.NewQueue[int](m, t.Name(), 0, opts...)
				claims := make([]*manager.Claim[int], together)
				for i := range claims {
					if err := q.Put(i); err != nil {
						t.Fatal(err)
					}
				}
				for i := range claims {
					if claims[i], err = q.Claim(); err != nil {
						t.Fatal(err)
					}
				}
				var wg sync.WaitGroup
				for _, c := range claims {
					wg.Go(func() {
						if err := settle(q, c); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				left := q.Unfinished()
				for _, err := range q.Dead(background) {
					if err != nil {
						t.Fatal(err)
					}
					left++
				}
				if want := map[bool]int{true: 0, false: together}[name == "ack"]; left != want {
					t.Errorf("%d are left, want %d", left, want)
				}
			})
		}
	}
}
