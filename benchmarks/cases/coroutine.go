package cases

import (
	"iter"

	"github.com/gothreading/threading/coroutine"
	"github.com/gothreading/threading/greenlet"
	"github.com/gothreading/threading/rlock"
)

func coroutineRows(Sizes) []Row {
	return []Row{{
		Name: "Generator: Send", Group: "Coroutines",

		Ours: sends("coroutine.Generator", 0),
		Rivals: []Contender{{Name: "iter.Pull", Main: true, New: func() Body {
			count := 0
			next, stop := iter.Pull(func(yield func(int) bool) {
				for i := 0; yield(i); i++ {
				}
			})
			return Body{
				Run: func(_ Timer, n int) {
					for range n {
						if _, ok := next(); ok {
							count++
						}
					}
				},
				Count: func() int { return count },
				Close: stop,
			}
		}}, {Name: "goroutine and channels", Main: true, New: func() Body { return there(func(x int) int { return x }) }}},
	}, {
		Name: "Generator: yield through 100 calls", Group: "Coroutines",
		Ours: sends("100 calls", 100),
		Rivals: []Contender{
			asMain(sends("none", 0)),
			{Name: "100 times From", New: func() Body { return sending(through(100)) }},
		},
	}, {
		Name: "Generator: create, Next, Close", Group: "Coroutines",

		Ours: Contender{Name: "coroutine.Generator", New: func() Body {
			count := 0
			return single(&count, func(n int) {
				for range n {
					g := coroutine.New(totals)
					_, _ = g.Next()
					if g.Close() == nil {
						count++
					}
				}
			})
		}},
		Rivals: []Contender{{Name: "iter.Pull", Main: true, New: func() Body {
			count := 0
			return single(&count, func(n int) {
				for range n {
					next, stop := iter.Pull(func(yield func(int) bool) { yield(1) })
					next()
					stop()
					count++
				}
			})
		}}, {Name: "goroutine and channels", New: func() Body {
			count := 0
			return single(&count, func(n int) {
				for range n {
					body := there(func(x int) int { return x })
					body.Run(nil, 1)
					body.Close()
					count++
				}
			})
		}}},
	}, {
		Name: "greenlet: Switch, there and back", Group: "Coroutines",

		Ours: Contender{Name: "greenlet.Greenlet", New: func() Body {
			count := 0
			return single(&count, func(n int) {
				a := greenlet.Current()
				b := greenlet.New(func(any) (any, error) {
					for {
						count++
						if _, err := a.Switch(nil); err != nil {
							return nil, err
						}
					}
				})
				for range n {
					_, _ = b.Switch(nil)
				}
				_, _ = b.Throw(greenlet.ErrExit)
			})
		}},
		Rivals: []Contender{{
			Name: "goroutine and channels", Main: true, New: func() Body { return there(func(x int) int { return x }) },
		}},
	}, {
		Name: "greenlet: Switch around a ring of 10", Group: "Coroutines", Batch: 10,

		Ours: Contender{Name: "greenlet.Greenlet", New: func() Body {
			count := 0
			return single(&count, func(n int) {
				until := count + n
				var ring [10]*greenlet.Greenlet
				for i := range ring {
					ring[i] = greenlet.New(func(any) (any, error) {
						for count < until {
							count++
							if _, err := ring[(i+1)%len(ring)].Switch(nil); err != nil {
								return nil, err
							}
						}
						return nil, nil
					})
				}
				_, _ = ring[0].Switch(nil)
				for _, g := range ring {
					_, _ = g.Throw(greenlet.ErrExit)
				}
			})
		}},
		Rivals: []Contender{{Name: "goroutines and channels", Main: true, New: func() Body {
			var (
				ring  [10]chan int
				count int
				home  = make(chan struct{})
			)
			for i := range ring {
				ring[i] = make(chan int)
				go func() {
					for until := range ring[i] {
						if count == until {
							home <- struct{}{}
							continue
						}
						count++
						ring[(i+1)%len(ring)] <- until
					}
				}()
			}
			return Body{
				Run:   func(_ Timer, n int) { ring[0] <- count + n; <-home },
				Count: func() int { return count },
				Close: func() {
					for _, c := range ring {
						close(c)
					}
				},
			}
		}}},
	}, {
		Name: "RLock: free, 100 coroutines alive", Group: "Locks",
		Ours: freeReentry("beside 100 coroutines", 100),
		Rivals: []Contender{
			asMain(freeReentry("beside none", 0)),
			freeReentry("beside 10,000", 10_000),
		},
	}}
}

