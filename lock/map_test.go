package lock_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/internal/locktest"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/lock"
)

// A keyed is the lock of one key of a Map, which has others that are locked all the time.
type keyed struct {
	m lock.Map[int]
	k int
}

const others = 200 // so that some share the key's part

func newKeyed() locktest.Locker {
	l := &keyed{k: -1}
	for k := range others {
		l.m.Lock(k)
	}
	return l
}

func (l *keyed) Lock()                                 { l.m.Lock(l.k) }
func (l *keyed) TryLock() bool                         { return l.m.TryLock(l.k) }
func (l *keyed) LockTimeout(d time.Duration) bool      { return l.m.LockTimeout(l.k, d) }
func (l *keyed) LockContext(ctx context.Context) error { return l.m.LockContext(ctx, l.k) }
func (l *keyed) Unlock()                               { l.m.Unlock(l.k) }
func (l *keyed) Locked() bool                          { return l.m.Locked(l.k) }

// The lock of a key is a Lock: it passes the same tests.
func TestTheLockOfAKeyIsALock(t *testing.T) {
	for name, test := range map[string]func(*testing.T, locktest.New){
		"EveryFormAcquiresAFreeLock":                     locktest.EveryFormAcquiresAFreeLock,
		"NoTimeMeansTryLock":                             locktest.NoTimeMeansTryLock,
		"TryLockNeverFailsOnAFreeLockThatNobodyWaitsFor": locktest.TryLockNeverFailsOnAFreeLockThatNobodyWaitsFor,
		"AnEndedContextChangesNothing":                   locktest.AnEndedContextChangesNothing,
		"AContextThatEndsReturnsItsCause":                locktest.AContextThatEndsReturnsItsCause,
		"UncontendedPathsAllocateNothing":                locktest.UncontendedPathsAllocateNothing,
		"PlainDataIsPublished":                           locktest.PlainDataIsPublished,
		"UnlockRacesLockTimeout":                         locktest.UnlockRacesLockTimeout,
		"UnlockRacesCancel":                              locktest.UnlockRacesCancel,
		"UnlockMeetsDeadlines":                           locktest.UnlockMeetsDeadlines,
		"AReleaseIsNeverMissed":                          locktest.AReleaseIsNeverMissed,
		"MixedFormsExcludeEachOther":                     locktest.MixedFormsExcludeEachOther,
		"NobodyStarves":                                  locktest.NobodyStarves,
		"EveryHistoryIsLinearizable":                     locktest.EveryHistoryIsLinearizable,
		"EveryBlockedFormIsDurablyBlocked":               locktest.EveryBlockedFormIsDurablyBlocked,
		"GivesUpAtExactlyItsTime":                        locktest.GivesUpAtExactlyItsTime,
		"MaxInt64IsForEver":                              locktest.MaxInt64IsForEver,
		"WaitersAreServedInOrderOfArrival":               locktest.WaitersAreServedInOrderOfArrival,
		"AWaiterThatGivesUpLeavesTheOthersInOrder":       locktest.AWaiterThatGivesUpLeavesTheOthersInOrder,
		"ARunningGoroutineMayBarge":                      locktest.ARunningGoroutineMayBarge,
		"WorksOutsideAndInOneBubbleAfterAnother": func(t *testing.T, _ locktest.New) {
			locktest.WorksOutsideAndInOneBubbleAfterAnother(t, packageLevelKey)
		},
		"NothingKeepsAMapAlive": func(t *testing.T, _ locktest.New) {
			locktest.NothingKeepsALockAlive(t, func(l *keyed) locktest.Locker { return l })
		},
		"Unlock of a key that is not locked changes nothing": unlockOfAFreeKey,
	} {
		t.Run(name, func(t *testing.T) { test(t, newKeyed) })
	}
}

var packageLevelKey = newKeyed()

