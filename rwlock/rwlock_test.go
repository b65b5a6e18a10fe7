package rwlock_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/internal/locktest"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/rwlock"
)

var (
	_ sync.Locker = new(rwlock.RWLock)
	_             = sync.NewCond(new(rwlock.RWLock).RLocker())
)

func TestReadersComeInTogetherAndAWriterAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l rwlock.RWLock
		start := time.Now()
		n := 0
		for _, f := range append(readers.all(time.Hour), readers.tries...) {
			if n++; !f.lock(&l) || l.Readers() != n || l.Locked() {
				t.Errorf("%s: %d readers, want %d", f.name, l.Readers(), n)
			}
			for _, try := range writers.tries {
				if try.lock(&l) {
					t.Errorf("%s succeeds beside %d readers", try.name, n)
				}
			}
		}
		for ; n > 0; n-- {
			l.RUnlock()
		}
		for _, f := range append(writers.all(time.Hour), writers.tries...) {
			if !f.lock(&l) || !l.Locked() || l.Readers() != 0 {
				t.Errorf("%s: not the writer", f.name)
			}
			for _, try := range append(readers.tries, writers.tries...) {
				if try.lock(&l) {
					t.Errorf("%s succeeds beside a writer", try.name)
				}
			}
			l.Unlock()
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited for %v", waited)
		}
		usable(t, &l)
	})
}

// What a release or Downgrade does in each state, and that it changes nothing where it is misuse. Any goroutine may.
func TestMisusePanicsAndChangesNothing(t *testing.T) {
	states := map[string]struct {
		prepare func(*rwlock.RWLock)
		readers int
		writer  bool
	}{
		"free":             {func(*rwlock.RWLock) {}, 0, false},
		"used":             {func(l *rwlock.RWLock) { l.Lock(); l.Downgrade(); l.RUnlock() }, 0, false},
		"a reader":         {(*rwlock.RWLock).RLock, 1, false},
		"two readers":      {func(l *rwlock.RWLock) { l.RLock(); l.RLock() }, 2, false},
		"a writer":         {(*rwlock.RWLock).Lock, 0, true},
		"a former writer":  {func(l *rwlock.RWLock) { l.Lock(); l.Downgrade() }, 1, false},
		"the other is out": {func(l *rwlock.RWLock) { l.RLock(); l.RUnlock(); l.Lock() }, 0, true},
	}
	calls := map[string]struct {
		call   func(*rwlock.RWLock)
		writes bool
	}{
		"Unlock":             {(*rwlock.RWLock).Unlock, true},
		"Downgrade":          {(*rwlock.RWLock).Downgrade, true},
		"RUnlock":            {(*rwlock.RWLock).RUnlock, false},
		"RLocker's Unlock":   {func(l *rwlock.RWLock) { l.RLocker().Unlock() }, false},
		"a stranger's":       {func(l *rwlock.RWLock) { rethrow(l.Unlock) }, true},
		"a stranger's, read": {func(l *rwlock.RWLock) { rethrow(l.RUnlock) }, false},
	}
	for state, s := range states {
		for call, c := range calls {
			for _, waited := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					var (
						l      rwlock.RWLock
						served atomic.Int32
						wg     sync.WaitGroup
					)
					s.prepare(&l)
					if s.readers == 0 && !s.writer {
						waited = false // nobody has to wait
					}
					if waited {
						wg.Go(func() { l.Lock(); served.Add(1); l.Unlock() })
						synctest.Wait()
						wg.Go(func() { l.RLock(); served.Add(1); l.RUnlock() })
						synctest.Wait()
					}
					misuse := c.writes && !s.writer || !c.writes && s.readers == 0
					p := proof.Recovered(func() { c.call(&l) })
					synctest.Wait()
					if misuse != (p == rwlock.ErrNotLocked) || p != nil && !errors.Is(p.(error), rwlock.ErrNotLocked) {
						t.Errorf("%s by %s: %v", state, call, p)
					}
					if misuse {
						if l.Readers() != s.readers || l.Locked() != s.writer || served.Load() != 0 {
							t.Errorf("%s by %s: misuse changed something", state, call)
						}
						r, w := l.Waiting()
						if waited && (r != 1 || w != 1) {
							t.Errorf("%s by %s: %d readers and %d writers wait", state, call, r, w)
						}
					}
					for l.Locked() {
						l.Unlock()
						synctest.Wait()
					}
					for l.Readers() > 0 {
						l.RUnlock()
						synctest.Wait()
					}
					wg.Wait()
					usable(t, &l)
				})
			}
		}
	}
}

// rethrow calls f in another goroutine, and panics with what it panics with.
func rethrow(f func()) {
	var p any
	locktest.Elsewhere(func() { p = proof.Recovered(f) })
	if p != nil {
		panic(p)
	}
}

