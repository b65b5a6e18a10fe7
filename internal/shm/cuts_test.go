//go:build linux && (amd64 || arm64)

package shm

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A cut is a process that makes some calls on an object its maker has prepared, and dies: at a point, or when they have
// returned. What is left is those calls' alone, and nobody makes up for it before it is seen.
type cut struct {
	// prepare makes the object, and what this process does with it before.
	prepare func(l *lab) *scene
	// work is what the process does.
	work func(w *worker)
	// states are what the object may be found in, in this order. A process that is killed one point later never leaves an
	// earlier one, unless it sleeps in between, which is as many points as it happens to be.
	states []string
	sleeps bool
}

// asleep says that the process sleeps.
func (c *cut) asleep() *cut {
	c.sleeps = true
	return c
}

// A scene is an object, seen from this process.
type scene struct {
	fds []int
	// look returns the state as a process finds it that comes next, and has not yet seen to what the dead have left.
	look func() string
	// mend sees to that, and uses the object to the end. It is told what was found.
	mend func(t *testing.T, found string)
}

var cuts = map[string]*cut{}

// experiment is what the laboratory runs.
func (c *cut) experiment() *experiment {
	return &experiment{work: func(w *worker) {
		c.work(w)
		w.step()
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}}
}

// run has a process make the calls and die, and returns the state that it leaves, and whether all have returned.
func (c *cut) run(t *testing.T, name, point string) (found string, returned bool) {
	t.Helper()
	var s *scene
	e := c.experiment()
	e.objects = func(l *lab) []int {
		s = c.prepare(l)
		return s.fds
	}
	l := newLabOf(t, name, e)
	l.dies(name, point)
	found = s.look()
	if l.end(); !t.Failed() {
		s.mend(t, found)
	}
	return found, l.seats[0].progress.Load() > 0
}

// letters is a state as a word, a letter for each of some numbers.
func letters(of string, numbers ...uint64) string {
	var b strings.Builder
	for _, n := range numbers {
		b.WriteByte(of[n])
	}
	return b.String()
}

// boundedScene is a Bounded of 5 permits, two of which this process has.
func boundedScene(l *lab) *scene {
	b, err := NewBounded(5)
	must(err)
	l.t.Cleanup(func() { b.Value() })
	taken, _ := b.TryAcquire(2)
	here := func() (n int) {
		for i := range b.inUse() {
			if e := b.entries[i].Load(); e>>32 == b.me {
				n += int(uint32(e))
			}
		}
		return n
	}
	return &scene{
		fds: []int{b.Descriptor()},
		look: func() string {
			b.enter()
			defer b.leave()
			return fmt.Sprintf("%d here, %d there", here(), b.bound-b.free()-here())
		},
		mend: func(t *testing.T, found string) {
			held := here()
			if v := b.Value(); !taken || v != 5-held {
				t.Errorf("%d are free when the other one has died, want %d; found %s", v, 5-held, found)
			}
			if got, _ := b.Acquire(5-held, After(hangs)); !got {
				t.Errorf("what is free cannot be taken; found %s", found)
			}
			if !b.Release(5) || b.Release(1) || b.Value() != 5 {
				t.Errorf("%d permits at the end; found %s", b.Value(), found)
			}
		},
	}
}

func onBounded(work func(b *Bounded), states ...string) *cut {
	return &cut{prepare: boundedScene, states: states, work: func(w *worker) {
		b, err := AttachBounded(w.objects[0])
		must(err)
		work(b)
	}}
}

