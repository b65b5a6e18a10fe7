package pool_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

type (
	itemFunc = func(context.Context, int) (int, error)
	imapFunc = func(*pool.Pool, itemFunc, iter.Seq[int], ...pool.MapOption) iter.Seq2[int, error]
)

// Both forms, for what is true of both.
var imaps = []struct {
	name    string
	ordered bool
	run     imapFunc
}{
	{"IMap", true, pool.IMap[int, int]},
	{"IMapUnordered", false, pool.IMapUnordered[int, int]},
}

// A yielded is what the body of a loop was given.
type yielded struct {
	v   int
	err error
}

func collect(run iter.Seq2[int, error]) (got []yielded) {
	for v, err := range run {
		got = append(got, yielded{v, err})
	}
	return got
}

func valuesOf(got []yielded) (values []int) {
	for _, y := range got {
		values = append(values, y.v)
	}
	return values
}

// failedOf returns the indices of the items that failed, and the error that was no item's.
func failedOf(got []yielded) (failed []int, other error) {
	for _, y := range got {
		var item *pool.ItemError
		switch {
		case errors.As(y.err, &item):
			failed = append(failed, item.Index)
		case y.err != nil:
			other = y.err
		}
	}
	return failed, other
}

// count yields 0, 1, 2, … without end.
func count(yield func(int) bool) {
	for i := 0; yield(i); i++ {
	}
}

var chunkings = [][]pool.MapOption{
	nil, {pool.ChunkSize(3)}, {pool.ChunkSize(100)}, {pool.Buffer(1)}, {pool.Buffer(5), pool.ChunkSize(3)},
	{pool.Buffer(2), pool.ChunkSize(7)}, {pool.FailFast()},
}

func TestIMapYieldsInTheOrderOfTheItems(t *testing.T) {
	for _, opts := range chunkings {
		inBubble(t, fmt.Sprint(len(opts)), func(t *testing.T) {
			p := newPool(t, 4)
			r := rand.New(rand.NewPCG(1, 2))
			delays := make([]time.Duration, 100)
			for i := range delays {
				delays[i] = time.Duration(r.IntN(1000))
			}
			got := collect(pool.IMap(p, func(_ context.Context, i int) (int, error) {
				time.Sleep(delays[i])
				return square(i), nil
			}, slices.Values(upTo(100)), opts...))
			if len(got) != 100 {
				t.Fatalf("%d values", len(got))
			}
			for i, y := range got {
				if y.v != i*i || y.err != nil {
					t.Errorf("number %d is %d, %v", i, y.v, y.err)
				}
			}
		})
	}
}

func TestIMapUnorderedYieldsEachOnceAsChunksEnd(t *testing.T) {
	for _, opts := range chunkings {
		inBubble(t, fmt.Sprint(len(opts)), func(t *testing.T) {
			p := newPool(t, 4)
			got := valuesOf(collect(pool.IMapUnordered(p, func(_ context.Context, i int) (int, error) {
				time.Sleep(time.Duration(100 - i))
				return i, nil
			}, slices.Values(upTo(100)), opts...)))
			slices.Sort(got)
			if !slices.Equal(got, upTo(100)) {
				t.Errorf("%v", got)
			}
		})
	}
	inBubble(t, "the order", func(t *testing.T) {
		p := newPool(t, 3)
		delays := []time.Duration{3, 1, 2}
		got := valuesOf(collect(pool.IMapUnordered(p, func(_ context.Context, i int) (int, error) {
			time.Sleep(delays[i])
			return i, nil
		}, slices.Values(upTo(3)))))
		if want := []int{1, 2, 0}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		got = valuesOf(collect(pool.IMapUnordered(p, func(_ context.Context, i int) (int, error) {
			time.Sleep(delays[i/2])
			return i, nil
		}, slices.Values(upTo(6)), pool.ChunkSize(2))))
		if want := []int{2, 3, 4, 5, 0, 1}; !slices.Equal(got, want) {
			t.Errorf("in chunks %v, want %v", got, want)
		}
	})
}

func TestIMapOfNothingYieldsNothing(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 1)
		for _, m := range imaps {
			if got := collect(m.run(p, nil2, func(func(int) bool) {})); got != nil {
				t.Errorf("%s: %v", m.name, got)
			}
		}
		if s := p.Stats(); s.Submitted != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func nil2(context.Context, int) (int, error) { return 0, nil }

// Nothing happens until the loop begins.
func TestIMapDoesNothingBeforeItIsRanged(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 1)
		for _, m := range imaps {
			m.run(p, func(context.Context, int) (int, error) { t.Error("called"); return 0, nil },
				func(func(int) bool) { t.Error("the input was read") })
		}
		synctest.Wait()
	})
}

