package pool_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/pool"
)

// Small random programs run on a Result or a pool, several goroutines at once. Each call's beginning, end and result are
// noted, and porcupine looks for an order of the calls in which a sequential Result, or pool, would have answered the
// same: each call at one moment between its beginning and its end. What the pool itself does takes part: that a task
// starts, at a moment between its submission and the first statement of its function; and that it ends, at a moment
// after the last one.

// A request is one call or event, and a response what it returned.
type request struct {
	op string
	id byte // of the task
	n  int
}

type response struct {
	err  error
	n, m int
	ok   bool
}

func (in request) String() string {
	if in.id > 0 {
		return fmt.Sprintf("%s(%c)", in.op, in.id)
	}
	return fmt.Sprintf("%s(%d)", in.op, in.n)
}

func (out response) String() string { return fmt.Sprint(out.err, " ", out.n, " ", out.m, " ", out.ok) }

var errGaveUp = errors.New("the context of the call ended")

// A journal is a history while it is written.
type journal struct {
	clock atomic.Int64
	mu    sync.Mutex
	ops   []porcupine.Operation
}

func (j *journal) now() int64 { return j.clock.Add(1) }

func (j *journal) note(client int, in request, out response, call, ret int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ops = append(j.ops, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: call, Return: ret})
}

func (j *journal) perform(client int, in request, call func() response) {
	began := j.now()
	out := call()
	j.note(client, in, out, began, j.now())
}

func jitter(r *rand.Rand) {
	for range r.IntN(1 << r.IntN(7)) {
		runtime.Gosched()
	}
}

// The states of a sequential Result.
const (
	isQueued = iota
	isRunning
	isDropped // cancelled, and about to be ready, or its callback is running
	isDone
	isCancelled
)

// sequentialResult is the model of one Result.
var sequentialResult = porcupine.Model{
	Init: func() any { return isQueued },
	Step: func(state, input, output any) (bool, any) {
		s, in, out := state.(int), input.(request), output.(response)
		ready := s == isDone || s == isCancelled
		switch in.op {
		case "start":
			return s == isQueued, isRunning
		case "end":
			if s == isDropped {
				return true, isCancelled
			}
			return s == isRunning, isDone
		case "Cancel":
			if !out.ok {
				return s != isQueued, s
			}
			return s == isQueued, isDropped
		case "Ready":
			return out.ok == ready, s
		case "Get", "TryGet", "GetTimeout", "GetContext":
			switch out.err {
			case nil:
				return s == isDone && out.n == 7, s
			case pool.ErrCancelled:
				return s == isCancelled && out.n == 0, s
			case pool.ErrTimeout: // it was not ready when the call began to wait
				return !ready && (in.op == "TryGet" || in.op == "GetTimeout"), s
			case errGaveUp: // a context that has ended before comes first
				return in.op == "GetContext", s
			}
		}
		return false, s
	},
}

// A handle is what the programs use of a Result, so that a broken one can take its place.
type handle interface {
	Cancel() bool
	Ready() bool
	Get() (int, error)
	TryGet() (int, error)
	GetTimeout(time.Duration) (int, error)
	GetContext(context.Context) (int, error)
}

var resultOps = strings.Fields("Cancel Cancel Ready Ready TryGet TryGet GetTimeout GetContext Get")

func resultHistory(seed uint64, p *pool.Pool, callback bool, broken func(*pool.Result[int], *atomic.Bool) handle) *journal {
	const clients, calls = 4, 4
	j := new(journal)
	r := rand.New(rand.NewPCG(seed, 100))
	hold := make(chan struct{})
	_ = p.Go(func(context.Context) error { <-hold; return nil })
	var opts []pool.TaskOption[int]
	var began, ended int64
	var returned atomic.Bool
	if callback {
		opts = append(opts, pool.Callback(func(int, error) {
			jitter(rand.New(rand.NewPCG(seed, 101)))
			ended = j.now()
		}))
	}
	submitted := j.now()
	result := pool.ApplyAsync(p, func(context.Context) (int, error) {
		began = j.now()
		jitter(rand.New(rand.NewPCG(seed, 102)))
		returned.Store(true)
		ended = j.now()
		return 7, nil
	}, opts...)
	h := broken(result, &returned)
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(client)))
			for range calls {
				jitter(r)
				in := request{op: resultOps[r.IntN(len(resultOps))]}
				ctx, cancel := context.WithCancelCause(context.Background())
				if in.op == "GetContext" {
					wg.Go(func() { jitter(rand.New(rand.NewPCG(seed, 103))); cancel(errGaveUp) })
				}
				d := time.Duration(r.IntN(20_000))
				j.perform(client, in, func() (out response) {
					switch in.op {
					case "Cancel":
						out.ok = h.Cancel()
					case "Ready":
						out.ok = h.Ready()
					case "Get":
						out.n, out.err = h.Get()
					case "TryGet":
						out.n, out.err = h.TryGet()
					case "GetTimeout":
						out.n, out.err = h.GetTimeout(d)
					case "GetContext":
						out.n, out.err = h.GetContext(ctx)
					}
					return out
				})
				cancel(nil)
			}
		})
	}
	jitter(r)
	jitter(r)
	close(hold)
	wg.Wait()
	result.Wait()
	if began > 0 {
		j.note(clients, request{op: "start"}, response{}, submitted, began)
	}
	if ended > 0 {
		j.note(clients+1, request{op: "end"}, response{}, ended, j.now())
	} else { // when Cancel returns it is ready
		for _, o := range j.ops {
			if o.Input.(request).op == "Cancel" && o.Output.(response).ok {
				j.note(clients+1, request{op: "end"}, response{}, o.Call, o.Return)
				break
			}
		}
	}
	return j
}

