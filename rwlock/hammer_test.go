package rwlock_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/rwlock"
)

// A million times a writer gives up, by its time or its context, beside a reader that stays, just as another reader comes. Nobody releases anything, so
// whoever is forgotten then waits for ever.
func TestAWriterThatGivesUpLeavesNoReaderBehind(t *testing.T) {
	for _, limit := range writers.impatient[:2] {
		t.Run(limit.name, func(t *testing.T) {
			defer proof.Watch(t)()
			var (
				l             rwlock.RWLock
				wrote, read   atomic.Int64 // how many have returned
				rng           = rand.New(rand.NewPCG(1, 2))
				held, notHeld int
				forms         = readers.patient
				n             = int64(rounds(500_000))
				write         = make(chan time.Duration)
				reads         = make(chan form)
				both          sync.WaitGroup
			)
			l.RLock()
			both.Go(func() {
				for d := range write {
					if limit.lock(&l, d) {
						t.Error("a writer beside a reader")
					}
					wrote.Add(1)
				}
			})
			both.Go(func() {
				for f := range reads {
					f.lock(&l)
					l.RUnlock()
					read.Add(1)
				}
			})
			for i := range n {
				write <- time.Duration(1 + rng.IntN(5000))
				await(func() bool { _, w := l.Waiting(); return w > 0 || wrote.Load() > i })
				proof.Spin(rng.IntN(5000))
				if l.TryRLock() {
					notHeld++
					l.RUnlock()
				} else { // it waits for the writer to give up
					held++
				}
				reads <- forms[i%int64(len(forms))]
				// This goroutine does not sleep, so that timers are not late.
				await(func() bool { return read.Load() > i && wrote.Load() > i })
				if !l.TryRLock() {
					t.Fatal("a newcomer is shut out though nobody waits")
				}
				l.RUnlock()
			}
			close(write)
			close(reads)
			both.Wait()
			l.RUnlock()
			usable(t, &l)
			if held == 0 || notHeld == 0 {
				t.Errorf("a reader was held up %d times, and not %d times: that was no race", held, notHeld)
			}
			t.Logf("a reader was held up %d times, and not %d times", held, notHeld)
		})
	}
}

// The same with more of them: a reader stays, some writers come and give up again and again, and patient readers come one
// by one and stay. All of them come in.
func TestPatientReadersAllComeIn(t *testing.T) {
	defer proof.Watch(t)()
	for round := range rounds(20_000) {
		const patient = 5
		var (
			l        rwlock.RWLock
			wg       sync.WaitGroup
			comes    sync.WaitGroup
			stop     atomic.Bool
			in       atomic.Int32
			seed     = uint64(round)
			released = make(chan struct{})
		)
		l.RLock()
		for i := range 2 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(seed, uint64(i)))
				for !stop.Load() {
					f := writers.impatient[rng.IntN(2)]
					if f.lock(&l, time.Duration(1+rng.IntN(5000))) {
						t.Error("a writer beside a reader")
					}
				}
			})
		}
		for i := range patient {
			comes.Go(func() {
				proof.Spin(i * 500)
				readers.patient[i].lock(&l)
				in.Add(1)
				<-released
				l.RUnlock()
			})
		}
		for in.Load() < patient { // or this does not end
			runtime.Gosched()
		}
		stop.Store(true)
		wg.Wait()
		close(released)
		comes.Wait()
		l.RUnlock()
		if round%100 == 0 {
			usable(t, &l)
		}
	}
}

// A hold is a critical section that notices when readers and a writer, or two writers, are in it.
type hold struct {
	t       *testing.T
	readers atomic.Int32
	writers atomic.Int32
	data    [2]int // equal but while a writer writes
}

func (h *hold) read() {
	h.readers.Add(1)
	if h.writers.Load() != 0 || h.data[0] != h.data[1] {
		h.t.Error("a reader beside a writer")
	}
	h.readers.Add(-1)
}

func (h *hold) write() {
	if h.writers.Add(1) != 1 || h.readers.Load() != 0 {
		h.t.Error("a writer that is not alone")
	}
	h.data[0]++
	h.data[1]++
	h.writers.Add(-1)
}