// The number of inputs taken and not yet yielded is never above Buffer, and reaches it.
func TestBufferBoundsWhatIsReadAhead(t *testing.T) {
	type setting struct{ workers, buffer, chunk int } // 0: the default
	settings := []setting{{1, 0, 0}, {3, 0, 0}, {2, 0, 5}, {1, 0, 7}}
	for _, buffer := range []int{1, 2, 3, 4, 7, 10, 30} {
		for _, chunk := range []int{0, 1, 2, 3, 4, 7, 10, 11, 50} {
			settings = append(settings, setting{2, buffer, chunk})
		}
	}
	for _, m := range imaps {
		for _, s := range settings {
			for _, fails := range []bool{false, true} {
				inBubble(t, fmt.Sprint(m.name, s, fails), func(t *testing.T) {
					p := newPool(t, s.workers)
					var opts []pool.MapOption
					want := 2 * s.workers * max(s.chunk, 1)
					if s.buffer > 0 {
						opts = append(opts, pool.Buffer(s.buffer))
						want = s.buffer
					}
					if s.chunk > 0 {
						opts = append(opts, pool.ChunkSize(s.chunk))
					}
					r := rand.New(rand.NewPCG(uint64(s.buffer), uint64(s.chunk)))
					taken, seen, inBody := 0, 0, false
					hold := newGate(t)
					input := func(yield func(int) bool) {
						for i := range 100 {
							taken++
							if taken-seen > want {
								t.Fatalf("%d taken and %d yielded", taken, seen)
							}
							if inBody {
								t.Error("read while the body was running")
							}
							if r.IntN(3) == 0 {
								time.Sleep(time.Nanosecond)
							}
							if !yield(i) {
								return
							}
						}
					}
					ended := make(chan struct{})
					go func() {
						defer close(ended)
						for range m.run(p, func(_ context.Context, i int) (int, error) {
							hold.pass()
							time.Sleep(time.Duration(i * 7 % 5))
							if fails && i%3 == 0 {
								panic(i)
							}
							return 0, nil
						}, input, opts...) {
							seen++
							inBody = true
							if r.IntN(3) == 0 {
								time.Sleep(2 * time.Nanosecond)
							}
							inBody = false
						}
					}()
					time.Sleep(time.Hour) // the input is slow
					synctest.Wait()
					if taken != min(want, 100) || seen != 0 {
						t.Errorf("%d taken and %d yielded while no item ends, want %d and 0", taken, seen, want)
					}
					hold.open()
					<-ended
					if seen != 100 {
						t.Errorf("%d yielded", seen)
					}
				})
			}
		}
	}
}

func TestTheInputNeedHaveNoEnd(t *testing.T) {
	for _, m := range imaps {
		inBubble(t, m.name, func(t *testing.T) {
			p := newPool(t, 2)
			n, read := 0, 0
			for _, err := range m.run(p, pool.Plain(square), func(yield func(int) bool) {
				for i := range count {
					read++
					if !yield(i) {
						return
					}
				}
			}) {
				if n++; err != nil || n == 1000 {
					break
				}
			}
			if n != 1000 || read > 1004 {
				t.Errorf("%d yielded, %d read", n, read)
			}
		})
	}
}

// Each failure is in its place, with the value, and the run goes on.
func TestAnItemThatFailsIsYieldedInItsPlace(t *testing.T) {
	for _, m := range imaps {
		for _, size := range []int{1, 4, 20} {
			inBubble(t, fmt.Sprint(m.name, " chunks of ", size), func(t *testing.T) {
				p := newPool(t, 1, pool.Name("failing"))
				calls := make([]int, 10)
				got := collect(m.run(p, func(_ context.Context, i int) (int, error) {
					calls[i]++
					switch i {
					case 2:
						return 22, errTest
					case 3:
						panicsHere(errTest)
					case 4:
						runtime.Goexit()
					case 9:
						return 0, errTest
					}
					return i, nil
				}, slices.Values(upTo(10)), pool.ChunkSize(size)))
				if want := []int{0, 1, 22, 0, 0, 5, 6, 7, 8, 0}; !slices.Equal(valuesOf(got), want) {
					t.Fatalf("%v, want %v", valuesOf(got), want)
				}
				failed, other := failedOf(got)
				if want := []int{2, 3, 4, 9}; !slices.Equal(failed, want) || other != nil {
					t.Errorf("failed %v, %v, want %v", failed, other, want)
				}
				var pan *thread.PanicError
				if !errors.Is(got[2].err, errTest) || errors.As(got[2].err, &pan) {
					t.Errorf("item 2: %v", got[2].err)
				}
				if !errors.As(got[3].err, &pan) || pan.Value != errTest || len(pan.Stack) == 0 {
					t.Errorf("item 3: %v", got[3].err)
				}
				if !errors.Is(got[4].err, pool.ErrGoexit) {
					t.Errorf("item 4: %v", got[4].err)
				}
				if !slices.Equal(calls, slices.Repeat([]int{1}, 10)) {
					t.Errorf("calls %v", calls)
				}
				synctest.Wait()
				if n := aliveWorkers("failing"); n != 1 {
					t.Errorf("%d workers", n)
				}
			})
		}
	}
}