func soundResult(r *pool.Result[int], _ *atomic.Bool) handle { return r }

func TestConcurrentCallsOfAResultAreLinearizable(t *testing.T) {
	defer hangs(t)()
	p := pool.New(1)
	defer p.Shutdown()
	proof.CheckHistories(t, rounds(20_000), func(seed uint64) (porcupine.Model, []porcupine.Operation, error) {
		return sequentialResult, resultHistory(seed, p, seed%2 == 0, soundResult).ops, nil
	})
}

// Results with the mistakes that matter. If the check above cannot tell them from a right one it is worth nothing.
type (
	cancelsWhatRuns struct{ *pool.Result[int] }
	forgetsTheEnd   struct{ *pool.Result[int] }
	readyTooEarly   struct {
		*pool.Result[int]
		returned *atomic.Bool
	}
)

func (r cancelsWhatRuns) Cancel() bool { return r.Result.Cancel() || !r.Ready() }

func (r forgetsTheEnd) GetTimeout(d time.Duration) (int, error) {
	if d%3 == 0 {
		return 0, pool.ErrTimeout
	}
	return r.Result.GetTimeout(d)
}

func (r readyTooEarly) Ready() bool { return r.returned.Load() || r.Result.Ready() }

func TestTheCheckNoticesABrokenResult(t *testing.T) {
	defer hangs(t)()
	for name, broken := range map[string]func(*pool.Result[int], *atomic.Bool) handle{
		"Cancel reports true of what is running":    func(r *pool.Result[int], _ *atomic.Bool) handle { return cancelsWhatRuns{r} },
		"GetTimeout does not look at what is ready": func(r *pool.Result[int], _ *atomic.Bool) handle { return forgetsTheEnd{r} },
		"Ready before the callback has returned":    func(r *pool.Result[int], b *atomic.Bool) handle { return readyTooEarly{r, b} },
	} {
		t.Run(name, func(t *testing.T) {
			p := pool.New(1)
			defer p.Shutdown()
			proof.FindViolation(t, 20_000, func(seed uint64) (porcupine.Model, []porcupine.Operation, error) {
				return sequentialResult, resultHistory(seed, p, true, broken).ops, nil
			})
		})
	}
}

// A sequential pool.
type office struct {
	queue   string // ids of tasks, in the order of submission
	running int
	inHand  string // of those, the ones whose function is not called because their context has ended
	target  int
	backlog int
	lifo    bool
	end     string // "", "closed" or "terminated"
}

func (s office) place() bool { return len(s.queue) < s.backlog+max(s.target-s.running, 0) }

func sequentialPool(begin office) porcupine.Model {
	model := porcupine.NondeterministicModel{
		Init: func() []any { return []any{begin} },
		Step: func(state, input, output any) (next []any) {
			s, in := state.(office), input.(request)
			if ok, after := s.step(in, output.(response)); ok {
				next = append(next, after)
				if in.op == "take" && after != s {
					next = append(next, s) // or nobody did
				}
			}
			return next
		},
	}
	return model.ToModel()
}

// next is where the task is that is started next.
func (s office) next() int {
	if s.lifo {
		return len(s.queue) - 1
	}
	return 0
}