// barrierScene is a Barrier of so many parties, one of which has come: it is of this process, and looks at its place later.
func barrierScene(parties int) func(l *lab) *scene {
	return func(l *lab) *scene {
		b, err := NewBarrier(parties)
		must(err)
		l.t.Cleanup(func() { b.Waiting() })
		b.enter()
		mine, _, _, err := b.arrive(true, false)
		must(err)
		own := &b.places[mine.at]
		outcome := func() string {
			return map[uint64]string{partyWaiting: "waits", partyPassed: "passed", partyBroken: "broken"}[own.Load()&partyStates]
		}
		return &scene{
			fds: []int{b.Descriptor()},
			look: func() string {
				b.enter()
				defer b.leave()
				text := fmt.Sprintf("%s, %d came, broken %d", outcome(), b.page.arrived.Load(), b.page.broken.Load())
				for i := range b.places {
					if p := b.places[i].Load(); p != 0 && i != mine.at {
						text += fmt.Sprintf(", another %s", letters("0wiaxpb", p&partyStates))
					}
				}
				return text
			},
			mend: func(t *testing.T, found string) {
				b.lookAround()
				for i := range b.places {
					if b.places[i].Load() != 0 && i != mine.at {
						t.Errorf("a place of the dead is taken; found %s", found)
					}
				}
				// The dead had a place where the generation or the action was undecided: then that is broken.
				late := strings.Contains(found, "another w") || strings.Contains(found, "another a") || strings.Contains(found, "another i")
				if now := outcome(); late != (now == "broken" && strings.HasPrefix(found, "waits")) ||
					!late && !strings.HasPrefix(found, now) {
					t.Errorf("the party that is left is %s; found %s", now, found)
				}
				if own.Load()&partyStates != partyWaiting {
					b.vacate(own)
				} else if b.Break(false); outcome() != "broken" {
					t.Errorf("it is not broken; found %s", found)
				} else {
					b.vacate(own)
				}
				b.Break(false)
				for range 3 {
					goroutines(parties, func(int) {
						p, err := b.Arrive(true, false, After(hangs))
						if err == nil && p.Acts {
							err = b.Acted(p, true)
						}
						if err != nil {
							t.Errorf("a whole barrier: %v; found %s", err, found)
						}
					})
				}
				if b.Waiting() != 0 || b.Broken() {
					t.Errorf("%d wait, broken %t; found %s", b.Waiting(), b.Broken(), found)
				}
			},
		}
	}
}

func onBarrier(parties int, work func(b *Barrier), states ...string) *cut {
	return &cut{prepare: barrierScene(parties), states: states, work: func(w *worker) {
		b, err := AttachBarrier(w.objects[0])
		must(err)
		work(b)
	}}
}

// arriveAndAct is an arrival that passes or runs the action.
func arriveAndAct(b *Barrier, returns bool) {
	p, err := b.Arrive(true, false, nil)
	must(err)
	if p.Acts {
		_ = b.Acted(p, returns)
	}
}

// conditionScene is a Condition, and some waiters of this process, that look at their places later.
func conditionScene(waiters int) func(l *lab) *scene {
	return func(l *lab) *scene {
		m, err := NewMutex()
		must(err)
		c, err := NewCondition()
		must(err)
		l.t.Cleanup(func() { m.Locked(); c.Waiting() })
		var mine []int
		enlist := func() {
			m.Lock(nil)
			at, err := c.Enlist()
			must(err)
			mine = append(mine, at)
			m.Unlock()
		}
		for range waiters {
			enlist()
		}
		state := func(at int) string { return letters("-wn", c.page.places[at].state.Load()&placeStates) }
		other := func() (text string) {
			for i := range c.inUse() {
				if s := c.page.places[i].state.Load(); s != 0 && !slices.Contains(mine, i) {
					text += "+" + state(i)
				}
			}
			return text
		}
		ours := func() (text string) {
			for _, at := range mine {
				text += state(at)
			}
			return text
		}
		came := make(chan struct{})
		if waiters == 0 { // the one that comes behind that of the other process, which says when
			go func() {
				defer close(came)
				for l.words[1].Load() == 0 && l.words[2].Load() == 0 {
					time.Sleep(100 * time.Microsecond)
				}
				if l.words[1].Load() != 0 {
					enlist()
				}
				l.words[3].Store(1)
			}()
		}
		return &scene{
			fds: []int{m.Descriptor(), c.Descriptor()},
			look: func() string {
				if waiters == 0 {
					l.words[2].Store(1)
					<-came
					if len(mine) == 0 {
						enlist()
					}
				}
				c.enter()
				defer c.leave()
				return ours() + other()
			},
			mend: func(t *testing.T, found string) {
				if !m.Lock(After(hangs)) {
					t.Fatalf("the lock is held by the dead; found %s", found)
				}
				c.lookAround()
				if other() != "" {
					t.Errorf("a place of the dead is taken; found %s", found)
				}
				want, _, _ := strings.Cut(found, "+")
				if strings.HasSuffix(found, "+n") { // what it had been given goes to the next
					want = strings.Replace(want, "w", "n", 1)
				}
				if now := ours(); now != want {
					t.Errorf("the waiters are %s, want %s; found %s", now, want, found)
				}
				c.Notify(len(mine), m)
				m.Unlock()
				for _, at := range mine {
					if !c.Await(at, After(hangs)) {
						t.Errorf("a waiter is not notified; found %s", found)
						continue
					}
					m.Lock(nil)
					c.Vacate(at)
					m.Unlock()
				}
				if n := c.Waiting(); n != 0 {
					t.Errorf("%d wait; found %s", n, found)
				}
			},
		}
	}
}

