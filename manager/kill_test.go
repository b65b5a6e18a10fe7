//go:build unix

package manager_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/queue"
)

const joinable = "joinable"

func init() {
	// holder holds one of everything, in the order in which it says so.
	roles["holder"] = func(addr string, say func(...any)) {
		m := open(addr)
		m.Lock("lock").Lock()
		m.RLock("rlock").LockDepth(3)
		m.Semaphore("semaphore", 3).AcquireN(2)
		m.BoundedSemaphore("bounded", 1).Acquire()
		if _, err := m.Election("election").Campaign(background, "dead"); err != nil {
			panic(err)
		}
		q := manager.NewQueue[int](m, joinable, 0, manager.Joinable())
		for range 2 {
			if _, err := q.Get(); err != nil {
				panic(err)
			}
		}
		if _, err := manager.NewQueue[int](m, "claims", 0).Claim(); err != nil {
			panic(err)
		}
		_ = m.Once("once").Do(background, func(context.Context, uint64) error {
			say("holds")
			forever()
			return nil
		})
	}
	// waiter waits for everything, in goroutines.
	roles["waiter"] = func(addr string, say func(...any)) {
		m := open(addr)
		for _, wait := range []func(){
			m.Lock("lock").Lock,
			func() { m.RLock("rlock").LockTimeout(time.Hour) },
			m.Semaphore("semaphore", 3).Acquire,
			m.Event("event").Wait,
			func() { _, _ = m.Election("election").Campaign(background, "dead") },
			func() { _ = m.Once("once").Do(background, func(context.Context, uint64) error { return nil }) },
			func() { _, _ = manager.NewQueue[int](m, "get", 0).Get() },
			func() { _, _ = manager.NewQueue[int](m, "claim", 0).Claim() },
			func() { _ = manager.NewQueue[int](m, "put", 1).Put(13) },
			manager.NewQueue[int](m, joinable, 0, manager.Joinable()).Join,
			func() { _, _ = m.Barrier("barrier", 3, nil).Wait() },
			func() {
				c := m.Condition("condition", nil)
				c.Lock()
				c.Wait()
			},
		} {
			go wait()
		}
		say("waits")
		forever()
	}
}

// What a process held that is killed is free without any time running out, and its claims are back.
func TestAKilledHolderHoldsNothing(t *testing.T) {
	defer proof.Watch(t)()
	m := started(t)
	q := manager.NewQueue[int](m, joinable, 0, manager.Joinable())
	claims := manager.NewQueue[int](m, "claims", 0)
	if err := errors.Join(q.Put(1), q.Put(2), q.Put(3), claims.Put(7)); err != nil {
		t.Fatal(err)
	}
	c := spawn(t, "holder", m.Addr())
	c.says("holds")
	if m.Lock("lock").TryLock() || m.RLock("rlock").TryLock() || m.Semaphore("semaphore", 3).Value() != 1 ||
		m.BoundedSemaphore("bounded", 1).TryAcquire() || q.Len() != 1 || !claims.Empty() {
		t.Error("the child does not hold what it says")
	}
	c.kill()
	m.Lock("lock").Lock()
	m.RLock("rlock").Lock()
	m.Semaphore("semaphore", 3).AcquireN(3)
	m.BoundedSemaphore("bounded", 1).Acquire()
	if _, err := m.Election("election").Campaign(background, "alive"); err != nil {
		t.Error(err)
	}
	done := false
	if err := m.Once("once").Do(background, func(context.Context, uint64) error { done = true; return nil }); err != nil || !done {
		t.Error("once", done, err)
	}
	for want := 1; want <= 3; want++ {
		if n, err := q.Get(); n != want || err != nil {
			t.Errorf("got %d, %v, want %d", n, err, want)
		}
		q.TaskDone()
	}
	q.Join()
	if c, err := claims.Claim(); err != nil || c.Item != 7 || c.Attempt != 2 {
		t.Error(c, err)
	}
}