func TestIMapWithFailFastEndsAfterTheFirstFailure(t *testing.T) {
	for _, m := range imaps {
		for _, size := range []int{1, 4, 20} {
			inBubble(t, fmt.Sprint(m.name, " chunks of ", size), func(t *testing.T) {
				p := newPool(t, 1)
				got := collect(m.run(p, func(_ context.Context, i int) (int, error) {
					if i == 5 || i == 6 {
						return -i, errTest
					}
					return i, nil
				}, count, pool.ChunkSize(size), pool.FailFast()))
				if want := []int{0, 1, 2, 3, 4, -5}; !slices.Equal(valuesOf(got), want) {
					t.Errorf("%v, want %v", valuesOf(got), want)
				}
				if failed, other := failedOf(got); !slices.Equal(failed, []int{5}) || other != nil {
					t.Errorf("failed %v, %v", failed, other)
				}
				if s := p.Stats(); s.Running+s.Queued != 0 {
					t.Errorf("%+v", s)
				}
			})
		}
	}
}

// What the comment of FailFast says of Map and IMap alike.
func TestIMapWithFailFastTellsWhatIsRunningWhy(t *testing.T) {
	for _, m := range imaps {
		inBubble(t, m.name, func(t *testing.T) {
			p := newPool(t, 2)
			var cause error
			got := collect(m.run(p, func(ctx context.Context, i int) (int, error) {
				if i == 0 {
					time.Sleep(time.Second)
					return 0, errTest
				}
				<-ctx.Done()
				cause = context.Cause(ctx)
				return 0, nil
			}, slices.Values(upTo(2)), pool.FailFast()))
			if failed, other := failedOf(got); !slices.Equal(failed, []int{0}) || other != nil || len(got) != 1 {
				t.Errorf("%v", got)
			}
			var item *pool.ItemError
			if !errors.As(cause, &item) || item.Index != 0 {
				t.Errorf("the context of the running item ended because of %v, want the error of item 0", cause)
			}
		})
	}
}

// An item that is told to end because another has failed may end before that one's chunk has, and with an error of its own.
func TestIMapWithFailFastYieldsTheFirstError(t *testing.T) {
	for _, m := range imaps {
		for name, heeds := range map[string]bool{"ends well": false, "fails too": true} {
			inBubble(t, m.name+", the other "+name, func(t *testing.T) {
				p := newPool(t, 2)
				slow := pool.Progress(func(done, _ int) {
					if done == 1 {
						time.Sleep(time.Second) // between the failure and the end of its chunk
					}
				})
				got := collect(m.run(p, func(ctx context.Context, i int) (int, error) {
					if i == 0 {
						time.Sleep(time.Second)
						return 0, errTest
					}
					<-ctx.Done()
					if heeds {
						return 0, ctx.Err()
					}
					return 0, nil
				}, slices.Values(upTo(2)), pool.FailFast(), slow))
				if failed, other := failedOf(got); !slices.Equal(failed, []int{0}) || other != nil || len(got) != 1 {
					t.Errorf("%v", got)
				}
			})
		}
	}
}

func TestIMapWithFailFastStartsNothingAfterTheFirstFailure(t *testing.T) {
	for _, m := range imaps {
		inBubble(t, m.name, func(t *testing.T) {
			p := newPool(t, 1)
			last := 0
			for range m.run(p, func(_ context.Context, i int) (int, error) {
				last = i
				if i == 1 {
					return 0, errTest
				}
				return i, nil
			}, slices.Values(upTo(8)), pool.FailFast(), pool.ChunkSize(4)) {
				synctest.Wait()
			}
			if last != 1 {
				t.Errorf("item %d was started after item 1 had failed", last)
			}
		})
	}
}

// The ways to leave a loop early.
var exits = []string{"break", "return", "panic", "Goexit"}

// leave ranges over run and leaves in the body of number index, in that way. It returns when the loop has been left.
func leave(t *testing.T, run iter.Seq2[int, error], exit string, index int) (bodies int) {
	over := make(chan any)
	go func() {
		completed := false
		defer func() {
			v := recover()
			if exit == "Goexit" && completed {
				v = "the loop ended itself"
			}
			over <- v
		}()
		func() {
			for range run {
				bodies++
				if bodies <= index {
					continue
				}
				switch exit { // "break" comes after it
				case "return":
					return
				case "panic":
					panic(errTest)
				case "Goexit":
					runtime.Goexit()
				}
				break
			}
		}()
		completed = true
	}()
	v := <-over
	if (exit == "panic") != (v == errTest) || exit != "panic" && v != nil {
		t.Errorf("%s: recovered %v", exit, v)
	}
	return bodies
}