func asMain(c Contender) Contender {
	c.Main = true
	return c
}

// totals yields the total of what it is sent.
func totals(yield coroutine.Yield[int, int]) error {
	for total := 0; ; {
		x, err := yield(total)
		if err != nil {
			return err
		}
		total += x
	}
}

// calls is totals behind so many calls.
func calls(depth int, yield coroutine.Yield[int, int]) error {
	if depth == 0 {
		return totals(yield)
	}
	return calls(depth-1, yield)
}

// through is totals behind so many times From.
func through(depth int) func(coroutine.Yield[int, int]) error {
	if depth == 0 {
		return totals
	}
	return func(yield coroutine.Yield[int, int]) error {
		return coroutine.From(yield, coroutine.New(through(depth-1)))
	}
}

func sends(name string, depth int) Contender {
	return Contender{Name: name, New: func() Body {
		return sending(func(yield coroutine.Yield[int, int]) error { return calls(depth, yield) })
	}}
}

// sending sends ones to a generator that yields their total.
func sending(body func(coroutine.Yield[int, int]) error) Body {
	g, count := coroutine.New(body), 0
	_, _ = g.Next()
	return Body{
		Run: func(_ Timer, n int) {
			for range n {
				count, _ = g.Send(1)
			}
		},
		Count: func() int { return count },
		Close: func() { _ = g.Close() },
	}
}

// there sends to a goroutine, and back.
func there(answer func(int) int) Body {
	in, out, count := make(chan int), make(chan int), 0
	go func() {
		for x := range in {
			out <- answer(x)
		}
		close(out)
	}()
	return Body{
		Run: func(_ Timer, n int) {
			for range n {
				in <- count
				if <-out == count {
					count++
				}
			}
		},
		Count: func() int { return count },
		Close: func() { close(in); <-out },
	}
}

// freeReentry locks and unlocks beside so many generators, which are there only while it does.
func freeReentry(name string, alive int) Contender {
	return Contender{Name: name, New: func() Body {
		var (
			l     rlock.RLock
			count int
		)
		return Body{
			Run: func(t Timer, n int) {
				t.StopTimer()
				generators := make([]*coroutine.Generator[int, int], alive)
				for i := range generators {
					generators[i] = coroutine.New(totals)
					_, _ = generators[i].Next()
				}
				t.StartTimer()
				for range n {
					l.Lock()
					count++
					l.Unlock()
				}
				t.StopTimer()
				for _, g := range generators {
					_ = g.Close()
				}
				t.StartTimer()
			},
			Count: func() int { return count },
		}
	}}
}

// alive makes coroutines that stay where they first yield.
func alive[C any](make func(i int) C, end func(C)) func() (more func(n int), end func()) {
	return func() (more func(n int), endAll func()) {
		var all []C
		return func(n int) {
				for i := range n {
					all = append(all, make(i))
				}
			}, func() {
				for _, c := range all {
					end(c)
				}
			}
	}
}

// coroutinePile is coroutines of which there are more and more.
var coroutinePile = Pile{
	Name: "coroutine-bytes", Title: "Memory of a coroutine that is suspended", Size: "coroutines", Max: mostGoroutines,
	Ways: []Way{
		{"coroutine.Generator", 0, alive(func(int) *coroutine.Generator[int, int] {
			g := coroutine.New(totals)
			_, _ = g.Next()
			return g
		}, func(g *coroutine.Generator[int, int]) { _ = g.Close() })},
		{"greenlet.Greenlet", 0, alive(func(int) *greenlet.Greenlet {
			main := greenlet.Current()
			g := greenlet.New(func(any) (any, error) { return main.Switch(nil) })
			_, _ = g.Switch(nil)
			return g
		}, func(g *greenlet.Greenlet) { _, _ = g.Throw(greenlet.ErrExit) })},
		{"iter.Pull", 0, alive(func(i int) func() {
			next, stop := iter.Pull(func(yield func(int) bool) { yield(i) })
			next()
			return stop
		}, func(stop func()) { stop() })},
		{"coroutine.New, not started", 0, alive(func(i int) *coroutine.Generator[int, int] {
			return coroutine.New(totals)
		}, func(*coroutine.Generator[int, int]) {})},
	},
}
