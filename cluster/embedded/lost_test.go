//go:build unix

package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/cluster"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/process"
	"github.com/gothreading/threading/queue"
)

// A holding process holds, or waits in, one of each. When a file is there it gives everything back, as deferred calls do,
// and says what each of them returned.
func playHolder(args []string) {
	ctx, cancel := context.WithTimeout(background, hang)
	defer cancel()
	m, err := manager.Open(ctx, args[0], manager.TTL(4*time.Second))
	if err != nil {
		fmt.Println("open:", err)
		return
	}
	all := heldOf(m)
	all.lock.Lock()
	all.second.Lock()
	all.reentrant.Lock()
	all.permits.AcquireN(2)
	for range 2 {
		if _, err := all.jobs.Get(); err != nil {
			fmt.Println("get:", err)
		}
	}
	claim, err := all.jobs.Claim()
	if err != nil {
		fmt.Println("claim:", err)
		return
	}
	term, err := all.election.Campaign(ctx, "holder")
	if err != nil {
		fmt.Println("campaign:", err)
		return
	}
	var wg, begun sync.WaitGroup
	var barrier, condition, once, task error
	var held uint64
	late := func() {
		for _, err := os.Stat(args[1]); err != nil; _, err = os.Stat(args[1]) { // it does not ask whether its session lives
			time.Sleep(time.Millisecond)
		}
	}
	begun.Add(2)
	wg.Go(func() {
		once = all.once.Do(ctx, func(context.Context, uint64) error { begun.Done(); late(); return nil })
	})
	returned := make(chan struct{})
	hooks.Store("holder", func(ctx context.Context, _ string) (string, error) {
		defer close(returned)
		begun.Done()
		late()
		<-ctx.Done()
		task = context.Cause(ctx)
		return "by the holder", nil
	})
	working, stop := context.WithCancel(ctx)
	wg.Go(func() { _ = all.pool.Work(working, 1) })
	wg.Go(func() { _, barrier = all.barrier.Wait() })
	wg.Go(func() {
		all.condition.Lock()
		condition = all.condition.WaitContext(ctx)
		held = all.guard.Token()
		all.condition.Unlock()
	})
	begun.Wait()
	fmt.Println("holds")
	late()
	func() {
		defer all.permits.Release()
		defer all.jobs.TaskDone()
		defer all.reentrant.Unlock()
		defer all.lock.Unlock()
	}()
	said := []string{}
	for _, err := range []error{all.second.UnlockContext(ctx), all.permits.ReleaseContext(ctx), all.jobs.TaskDoneContext(ctx), claim.Ack(ctx), term.Resign(ctx)} {
		said = append(said, lostOrNot(err))
	}
	<-returned
	stop()
	wg.Wait()
	fmt.Println(strings.Join(append(said, lostOrNot(barrier), lostOrNot(condition), lostOrNot(once), lostOrNot(task), fmt.Sprint(held != 0)), " "))
	select {}
}

func lostOrNot(err error) string {
	if errors.Is(err, manager.ErrLost) {
		return "lost"
	}
	return strings.ReplaceAll(fmt.Sprint(err), " ", "_")
}

// one of each, of one Manager.
type oneOfEach struct {
	lock, second, guard *manager.Lock
	reentrant           *manager.RLock
	permits             *manager.Semaphore
	jobs                *manager.Queue[int]
	barrier             *manager.Barrier
	condition           *manager.Condition
	election            *manager.Election
	once                *manager.Once
	pool                *cluster.Pool
}

func heldOf(m *manager.Manager) oneOfEach {
	o := oneOfEach{
		lock: m.Lock("lock"), second: m.Lock("second"), guard: m.Lock("guard"), reentrant: m.RLock("reentrant"), permits: m.Semaphore("permits", 3),
		jobs: manager.NewQueue[int](m, "jobs", 0, manager.Joinable()), barrier: m.Barrier("barrier", 2, nil),
		election: m.Election("election"), once: m.Once("once"),
	}
	c, err := cluster.From(m)
	if err != nil {
		panic(err)
	}
	o.pool = c.Pool("pool")
	o.condition = m.Condition("condition", o.guard)
	return o
}