func (s office) step(in request, out response) (bool, office) {
	switch in.op {
	case "Go", "TryGo", "GoTimeout", "GoContext":
		switch out.err {
		case nil:
			ok := s.end == "" && s.place()
			s.queue += string(rune(in.id))
			return ok, s
		case pool.ErrFull: // there was no place when the call began to wait
			return s.end == "" && !s.place() && (in.op == "TryGo" || in.op == "GoTimeout"), s
		case pool.ErrClosed:
			return s.end == "closed", s
		case pool.ErrTerminated:
			return s.end == "terminated", s
		case errGaveUp:
			return s.end == "" && in.op == "GoContext", s
		}
	case "start":
		i := s.next()
		if s.queue == "" || s.queue[i] != in.id || s.running >= s.target {
			return false, s
		}
		s.queue = s.queue[:i] + s.queue[i+1:]
		s.running++
		return true, s
	case "end":
		s.running--
		return s.running >= 0, s
	// What may happen to a task whose context ends: a worker takes it, and then finds that it must not call its function;
	// or it is taken off the queue.
	case "take":
		if i := s.next(); s.queue != "" && s.queue[i] == in.id && s.running < s.target {
			s.queue = s.queue[:i] + s.queue[i+1:]
			s.running++
			s.inHand += string(rune(in.id))
		}
		return true, s
	case "drop":
		s.queue = strings.ReplaceAll(s.queue, string(rune(in.id)), "")
		return true, s
	case "let go": // of a task that was taken
		if i := strings.IndexByte(s.inHand, in.id); i >= 0 {
			s.inHand = s.inHand[:i] + s.inHand[i+1:]
			s.running--
		}
		return true, s
	case "Close":
		if s.end == "" {
			s.end = "closed"
		}
		return true, s
	case "Terminate":
		s.end, s.queue = "terminated", ""
		return true, s
	case "CancelPending":
		ok := out.n == len(s.queue)
		s.queue = ""
		return ok, s
	case "Resize":
		s.target = in.n
		return true, s
	case "Stats":
		return out.n == len(s.queue) && out.m == s.running, s
	case "Join":
		return s.end != "" && s.queue == "" && s.running == 0, s
	}
	return false, s
}

// A clerk is what the programs use of a pool, so that a broken one can take its place.
type clerk interface {
	Go(func(context.Context) error) error
	TryGo(func(context.Context) error) error
	GoTimeout(time.Duration, func(context.Context) error) error
	GoContext(context.Context, func(context.Context) error) error
	Close()
	Terminate()
	Join()
	CancelPending() int
	Resize(int)
	Stats() pool.Stats
}

var poolOps = strings.Fields(`
	Go TryGo TryGo TryGo GoTimeout GoTimeout GoContext GoContext TryGo GoTimeout GoContext Go
	CancelPending CancelPending Resize Stats Stats`)

func poolHistory(seed uint64, begin office, broken func(*pool.Pool) clerk) *journal {
	const clients, calls = 4, 4
	opts := []pool.Option{pool.Backlog(begin.backlog)}
	if begin.lifo {
		opts = append(opts, pool.LIFO())
	}
	p := broken(pool.New(begin.target, opts...))
	j := new(journal)
	type span struct {
		submitted, began, ended, cancelled int64
		refused                            bool
	}
	var spans [clients * calls]span // each is written by its task alone, until Join
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(client)))
			for i := range calls {
				jitter(r)
				number := client*calls + i
				s := &spans[number]
				in := request{op: poolOps[r.IntN(len(poolOps))]}
				taskSeed, d := r.Uint64(), time.Duration(r.IntN(20_000))
				fn := func(context.Context) error {
					s.began = j.now()
					jitter(rand.New(rand.NewPCG(taskSeed, 0)))
					s.ended = j.now()
					return nil
				}
				ctx := context.Background()
				switch in.op {
				case "Go", "TryGo", "GoTimeout", "GoContext":
					in.id = byte('a' + number)
				case "Resize":
					in.n = 1 + r.IntN(2)
				}
				if in.op == "GoContext" {
					ended, cancel := context.WithCancelCause(ctx)
					ctx = ended
					wg.Go(func() {
						jitter(rand.New(rand.NewPCG(taskSeed, 1)))
						s.cancelled = j.now()
						cancel(errGaveUp)
					})
				}
				s.submitted = j.now()
				j.perform(client, in, func() (out response) {
					switch in.op {
					case "Go":
						out.err = p.Go(fn)
					case "TryGo":
						out.err = p.TryGo(fn)
					case "GoTimeout":
						out.err = p.GoTimeout(d, fn)
					case "GoContext":
						out.err = p.GoContext(ctx, fn)
						s.refused = out.err != nil
					case "CancelPending":
						out.n = p.CancelPending()
					case "Resize":
						p.Resize(in.n)
					case "Stats":
						s := p.Stats()
						out.n, out.m = s.Queued, s.Running
					}
					return out
				})
			}
		})
	}
	r := rand.New(rand.NewPCG(seed, clients))
	for range r.IntN(12) {
		jitter(r)
	}
	end := request{op: "Close"}
	if r.IntN(3) == 0 {
		end.op = "Terminate"
	}
	j.perform(clients, end, func() (out response) {
		if end.op == "Close" {
			p.Close()
		} else {
			p.Terminate()
		}
		return out
	})
	j.perform(clients, request{op: "Join"}, func() (out response) { p.Join(); return out })
	wg.Wait()
	over := j.now()
	for i, s := range spans {
		id, client := byte('a'+i), clients+1+2*i
		switch {
		case s.began > 0:
			j.note(client, request{op: "start", id: id}, response{}, s.submitted, s.began)
			j.note(client+1, request{op: "end", id: id}, response{}, s.ended, over)
		case s.cancelled > 0 && !s.refused: // else it was never there to be taken: three steps more to try at each place, and no other answer
			j.note(client, request{op: "take", id: id}, response{}, s.submitted, over)
			j.note(client, request{op: "drop", id: id}, response{}, s.cancelled, over)
			j.note(client+1, request{op: "let go", id: id}, response{}, s.cancelled, over)
		}
	}
	return j
}

