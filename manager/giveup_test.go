package manager_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/queue"
)

// Races of a grant against a deadline or a cancel, across the socket. Together they are a hundred thousand in the
// ordinary tests, and a million by
//
//	SOAK=10 go test -race -run '^TestGivingUp' -timeout 1h ./manager
func races(share int) int { return proof.Rounds(share, 10, 1) }

// A racer makes calls that give up at random.
type racer struct {
	*rand.Rand
	left *atomic.Int64
}

// race makes goroutines on each of these Managers race until there were so many races.
func race(t *testing.T, n int, goroutines int, ms []*manager.Manager, f func(r *racer, m *manager.Manager)) {
	t.Helper()
	defer proof.Watch(t)()
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for _, m := range ms {
		for range goroutines {
			r := &racer{rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), &left}
			wg.Go(func() {
				for left.Add(-1) >= 0 {
					f(r, m)
				}
			})
		}
	}
	wg.Wait()
}

// soon is a time within which a call across the socket is decided, or not.
func (r *racer) soon() time.Duration { return time.Duration(r.IntN(150)) * time.Microsecond }

// context returns one that ends soon, by whatever ends contexts.
func (r *racer) context() (ctx context.Context, stop func()) {
	switch r.IntN(3) {
	case 0:
		return context.WithTimeout(background, r.soon())
	case 1:
		f := proof.NewForeign()
		ended := make(chan struct{})
		timer := time.AfterFunc(r.soon(), func() { f.End(); close(ended) })
		return f, func() {
			if !timer.Stop() {
				<-ended
			}
		}
	}
	ctx, cancel := context.WithCancel(background)
	timer := time.AfterFunc(r.soon(), cancel)
	return ctx, func() { timer.Stop(); cancel() }
}

func pair(t *testing.T) []*manager.Manager {
	server := started(t)
	ms := []*manager.Manager{opened(t, server.Addr()), opened(t, server.Addr()), server}
	t.Cleanup(func() {
		for _, m := range ms[:2] {
			_ = m.Close()
		}
	})
	return ms
}

func gaveUp(t *testing.T, err error, want ...error) bool {
	for _, w := range append(want, context.Canceled, context.DeadlineExceeded, proof.ErrForeign) {
		if errors.Is(err, w) {
			return true
		}
	}
	t.Error("unexpected:", err)
	return false
}

// Closed: whoever acquires releases. Never are more permits out than there are, and in the end all are there.
func TestGivingUpAPermit(t *testing.T) {
	ms := pair(t)
	const permits = 3
	var out atomic.Int64
	race(t, races(25_000), 4, ms, func(r *racer, m *manager.Manager) {
		s := m.BoundedSemaphore("s", permits)
		n := 1 + r.IntN(permits)
		acquired := false
		switch r.IntN(3) {
		case 0:
			acquired = s.AcquireNTimeout(n, r.soon())
		case 1:
			ctx, stop := r.context()
			defer stop()
			err := s.AcquireNContext(ctx, n)
			acquired = err == nil || !gaveUp(t, err)
		case 2:
			acquired = s.TryAcquireN(n)
		}
		if acquired {
			if out.Add(int64(n)) > permits {
				t.Error("more permits are out than there are")
			}
			out.Add(-int64(n))
			s.ReleaseN(n)
		}
	})
	if v := ms[0].BoundedSemaphore("s", permits).Value(); v != permits {
		t.Errorf("in the end there are %d permits, want %d", v, permits)
	}
}

// Open: some release, others acquire, and nobody gives back what he took. What was released was acquired or is there.
func TestGivingUpAPermitOfAnother(t *testing.T) {
	ms := pair(t)
	var released, acquired atomic.Int64
	race(t, races(20_000), 4, ms, func(r *racer, m *manager.Manager) {
		s := m.Semaphore("s", 0)
		if r.IntN(2) == 0 {
			n := 1 + r.IntN(2)
			s.ReleaseN(n)
			released.Add(int64(n))
			return
		}
		n := 1 + r.IntN(3)
		ctx, stop := r.context()
		defer stop()
		if err := s.AcquireNContext(ctx, n); err == nil || !gaveUp(t, err) {
			acquired.Add(int64(n))
		}
	})
	if v := int64(ms[0].Semaphore("s", 0).Value()); v != released.Load()-acquired.Load() {
		t.Errorf("%d were released, %d acquired, and there are %d", released.Load(), acquired.Load(), v)
	}
	// Whoever must be served is: as many waiters as there are permits.
	s := ms[1].Semaphore("s", 0)
	for range s.Value() {
		s.Acquire()
	}
	if s.TryAcquire() {
		t.Error("one too many")
	}
}

