package embedded_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/cluster/internal/etcd"
	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/queue"
)

var errLine = errors.New("the line is dead")

type sending = func(context.Context) (*clientv3.TxnResponse, error)

// A script decides what becomes of the next Txns of a Backend, in order. Those after it are sent as they are.
type script struct {
	guard sync.Mutex
	steps []func(ctx context.Context, send sending) (*clientv3.TxnResponse, error)
	sent  atomic.Int64
}

func (s *script) fault(ctx context.Context, send sending) (*clientv3.TxnResponse, error) {
	s.sent.Add(1)
	s.guard.Lock()
	if len(s.steps) == 0 {
		s.guard.Unlock()
		return send(ctx)
	}
	step := s.steps[0]
	s.steps = s.steps[1:]
	s.guard.Unlock()
	return step(ctx, send)
}

func (s *script) next(steps ...func(context.Context, sending) (*clientv3.TxnResponse, error)) {
	s.guard.Lock()
	defer s.guard.Unlock()
	s.steps = append(s.steps, steps...)
}

func (s *script) over() bool {
	s.guard.Lock()
	defer s.guard.Unlock()
	return len(s.steps) == 0
}

// unanswered sends it, does something, and loses the answer.
func unanswered(then func()) func(context.Context, sending) (*clientv3.TxnResponse, error) {
	return func(ctx context.Context, send sending) (*clientv3.TxnResponse, error) {
		if _, err := send(ctx); err != nil {
			return nil, err
		}
		if then != nil {
			then()
		}
		return nil, errLine
	}
}

// dropped does not send it.
func dropped(then func()) func(context.Context, sending) (*clientv3.TxnResponse, error) {
	return func(context.Context, sending) (*clientv3.TxnResponse, error) {
		if then != nil {
			then()
		}
		return nil, errLine
	}
}

// late sends it when deliver is called.
func late(deliver *func()) func(context.Context, sending) (*clientv3.TxnResponse, error) {
	return func(_ context.Context, send sending) (*clientv3.TxnResponse, error) {
		*deliver = func() { _, _ = send(background) }
		return nil, errLine
	}
}

func asIs(ctx context.Context, send sending) (*clientv3.TxnResponse, error) { return send(ctx) }

// faulty opens a Manager whose Txns go through f.
func faulty(t testing.TB, addr string, f etcd.Fault) *manager.Manager {
	t.Helper()
	return faultyTTL(t, addr, f, time.Minute)
}