func TestAnEndedContextChangesNothing(t *testing.T) {
	for name, ended := range proof.EndedContexts(errCause) {
		for _, s := range []side{readers, writers} {
			t.Run(name+", "+s.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, want := ended(t)
					var l rwlock.RWLock
					refused := func(state string) {
						t.Helper()
						n, locked := l.Readers(), l.Locked()
						start := time.Now()
						if err := s.context(&l, ctx); err != want || time.Since(start) != 0 {
							t.Errorf("%s: returned %v after %v, want %v", state, err, time.Since(start), want)
						}
						if l.Readers() != n || l.Locked() != locked {
							t.Errorf("%s: something has changed", state)
						}
					}
					refused("free")
					l.RLock()
					refused("a reader")
					go func() { l.Lock(); l.Unlock() }()
					synctest.Wait()
					refused("a waiting writer")
					l.RUnlock()
					synctest.Wait()
					l.Lock()
					refused("a writer")
					l.Unlock()
					usable(t, &l)
				})
			})
		}
	}
}

func TestAContextThatEndsReturnsItsCause(t *testing.T) {
	for name, c := range proof.EndingContexts(errCause) {
		for _, s := range []side{readers, writers} {
			t.Run(name+", "+s.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var (
						l        rwlock.RWLock
						returned atomic.Bool
						got      error
					)
					l.Lock()
					ctx, end := c.New()
					go func() {
						got = s.context(&l, ctx)
						returned.Store(true)
					}()
					synctest.Wait()
					if returned.Load() {
						t.Fatalf("returned %v before its context ended", got)
					}
					end()
					synctest.Wait()
					if !returned.Load() || !errors.Is(got, c.Want) || ctx.Err() != nil && got != context.Cause(ctx) {
						t.Errorf("returned %v, want %v", got, c.Want)
					}
					l.Unlock()
					usable(t, &l)
				})
			})
		}
	}
}

func TestAContextThatPanicsLeavesTheLockAsItWas(t *testing.T) {
	for _, s := range []side{readers, writers} {
		synctest.Test(t, func(t *testing.T) {
			var l rwlock.RWLock
			l.Lock()
			proof.NothingOfOthersUnderAGuard(t, func(ctx context.Context) { _ = s.context(&l, ctx) }, l.Unlock)
			usable(t, &l)
		})
	}
}

func TestDowngradeLetsReadersInAndNoWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			l       rwlock.RWLock
			in, out atomic.Int32
			wrote   atomic.Bool
		)
		l.Lock()
		l.Downgrade() // nobody waits
		if l.Locked() || l.Readers() != 1 || !l.TryRLock() || l.TryLock() {
			t.Error("the writer is no reader")
		}
		l.RUnlock()
		l.RUnlock()

		for _, f := range writers.all(time.Hour) {
			l.Lock()
			read := func() {
				l.RLock()
				in.Add(1)
				time.Sleep(time.Second)
				if l.Locked() || wrote.Load() {
					t.Error("a writer came in between")
				}
				out.Add(1)
				l.RUnlock()
			}
			go read()
			synctest.Wait()
			go func() { // a writer that came after one reader and before the other
				if !f.lock(&l) {
					t.Error("gave up")
				}
				if out.Load() != 2 {
					t.Errorf("the writer came in after %d of 2 readers had left", out.Load())
				}
				wrote.Store(true)
				l.Unlock()
			}()
			synctest.Wait()
			go read()
			synctest.Wait()
			l.Downgrade()
			if l.Locked() || l.Readers() != 3 {
				t.Errorf("after Downgrade there are %d readers, want 3", l.Readers())
			}
			synctest.Wait()
			if in.Load() != 2 || wrote.Load() {
				t.Errorf("after Downgrade %d of 2 waiting readers are in, and the writer was: %v", in.Load(), wrote.Load())
			}
			if l.TryRLock() {
				t.Error("a newcomer is let in although a writer waits")
			}
			time.Sleep(time.Minute)
			if wrote.Load() {
				t.Error("the writer came in beside the former writer")
			}
			l.RUnlock()
			synctest.Wait()
			if !wrote.Load() {
				t.Error("the writer was forgotten")
			}
			in.Store(0)
			out.Store(0)
			wrote.Store(false)
		}
		usable(t, &l)
	})
}

// A Condition waits under either side, and gives it up meanwhile.
func TestConditionsOverBothSides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			l     rwlock.RWLock
			ready bool
			woken atomic.Int32
		)
		write, read := condition.New(&l), condition.New(l.RLocker())
		for range 3 {
			go func() { read.Lock(); read.WaitFor(func() bool { return ready }); woken.Add(1); read.Unlock() }()
			go func() { write.Lock(); write.WaitFor(func() bool { return ready }); woken.Add(1); write.Unlock() }()
		}
		synctest.Wait()
		if l.Locked() || l.Readers() != 0 {
			t.Error("who waits for a Condition holds the lock")
		}
		l.Lock()
		ready = true
		write.NotifyAll()
		read.NotifyAll()
		l.Unlock()
		synctest.Wait()
		if woken.Load() != 6 {
			t.Errorf("%d of 6 were woken", woken.Load())
		}
		usable(t, &l)
	})
}

func TestUncontendedPathsAllocateNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended, end := context.WithCancel(context.Background())
	end()
	var l, read, written rwlock.RWLock
	read.RLock()
	written.Lock()
	for name, f := range map[string]func(){
		"RLock":                  func() { l.RLock(); l.RUnlock() },
		"RLock beside a reader":  func() { read.RLock(); read.RUnlock() },
		"TryRLock":               func() { l.TryRLock(); l.RUnlock(); written.TryRLock() },
		"RLockTimeout":           func() { l.RLockTimeout(time.Hour); l.RUnlock() },
		"RLockTimeout, nothing":  func() { l.RLockTimeout(0); l.RUnlock(); written.RLockTimeout(0) },
		"RLockContext":           func() { _ = l.RLockContext(ctx); l.RUnlock() },
		"RLockContext, ended":    func() { _ = l.RLockContext(ended) },
		"Lock, Downgrade":        func() { l.Lock(); l.Downgrade(); l.RUnlock() },
		"LockTimeout, nothing":   func() { read.LockTimeout(0) },
		"Readers, Locked":        func() { read.Readers(); read.Locked() },
		"RLocker":                func() { k := l.RLocker(); k.Lock(); k.Unlock() },
		"RLocker beside a read":  func() { k := read.RLocker(); k.Lock(); k.Unlock() },
		"LockContext of a taken": func() { _ = read.LockContext(ended); _ = written.LockContext(ended) },
	} {
		locktest.NoAllocations(t, name, f)
	}
}

func TestAWaitAllocatesOnlyForItsLimit(t *testing.T) {
	if proof.Race {
		t.Skip("the race detector makes sync.Pool forget what it was given")
	}
	live, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, s := range []side{readers, writers} {
		var l rwlock.RWLock
		begin := make(chan bool)
		go func() {
			for range begin {
				await(func() bool { r, w := l.Waiting(); return r+w > 0 })
				l.Unlock()
			}
		}()
		for name, c := range map[string]struct {
			form   form
			budget float64
		}{
			"Lock":                {s.patient[0], 0},
			"Timeout for ever":    {s.patient[2], 0},
			"Context without end": {s.patient[5], 0},
			"Timeout":             {s.impatient[0].within(time.Hour), 1}, // the timer
			"Context":             {form{"", func(l *rwlock.RWLock) bool { return s.context(l, live) == nil }}, 1},
		} {
			if got := testing.AllocsPerRun(500, func() {
				l.Lock()
				begin <- true
				if !c.form.lock(&l) {
					t.Error("gave up")
				}
				s.unlock(&l)
			}); got > c.budget {
				t.Errorf("%s, %s: %v allocations, the budget is %v", s.name, name, got, c.budget)
			}
		}
		close(begin)
	}
}

func TestNothingKeepsALockAlive(t *testing.T) {
	defer proof.Watch(t)()
	live, cancel := context.WithCancel(context.Background())
	defer cancel()
	use := func() weak.Pointer[rwlock.RWLock] {
		l := new(rwlock.RWLock)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 200 {
					s := writers
					if (i+j)%3 > 0 {
						s = readers
					}
					ok := false
					switch (i + j) % 4 {
					case 0:
						ok = s.impatient[0].lock(l, time.Duration(j)*time.Microsecond)
					case 1:
						ok = s.impatient[0].lock(l, time.Hour)
					case 2:
						ok = s.context(l, live) == nil
					case 3:
						ok = s.patient[0].lock(l)
					}
					if ok {
						runtime.Gosched()
						s.unlock(l)
					}
				}
			})
		}
		wg.Wait()
		return weak.Make(l)
	}
	if !proof.Collected(use()) {
		t.Error("something keeps a lock alive that nobody uses any more")
	}
}

// What the writer wrote is seen by the readers, and what happened before any RUnlock by the next writer; the race detector
// judges.
func TestPlainDataIsPublished(t *testing.T) {
	defer proof.Watch(t)()
	for _, how := range []string{"Unlock", "Downgrade"} {
		for _, read := range append(readers.all(time.Hour), form{"TryRLock", func(l *rwlock.RWLock) bool {
			await(l.TryRLock)
			return true
		}}) {
			for range rounds(2000)/10 + 5 {
				var (
					l    rwlock.RWLock
					data int
					seen [3]int
					wg   sync.WaitGroup
				)
				l.Lock()
				for i := range seen {
					wg.Go(func() {
						read.lock(&l)
						seen[i] = data
						l.RUnlock()
					})
				}
				data = 1
				if how == "Unlock" {
					l.Unlock()
				} else {
					l.Downgrade()
					l.RUnlock()
				}
				for sum := 0; sum != 3; { // each after the last reader that it met
					l.Lock()
					sum = seen[0] + seen[1] + seen[2]
					l.Unlock()
					runtime.Gosched()
				}
				wg.Wait()
			}
		}
	}
}