func soundPool(p *pool.Pool) clerk { return p }

// Pools to begin with.
var offices = []office{
	{target: 1, backlog: 0}, {target: 1, backlog: 1}, {target: 2, backlog: 0}, {target: 2, backlog: 2, lifo: true}, {target: 1, backlog: 9},
}

func TestConcurrentCallsOfAPoolAreLinearizable(t *testing.T) {
	defer hangs(t)()
	for _, begin := range offices {
		t.Run(fmt.Sprintf("%d workers Backlog(%d)", begin.target, begin.backlog), func(t *testing.T) {
			proof.CheckHistories(t, rounds(3000), func(seed uint64) (porcupine.Model, []porcupine.Operation, error) {
				return sequentialPool(begin), poolHistory(seed, begin, soundPool).ops, nil
			})
		})
	}
}

// Pools with the mistakes that matter.
type (
	losesTasks        struct{ *pool.Pool }
	keepsWhatGaveUp   struct{ *pool.Pool }
	acceptsAfterClose struct{ *pool.Pool }
	cancelsInTwoSteps struct{ *pool.Pool }
	fullTooEarly      struct{ *pool.Pool }
	growsItsBacklog   struct{ *pool.Pool }
)

func (p losesTasks) TryGo(fn func(context.Context) error) error {
	if err := p.Pool.TryGo(fn); err != pool.ErrFull {
		return err
	}
	return nil
}

func (p keepsWhatGaveUp) GoTimeout(d time.Duration, fn func(context.Context) error) error {
	err := p.Pool.GoTimeout(d, fn)
	if err == pool.ErrFull {
		_ = p.Pool.GoTimeout(time.Millisecond, fn)
	}
	return err
}

func (p acceptsAfterClose) Go(fn func(context.Context) error) error {
	if err := p.Pool.Go(fn); err != pool.ErrClosed {
		return err
	}
	return nil
}

func (p cancelsInTwoSteps) CancelPending() int {
	n := p.Stats().Queued
	runtime.Gosched()
	p.Pool.CancelPending()
	return n
}

func (p fullTooEarly) TryGo(fn func(context.Context) error) error {
	if p.Stats().Queued > 0 {
		return pool.ErrFull
	}
	return p.Pool.TryGo(fn)
}

func (p growsItsBacklog) TryGo(fn func(context.Context) error) error {
	p.Pool.Resize(p.Pool.Workers() + 1)
	return p.Pool.TryGo(fn)
}

func TestTheCheckNoticesABrokenPool(t *testing.T) {
	defer hangs(t)()
	for name, broken := range map[string]func(*pool.Pool) clerk{
		"TryGo loses a task":                         func(p *pool.Pool) clerk { return losesTasks{p} },
		"a submission that gave up is made":          func(p *pool.Pool) clerk { return keepsWhatGaveUp{p} },
		"Go reports success after Close":             func(p *pool.Pool) clerk { return acceptsAfterClose{p} },
		"CancelPending counts, and then drops":       func(p *pool.Pool) clerk { return cancelsInTwoSteps{p} },
		"TryGo reports ErrFull though there is room": func(p *pool.Pool) clerk { return fullTooEarly{p} },
		"there are more workers than there should":   func(p *pool.Pool) clerk { return growsItsBacklog{p} },
	} {
		t.Run(name, func(t *testing.T) {
			begin := office{target: 1, backlog: 2}
			proof.FindViolation(t, 10_000, func(seed uint64) (porcupine.Model, []porcupine.Operation, error) {
				return sequentialPool(begin), poolHistory(seed, begin, broken).ops, nil
			})
		})
	}
}
