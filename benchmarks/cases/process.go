package cases

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/process"
)

var (
	nothing = process.Register(pool.Plain(func(struct{}) struct{} { return struct{}{} }))
	double  = process.Register(func(_ context.Context, x int) (int, error) { return 2 * x, nil })
)

// processRows are what processes do with each other, beside Go's own ways. Where there are no processes there are no rows.
func processRows(s Sizes) []Row {
	if process.Supported() != nil {
		return nil
	}
	return append(append(processFreeRows(), processPairRows()...), processPoolRows(s)...)
}

// processRow is a row of processes; the first rival stands in the chart.
func processRow(name string, ours func() Body, rivals ...Contender) Row {
	if len(rivals) > 0 {
		rivals[0].Main = true
	}
	return Row{Name: name, Group: "Processes", Ours: Contender{Name: "process", New: ours}, Rivals: rivals}
}

// one is a body of an operation that needs nobody else.
func one(op func(n int), close func()) Body {
	count := 0
	return Body{
		Run:   func(_ Timer, n int) { op(n); count += n },
		Count: func() int { return count },
		Close: close,
	}
}

// processFreeRows are what one process does that meets no other.
func processFreeRows() []Row {
	flocked := Contender{Name: "flock", New: func() Body {
		f := lockFile()
		return one(func(n int) {
			for range n {
				flock(f)
			}
		}, func() { removeFile(f) })
	}}
	return []Row{
		processRow("Process: Start and Join", func() Body {
			return one(func(n int) {
				for range n {
					p, err := process.Go(nothing, struct{}{})
					must(err)
					p.Join()
					must(p.Err())
				}
			}, nil)
		}, Contender{Name: "os/exec of itself", New: func() Body {
			return one(func(n int) {
				for range n {
					newStranger("nothing", nil).close()
				}
			}, nil)
		}}),
		processRow("Process Lock: free", func() Body {
			l := process.NewLock()
			return one(func(n int) {
				for range n {
					l.Lock()
					l.Unlock()
				}
			}, nil)
		}, flocked),
		processRow("Process RLock: free", func() Body {
			l := process.NewRLock()
			return one(func(n int) {
				for range n {
					l.Lock()
					l.Unlock()
				}
			}, nil)
		}, flocked),
		processRow("Process Semaphore: free", func() Body {
			l := process.NewSemaphore(4)
			return one(func(n int) {
				for range n {
					l.Acquire()
					l.Release()
				}
			}, nil)
		}, flocked),
		processRow("Process BoundedSemaphore: free", func() Body {
			l := process.NewBoundedSemaphore(4)
			return one(func(n int) {
				for range n {
					l.Acquire()
					l.Release()
				}
			}, nil)
		}, flocked),
		processRow("Process Value: add", func() Body {
			v := process.NewValue(0)
			return one(func(n int) {
				for range n {
					process.Add(v, 1)
				}
			}, nil)
		}, flocked),
	}
}

// pair is a body of an operation that takes two processes: mine is the half of this one.
func pair(p partner, mine func(n int), close ...func()) Body {
	count := 0
	return Body{
		Run: func(_ Timer, n int) {
			p.begin(n)
			mine(n)
			p.end()
			count += n
		},
		Count: func() int { return count },
		Close: func() {
			for _, f := range close {
				f()
			}
			p.close()
		},
	}
}

// processPairRows are what two processes do with each other.
func processPairRows() []Row {
	ours := func(what string, mine func(a *actor, n int)) func() Body {
		return func() Body {
			a := newActor(what)
			return pair(a, func(n int) { mine(a, n) })
		}
	}
	pipes := Contender{Name: "two pipes", New: func() Body { return echoThrough(osPipes()) }}
	sockets := Contender{Name: "Unix socket", New: func() Body { return echoThrough(socketPair()) }}
	return []Row{
		processRow("Process Lock: 2 processes", func() Body {
			a := newActor("lock")
			count := 0
			return Body{
				Run: func(_ Timer, n int) {
					a.begin(n / 2)
					halves["lock"](a.stage, n-n/2)
					a.end()
					count += n
				},
				Count: func() int { return count },
				Close: a.close,
			}
		}, Contender{Name: "flock", New: func() Body {
			f := lockFile()
			s := newStranger("flock", []string{f.Name()})
			count := 0
			return Body{
				Run: func(_ Timer, n int) {
					s.begin(n / 2)
					for range n - n/2 {
						flock(f)
					}
					s.end()
					count += n
				},
				Count: func() int { return count },
				Close: func() { s.close(); removeFile(f) },
			}
		}}),
		processRow("Process Event: round trip", ours("events", func(a *actor, n int) {
			for range n {
				a.A.Set()
				a.B.Wait()
				a.B.Clear()
			}
		}), pipes),
		processRow("Process Condition: two turns", ours("turns", func(a *actor, n int) { takeTurns(a.stage, 0, n) }), pipes),
		processRow("Process Barrier: 2 parties", ours("barrier", func(a *actor, n int) { halves["barrier"](a.stage, n) }), pipes),
		processRow("Process Queue: round trip", ours("queues", func(a *actor, n int) {
			for i := range n {
				must(a.In.Put(i))
				_, err := a.Out.Get()
				must(err)
			}
		}), sockets, pipes),
		processRow("Process Queue: one way", ours("drain", func(a *actor, n int) {
			for i := range n {
				must(a.In.Put(i))
			}
		}), Contender{Name: "pipe, encoding/gob", New: func() Body {
			r, w, err := os.Pipe()
			must(err)
			s := newStranger("gob", nil, r)
			buffered := bufio.NewWriter(w)
			to := gob.NewEncoder(buffered)
			return pair(s, func(n int) {
				for i := range n {
					must(to.Encode(i))
				}
				must(buffered.Flush())
			}, func() { must(w.Close()) })
		}}),
		processRow("Process Pipe: round trip", ours("pipe", func(a *actor, n int) {
			for i := range n {
				must(a.Conn.Send(i))
				_, err := a.Conn.Recv()
				must(err)
			}
		}), sockets, pipes),
		processRow("Process Pipe: 1 MiB one way", ours("large", func(a *actor, n int) {
			x := make([]byte, 1<<20)
			for range n {
				must(a.Large.Send(x))
			}
		}), Contender{Name: "Unix socket", New: func() Body { return largeThrough("read messages") }},
			// Where nothing is kept of a message when the next comes.
			Contender{Name: "Unix socket, one buffer", New: func() Body { return largeThrough("read") }}),
	}
}