// All forms at once, a million times, on the clock of the machine, so that releases, deadlines and cancels meet.
func TestReadersAndWritersExcludeEachOther(t *testing.T) {
	for name, share := range map[string]int{"reader-heavy": 10, "mixed": 2, "writer-heavy": 1} {
		t.Run(name, func(t *testing.T) {
			defer proof.Watch(t)()
			const goroutines = 8
			var (
				l               rwlock.RWLock
				h               = hold{t: t}
				wg              sync.WaitGroup
				written         atomic.Int64
				served, gaveUps atomic.Int64
			)
			for i := range goroutines {
				wg.Go(func() {
					rng := rand.New(rand.NewPCG(uint64(i), 1))
					for range rounds(1_000_000) / goroutines {
						s := readers
						if rng.IntN(share+1) == 0 {
							s = writers
						}
						var f form
						switch rng.IntN(4) {
						case 0:
							f = s.tries[rng.IntN(len(s.tries))]
						case 1:
							f = s.patient[rng.IntN(len(s.patient))]
						case 2:
							f = s.impatient[rng.IntN(len(s.impatient))].within(time.Duration(1 + rng.IntN(20_000)))
						default:
							f = s.patient[0]
						}
						if !f.lock(&l) {
							gaveUps.Add(1)
							continue
						}
						served.Add(1)
						if s.name == "reader" {
							h.read()
							if rng.IntN(8) == 0 {
								runtime.Gosched()
							}
							l.RUnlock()
							continue
						}
						h.write()
						written.Add(1)
						if rng.IntN(8) == 0 {
							runtime.Gosched()
						}
						if rng.IntN(3) == 0 {
							l.Downgrade()
							h.read()
							l.RUnlock()
						} else {
							l.Unlock()
						}
					}
				})
			}
			wg.Wait()
			if h.data[0] != int(written.Load()) || served.Load() == 0 || gaveUps.Load() == 0 {
				t.Errorf("%d of %d writes count; %d were served, %d gave up", h.data[0], written.Load(), served.Load(), gaveUps.Load())
			}
			t.Logf("%d were served, %d gave up", served.Load(), gaveUps.Load())
			usable(t, &l)
		})
	}
}

// Two release where there is one reader: one of them is refused, and in the end nobody is inside, whoever came meanwhile.
func TestTwoReleasesOfOneReader(t *testing.T) {
	defer proof.Watch(t)()
	var (
		l       rwlock.RWLock
		turn    atomic.Int64
		answer  = make(chan bool)
		n       = int64(rounds(500_000))
		refused int
	)
	go func() {
		rng := rand.New(rand.NewPCG(5, 6))
		for i := range n {
			await(func() bool { return turn.Load() > i })
			proof.Spin(rng.IntN(50))
			answer <- isNotLocked(l.RUnlock)
		}
	}()
	rng := rand.New(rand.NewPCG(7, 8))
	for i := range n {
		l.RLock()
		waits := i%8 == 0
		var wg sync.WaitGroup
		if waits { // somebody waits for it
			wg.Go(func() { l.Lock(); l.Unlock() })
			await(func() bool { _, w := l.Waiting(); return w > 0 })
		}
		turn.Store(i + 1)
		proof.Spin(rng.IntN(100))
		mine := isNotLocked(l.RUnlock)
		if theirs := <-answer; mine == theirs {
			t.Fatalf("round %d: refused %v and %v", i, mine, theirs)
		}
		if mine {
			refused++
		}
		wg.Wait()
		if l.Readers() != 0 || !l.TryLock() {
			t.Fatalf("round %d: %d readers are inside", i, l.Readers())
		}
		l.Unlock()
	}
	t.Logf("of %d, %d releases of the first were refused", n, refused)
}

// Starvation is tested on real milliseconds: eight goroutines of one side hold the lock for a millisecond each, always some
// of them at once if they can, and come back at once. One of the other side is let in after a few turns of theirs, not
// after minutes. Its patience is counted in turns of the others and not in seconds, of which a busy machine may take any
// number.
func TestNeitherSideStarves(t *testing.T) {
	const (
		hammerers = 8
		hold      = time.Millisecond
		turns     = 2000
		waits     = 3
	)
	for _, procs := range []int{1, 2} {
		for _, c := range []struct{ many, one side }{{readers, writers}, {writers, readers}, {writers, writers}} {
			for _, f := range []form{c.one.patient[0], c.one.patient[1], c.one.patient[3]} {
				t.Run(fmt.Sprintf("a %s, %s, among %ss, %d processors", c.one.name, f.name, c.many.name, procs), func(t *testing.T) {
					proof.Processors(t, procs)
					var (
						l            rwlock.RWLock
						stop         atomic.Bool
						turn, latest atomic.Int64
						begun, ended sync.WaitGroup
					)
					latest.Store(math.MaxInt64)
					begun.Add(hammerers)
					for range hammerers {
						ended.Go(func() {
							begun.Done()
							for !stop.Load() {
								c.many.patient[0].lock(&l)
								for start := time.Now(); time.Since(start) < hold; {
								}
								c.many.unlock(&l)
								if turn.Add(1) > latest.Load() {
									stop.Store(true)
								}
							}
						})
					}
					begun.Wait()
					for i := range waits {
						start := turn.Load()
						latest.Store(start + turns)
						f.lock(&l)
						starved := stop.Load()
						latest.Store(math.MaxInt64)
						c.one.unlock(&l)
						if starved {
							t.Errorf("wait %d had not ended after %d turns of others", i+1, turns)
							break
						}
						t.Logf("wait %d: %d turns of others", i+1, turn.Load()-start)
					}
					stop.Store(true)
					ended.Wait()
					usable(t, &l)
				})
			}
		}
	}
}