// Left at any index in any way: nothing more is read, what is queued is dropped, the contexts of what is running end,
// and only when that has returned the loop is left. Afterwards the pool is as new.
func TestALoopCanBeLeftAnywhere(t *testing.T) {
	const n = 12
	for _, m := range imaps {
		for _, exit := range exits {
			for _, size := range []int{1, 3} {
				inBubble(t, fmt.Sprint(m.name, " ", exit, " chunks of ", size), func(t *testing.T) {
					p := newPool(t, 3, pool.Name("left"))
					for index := range n {
						var running, started, told atomic.Int32
						read := 0
						stopped := false
						run := m.run(p, func(ctx context.Context, i int) (int, error) {
							started.Add(1)
							running.Add(1)
							defer running.Add(-1)
							if i/size > index/size { // so that the body of number index runs
								<-ctx.Done()
								if context.Cause(ctx) != pool.ErrCancelled {
									t.Errorf("the cause is %v", context.Cause(ctx))
								}
								told.Add(1)
								time.Sleep(time.Second)
							}
							return i, nil
						}, func(yield func(int) bool) {
							for i := range n {
								read++
								if !yield(i) {
									stopped = true
									return
								}
							}
						}, pool.ChunkSize(size), pool.Buffer(n))
						bodies := leave(t, run, exit, index)
						if bodies != index+1 {
							t.Fatalf("index %d: the body ran %d times", index, bodies)
						}
						if running.Load() != 0 {
							t.Errorf("index %d: left while %d were running", index, running.Load())
						}
						before, readBefore := started.Load(), read
						if want := min(int32((n-1)/size-index/size), 3); told.Load() > want {
							t.Errorf("index %d: %d were told to end, want %d at most", index, told.Load(), want)
						}
						synctest.Wait()
						time.Sleep(time.Hour)
						if started.Load() != before || read != readBefore {
							t.Errorf("index %d: it went on: %d started, %d read", index, started.Load()-before, read-readBefore)
						}
						if read < n && exit != "Goexit" && exit != "panic" && !stopped {
							t.Errorf("index %d: the input does not know", index)
						}
						if s := p.Stats(); s.Running+s.Lent+s.Queued != 0 || s.Submitted != s.Succeeded+s.Failed+s.Cancelled {
							t.Errorf("index %d: %+v", index, s)
						}
						if n := aliveWorkers("left"); n > 3 {
							t.Errorf("index %d: %d workers", index, n)
						}
					}
					if v, err := pool.Apply(p, func(context.Context) (int, error) { return 7, nil }); v != 7 || err != nil {
						t.Errorf("afterwards %d, %v", v, err)
					}
					p.Shutdown() // would not return if a run was still counted
				})
			}
		}
	}
}

func TestWhatIsQueuedWhenALoopIsLeftIsNeverCalled(t *testing.T) {
	for i := range 20 * len(imaps) { // it depends on who is faster
		m := imaps[i%len(imaps)]
		inBubble(t, m.name, func(t *testing.T) {
			p := newPool(t, 1)
			readAhead := newGate(t)
			var calls []int
			for range m.run(p, func(ctx context.Context, i int) (int, error) {
				calls = append(calls, i)
				if i == 0 {
					readAhead.pass()
				} else {
					<-ctx.Done()
				}
				return i, nil
			}, func(yield func(int) bool) {
				for i := range count {
					if i == 15 {
						readAhead.open()
					}
					if !yield(i) {
						return
					}
				}
			}, pool.Buffer(20)) {
				synctest.Wait()
				break
			}
			synctest.Wait()
			if want := []int{0, 1}; !slices.Equal(calls, want) {
				t.Errorf("called %v, want %v", calls, want)
			}
		})
	}
}

// Items before it are yielded first, then the panic goes on with its value.
func TestAnInputThatPanics(t *testing.T) {
	for _, m := range imaps {
		for _, size := range []int{1, 2, 4, 100} {
			for _, at := range []int{0, 1, 7} {
				inBubble(t, fmt.Sprint(m.name, " at ", at, " chunks of ", size), func(t *testing.T) {
					p := newPool(t, 2)
					var got []int
					v := recovered(func() {
						for v, err := range m.run(p, func(_ context.Context, i int) (int, error) {
							time.Sleep(time.Second)
							return i, nil
						}, func(yield func(int) bool) {
							for i := range at {
								if !yield(i) {
									t.Error("stopped")
								}
							}
							panic(errTest)
						}, pool.ChunkSize(size)) {
							wantErr(t, "an item", err, nil)
							got = append(got, v)
						}
						t.Error("the loop ended as if nothing had happened")
					})
					if v != errTest {
						t.Errorf("recovered %v", v)
					}
					slices.Sort(got)
					if !slices.Equal(got, upTo(at)) {
						t.Errorf("yielded %v before, want %d items", got, at)
					}
					p.Shutdown()
				})
			}
		}
	}
}

// A loop that is left while it is given what came before the panic: the panic goes on all the same.
func TestAnInputThatPanicsAndABodyThatLeaves(t *testing.T) {
	for _, m := range imaps {
		for _, exit := range exits {
			inBubble(t, m.name+" "+exit, func(t *testing.T) {
				p := newPool(t, 2)
				other := errors.New("of the body")
				over := make(chan any)
				go func() {
					defer func() { over <- recover() }()
					func() {
						for range m.run(p, func(_ context.Context, i int) (int, error) {
							time.Sleep(time.Second)
							return i, nil
						}, func(yield func(int) bool) {
							_ = yield(0) && yield(1)
							panic(errTest)
						}) {
							switch exit {
							case "return":
								return
							case "panic":
								panic(other)
							case "Goexit":
								runtime.Goexit()
							}
							break
						}
					}()
				}()
				want := any(errTest)
				switch exit {
				case "panic":
					want = other
				case "Goexit":
					want = nil
				}
				if v := <-over; v != want {
					t.Errorf("recovered %v, want %v", v, want)
				}
				p.Shutdown()
			})
		}
	}
}