// Misuse changes nothing: not before the key is used, not after, not while a waiter has been woken and has not come yet.
func unlockOfAFreeKey(t *testing.T, newLock locktest.New) {
	misuse := func(l locktest.Locker) (panicked bool) {
		t.Helper()
		switch p := proof.Recovered(l.Unlock); p {
		case nil:
			return false
		case lock.ErrNotLocked:
			return true
		default:
			t.Errorf("panicked with %v, want ErrNotLocked", p)
			return true
		}
	}
	l := newLock()
	for range 3 {
		for range 2 {
			if !misuse(l) || l.Locked() {
				t.Error("a free key was unlocked")
			}
		}
		locktest.Usable(t, l)
	}
	for waiters := 1; waiters <= 3; waiters++ {
		proof.Uninterrupted(t, func(t *testing.T) (conclusive bool) {
			var (
				l      = newLock()
				m      = &l.(*keyed).m
				wg     sync.WaitGroup
				served atomic.Int32
			)
			l.Lock()
			for i := range waiters {
				wg.Go(func() {
					if i%2 == 0 {
						l.Lock()
					} else if !l.LockTimeout(time.Hour) {
						t.Error("gave up")
					}
					served.Add(1)
					time.Sleep(time.Second)
					_ = proof.Recovered(l.Unlock) // unless the misuse was none, and unlocked this
				})
				synctest.Wait()
			}
			l.Unlock()
			conclusive = misuse(l)
			if conclusive && (l.Locked() || m.Len() != others+1) {
				t.Error("the misuse changed something")
			}
			wg.Wait()
			if n := int(served.Load()); n != waiters {
				t.Errorf("%d waiters were served, want %d", n, waiters)
			}
			locktest.Usable(t, l)
			return conclusive
		})
	}
}

func TestKeysHaveNothingToDoWithEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m lock.Map[string]
		if m.Len() != 0 || m.Locked("a") {
			t.Error("the zero value has locked keys")
		}
		const keys = 1000 // some are in one bucket
		for k := range keys {
			m.Lock(fmt.Sprint(k))
		}
		for k := range keys {
			k := fmt.Sprint(k)
			if m.TryLock(k) || m.LockTimeout(k, 0) || m.LockTimeout(k, math.MinInt64) || !m.Locked(k) {
				t.Errorf("key %s is locked, and can be locked again", k)
			}
		}
		if m.Len() != keys || !m.TryLock("another") || m.Locked("yet another") {
			t.Error("another key is locked, too")
		}
		m.Unlock("another")
		for k := range keys {
			m.Unlock(fmt.Sprint(k))
			if m.Locked(fmt.Sprint(k)) || m.Len() != keys-k-1 {
				t.Fatalf("Len is %d after %d of %d were unlocked", m.Len(), k+1, keys)
			}
		}
	})
}

// An entry goes with its last user, whoever that is and however it ends.
func TestAnEntryGoesWithItsLastUser(t *testing.T) {
	ended, end := context.WithCancel(context.Background())
	end()
	synctest.Test(t, func(t *testing.T) {
		var m lock.Map[int]
		want := func(n int) {
			t.Helper()
			synctest.Wait()
			if m.Len() != n {
				t.Errorf("Len is %d, want %d", m.Len(), n)
			}
		}
		m.Locker(1)
		m.Locked(1)
		_ = proof.Recovered(func() { m.Unlock(1) })
		_ = m.LockContext(ended, 1)
		want(0)
		m.Lock(1)
		m.TryLock(1)
		m.LockTimeout(1, 0)
		m.LockTimeout(1, time.Second)
		_ = m.LockContext(ended, 1)
		want(1)
		m.Unlock(1)
		want(0)
		for _, form := range []func() bool{
			func() bool { return m.LockTimeout(1, time.Second) },
			func() bool {
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				return m.LockContext(ctx, 1) == nil
			},
		} {
			// Its last user gives up as it is unlocked, at the same instant: either of the two is the last.
			for range 1000 {
				m.Lock(1)
				go func() {
					if form() {
						m.Unlock(1)
					}
				}()
				time.Sleep(time.Second)
				m.Unlock(1)
				want(0)
				if !m.TryLock(1) {
					t.Fatal("a key that nobody holds cannot be locked")
				}
				m.Unlock(1)
			}
		}
		// Three wait, give up one after another, and the holder unlocks in between.
		for unlockAt := range 4 {
			m.Lock(1)
			for i := range 3 {
				go func() {
					if m.LockTimeout(1, time.Duration(i+1)*time.Second) {
						time.Sleep(time.Minute)
						m.Unlock(1)
					}
				}()
			}
			time.Sleep(time.Duration(unlockAt)*time.Second + time.Second/2)
			want(1)
			m.Unlock(1)
			time.Sleep(time.Hour)
			want(0)
		}
	})
}