// Both sides hammer without a pause and without work inside: each gets something done.
func TestBothSidesGetOnWithTheOtherHammering(t *testing.T) {
	defer proof.Watch(t)()
	var (
		l    rwlock.RWLock
		wg   sync.WaitGroup
		left [2]atomic.Int64
	)
	left[0].Store(int64(rounds(200_000)))
	left[1].Store(int64(rounds(200_000)))
	for i := range 8 {
		s, mine := readers, &left[0]
		if i%2 == 0 {
			s, mine = writers, &left[1]
		}
		wg.Go(func() { // until both sides have done so many
			for left[0].Load() > 0 || left[1].Load() > 0 {
				s.patient[0].lock(&l)
				s.unlock(&l)
				mine.Add(-1)
			}
		})
	}
	wg.Wait()
	t.Logf("%d and %d too many", -left[0].Load(), -left[1].Load())
	usable(t, &l)
}

// In a bubble all who are due at an instant act at that very instant, on all processors: releases, downgrades, others'
// timeouts and the ends of others' contexts. No call may outlast its limit, or give up before. A hang is a deadlock.
func TestReleasesMeetDeadlines(t *testing.T) {
	const goroutines = 8
	for seed := range uint64(6) {
		synctest.Test(t, func(t *testing.T) {
			var (
				l  rwlock.RWLock
				h  = hold{t: t}
				wg sync.WaitGroup
			)
			for i := range goroutines {
				wg.Go(func() {
					rng := rand.New(rand.NewPCG(seed, uint64(i)))
					some := func(n int) time.Duration { return time.Duration(rng.IntN(n)) * time.Millisecond / 2 }
					for range rounds(40_000) / goroutines {
						s := readers
						if rng.IntN(3) == 0 {
							s = writers
						}
						f, limit, start := s.impatient[rng.IntN(len(s.impatient))], some(8)+time.Millisecond/2, time.Now()
						ok := f.lock(&l, limit)
						if took := time.Since(start); took > limit || !ok && took < limit {
							t.Errorf("%s of %s for %v: %v after %v", f.name, s.name, limit, ok, took)
						}
						if ok {
							if s.name == "writer" {
								h.write()
								time.Sleep(some(3))
								if rng.IntN(3) == 0 {
									l.Downgrade()
									s = readers
								}
							}
							if s.name == "reader" {
								h.read()
								time.Sleep(some(4))
							}
							s.unlock(&l)
						}
						time.Sleep(some(4))
					}
				})
			}
			wg.Wait()
			usable(t, &l)
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

var packageLevel rwlock.RWLock

// Nothing that was made in a bubble, a channel or a timer, may be used outside of it, or in another.
func TestReadersOutsideAndInOneBubbleAfterAnother(t *testing.T) {
	defer proof.Watch(t)()
	phase := func(t *testing.T, limits []time.Duration, settle func()) {
		l := &packageLevel
		for range 4 {
			var (
				wg sync.WaitGroup
				in atomic.Int32
			)
			l.Lock()
			for _, s := range []side{readers, writers} {
				for _, f := range s.patient {
					wg.Go(func() {
						f.lock(l)
						in.Add(1)
						s.unlock(l)
					})
				}
				for _, f := range s.impatient {
					for _, d := range limits {
						wg.Go(func() {
							if f.lock(l, d) {
								s.unlock(l)
							}
						})
					}
				}
			}
			settle()
			l.Downgrade()
			settle()
			l.RUnlock()
			wg.Wait()
			if n := int(in.Load()); n != len(readers.patient)+len(writers.patient) {
				t.Errorf("%d came in", n)
			}
		}
		usable(t, l)
	}
	for i := range 4 {
		t.Run(fmt.Sprint("outside ", i), func(t *testing.T) {
			phase(t, []time.Duration{1, 20 * time.Microsecond, time.Hour}, func() {
				for range 1000 {
					runtime.Gosched()
				}
			})
		})
		for _, bubble := range []string{"one bubble ", "another "} {
			t.Run(fmt.Sprint(bubble, i), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					phase(t, []time.Duration{1, time.Second, time.Hour}, func() { time.Sleep(2 * time.Second) })
				})
			})
		}
	}
}

// Calls that do not wait may be made inside a bubble and outside of it at the same moment.
func TestInsideAndOutsideOfABubbleAtOnce(t *testing.T) {
	var (
		l             rwlock.RWLock
		stop, stopped = make(chan bool), make(chan bool)
	)
	try := func() {
		if l.TryRLock() {
			l.RUnlock()
		}
		if l.TryLock() {
			l.Downgrade()
			l.RUnlock()
		}
		l.Readers()
	}
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				try()
				if l.LockTimeout(1) { // makes flags
					l.Unlock()
				}
			}
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		for range rounds(500_000) {
			try()
		}
	})
	close(stop)
	<-stopped
}