func TestAnInputThatExits(t *testing.T) {
	for _, m := range imaps {
		inBubble(t, m.name, func(t *testing.T) {
			p := newPool(t, 2)
			var running atomic.Int32
			over := make(chan struct{})
			go func() {
				defer close(over)
				for range m.run(p, func(ctx context.Context, i int) (int, error) {
					running.Add(1)
					defer running.Add(-1)
					<-ctx.Done()
					time.Sleep(time.Second)
					return i, nil
				}, func(yield func(int) bool) {
					_ = yield(0) && yield(1) && yield(2)
					synctest.Wait()
					runtime.Goexit()
				}) {
					t.Error("yielded")
				}
				t.Error("the loop ended")
			}()
			<-over
			if running.Load() != 0 {
				t.Errorf("%d still running", running.Load())
			}
			p.Shutdown()
		})
	}
}

// While the input is waited for nothing is yielded; nothing is lost either, and what was submitted runs.
func TestAnInputThatBlocks(t *testing.T) {
	for _, m := range imaps {
		inBubble(t, m.name, func(t *testing.T) {
			p := newPool(t, 2)
			began := time.Now()
			var ended atomic.Int32
			var got []int
			for v, err := range m.run(p, func(_ context.Context, i int) (int, error) {
				time.Sleep(time.Second)
				ended.Add(1)
				return i, nil
			}, func(yield func(int) bool) {
				for i := range 5 {
					time.Sleep(time.Minute)
					if int(ended.Load()) != i {
						t.Errorf("%d had ended before item %d was read", ended.Load(), i)
					}
					if !yield(i) {
						return
					}
				}
			}) {
				wantErr(t, "an item", err, nil)
				got = append(got, v)
			}
			if since := time.Since(began); !slices.Equal(got, upTo(5)) || since != 5*time.Minute+time.Second {
				t.Errorf("%v after %v", got, since)
			}
		})
	}
}

func TestEachRangeIsItsOwnRun(t *testing.T) {
	for _, m := range imaps {
		inBubble(t, m.name, func(t *testing.T) {
			p := newPool(t, 3)
			var reads atomic.Int32
			run := m.run(p, pool.Plain(square), func(yield func(int) bool) {
				reads.Add(1)
				for i := range 50 {
					if !yield(i) {
						return
					}
				}
			}, pool.ChunkSize(2))
			want := make([]int, 50)
			for i := range want {
				want[i] = i * i
			}
			check := func() {
				got := valuesOf(collect(run))
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("%v", got)
				}
			}
			check()
			for range run {
				break
			}
			check()
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(check)
			}
			wg.Wait()
			if reads.Load() != 9 {
				t.Errorf("the input was read %d times, want 9", reads.Load())
			}
			// One inside the other, over the same.
			n := 0
			for range run {
				for range run {
					n++
				}
			}
			if n != 2500 {
				t.Errorf("%d inner bodies", n)
			}
		})
	}
}

func TestIMapCanBePulled(t *testing.T) {
	for _, m := range imaps {
		inBubble(t, m.name, func(t *testing.T) {
			p := newPool(t, 2)
			next, stop := iter.Pull2(m.run(p, func(_ context.Context, i int) (int, error) {
				time.Sleep(time.Duration(i))
				return i, nil
			}, count))
			for i := range 10 {
				if v, err, ok := next(); v != i || err != nil || !ok {
					t.Errorf("%d, %v, %t, want %d", v, err, ok, i)
				}
			}
			stop()
			if s := p.Stats(); s.Running+s.Queued != 0 {
				t.Errorf("%+v", s)
			}
			if _, _, ok := next(); ok {
				t.Error("next after stop")
			}
			p.Shutdown()
		})
	}
}