// A million times the last waiter gives up just as the key is unlocked. There is one key, so an entry that is taken away
// too early, too late or twice meets the next round.
func TestTheLastWaiterGivesUpAsTheKeyIsUnlocked(t *testing.T) {
	defer proof.Watch(t)()
	var (
		m              lock.Map[int]
		rounds         = proof.Rounds(1_000_000, 10, 10)
		served, gaveUp int
		begin          = make(chan time.Duration)
		done           = make(chan bool)
		rng            = rand.New(rand.NewPCG(1, 1))
		limit          = time.Microsecond
	)
	go func() {
		for d := range begin {
			ok := false
			if d%2 == 0 {
				ok = m.LockTimeout(1, d)
			} else {
				ctx, cancel := context.WithTimeout(context.Background(), d)
				ok = m.LockContext(ctx, 1) == nil
				cancel()
			}
			if ok {
				m.Unlock(1)
			}
			done <- ok
		}
		close(done)
	}()
	for range rounds {
		m.Lock(1)
		begin <- limit
		proof.Spin(rng.IntN(2000))
		m.Unlock(1)
		if <-done {
			served++
			limit = max(limit-limit/8, 1) // it finds its own length, so that either outcome stays likely
		} else {
			gaveUp++
			limit += limit/8 + 1
		}
		if m.Len() != 0 {
			t.Fatalf("Len is %d when all have left", m.Len())
		}
	}
	close(begin)
	<-done
	if served == 0 || gaveUp == 0 {
		t.Errorf("%d were served, %d gave up: that was no race", served, gaveUp)
	}
	t.Logf("%d were served, %d gave up", served, gaveUp)
}

// Many goroutines lock many keys in every way. No two hold one, and nothing is left.
func TestManyKeysByMany(t *testing.T) {
	defer proof.Watch(t)()
	const keys, goroutines = 20, 12
	var (
		m      lock.Map[string]
		inside [keys]int // each protected by its key
		names  [keys]string
		wg     sync.WaitGroup
	)
	for k := range keys {
		names[k] = fmt.Sprint("key ", k)
	}
	for i := range goroutines {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 1))
			for range proof.Rounds(1_000_000, 10, 10) / goroutines {
				k := rng.IntN(keys)
				name, ok := names[k], true
				switch rng.IntN(5) {
				case 0:
					ok = m.TryLock(name)
				case 1:
					ok = m.LockTimeout(name, time.Duration(rng.IntN(20_000)))
				case 2:
					ctx, cancel := context.WithCancel(context.Background())
					go cancel()
					ok = m.LockContext(ctx, name) == nil
				case 3:
					m.Locker(name).Lock()
				default:
					m.Lock(name)
				}
				if !ok {
					continue
				}
				if inside[k]++; inside[k] != 1 {
					t.Error("two hold the lock of one key")
				}
				if rng.IntN(8) == 0 {
					runtime.Gosched()
				}
				inside[k]--
				m.Unlock(name)
			}
		})
	}
	wg.Wait()
	if m.Len() != 0 {
		t.Errorf("Len is %d when all have left", m.Len())
	}
}

func TestALockerIsAKeyForAsLongAsAnybodyKeepsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m lock.Map[string]
		a := m.Locker("a")
		if m.Locker("a") != a || m.Locker("b") == a {
			t.Error("Lockers of one key are equal, and of two are not")
		}
		for range 3 { // its entry comes and goes
			a.Lock()
			if !m.Locked("a") || m.TryLock("a") {
				t.Error("the key of a Locker that is locked is not")
			}
			a.Unlock()
			if m.Locked("a") || m.Len() != 0 {
				t.Error("the key of a Locker that is unlocked is locked")
			}
			if p := proof.Recovered(a.Unlock); p != lock.ErrNotLocked {
				t.Errorf("Unlock of a free Locker panicked with %v", p)
			}
			m.Lock("a")
			go func() { time.Sleep(time.Hour); m.Unlock("a") }()
			a.Lock()
			a.Unlock()
		}
		// A Condition over it, waited for by several, gives it up and takes it back.
		c, ready, woken := condition.New(a), false, 0
		for range 5 {
			go func() {
				c.Lock()
				defer c.Unlock()
				c.WaitFor(func() bool { return ready })
				woken++
			}()
		}
		synctest.Wait()
		if m.Len() != 0 {
			t.Error("waiting for a Condition keeps the key")
		}
		if p := proof.Recovered(func() { c.Notify(1) }); p != condition.ErrNotLocked {
			t.Errorf("Notify without the lock panicked with %v", p)
		}
		c.Lock()
		ready = true
		c.NotifyAll()
		c.Unlock()
		synctest.Wait()
		if woken != 5 || m.Len() != 0 {
			t.Errorf("%d of 5 were woken, Len is %d", woken, m.Len())
		}
	})
}

