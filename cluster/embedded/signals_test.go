package embedded_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/manager"
)

// A Release takes what anybody holds, also of one who does not know yet that it was let in. So an Acquire whose key has
// gone was let in, as long as its session lives: nobody else takes a key.
func TestPermitsThatAreReleasedBeforeTheirHolderKnows(t *testing.T) {
	addr := served(t)
	run := func(name string, test func(t *testing.T, s *script, own, far *manager.Semaphore)) {
		t.Run(name, func(t *testing.T) {
			s := &script{}
			own, far := faulty(t, addr, s.fault).Semaphore("s", 0), faulty(t, addr, nil).Semaphore("s", 0)
			if own.TryAcquire() { // the meta is known afterwards
				t.Fatal("acquired")
			}
			test(t, s, own, far)
			if !s.over() {
				t.Error("the script is not over")
			}
		})
	}
	releases := func(far *manager.Semaphore) func(context.Context, sending) (*clientv3.TxnResponse, error) {
		return func(ctx context.Context, send sending) (*clientv3.TxnResponse, error) {
			far.Release() // lets it in
			far.Release() // takes what it holds
			return send(ctx)
		}
	}
	// left checks what is left of two that were released, by one who was let in or was not.
	left := func(t *testing.T, far *manager.Semaphore, in bool) {
		t.Helper()
		want := 2
		if in {
			want = 1
		}
		if n := far.Value(); n != want {
			t.Errorf("let in: %t, and %d permits are left of 2", in, n)
		}
	}

	run("by one that tries", func(t *testing.T, s *script, own, far *manager.Semaphore) {
		s.next(asIs, releases(far)) // the attempt, and the deletion of its key
		left(t, far, own.TryAcquire())
	})
	run("by one that gives up", func(t *testing.T, s *script, own, far *manager.Semaphore) {
		s.next(asIs, releases(far))
		left(t, far, own.AcquireTimeout(20*time.Millisecond))
	})
	run("by one that gives up, unanswered", func(t *testing.T, s *script, own, far *manager.Semaphore) {
		s.next(asIs, func(ctx context.Context, send sending) (*clientv3.TxnResponse, error) {
			_, err := releases(far)(ctx, send)
			if err == nil {
				err = errLine
			}
			return nil, err
		})
		left(t, far, own.AcquireTimeout(20*time.Millisecond))
	})
	run("by one that gives up, and whose deletion is unanswered", func(t *testing.T, s *script, own, far *manager.Semaphore) {
		s.next(asIs, unanswered(func() {
			far.Release()
			far.Release()
		}))
		left(t, far, own.AcquireTimeout(20*time.Millisecond))
	})
	run("some of several", func(t *testing.T, s *script, own, far *manager.Semaphore) {
		s.next(asIs, func(ctx context.Context, send sending) (*clientv3.TxnResponse, error) {
			far.ReleaseN(2)
			far.Release()
			return send(ctx)
		})
		in, want := own.AcquireNTimeout(2, 20*time.Millisecond), 3
		if in {
			want = 1
		}
		if n := far.Value(); n != want {
			t.Errorf("let in: %t, and %d permits are left of 3", in, n)
		}
	})
	run("by one that is not answered", func(t *testing.T, s *script, own, far *manager.Semaphore) {
		far.Release()
		s.next(unanswered(far.Release))
		own.Acquire()
		left(t, far, true)
	})
	run("by one whose caller has left", func(t *testing.T, s *script, own, far *manager.Semaphore) {
		ctx, leave := context.WithCancel(background)
		gone := make(chan struct{})
		s.next(func(ctx context.Context, send sending) (*clientv3.TxnResponse, error) {
			resp, err := send(ctx)
			far.Release()
			far.Release()
			leave()
			<-gone
			return resp, err
		})
		time.AfterFunc(50*time.Millisecond, func() { close(gone) }) // either order passes
		err := own.AcquireContext(ctx)
		for range 200 { // it gives back in the background
			if err == nil || far.Value() == 2 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		left(t, far, err == nil)
	})
}

// What was acquired after a release had looked is not what somebody has released.
func TestAPermitThatIsAcquiredDuringARelease(t *testing.T) {
	addr := served(t)
	sc := &script{}
	own, far := faulty(t, addr, sc.fault).Semaphore("s", 2), faulty(t, addr, nil).Semaphore("s", 2)
	if own.TryAcquireN(3) { // the meta is known afterwards
		t.Fatal("acquired")
	}
	far.Acquire()
	sc.next(func(ctx context.Context, send sending) (*clientv3.TxnResponse, error) { // the look, which sees far's
		resp, err := send(ctx)
		own.Acquire()
		return resp, err
	})
	if err := own.ReleaseContext(background); err != nil { // so it takes that
		t.Fatal(err)
	}
	if n := far.Value(); n != 1 {
		t.Error(n, "permits")
	}
	revokeOldest(t, addr)
	far.AcquireN(2)
	if err := own.ReleaseContext(background); !errors.Is(err, manager.ErrLost) {
		t.Error(err)
	}
	if n := far.Value(); n != 0 {
		t.Error(n, "permits are free that another holds")
	}
}

// A session ends under a release of more than it held.
func TestASessionEndsUnderAReleaseOfMore(t *testing.T) {
	addr := served(t)
	sc := &script{}
	own, far := faulty(t, addr, sc.fault).Semaphore("s", 3), faulty(t, addr, nil).Semaphore("s", 3)
	own.Acquire()
	far.AcquireN(2)
	sc.next(func(ctx context.Context, send sending) (*clientv3.TxnResponse, error) {
		revokeOldest(t, addr)
		return send(ctx)
	})
	// One that was lost, and one that far has: the next session releases that, and not two.
	if err := own.ReleaseNContext(background, 2); err != nil {
		t.Error(err)
	}
	if n := far.Value(); n != 2 {
		t.Errorf("%d permits, want 2", n)
	}
}

// A session ends between a release that was refused, since somebody had released some of it, and the look after that.
func TestASessionEndsBetweenAReleaseAndItsLook(t *testing.T) {
	addr := served(t)
	sc := &script{}
	own, far := faulty(t, addr, sc.fault).BoundedSemaphore("s", 2), faulty(t, addr, nil).BoundedSemaphore("s", 2)
	own.AcquireN(2)
	far.Release()
	sc.next(asIs, func(ctx context.Context, send sending) (*clientv3.TxnResponse, error) {
		revokeOldest(t, addr)
		return send(ctx)
	})
	if err := own.ReleaseContext(background); !errors.Is(err, manager.ErrLost) { // and no ErrOverRelease
		t.Error(err)
	}
	if n := far.Value(); n != 2 {
		t.Errorf("%d permits, want 2", n)
	}
}

// Signals: some processes release what others acquire. None is lost, whoever gives up meanwhile, and though requests are
// late or lost and answers are dropped.
func TestSignalsAreConserved(t *testing.T) {
	defer proof.Watch(t)()
	addr, seed := served(t), rand.Uint64()
	t.Log("seed", seed)
	var ms []*manager.Manager
	for i := range uint64(3) {
		ms = append(ms, faulty(t, addr, chaos(seed+i)))
	}
	var (
		acquired, released atomic.Int64
		wg                 sync.WaitGroup
		over               atomic.Bool
	)
	for _, m := range ms {
		s := m.Semaphore("s", 0)
		for range 2 {
			wg.Go(func() {
				for !over.Load() {
					if s.AcquireTimeout(time.Duration(rand.IntN(3000)) * time.Microsecond) {
						acquired.Add(1)
					}
				}
			})
		}
		wg.Go(func() {
			for range proof.Rounds(150, 5, 2) {
				s.Release()
				released.Add(1)
			}
			over.Store(true)
		})
	}
	wg.Wait()
	s := ms[0].Semaphore("s", 0)
	for range 500 { // one that gave up may give back in the background still
		if acquired.Load()+int64(s.Value()) == released.Load() {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if left := int64(s.Value()); acquired.Load()+left != released.Load() {
		t.Errorf("%d were released, %d were acquired, and %d are left", released.Load(), acquired.Load(), left)
	}
}