// A pool, or a view, that accepts nothing yields that once.
func TestARunThatCannotBeginYieldsOneError(t *testing.T) {
	ended, cancel := context.WithCancelCause(context.Background())
	cancel(errTest)
	for _, m := range imaps {
		for name, c := range map[string]struct {
			end  func(t *testing.T, p *pool.Pool) *pool.Pool
			want error
		}{
			"closed":                 {func(_ *testing.T, p *pool.Pool) *pool.Pool { p.Close(); return p }, pool.ErrClosed},
			"terminated":             {func(_ *testing.T, p *pool.Pool) *pool.Pool { p.Terminate(); return p }, pool.ErrTerminated},
			"context":                {func(_ *testing.T, p *pool.Pool) *pool.Pool { return p.WithContext(ended) }, errTest},
			"closed before context":  {func(_ *testing.T, p *pool.Pool) *pool.Pool { p.Close(); return p.WithContext(ended) }, pool.ErrClosed},
			"the pool's own context": {func(t *testing.T, _ *pool.Pool) *pool.Pool { return newPool(t, 1, pool.Context(ended)) }, pool.ErrTerminated},
		} {
			inBubble(t, m.name+" "+name, func(t *testing.T) {
				p := c.end(t, newPool(t, 1))
				got := collect(m.run(p, func(context.Context, int) (int, error) { t.Error("called"); return 0, nil },
					func(func(int) bool) { t.Error("the input was read") }))
				if len(got) != 1 || got[0].v != 0 || !errors.Is(got[0].err, c.want) {
					t.Errorf("%v, want one %v", got, c.want)
				}
				for range m.run(p, nil2, count) { // and the loop can be left there
					break
				}
			})
		}
	}
}

func TestARunThatHasBegunSurvivesClose(t *testing.T) {
	for _, m := range imaps {
		for _, b := range backlogs {
			inBubble(t, m.name+" "+b.name, func(t *testing.T) {
				p := newPool(t, 2, b.opts...)
				var got []int
				joined := false
				for v, err := range m.run(p, func(_ context.Context, i int) (int, error) {
					time.Sleep(time.Second)
					return i, nil
				}, slices.Values(upTo(40)), pool.Buffer(7)) {
					wantErr(t, "an item", err, nil)
					got = append(got, v)
					if len(got) == 3 {
						p.Close()
						go func() { p.Join(); joined = true }()
						wantErr(t, "Go after Close", p.Go(func(context.Context) error { return nil }), pool.ErrClosed)
						if other := collect(m.run(p, nil2, count)); len(other) != 1 || other[0].err != pool.ErrClosed {
							t.Errorf("another run yields %v", other)
						}
					}
					synctest.Wait()
					if joined {
						t.Errorf("Join returned after %d of 40", len(got))
					}
					wantPanic(t, "Join in the body", pool.ErrJoinSelf, p.Join)
					wantPanic(t, "Shutdown in the body", pool.ErrJoinSelf, p.Shutdown)
				}
				slices.Sort(got)
				if !slices.Equal(got, upTo(40)) {
					t.Errorf("%v", got)
				}
				synctest.Wait()
				if !joined {
					t.Error("Join does not return")
				}
			})
		}
	}
}

// Closed while the loop waits for a place in the backlog: it keeps its place in line. Others are sent away.
func TestARunThatWaitsForAPlaceSurvivesClose(t *testing.T) {
	for _, m := range imaps {
		inBubble(t, m.name, func(t *testing.T) {
			p := newPool(t, 1, pool.Backlog(0))
			busy := occupy(t, p, 1)
			var got []yielded
			ended := false
			go func() {
				got = collect(m.run(p, pool.Plain(square), slices.Values(upTo(5))))
				ended = true
			}()
			synctest.Wait()
			var err error
			go func() { err = p.Go(func(context.Context) error { return nil }) }()
			synctest.Wait()
			p.Close()
			synctest.Wait()
			wantErr(t, "the Go that waited", err, pool.ErrClosed)
			if ended {
				t.Errorf("the run ended with %v", got)
			}
			busy.open()
			synctest.Wait()
			if want := []int{0, 1, 4, 9, 16}; !ended || !slices.Equal(valuesOf(got), want) {
				t.Errorf("%v, want %v", got, want)
			}
			p.Join()
		})
	}
}