// As in a map: a key that cannot be hashed panics, and one that is not equal to itself is a new one each time.
func TestKeysThatAreNone(t *testing.T) {
	var m lock.Map[any]
	bad := []int{1}
	m.Lock("good")
	for name, call := range map[string]func(){
		"Lock":        func() { m.Lock(bad) },
		"TryLock":     func() { m.TryLock(bad) },
		"LockTimeout": func() { m.LockTimeout(bad, time.Hour) },
		"LockContext": func() { _ = m.LockContext(context.Background(), bad) },
		"Unlock":      func() { m.Unlock(bad) },
		"Locked":      func() { m.Locked(bad) },
		"Locker":      func() { m.Locker(bad) },
	} {
		p := proof.Recovered(call)
		if err, ok := p.(runtime.Error); !ok || !strings.Contains(err.Error(), "unhashable type") {
			t.Errorf("%s panicked with %v, want what a map does", name, p)
		}
		if m.Len() != 1 || !m.Locked("good") || m.TryLock("good") {
			t.Errorf("%s changed something", name)
		}
	}
	for k := range 200 { // no guard is held
		m.Lock(k)
		m.Unlock(k)
	}
	m.Unlock("good")

	for range 2 {
		m.Lock(math.NaN())
	}
	if m.Locked(math.NaN()) || m.Len() != 2 {
		t.Error("a NaN is not a new key each time")
	}
	if p := proof.Recovered(func() { m.Unlock(math.NaN()) }); p != lock.ErrNotLocked {
		t.Errorf("Unlock of a NaN panicked with %v", p)
	}
	// Equal is what == says.
	m.Lock(0.0)
	if m.TryLock(math.Copysign(0, -1)) || !m.TryLock(0) || !m.TryLock(int8(0)) {
		t.Error("keys are not what they are in a map")
	}
}

func TestAContextThatPanicsIsNoUserOfItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m lock.Map[int]
		m.Lock(1)
		proof.NothingOfOthersUnderAGuard(t, func(ctx context.Context) { _ = m.LockContext(ctx, 1) }, func() { m.Unlock(1) })
		if m.Len() != 0 {
			t.Errorf("Len is %d", m.Len())
		}
	})
}

func TestAMapInUseAllocatesNothing(t *testing.T) {
	type pair struct {
		name string
		n    int
	}
	allocatesNothing(t, "int", 7)
	allocatesNothing(t, "string", "some key")
	allocatesNothing(t, "struct", pair{"some key", 7})
	allocatesNothing(t, "array", [4]uint16{1, 2})
	allocatesNothing(t, "pointer", &pair{})
	allocatesNothing(t, "any", any("some key"))
}

func allocatesNothing[K comparable](t *testing.T, name string, k K) {
	var m lock.Map[K]
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for form, lock := range map[string]func(){
		"Lock":        func() { m.Lock(k) },
		"TryLock":     func() { m.TryLock(k) },
		"LockTimeout": func() { m.LockTimeout(k, time.Hour) },
		"LockContext": func() { _ = m.LockContext(ctx, k) },
	} {
		locktest.NoAllocations(t, name+", "+form, func() { lock(); m.Locked(k); m.Unlock(k) })
	}
	m.Lock(k)
	locktest.NoAllocations(t, name+", locked", func() { m.TryLock(k); m.LockTimeout(k, 0); m.Len() })
}

// A key that is locked no more is not kept.
func TestNothingKeepsAKeyAlive(t *testing.T) {
	defer proof.Watch(t)()
	type big [100]int
	var (
		m    lock.Map[*big]
		kept = new(big)
	)
	m.Lock(kept)
	use := func() (gone []weak.Pointer[big]) {
		for i := range 500 {
			k := new(big)
			gone = append(gone, weak.Make(k))
			m.Lock(k)
			switch i % 3 {
			case 0:
				m.LockTimeout(k, time.Nanosecond)
			case 1:
				m.Locker(k)
			}
			m.Unlock(k)
		}
		return gone
	}
	for _, p := range use() {
		if !proof.Collected(p) {
			t.Fatal("a key is kept that nobody locks any more")
		}
	}
	m.Unlock(kept)
}

// Calls that do not wait may be made inside a bubble and outside of it at the same moment.
func TestAMapInsideAndOutsideOfABubbleAtOnce(t *testing.T) {
	var (
		m             lock.Map[int]
		stop, stopped = make(chan bool), make(chan bool)
	)
	go func() {
		defer close(stopped)
		for k := 0; ; k++ {
			select {
			case <-stop:
				return
			default:
				if m.TryLock(k % 3) {
					m.Unlock(k % 3)
				}
			}
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		for k := range proof.Rounds(1_000_000, 10, 10) {
			m.Len()
			if m.TryLock(k % 3) {
				m.Unlock(k % 3)
			}
		}
	})
	close(stop)
	<-stopped
}