// largeThrough sends messages of 1 MiB through a socket, each behind its length, to a stranger.
func largeThrough(what string) Body {
	in, out, there, alsoThere := socketPair()
	s := newStranger(what, nil, there)
	return pair(s, func(n int) {
		x := make([]byte, 1<<20)
		for range n {
			must(binary.Write(in, binary.NativeEndian, uint64(len(x))))
			_, err := in.Write(x)
			must(err)
		}
	}, func() {
		must(in.Close())
		must(out.Close())
		must(alsoThere.Close())
	})
}

// echoThrough is a round trip of eight bytes through files: what is written to in comes back from out.
func echoThrough(in, out, thereIn, thereOut *os.File) Body {
	files := []*os.File{thereIn, thereOut}
	s := newStranger("echo", nil, files...)
	return pair(s, func(n int) {
		buf := make([]byte, 8)
		for range n {
			_, err := in.Write(buf)
			must(err)
			_, err = io.ReadFull(out, buf)
			must(err)
		}
	}, func() {
		must(in.Close())
		must(out.Close())
	})
}

func osPipes() (in, out, thereIn, thereOut *os.File) {
	thereIn, in, err := os.Pipe()
	must(err)
	out, thereOut, err = os.Pipe()
	must(err)
	return in, out, thereIn, thereOut
}

// A worker is the rival of a child of a Pool: a program that reads a line and writes one, by JSON.
type worker struct {
	*stranger
	to *json.Encoder
}

func newWorker() *worker {
	s := newStranger("worker", nil)
	return &worker{s, json.NewEncoder(s.in)}
}

func (w *worker) call(x int) (y int) {
	must(w.to.Encode(x))
	line, err := w.out.ReadBytes('\n')
	must(err)
	must(json.Unmarshal(line, &y))
	return y
}

// processPoolRows are tasks for two child processes.
func processPoolRows(s Sizes) []Row {
	const workers = 2
	ours := func(op func(p *process.Pool, n int)) func() Body {
		return func() Body {
			p := process.NewPool(workers)
			return one(func(n int) { op(p, n) }, p.Shutdown)
		}
	}
	lines := func(atOnce int) Contender {
		return Contender{Name: "os/exec, JSON lines", New: func() Body {
			all := make([]*worker, atOnce)
			for i := range all {
				all[i] = newWorker()
			}
			return one(func(n int) {
				var wg sync.WaitGroup
				for i, w := range all {
					wg.Go(func() {
						for k := range share(n, i, atOnce) {
							if w.call(k) != 2*k {
								panic("a wrong answer")
							}
						}
					})
				}
				wg.Wait()
			}, func() {
				for _, w := range all {
					w.close()
				}
			})
		}}
	}
	items := make([]int, min(s.Items, 100_000))
	mapped := processRow(fmt.Sprintf("Process Pool: Map of %s", size(len(items))), ours(func(p *process.Pool, n int) {
		for range n / len(items) {
			_, err := process.Map(p, double, items)
			must(err)
		}
	}), lines(workers))
	mapped.Batch = len(items)
	window := processRow("Process Pool: ApplyAsync and Get", ours(func(p *process.Pool, n int) {
		const most = 1000
		results := make([]*pool.Result[int], 0, most)
		for left := n; left > 0; left -= len(results) {
			results = results[:0]
			for i := range min(left, most) {
				results = append(results, pool.ApplyAsync(p.Pool, pool.Bind(double.On(p), i)))
			}
			for _, r := range results {
				_, err := r.Get()
				must(err)
			}
		}
	}), lines(workers))
	return []Row{
		processRow("Process Pool: Apply", ours(func(p *process.Pool, n int) {
			for i := range n {
				_, err := pool.Apply(p.Pool, pool.Bind(double.On(p), i))
				must(err)
			}
		}), lines(1)),
		window,
		mapped,
	}
}