// A process is paused for longer than its session lives. What it does when it goes on touches nobody: no lock of another
// is freed, no permit is forged, no item is finished that another has.
func TestWhatALostSessionDoesLate(t *testing.T) {
	addr := served(t) + "app"
	ctx := within(t, hang)
	m, far := opened(t, addr), opened(t, addr)
	defer m.Close()
	defer far.Close()
	all, other := heldOf(m), heldOf(far)
	for i := range 3 {
		if err := all.jobs.Put(i); err != nil {
			t.Fatal(err)
		}
	}
	result, err := cluster.ApplyAsync(ctx, all.pool, call, "holder")
	if err != nil {
		t.Fatal(err)
	}
	late := filepath.Join(t.TempDir(), "late")
	p := play(t, "holder", addr, late)
	if said := p.says(t); said != "holds" {
		t.Fatal(said)
	}
	until(func() bool { return all.barrier.Waiting() == 1 })
	waits := func() bool { // the holder waits for the condition
		for info, err := range m.Objects(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			if info.Kind == manager.KindCondition && len(info.Waiters) == 1 {
				return true
			}
		}
		return false
	}
	until(waits)
	signal(t, p, syscall.SIGSTOP)
	notified := make(chan error, 1)
	go func() {
		other.condition.Lock()
		defer other.condition.Unlock()
		notified <- other.condition.WaitContext(ctx)
	}()

	// Everything goes to others.
	for _, err := range []error{all.lock.LockContext(ctx), all.second.LockContext(ctx), all.reentrant.LockContext(ctx), all.permits.AcquireNContext(ctx, 3)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var claims []*manager.Claim[int]
	var items []int
	for range 3 {
		c, err := all.jobs.ClaimContext(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if c.Attempt != 2 {
			t.Error("attempt", c.Attempt)
		}
		claims, items = append(claims, c), append(items, c.Item)
	}
	if slices.Sort(items); !slices.Equal(items, []int{0, 1, 2}) {
		t.Error(items)
	}
	term, err := all.election.Campaign(ctx, "next")
	if err != nil {
		t.Fatal(err)
	}
	if err := all.once.Do(ctx, func(context.Context, uint64) error { return nil }); err != nil {
		t.Fatal(err)
	}
	hooks.Store("holder", func(ctx context.Context, _ string) (string, error) {
		return fmt.Sprint("attempt ", cluster.Info(ctx).Attempt), nil
	})
	world2{t, addr}.work(all.pool, 1)
	if out, err := result.Get(ctx); out != "attempt 2" || err != nil {
		t.Error(out, err)
	}
	until(all.barrier.Broken)
	all.barrier.Reset()
	arrived := make(chan error, 2)
	go func() { _, err := all.barrier.WaitContext(ctx); arrived <- err }()
	until(func() bool { return all.barrier.Waiting() == 1 })
	for picked := 0; picked == 0; { // it goes to who lives
		all.condition.Lock()
		n, err := all.condition.NotifyContext(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		all.condition.Unlock()
		picked = n
	}
	if err := <-notified; err != nil {
		t.Error(err)
	}

	if err := os.WriteFile(late, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	signal(t, p, syscall.SIGCONT)
	if said, want := p.says(t), "lost lost lost lost lost lost lost lost lost true"; said != want {
		t.Errorf("unlock, release, task done, ack, resign, barrier, condition, once, the context of a task, and whether the condition's lock is held again: %s, want %s", said, want)
	}
	if v, token, err := other.election.Leader(ctx); v != "next" || token != term.Token() || err != nil {
		t.Error("another leads:", v, err)
	}
	if err := other.once.Do(ctx, func(context.Context, uint64) error { t.Error("it was done"); return nil }); err != nil {
		t.Error(err)
	}
	if out, err := result.Get(ctx); out != "attempt 2" || err != nil {
		t.Error(out, err)
	}
	for name, free := range map[string]bool{"lock": other.lock.TryLock(), "second": other.second.TryLock(), "reentrant": other.reentrant.TryLock(), "permit": other.permits.TryAcquire()} {
		if free {
			t.Error("free, and not by its holder:", name)
		}
	}
	if n := other.jobs.Unfinished(); n != 3 {
		t.Error(n, "unfinished")
	}
	for _, c := range claims {
		if err := c.Ack(ctx); err != nil {
			t.Error(err)
		}
	}
	for _, err := range []error{all.lock.UnlockContext(ctx), all.second.UnlockContext(ctx), all.reentrant.UnlockContext(ctx), all.permits.ReleaseNContext(ctx, 3), all.jobs.JoinContext(ctx), term.Resign(ctx)} {
		if err != nil {
			t.Error(err)
		}
	}
	if n := other.permits.Value(); n != 3 {
		t.Error(n, "permits")
	}
	go func() { _, err := other.barrier.WaitContext(ctx); arrived <- err }()
	for range 2 {
		if err := <-arrived; err != nil {
			t.Error(err)
		}
	}
}

func signal(t testing.TB, p *player, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// holds is a child of package process that holds things under a long session.
var holds = process.Register(func(ctx context.Context, addr string) (struct{}, error) {
	m, err := manager.Open(ctx, addr, manager.TTL(10*time.Minute))
	if err != nil {
		return struct{}{}, err
	}
	m.Lock("l").Lock()
	m.Semaphore("s", 1).Acquire()
	if _, err := manager.NewQueue[int](m, "q", 0).Claim(); err != nil {
		return struct{}{}, err
	}
	<-ctx.Done()
	return struct{}{}, nil
})

// What a killed child held is free when its parent knows of that, not when its session has run out.
func TestKilledChild(t *testing.T) {
	addr := served(t) + "app"
	ctx := within(t, hang)
	m := opened(t, addr)
	defer m.Close()
	l, s, q := m.Lock("l"), m.Semaphore("s", 1), manager.NewQueue[int](m, "q", 0)
	if err := q.Put(7); err != nil {
		t.Fatal(err)
	}
	p, err := process.Go(holds, addr)
	if err != nil {
		t.Fatal(err)
	}
	until(func() bool { return ctx.Err() != nil || l.Locked() && s.Value() == 0 && q.Len() == 0 })
	if ctx.Err() != nil {
		t.Fatal("the child does not hold: ", p.Err())
	}
	p.Kill()
	p.Join()
	if err := l.LockContext(ctx); err != nil {
		t.Fatal("the lock: ", err)
	}
	if err := s.AcquireContext(ctx); err != nil {
		t.Fatal("the permit: ", err)
	}
	c, err := q.ClaimContext(ctx)
	if err != nil || c.Item != 7 || c.Attempt != 2 {
		t.Fatal(c, err)
	}
}

// Two of three members are gone: nothing moves, and who holds something is told that it does not any more. When one is
// back everything goes on.
func TestWithoutAMajority(t *testing.T) {
	dir := t.TempDir()
	var clients, peers []string
	for range 3 {
		clients, peers = append(clients, freeAddr(t)), append(peers, "http://"+freeAddr(t))
	}
	start := func(i int) *player {
		urls := append([]string{peers[i]}, append(append([]string{}, peers[:i]...), peers[i+1:]...)...)
		return play(t, "server", append([]string{fmt.Sprint(dir, "/", i), clients[i]}, urls...)...)
	}
	members := []*player{start(0), start(1), start(2)}
	for _, s := range members {
		s.says(t)
	}
	ctx := within(t, hang)
	m := opened(t, "etcd://"+strings.Join(clients, ",")+"/app", manager.TTL(2*time.Second))
	defer m.Close()
	l, q, s := m.Lock("l"), manager.NewQueue[int](m, "q", 0), m.Semaphore("s", 1)
	if err := errors.Join(l.LockContext(ctx), q.PutContext(ctx, 7), s.AcquireContext(ctx)); err != nil {
		t.Fatal(err)
	}
	members[0].kill()
	members[1].kill()
	if v, err := q.GetTimeout(100 * time.Millisecond); !errors.Is(err, queue.ErrEmpty) {
		t.Error(v, err)
	}
	select {
	case <-l.Lost():
	case <-ctx.Done():
		t.Fatal("it is not told that its lock is lost")
	}
	s.Release() // there is nothing to do, and nobody to ask
	start(0).says(t)
	l.Unlock()
	if err := l.LockContext(ctx); err != nil {
		t.Fatal(err)
	}
	if v, err := q.GetContext(ctx); v != 7 || err != nil {
		t.Error(v, err)
	}
}

// Somebody has deleted the keys of what is held.
func TestDeletedByHand(t *testing.T) {
	addr := served(t)
	admin := administrator(t, addr, "", "")
	ctx := within(t, hang)
	m, far := opened(t, addr+"app"), opened(t, addr+"app")
	defer m.Close()
	defer far.Close()
	l, q := m.Lock("l"), manager.NewQueue[int](m, "q", 0)
	if err := errors.Join(l.LockContext(ctx), q.PutContext(ctx, 7)); err != nil {
		t.Fatal(err)
	}
	c, err := q.ClaimContext(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Delete(ctx, "/threading/app/o/", clientv3.WithPrefix()); err != nil {
		t.Fatal(err)
	}
	if err := far.Lock("l").LockContext(ctx); err != nil {
		t.Fatal(err)
	}
	refusedAs(t, l.UnlockContext(ctx), nil, manager.ErrLost)
	refusedAs(t, c.Ack(ctx), nil, manager.ErrLost)
	if far.Lock("l").Token() == 0 || m.Lock("l").TryLock() {
		t.Error("it has freed what another holds")
	}
	if err := q.PutContext(ctx, 8); err != nil {
		t.Error(err)
	}
}