// One that waited leaves no trace either, but for a barrier, which it has broken; and no grant goes to it.
func TestAKilledWaiterIsServedNothing(t *testing.T) {
	defer proof.Watch(t)()
	m := started(t)
	m.Lock("lock").Lock()
	m.RLock("rlock").Lock()
	m.Semaphore("semaphore", 3).AcquireN(3)
	term, err := m.Election("election").Campaign(background, "alive")
	if err != nil {
		t.Fatal(err)
	}
	put := manager.NewQueue[int](m, "put", 1)
	q := manager.NewQueue[int](m, joinable, 0, manager.Joinable())
	if err := errors.Join(put.Put(1), q.Put(1)); err != nil {
		t.Fatal(err)
	}
	inside, leave := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = m.Once("once").Do(background, func(context.Context, uint64) error {
			close(inside)
			<-leave
			return nil
		})
	})
	<-inside
	c := spawn(t, "waiter", m.Addr())
	c.says("waits")
	waits := func() (n int) {
		for i, err := range m.Objects(background) {
			if err != nil {
				t.Fatal(err)
			}
			n += len(i.Waiters)
		}
		return n
	}
	until(func() bool { return waits() == 12 })
	var broken error
	wg.Go(func() { _, broken = m.Barrier("barrier", 3, nil).Wait() })
	until(func() bool {
		return m.Barrier("barrier", 3, nil).Waiting() == 2 || m.Barrier("barrier", 3, nil).Broken()
	})
	c.kill()
	until(func() bool { return waits() == 0 })

	m.Lock("lock").Unlock()
	m.RLock("rlock").Unlock()
	m.Semaphore("semaphore", 3).ReleaseN(3)
	_ = term.Resign(background)
	close(leave)
	if !m.Lock("lock").TryLock() || !m.RLock("rlock").TryLock() || m.Semaphore("semaphore", 3).Value() != 3 {
		t.Error("the dead was served")
	}
	if _, _, err := m.Election("election").Leader(background); !errors.Is(err, manager.ErrNotFound) {
		t.Error("the dead leads", err)
	}
	for _, name := range []string{"get", "claim"} {
		q := manager.NewQueue[int](m, name, 0)
		if err := q.Put(5); err != nil {
			t.Error(err)
		}
		if n, err := q.TryGet(); n != 5 || err != nil {
			t.Errorf("%s: the dead was served: %v", name, err)
		}
	}
	if got := put.Drain(); !slices.Equal(got, []int{1}) || !put.Empty() {
		t.Error("the dead has put:", got)
	}
	wg.Wait()
	if !errors.Is(broken, barrier.ErrBroken) {
		t.Error("the barrier:", broken)
	}
	cond := m.Condition("condition", nil)
	if n, err := func() (int, error) { cond.Lock(); defer cond.Unlock(); return cond.NotifyContext(background, 9) }(); n != 0 || err != nil {
		t.Error("the dead was notified:", n, err)
	}
}

// The chaos: workers that are killed at random, again and again.
//
//	exclusion     inside the lock a worker writes its token into a file: it finds a smaller one there, and its own afterwards
//	tokens        only grow
//	permits       are all back in the end
//	puts          each that was acknowledged is acknowledged once by a consumer, or there in the end
//	claims        an item is acknowledged once
//	counter       each addition that was acknowledged is there
const chaosDir = "MANAGER_TEST_DIR"

func init() {
	roles["worker"] = func(addr string, say func(...any)) {
		m := open(addr)
		dir := os.Getenv(chaosDir)
		me := strconv.Itoa(os.Getpid())
		r := rand.New(rand.NewPCG(uint64(os.Getpid()), uint64(time.Now().UnixNano())))
		var wg sync.WaitGroup
		defer wg.Wait()
		loop := func(f func(i int)) {
			wg.Go(func() {
				for i := 0; ; i++ {
					f(i)
				}
			})
		}
		say("started")
		inside := filepath.Join(dir, "inside")
		l := m.Lock("lock")
		loop(func(int) {
			switch {
			case r.IntN(4) == 0:
				if !l.LockTimeout(time.Duration(r.IntN(300)) * time.Microsecond) {
					return
				}
			default:
				l.Lock()
			}
			// A process that is killed can have written its token, and does nothing after its connection was closed.
			token := fmt.Sprint(l.Token())
			if last, err := os.ReadFile(inside); err == nil && (len(last) > len(token) || len(last) == len(token) && string(last) >= token) {
				say("violation: token", token, "after", string(last))
			}
			if err := os.WriteFile(inside, []byte(token), 0o600); err != nil {
				say("violation:", err)
			}
			say("token", token)
			if now, err := os.ReadFile(inside); err != nil || string(now) != token {
				say("violation: another came inside", token, string(now), err)
			}
			l.Unlock()
		})
		s := m.BoundedSemaphore("bounded", 3)
		loop(func(i int) {
			n := 1 + i%3
			if s.AcquireNTimeout(n, time.Millisecond) {
				s.ReleaseN(n)
			}
		})
		q := manager.NewQueue[string](m, "queue", 16)
		loop(func(i int) {
			item := fmt.Sprint(me, "-", i)
			say("putting", item)
			if err := q.Put(item); err != nil {
				say("violation:", err)
			}
			say("put", item)
		})
		loop(func(i int) {
			c, err := q.Claim()
			if err != nil {
				say("violation:", err)
				return
			}
			if i%5 == 0 {
				if err := c.Nack(background, 0); err != nil {
					say("violation:", err)
				}
				return
			}
			say("acking", c.Item)
			if err := c.Ack(background); err != nil {
				say("violation:", err)
			}
			say("acked", c.Item)
		})
		counter := m.Counter("counter")
		loop(func(int) {
			say("adding")
			if _, err := counter.Add(background, 1); err != nil {
				say("violation:", err)
			}
			say("added")
		})
		c := m.Condition("condition", nil)
		loop(func(i int) {
			c.Lock()
			defer c.Unlock()
			if i%2 == 0 {
				c.WaitTimeout(200 * time.Microsecond)
			} else {
				c.Notify(1)
			}
		})
		e := m.Event("event")
		loop(func(i int) {
			if i%3 == 0 {
				e.Set()
				e.Clear()
			}
			e.WaitTimeout(200 * time.Microsecond)
		})
	}
}