func faultyTTL(t testing.TB, addr string, f etcd.Fault, ttl time.Duration) *manager.Manager {
	t.Helper()
	b, err := etcd.Open(background, etcd.Config{Addr: addr, Endpoints: []string{addr[len("etcd://") : len(addr)-1]}, Namespace: t.Name(), TTL: ttl, Codec: etcd.JSON{}, Fault: f})
	if err != nil {
		t.Fatal(err)
	}
	m := backend.NewManager(b, etcd.JSON{}).(*manager.Manager)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// revokeOldest ends the oldest session of the test's namespace, of which its process does not know yet.
func revokeOldest(t testing.TB, addr string) {
	t.Helper()
	admin := administrator(t, addr, "", "")
	r, err := admin.Get(background, "/threading/"+url.PathEscape(t.Name())+"/s/", clientv3.WithFirstCreate()...)
	if err == nil {
		_, err = admin.Revoke(background, clientv3.LeaseID(r.Kvs[0].Lease))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What happens to one Txn that is not answered: it was applied, or was not, or will be.
func TestExact(t *testing.T) {
	addr := served(t)
	run := func(name string, test func(t *testing.T, s *script, a, b *manager.Manager)) {
		t.Run(name, func(t *testing.T) {
			s := &script{}
			a := faulty(t, addr, s.fault)
			test(t, s, a, faulty(t, addr, nil))
			if !s.over() {
				t.Error("the script is not over")
			}
		})
	}
	warm := func(a *manager.Manager) *manager.Queue[int] { // its meta and floor are there
		q := manager.NewQueue[int](a, "q", 0)
		if err := q.Put(0); err != nil {
			panic(err)
		}
		if _, err := q.Get(); err != nil {
			panic(err)
		}
		return q
	}

	// A receipt is a condition: what others have consumed meanwhile is not put again.
	run("a put that was consumed is not repeated", func(t *testing.T, s *script, a, b *manager.Manager) {
		q, far := warm(a), manager.NewQueue[int](b, "q", 0)
		s.next(unanswered(func() {
			if v, err := far.Get(); v != 7 || err != nil {
				t.Error(v, err)
			}
		}))
		if err := q.Put(7); err != nil {
			t.Error(err)
		}
		if v, err := far.TryGet(); !errors.Is(err, queue.ErrEmpty) {
			t.Error("twice:", v, err)
		}
	})

	// Every attempt has a key of its own.
	run("what a give-up deletes late is not what the next attempt holds", func(t *testing.T, s *script, a, b *manager.Manager) {
		l, far := a.Lock("l"), b.Lock("l")
		l.Lock()
		l.Unlock()
		far.Lock()
		var deliver func()
		s.next(asIs, late(&deliver)) // the attempt, and the deletion of its key
		if l.LockTimeout(20 * time.Millisecond) {
			t.Fatal("locked")
		}
		far.Unlock()
		until(l.TryLock)
		deliver()
		if far.TryLock() {
			t.Error("two hold it")
		}
		l.Unlock()
	})

	// The session ends under the first release: what it lost is owed by the releases of that, and by none after.
	run("permits that are lost while they are released are nobody else's", func(t *testing.T, s *script, a, b *manager.Manager) {
		own, far := a.Semaphore("s", 2), b.Semaphore("s", 2)
		own.AcquireN(2)
		s.next(func(ctx context.Context, send sending) (*clientv3.TxnResponse, error) {
			revokeOldest(t, addr)
			far.AcquireN(2)
			return send(ctx)
		})
		for range 2 {
			if err := own.ReleaseContext(background); !errors.Is(err, manager.ErrLost) {
				t.Error(err)
			}
		}
		if n := far.Value(); n != 0 {
			t.Error(n, "permits are free that another holds")
		}
		far.ReleaseN(2)
		own.Acquire()
		if err := own.ReleaseContext(background); err != nil {
			t.Error("a permit of the next session:", err)
		}
		if n := far.Value(); n != 2 {
			t.Error(n, "permits")
		}
	})

	// The next attempt comes while what the last one left is still there.
	run("a give-up that still deletes is not in the way of the next attempt", func(t *testing.T, s *script, a, b *manager.Manager) {
		l, far := a.Lock("l"), b.Lock("l")
		l.Lock()
		l.Unlock()
		far.Lock()
		held := make(chan struct{})
		s.next(asIs, func(ctx context.Context, send sending) (*clientv3.TxnResponse, error) {
			<-held
			return send(ctx)
		})
		if l.LockTimeout(20 * time.Millisecond) {
			t.Fatal("locked")
		}
		far.Unlock()
		locked, sent := make(chan error), s.sent.Load()
		go func() { locked <- l.LockContext(within(t, hang)) }()
		until(func() bool { return s.sent.Load() > sent })
		time.AfterFunc(50*time.Millisecond, func() { close(held) }) // so that it is the first to arrive; either order passes
		if err := <-locked; err != nil {
			t.Fatal(err)
		}
		if far.TryLock() {
			t.Error("two hold it")
		}
		if err := l.UnlockContext(background); err != nil {
			t.Error(err)
		}
	})

	// Evidence is read from the data: that a compare failed is none, it may have been the epoch's.
	run("a compare that failed proves nothing", func(t *testing.T, s *script, a, b *manager.Manager) {
		q, far := warm(a), manager.NewQueue[int](b, "q", 0)
		if err := q.Put(7); err != nil {
			t.Fatal(err)
		}
		c, err := q.Claim()
		if err != nil {
			t.Fatal(err)
		}
		s.next(dropped(func() { // meanwhile another call of the session has to bump the epoch
			s.next(unanswered(nil))
			a.Event("bump").Set()
		}))
		if err := c.Ack(background); err != nil {
			t.Error(err)
		}
		if n := far.Unfinished(); n != 0 {
			t.Error("acknowledged, and still there")
		}
	})

	// A retry changes the epoch.
	run("a first try that arrives after the unlock leaves nothing", func(t *testing.T, s *script, a, b *manager.Manager) {
		l, far := a.Lock("l"), b.Lock("l")
		l.Lock()
		l.Unlock()
		var deliver func()
		s.next(late(&deliver))
		l.Lock() // by the second try
		l.Unlock()
		deliver()
		if !far.TryLock() {
			t.Error("an orphan holds it")
		}
	})

	// More than one try unknown: the epoch is bumped before the call returns.
	run("a second try that arrives after the unlock leaves nothing", func(t *testing.T, s *script, a, b *manager.Manager) {
		l, far := a.Lock("l"), b.Lock("l")
		l.Lock()
		l.Unlock()
		var deliver func()
		s.next(unanswered(nil), late(&deliver))
		l.Lock() // by the first try, which the third finds
		l.Unlock()
		deliver()
		if !far.TryLock() {
			t.Error("an orphan holds it")
		}
	})

	run("a try that arrives after it was decided that it had not", func(t *testing.T, s *script, a, b *manager.Manager) {
		d, far := manager.NewDict[string, int](a, "d"), manager.NewDict[string, int](b, "d")
		if err := d.Set(background, "k", 1); err != nil {
			t.Fatal(err)
		}
		_, rev, err := d.Load(background, "k")
		if err != nil {
			t.Fatal(err)
		}
		var deliver func()
		s.next(func(ctx context.Context, send sending) (*clientv3.TxnResponse, error) {
			_, err := late(&deliver)(ctx, send)
			if e := far.Set(background, "k", 2); e != nil { // and so the compare of the second fails
				t.Error(e)
			}
			return nil, err
		})
		if _, err := d.CompareAndSet(background, "k", rev, 3); !errors.Is(err, manager.ErrConflict) {
			t.Error(err)
		}
		deliver()
		if v, _, err := far.Get(background, "k"); v != 2 || err != nil {
			t.Error(v, err)
		}
	})

	run("a TryLock that arrives after it was refused leaves nothing", func(t *testing.T, s *script, a, b *manager.Manager) {
		l, far := a.Lock("l"), b.Lock("l")
		far.Lock()
		if l.TryLock() { // the meta is known afterwards
			t.Fatal("locked")
		}
		var deliver func()
		s.next(late(&deliver))
		if l.TryLock() {
			t.Error("two hold it")
		}
		far.Unlock()
		deliver()
		if !far.TryLock() {
			t.Error("an orphan holds it")
		}
	})

	// Counter.Add whose answer is lost adds once, also if others add meanwhile.
	run("a counter", func(t *testing.T, s *script, a, b *manager.Manager) {
		c, far := a.Counter("c"), b.Counter("c")
		if _, err := c.Add(background, 1); err != nil {
			t.Fatal(err)
		}
		s.next(unanswered(func() {
			if _, err := far.Add(background, 10); err != nil {
				t.Error(err)
			}
		}))
		if n, err := c.Add(background, 100); n != 101 || err != nil {
			t.Error(n, err)
		}
		if n, err := far.Get(background); n != 111 || err != nil {
			t.Error(n, err)
		}
	})
}

// Claims from a backlog walk over a window of it, and not over all that is deleted before it or waits behind it.
func TestClaimsFromABacklogReadAWindow(t *testing.T) {
	addr := served(t)
	m := faulty(t, addr, nil)
	b := backend.Of(m).(*etcd.Backend)
	q := manager.NewQueue[int](m, "q", 0)
	const items = 2500 // each with a stamp of its own
	for i := range items {
		if err := q.Put(i); err != nil {
			t.Fatal(err)
		}
	}
	before := b.Walked()
	for range items / 4 {
		if _, err := q.Get(); err != nil {
			t.Fatal(err)
		}
	}
	// Without a window each get walks over some 2200; a window is 1024 stamps, and the first look is without one.
	if walked := (b.Walked() - before) / (items / 4); walked > 1100 {
		t.Errorf("a get walks over %d keys on average", walked)
	}
	// What was deleted is walked over, too, and counted nowhere: so looks begin at a floor, which follows the first item.
	admin := administrator(t, addr, "", "")
	prefix := "/threading/" + url.PathEscape(t.Name()) + "/o/queue/q/"
	floor, err := admin.Get(background, prefix+"q/f/80")
	if err != nil {
		t.Fatal(err)
	}
	head, err := admin.Get(background, prefix+"a/80/", clientv3.WithFirstKey()...)
	if err != nil {
		t.Fatal(err)
	}
	stamp := strings.TrimPrefix(string(head.Kvs[0].Key), prefix+"a/80/")[:16]
	at, err1 := strconv.ParseUint(string(floor.Kvs[0].Value), 16, 64)
	first, err2 := strconv.ParseUint(stamp, 16, 64)
	if err1 != nil || err2 != nil || first < at || first-at > 512 {
		t.Error("the floor is at", at, "and the first item at", first, err1, err2)
	}
}

// chaos is a Fault: it delivers some Txns late, drops some requests and some answers.
func chaos(seed uint64) etcd.Fault {
	var guard sync.Mutex
	r := rand.New(rand.NewPCG(seed, 1))
	return func(ctx context.Context, send sending) (*clientv3.TxnResponse, error) {
		guard.Lock()
		kind, delay := r.IntN(100), time.Duration(r.IntN(1500))*time.Millisecond
		guard.Unlock()
		switch {
		case kind < 2:
			time.AfterFunc(delay, func() {
				late, cancel := context.WithTimeout(background, 2*time.Second)
				defer cancel()
				_, _ = send(late)
			})
			return nil, errLine
		case kind < 4:
			_, _ = send(ctx)
			return nil, errLine
		case kind < 5:
			return nil, errLine
		}
		return send(ctx)
	}
}

// Requests that are delivered late and answers that are dropped find more than all kills together: what a process does
// while it does not know must not be undone, or done again, by what arrives afterwards.
func TestLateRequestsAndDroppedAnswers(t *testing.T) {
	addr := served(t)
	seed := rand.Uint64()
	t.Log("seed", seed)
	const processes = 3
	length := 8 * time.Second
	if testing.Short() {
		length = 2 * time.Second
	}
	end := time.Now().Add(length)
	var (
		wg       sync.WaitGroup
		inside   atomic.Int32
		permits  atomic.Int32
		token    atomic.Uint64
		locks    atomic.Int64
		guard    sync.Mutex
		put      = map[int]bool{} // true: acknowledged
		taken    = map[int]int{}
		added    atomic.Int64
		maybe    atomic.Int64
		longest  atomic.Int64
		notified atomic.Int64
	)
	take := func(v int) { guard.Lock(); taken[v]++; guard.Unlock() }
	for p := range processes {
		m := faultyTTL(t, addr, chaos(seed+uint64(p)), 4*time.Second)
		going := func() bool { return time.Now().Before(end) }
		wg.Go(func() {
			l := m.Lock("l")
			for going() {
				begin := time.Now()
				if !l.LockTimeout(hang) { // an orphan goes with its session only, which lasts as long as the test
					t.Error("the lock is held by nobody")
					return
				}
				longest.Store(max(longest.Load(), int64(time.Since(begin))))
				if isClosed(l.Lost()) {
					l.Unlock()
					continue
				}
				if n := inside.Add(1); n != 1 {
					t.Error(n, "inside")
				}
				if last := token.Swap(l.Token()); last >= l.Token() {
					t.Error("token", l.Token(), "after", last)
				}
				locks.Add(1)
				inside.Add(-1)
				l.Unlock()
				if rand.IntN(4) == 0 {
					l.LockTimeout(time.Duration(rand.IntN(3000)) * time.Microsecond)
					if l.Token() != 0 {
						l.Unlock()
					}
				}
			}
		})
		wg.Go(func() {
			s := m.Semaphore("s", 2)
			for going() {
				s.Acquire()
				if n := permits.Add(1); n > 2 && !isClosed(s.Lost()) {
					t.Error(n, "permits")
				}
				permits.Add(-1)
				s.Release()
			}
		})
		wg.Go(func() {
			q := manager.NewQueue[int](m, "q", 20)
			for i := 0; going(); i++ {
				v := p*1_000_000 + i
				switch err := q.PutTimeout(v, 5*time.Second); {
				case err == nil:
					guard.Lock()
					put[v] = true
					guard.Unlock()
				case errors.Is(err, manager.ErrUnknown):
					guard.Lock()
					put[v] = false
					guard.Unlock()
				case !errors.Is(err, queue.ErrFull):
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			q := manager.NewQueue[int](m, "q", 20)
			for going() {
				if rand.IntN(2) == 0 {
					if v, err := q.GetTimeout(time.Duration(rand.IntN(20)) * time.Millisecond); err == nil {
						take(v)
					} else if !errors.Is(err, queue.ErrEmpty) {
						t.Error(err)
					}
					continue
				}
				c, err := q.ClaimTimeout(time.Duration(rand.IntN(20)) * time.Millisecond)
				if err != nil {
					continue
				}
				if rand.IntN(4) == 0 {
					if err := c.Nack(background, 0); err != nil {
						t.Error(err)
					}
				} else if err := c.Ack(background); err == nil {
					take(c.Item)
				} else {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			c := m.Counter("c")
			for going() {
				switch _, err := c.Add(background, 1); {
				case err == nil:
					added.Add(1)
				case errors.Is(err, manager.ErrUnknown):
					maybe.Add(1)
				default:
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			cond := m.Condition("cond", nil)
			for going() {
				cond.Lock()
				if rand.IntN(2) == 0 {
					n, err := cond.NotifyContext(background, 1)
					if err != nil {
						t.Error(err)
					}
					notified.Add(int64(n))
				} else if cond.WaitTimeout(time.Duration(rand.IntN(10)) * time.Millisecond) {
					notified.Add(-1)
				}
				cond.Unlock()
			}
		})
	}
	wg.Wait()
	if n := notified.Load(); n != 0 {
		t.Errorf("%d notifications more than waits that were notified", n)
	}
	m := faulty(t, addr, nil)
	q := manager.NewQueue[int](m, "q", 20)
	until(func() bool { return q.Unfinished() == q.Len() }) // what a give-up gives back
	for _, v := range q.Drain() {
		take(v)
	}
	for v, sure := range put {
		if n := taken[v]; sure && n != 1 || n > 1 {
			t.Errorf("item %d, of which the put was certain: %v, was taken %d times", v, sure, n)
		}
		delete(taken, v)
	}
	if len(taken) > 0 {
		t.Error("from nowhere:", taken)
	}
	if n, err := m.Counter("c").Get(background); err != nil || n < added.Load() || n > added.Load()+maybe.Load() {
		t.Error("counter", n, "added", added.Load(), "unknown", maybe.Load(), err)
	}
	if n := m.Semaphore("s", 2).Value(); n != 2 {
		t.Error("permits left", n)
	}
	if !m.Lock("l").TryLock() {
		t.Error("the lock is held by nobody")
	}
	t.Log(locks.Load(), "locks,", len(put), "items,", added.Load(), "additions; the longest wait for the lock", time.Duration(longest.Load()))
}