func TestGivingUpALock(t *testing.T) {
	ms := pair(t)
	var inside atomic.Int32
	var guard sync.Mutex
	var last uint64
	race(t, races(20_000), 3, ms, func(r *racer, m *manager.Manager) {
		l := m.Lock("l")
		locked := false
		switch r.IntN(3) {
		case 0:
			locked = l.LockTimeout(r.soon())
		case 1:
			ctx, stop := r.context()
			defer stop()
			err := l.LockContext(ctx)
			locked = err == nil || !gaveUp(t, err)
		case 2:
			locked = l.TryLock()
		}
		if !locked {
			return
		}
		if inside.Add(1) != 1 {
			t.Error("two are inside")
		}
		token := l.Token()
		guard.Lock()
		if token <= last {
			t.Errorf("token %d after %d", token, last)
		}
		last = token
		guard.Unlock()
		inside.Add(-1)
		l.Unlock()
	})
	for _, m := range ms {
		if m.Lock("l").Locked() || !m.Lock("l").TryLock() {
			t.Error("in the end it is locked")
		} else {
			m.Lock("l").Unlock()
		}
	}
}

// Open: producers and consumers that both give up, on a queue with little room.
func TestGivingUpAnItem(t *testing.T) {
	ms := pair(t)
	var (
		next atomic.Int64
		fate sync.Map // item -> what is known of it
	)
	const (
		put = iota
		got
	)
	take := func(item int64, err error) {
		if err != nil {
			gaveUp(t, err, queue.ErrEmpty)
			return
		}
		if was, there := fate.Swap(item, got); there && was == got {
			t.Errorf("item %d was got twice", item)
		}
	}
	race(t, races(25_000), 4, ms, func(r *racer, m *manager.Manager) {
		q := manager.NewQueue[int64](m, "q", 2)
		ctx, stop := r.context()
		defer stop()
		switch r.IntN(5) {
		case 0, 1:
			item := next.Add(1)
			var err error
			if r.IntN(2) == 0 {
				err = q.PutContext(ctx, item)
			} else {
				err = q.PutTimeout(item, r.soon())
			}
			if err == nil {
				fate.LoadOrStore(item, put)
			} else {
				gaveUp(t, err, queue.ErrFull)
			}
		case 2:
			take(q.GetContext(ctx))
		case 3:
			take(q.GetTimeout(r.soon()))
		case 4:
			c, err := q.ClaimContext(ctx)
			switch {
			case err != nil:
				gaveUp(t, err)
			case r.IntN(3) == 0:
				if err := c.Nack(background, 0); err != nil {
					t.Error(err)
				}
			default:
				if err := c.Ack(background); err != nil {
					t.Error(err)
				}
				take(c.Item, nil)
			}
		}
	})
	q := manager.NewQueue[int64](ms[0], "q", 2)
	for _, item := range q.Drain() {
		take(item, nil)
	}
	for c, err := range q.Dead(background) {
		take(c.Item, err)
	}
	fate.Range(func(item, known any) bool {
		if known != got {
			t.Errorf("item %v was put and is lost", item)
		}
		return true
	})
	if n := q.Unfinished(); n != 0 {
		t.Errorf("%d are unfinished", n)
	}
}

// Each notification that picked somebody is a wait that succeeded.
func TestGivingUpANotification(t *testing.T) {
	ms := pair(t)
	var picked, notified atomic.Int64
	race(t, races(10_000), 4, ms, func(r *racer, m *manager.Manager) {
		c := m.Condition("c", m.Lock("l"))
		c.Lock()
		defer c.Unlock()
		switch r.IntN(4) {
		case 0, 1:
			n, err := c.NotifyContext(background, 1+r.IntN(2))
			if err != nil {
				t.Error(err)
			}
			picked.Add(int64(n))
		case 2:
			if c.WaitTimeout(r.soon()) {
				notified.Add(1)
			}
		case 3:
			ctx, stop := r.context()
			defer stop()
			if err := c.WaitContext(ctx); err == nil || !gaveUp(t, err) {
				notified.Add(1)
			}
		}
	})
	if picked.Load() != notified.Load() {
		t.Errorf("%d were picked and %d notified", picked.Load(), notified.Load())
	}
	if ms[0].Lock("l").Locked() {
		t.Error("in the end it is locked")
	}
}