func TestKillsAtRandomLoseNothing(t *testing.T) {
	defer proof.Watch(t)()
	t.Setenv(chaosDir, t.TempDir())
	m := started(t)
	rounds := proof.Rounds(100, 5, 1)
	var (
		guard                       sync.Mutex
		putting, put, acking, acked = map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
		adding, added               int64
		lastToken                   uint64
		readers                     sync.WaitGroup
		sections                    atomic.Int64
	)
	watch := func(c *child) {
		readers.Go(func() {
			for {
				line, ok := c.line()
				if !ok {
					c.kill() // it is dead; not before all that it said was read
					return
				}
				what, rest, _ := strings.Cut(line, " ")
				guard.Lock()
				switch what {
				case "violation:":
					t.Error(line)
				case "putting":
					putting[rest]++
				case "put":
					put[rest]++
				case "acking":
					acking[rest]++
				case "acked":
					acked[rest]++
				case "adding":
					adding++
				case "added":
					added++
				case "token":
					sections.Add(1)
					if n, err := strconv.ParseUint(rest, 10, 64); err != nil || n == 0 {
						t.Error(line)
					} else {
						lastToken = max(lastToken, n)
					}
				}
				guard.Unlock()
			}
		})
	}
	r := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	const n = 3
	workers := make([]*child, n)
	born := func(i int) {
		workers[i] = spawn(t, "worker", m.Addr())
		workers[i].says("started")
		watch(workers[i])
	}
	for i := range workers {
		born(i)
	}
	for range rounds {
		time.Sleep(time.Duration(r.IntN(int(3 * time.Millisecond))))
		i := r.IntN(n)
		workers[i].signal(os.Kill)
		born(i)
	}
	for _, w := range workers {
		w.signal(os.Kill)
	}
	readers.Wait()

	// All are dead: everything is free, and nothing that was acknowledged is missing.
	m.Lock("lock").Lock()
	m.BoundedSemaphore("bounded", 3).AcquireN(3)
	until(func() bool {
		for i, err := range m.Objects(background) {
			if err != nil {
				t.Fatal(err)
			}
			if len(i.Waiters) > 0 || len(i.Holders) > 0 && i.Kind == manager.KindQueue {
				return false
			}
		}
		return true
	})
	q := manager.NewQueue[string](m, "queue", 16)
	left := map[string]int{}
	for {
		c, err := q.TryClaim()
		if errors.Is(err, queue.ErrEmpty) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		left[c.Item]++
		_ = c.Ack(background)
	}
	for c, err := range q.Dead(background) {
		if err != nil {
			t.Fatal(err)
		}
		left[c.Item]++
	}
	for item := range put {
		// It was acknowledged to be finished, or perhaps was (the worker died before it could say so), or is left.
		if got := acked[item] + left[item]; got > 1 || got == 0 && acking[item] == 0 {
			t.Errorf("item %s was put; acked %d times, tried %d times, left %d times", item, acked[item], acking[item], left[item])
		}
	}
	for _, seen := range []map[string]int{left, acked} {
		for item, times := range seen {
			if putting[item] == 0 || times > 1 {
				t.Errorf("item %s: %d times, out of %d puts", item, times, putting[item])
			}
		}
	}
	if sum, err := m.Counter("counter").Get(background); err != nil || sum < added || sum > adding {
		t.Errorf("the counter is %d, %v: %d additions were acknowledged of %d", sum, err, added, adding)
	}
	if token := m.Lock("lock").Token(); token <= lastToken {
		t.Errorf("token %d after %d", token, lastToken)
	}
	t.Logf("%d kills: %d sections, %d items put, %d acked, %d left, %d additions", rounds, sections.Load(), len(put), len(acked), len(left), added)
}