// Ends that come while a run is on: what has ended may be yielded, then one error that is no item's, and that is all.
func TestARunThatIsEndedYieldsOneErrorAndEnds(t *testing.T) {
	for _, m := range imaps {
		for _, size := range []int{1, 3} {
			for name, c := range map[string]struct {
				end  func(p *pool.Pool, view, own context.CancelCauseFunc)
				want error
			}{
				"Terminate": {func(p *pool.Pool, _, _ context.CancelCauseFunc) { p.Terminate() }, pool.ErrTerminated},
				"Close and Terminate": {func(p *pool.Pool, _, _ context.CancelCauseFunc) {
					p.Close()
					p.Terminate()
				}, pool.ErrTerminated},
				"the context of the view": {func(_ *pool.Pool, view, _ context.CancelCauseFunc) { view(errTest) }, errTest},
				"the context of the pool": {func(_ *pool.Pool, _, own context.CancelCauseFunc) { own(errTest) }, pool.ErrTerminated},
				"CancelPending":           {func(p *pool.Pool, _, _ context.CancelCauseFunc) { p.CancelPending() }, pool.ErrCancelled},
			} {
				for _, where := range []string{"in the body", "in the input", "while it waits"} {
					if name == "CancelPending" && where == "in the body" {
						continue // nothing need be queued then
					}
					inBubble(t, fmt.Sprint(m.name, " chunks of ", size, " ", name, " ", where), func(t *testing.T) {
						own, cancelOwn := context.WithCancelCause(context.Background())
						view, cancelView := context.WithCancelCause(context.Background())
						defer cancelOwn(nil)
						defer cancelView(nil)
						p := newPool(t, 2, pool.Context(own))
						end := func() {
							synctest.Wait()
							c.end(p, cancelView, cancelOwn)
							synctest.Wait()
						}
						if where == "while it waits" {
							time.AfterFunc(time.Hour, func() { c.end(p, cancelView, cancelOwn) })
						}
						var running atomic.Int32
						var got []yielded
						for v, err := range m.run(p.WithContext(view), func(ctx context.Context, i int) (int, error) {
							running.Add(1)
							defer running.Add(-1)
							if i < 6 {
								return i, nil
							}
							select {
							case <-ctx.Done():
								time.Sleep(time.Second)
							case <-time.After(2 * time.Hour): // CancelPending tells nobody
							}
							return i, nil
						}, func(yield func(int) bool) {
							for i := range count {
								if i == 20 && where == "in the input" {
									end()
								}
								if !yield(i) {
									return
								}
							}
						}, pool.Buffer(24), pool.ChunkSize(size)) {
							got = append(got, yielded{v, err})
							if len(got) == 6 && where == "in the body" {
								end()
							}
							if len(got) > 100 {
								t.Fatal("no end")
							}
						}
						if running.Load() != 0 {
							t.Errorf("the loop ended while %d were running", running.Load())
						}
						failed, other := failedOf(got)
						if len(failed) > 0 || !errors.Is(other, c.want) || other != got[len(got)-1].err {
							t.Errorf("%v, want items and then %v", got, c.want)
						}
						values := valuesOf(got[:len(got)-1])
						for _, y := range got[:len(got)-1] {
							if y.err != nil {
								t.Errorf("%v before the last", y)
							}
						}
						slices.Sort(values)
						if len(values) < 6 || len(slices.Compact(values)) != len(got)-1 || !slices.Equal(values[:6], upTo(6)) {
							t.Errorf("yielded %v", values)
						}
						if m.ordered && !slices.Equal(values, upTo(len(values))) {
							t.Errorf("yielded %v: one is missing", values)
						}
						if s := p.Stats(); s.Running+s.Lent+s.Queued != 0 || s.Submitted != s.Succeeded+s.Failed+s.Cancelled {
							t.Errorf("%+v", s)
						}
					})
				}
			}
		}
	}
}

// The same when nothing is queued or running: what comes next is refused.
func TestARunThatIsEndedBetweenTwoItemsYieldsOneErrorAndEnds(t *testing.T) {
	for _, m := range imaps {
		for name, c := range map[string]struct {
			end  func(p *pool.Pool, view, own context.CancelCauseFunc)
			want error
		}{
			"Terminate":               {func(p *pool.Pool, _, _ context.CancelCauseFunc) { p.Terminate() }, pool.ErrTerminated},
			"Close and Terminate":     {func(p *pool.Pool, _, _ context.CancelCauseFunc) { p.Close(); p.Terminate() }, pool.ErrTerminated},
			"the context of the view": {func(_ *pool.Pool, view, _ context.CancelCauseFunc) { view(errTest) }, errTest},
			"the context of the pool": {func(_ *pool.Pool, _, own context.CancelCauseFunc) { own(errTest) }, pool.ErrTerminated},
		} {
			for _, b := range backlogs {
				inBubble(t, m.name+" "+name+" "+b.name, func(t *testing.T) {
					own, cancelOwn := context.WithCancelCause(context.Background())
					view, cancelView := context.WithCancelCause(context.Background())
					defer cancelOwn(nil)
					defer cancelView(nil)
					p := newPool(t, 1, append(b.opts, pool.Context(own))...)
					called := 0
					var got []yielded
					for v, err := range m.run(p.WithContext(view), func(context.Context, int) (int, error) {
						called++
						return 0, nil
					}, count, pool.Buffer(1)) {
						if got = append(got, yielded{v, err}); len(got) == 5 {
							c.end(p, cancelView, cancelOwn)
							synctest.Wait()
						}
						if len(got) > 10 {
							t.Fatal("no end")
						}
					}
					if len(got) != 6 || !errors.Is(got[5].err, c.want) || called != 5 {
						t.Errorf("yielded %v after %d calls, want 5 and then %v", got, called, c.want)
					}
				})
			}
		}
	}
}

func TestJoinWaitsForALoopThatHasBegun(t *testing.T) {
	for _, m := range imaps {
		inBubble(t, m.name, func(t *testing.T) {
			for _, end := range []func(*pool.Pool){(*pool.Pool).Close, (*pool.Pool).Terminate} {
				p := pool.New(1)
				step := make(chan struct{})
				go func() {
					for range m.run(p, pool.Plain(square), slices.Values(upTo(2))) {
						<-step
					}
				}()
				synctest.Wait()
				end(p)
				synctest.Wait()
				if p.JoinTimeout(time.Hour) {
					t.Error("joined while the body of a loop was running")
				}
				close(step)
				p.Join()
			}
		})
	}
}