func onCondition(waiters int, work func(w *worker, c *Condition, m *Mutex), states ...string) *cut {
	return &cut{prepare: conditionScene(waiters), states: states, work: func(w *worker) {
		m, c := bothOf(w)
		work(w, c, m)
	}}
}

func init() {
	cuts["takes and releases of permits"] = onBounded(func(b *Bounded) {
		b.Acquire(1, nil)
		b.Acquire(2, nil)
		b.Release(4) // one of them is of another process: two entries change at once
		b.TryAcquire(1)
	}, "2 here, 0 there", "2 here, 1 there", "2 here, 3 there", "1 here, 0 there", "1 here, 1 there")
	cuts["releases of permits of others"] = onBounded(func(b *Bounded) {
		b.Release(2)
		b.Release(1) // too many
	}, "2 here, 0 there", "0 here, 0 there")
	cuts["a wait for permits that gives up"] = onBounded(func(b *Bounded) {
		b.Acquire(4, After(3*patience))
	}, "2 here, 0 there").asleep()

	cuts["the last arrival"] = onBarrier(2, func(b *Barrier) { second(b.Arrive(false, false, nil)) },
		"waits, 1 came, broken 0", "passed, 0 came, broken 0")
	cuts["an action"] = onBarrier(2, func(b *Barrier) { arriveAndAct(b, true) },
		"waits, 1 came, broken 0", "waits, 0 came, broken 0, another a", "passed, 0 came, broken 0")
	cuts["an action that fails"] = onBarrier(2, func(b *Barrier) { arriveAndAct(b, false) },
		"waits, 1 came, broken 0", "waits, 0 came, broken 0, another a", "broken, 0 came, broken 1")
	cuts["an arrival that gives up"] = onBarrier(3, func(b *Barrier) { second(b.Arrive(true, false, After(time.Millisecond))) },
		"waits, 1 came, broken 0", "waits, 2 came, broken 0, another w", "broken, 0 came, broken 1").asleep()
	cuts["an arrival that does not wait"] = onBarrier(3, func(b *Barrier) { second(b.Arrive(true, true, nil)) },
		"waits, 1 came, broken 0", "broken, 0 came, broken 1")
	cuts["a reset"] = onBarrier(2, func(b *Barrier) { b.Break(false) }, "waits, 1 came, broken 0", "broken, 0 came, broken 0")
	cuts["an abort"] = onBarrier(2, func(b *Barrier) { b.Break(true) }, "waits, 1 came, broken 0", "broken, 0 came, broken 1")

	cuts["notifications"] = onCondition(4, func(_ *worker, c *Condition, m *Mutex) {
		m.Lock(nil)
		c.Notify(1, m)
		c.Notify(2, m)
		m.Unlock()
	}, "wwww", "nwww", "nnww", "nnnw")
	cuts["a wait that gives up"] = onCondition(1, func(_ *worker, c *Condition, m *Mutex) {
		m.Lock(nil)
		at, err := c.Enlist()
		must(err)
		m.Unlock()
		if c.Await(at, After(time.Millisecond)) {
			failWorker("it was notified")
		}
	}, "w", "w+w", "w").asleep()
	cuts["a wait that is notified"] = onCondition(0, func(w *worker, c *Condition, m *Mutex) {
		m.Lock(nil)
		at, err := c.Enlist()
		must(err)
		m.Unlock()
		w.words[1].Store(1)
		awaitWord(&w.words[3])
		m.Lock(nil)
		c.Notify(1, m)
		m.Unlock()
		if !c.Await(at, nil) {
			failWorker("it was not notified")
		}
		m.Lock(nil)
		c.Vacate(at)
		m.Unlock()
	}, "w", "w+w", "w+n", "w")
}