func TestProgressOfAnIMapHasNoTotal(t *testing.T) {
	for _, m := range imaps {
		inBubble(t, m.name, func(t *testing.T) {
			p := newPool(t, 3)
			for _, size := range []int{1, 4} {
				last := 0
				inside := atomic.Int32{}
				for range m.run(p, func(_ context.Context, i int) (int, error) {
					if i == 7 {
						panic(i)
					}
					return 0, nil
				}, slices.Values(upTo(30)), pool.ChunkSize(size), pool.Progress(func(done, total int) {
					if inside.Add(1) > 1 || done <= last || total != -1 {
						t.Errorf("Progress(%d, %d) after %d", done, total, last)
					}
					last = done
					time.Sleep(time.Nanosecond)
					inside.Add(-1)
				})) {
				}
				if last != 30 {
					t.Errorf("the last call was of %d", last)
				}
			}
		})
	}
}

// An IMap is a stage of a pipeline: one may be the input of another, also of the same pool at one worker.
func TestAnIMapCanBeTheInputOfAnother(t *testing.T) {
	for _, m := range imaps {
		for _, b := range backlogs {
			inBubble(t, m.name+" "+b.name, func(t *testing.T) {
				p := newPool(t, 1, b.opts...)
				inner := func(yield func(int) bool) {
					for v, err := range m.run(p, pool.Plain(square), count) {
						if err != nil || !yield(v) {
							return
						}
					}
				}
				n := 0
				for v, err := range pool.IMap(p, pool.Plain(square), inner) {
					if m.ordered && b.name != "LIFO" && v != n*n*n*n || err != nil {
						t.Errorf("number %d is %d, %v", n, v, err)
					}
					if n++; n == 20 {
						break
					}
				}
				if s := p.Stats(); s.Running+s.Queued != 0 {
					t.Errorf("%+v", s)
				}
				p.Shutdown()
			})
		}
	}
}

// Against a loop: random sizes, failures and delays, left at random.
func TestIMapIsTheSequentialLoop(t *testing.T) {
	for range rounds(3000) {
		seed := rand.Uint64()
		ok := true
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			workers, n := 1+r.IntN(4), r.IntN(40)
			opts := [][]pool.Option{nil, {pool.Backlog(r.IntN(3))}, {pool.LIFO()}}
			p := newPool(t, workers, opts[r.IntN(len(opts))]...)
			kinds, delays := make([]int, n), make([]time.Duration, n)
			for i := range kinds {
				if r.IntN(4) == 0 {
					kinds[i] = 1 + r.IntN(3)
				}
				delays[i] = time.Duration(r.IntN(4))
			}
			var choices []pool.MapOption
			if r.IntN(2) == 0 {
				choices = append(choices, pool.ChunkSize(1+r.IntN(8)))
			}
			if r.IntN(2) == 0 {
				choices = append(choices, pool.Buffer(1+r.IntN(12)))
			}
			failFast := r.IntN(4) == 0
			if failFast {
				choices = append(choices, pool.FailFast())
			}
			leaveAt := r.IntN(60)
			m := imaps[r.IntN(2)]
			calls := make([]atomic.Int32, n)
			seen := make([]bool, n)
			bodies := 0
			failed := false
			for v, err := range m.run(p, func(_ context.Context, i int) (int, error) {
				calls[i].Add(1)
				time.Sleep(delays[i])
				switch kinds[i] {
				case 1:
					return i, errTest
				case 2:
					panic(errTest)
				case 3:
					runtime.Goexit()
				}
				return i, nil
			}, slices.Values(upTo(n)), choices...) {
				if failed && failFast {
					t.Errorf("the loop went on after a failure")
				}
				bodies++
				i := v
				var item *pool.ItemError
				if errors.As(err, &item) {
					failed = true
					i = item.Index
					if kinds[i] == 0 || kinds[i] == 1 && v != i || kinds[i] > 1 && v != 0 || (kinds[i] == 3) == errors.Is(err, errTest) {
						t.Errorf("item %d of kind %d is %d, %v", i, kinds[i], v, err)
					}
				} else if err != nil || kinds[i] != 0 {
					t.Errorf("item %d of kind %d is %v", i, kinds[i], err)
				}
				if seen[i] || m.ordered && i != bodies-1 {
					t.Errorf("item %d is yielded as number %d", i, bodies-1)
				}
				seen[i] = true
				time.Sleep(time.Duration(r.IntN(3)))
				if bodies == leaveAt {
					break
				}
			}
			for i := range calls {
				if c := calls[i].Load(); c > 1 || c == 0 && seen[i] {
					t.Errorf("item %d was called %d times", i, c)
				}
			}
			if leaveAt == 0 || leaveAt > n {
				if bodies != n && !(failFast && failed) {
					t.Errorf("%d of %d were yielded", bodies, n)
				}
			}
			ok = !t.Failed()
		})
		if !ok {
			t.Fatalf("seed %d", seed)
		}
	}
}