// among are calls that a process makes, and dies in or behind, while others make those of an experiment with the same
// object.
var among = map[string]struct {
	others string
	work   func(w *worker)
}{
	"permits": {"bounded", func(w *worker) {
		b, err := AttachBounded(w.objects[0])
		must(err)
		b.Acquire(1, nil)
		b.Acquire(2, nil) // one waits until others have all but the rest
		b.Release(3)
		b.TryAcquire(2)
		b.Value()
	}},
	"permits, giving up": {"bounded", func(w *worker) {
		b, err := AttachBounded(w.objects[0])
		must(err)
		b.Acquire(3, After(2*patience))
	}},
	"arrivals": {"barrier", func(w *worker) {
		b, err := AttachBarrier(w.objects[0])
		must(err)
		for range 3 {
			if p, err := b.Arrive(true, false, nil); err == nil && p.Acts {
				_ = b.Acted(p, true)
			}
		}
	}},
	"arrivals, giving up": {"barrier", func(w *worker) {
		b, err := AttachBarrier(w.objects[0])
		must(err)
		second(b.Arrive(true, true, nil))
		second(b.Arrive(true, false, After(100*time.Microsecond)))
	}},
	"breaks": {"barrier", func(w *worker) {
		b, err := AttachBarrier(w.objects[0])
		must(err)
		b.Break(true)
		b.Break(false)
		b.Waiting()
	}},
	"waits": {"condition", func(w *worker) {
		waitOnce(w, nil)
		waitOnce(w, After(200*time.Microsecond))
	}},
	"notifications": {"condition", func(w *worker) {
		m, c := bothOf(w)
		m.Lock(nil)
		c.Notify(1, m)
		c.Notify(2, m)
		m.Unlock()
	}},
}

func bothOf(w *worker) (*Mutex, *Condition) {
	m, err := AttachMutex(w.objects[0])
	must(err)
	c, err := AttachCondition(w.objects[1])
	must(err)
	return m, c
}

// waitOnce waits for a notification.
func waitOnce(w *worker, l *Limit) {
	m, c := bothOf(w)
	m.Lock(nil)
	at, err := c.Enlist()
	must(err)
	m.Unlock()
	if c.Await(at, l) {
		m.Lock(nil)
		c.Vacate(at)
		m.Unlock()
	}
}

// experimentAmong is that of calls among others.
func experimentAmong(name string) *experiment {
	calls, known := among[name]
	if !known {
		return nil
	}
	e := *experiments[calls.others]
	e.work = func(w *worker) {
		if os.Getenv("THREADING_KILL_AT") == "" {
			experiments[calls.others].work(w)
			return
		}
		calls.work(w)
		w.step()
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	return &e
}

func awaitWord(word *atomic.Uint64) {
	for word.Load() == 0 {
		time.Sleep(100 * time.Microsecond)
	}
}

// Without a death on the way each process leaves the last state, and its death is seen to.
func TestTheDeadLeaveWhatTheirCallsHaveMade(t *testing.T) {
	for name, c := range cuts {
		found, returned := c.run(t, name, "")
		if want := c.states[len(c.states)-1]; found != want || !returned {
			t.Errorf("%s: found %q, want %q; returned %t", name, found, want, returned)
		}
	}
}
