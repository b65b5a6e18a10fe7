package queue_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/queue"
)

// Small random programs run on a queue, several goroutines at once. Each call's beginning, end and result are noted,
// and porcupine looks for an order of the calls in which a sequential queue would have given the same results: each
// call at one moment between its beginning and its end. A call that gave up is one without effect.

// A request is one call, and a response what it returned.
type request struct {
	op   string
	item byte
}

type response struct {
	err   error // of ctx: errGaveUp
	item  byte
	n     int
	items string
	late  bool // a call with a timeout took longer, by the time of a bubble
}

func (in request) String() string {
	switch in.op {
	case "Put", "TryPut", "PutTimeout", "PutContext":
		return fmt.Sprintf("%s(%q)", in.op, in.item)
	case "GetN", "TryGetN", "GetNTimeout", "GetNContext":
		return fmt.Sprintf("%s(%d)", in.op, in.n())
	}
	return in.op + "()"
}

// n is how many items a GetN wants.
func (in request) n() int { return 1 + int(in.item%4) }

// wanted is what a TryGetIf takes.
func wanted(item byte) bool { return item%2 == 0 }

func (out response) String() string {
	if out.late {
		return "too late"
	}
	if out.err != nil {
		return out.err.Error()
	}
	return fmt.Sprintf("%q, %d, %q", out.item, out.n, out.items)
}

var (
	errGaveUp = errors.New("the context ended")
	errNone   = errors.New("nothing to peek at")
)

// A sequential is the state of a queue of bytes.
type sequential struct {
	items      string
	shut       bool
	unfinished int
}

func sequentialQueue(maxsize int, begin sequential) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return begin },
		Step: func(state, input, output any) (bool, any) {
			return state.(sequential).step(maxsize, input.(request), output.(response))
		},
	}
}

func (s sequential) step(maxsize int, in request, out response) (bool, sequential) {
	if out.late {
		return false, s
	}
	full := maxsize > 0 && len(s.items) >= maxsize
	switch in.op {
	case "Put", "TryPut", "PutTimeout", "PutContext":
		switch out.err {
		case nil:
			ok := !s.shut && !full
			s.items += string([]byte{in.item})
			s.unfinished++
			return ok, s
		case queue.ErrFull: // it found the queue full when it began to wait
			return !s.shut && full && (in.op == "TryPut" || in.op == "PutTimeout"), s
		case queue.ErrShutdown:
			return s.shut, s
		case errGaveUp:
			return !s.shut && in.op == "PutContext", s
		}
	case "Get", "TryGet", "GetTimeout", "GetContext":
		switch out.err {
		case nil:
			if s.items == "" || s.items[0] != out.item {
				return false, s
			}
			s.items = s.items[1:]
			return true, s
		case queue.ErrEmpty:
			return !s.shut && s.items == "" && (in.op == "TryGet" || in.op == "GetTimeout"), s
		case queue.ErrShutdown:
			return s.shut && s.items == "", s
		case errGaveUp:
			return !(s.shut && s.items == "") && in.op == "GetContext", s
		}
	case "GetN", "TryGetN", "GetNTimeout", "GetNContext":
		switch out.err {
		case nil:
			n := min(in.n(), len(s.items))
			if n == 0 || s.items[:n] != out.items {
				return false, s
			}
			s.items = s.items[n:]
			return true, s
		case queue.ErrEmpty:
			return !s.shut && s.items == "" && (in.op == "TryGetN" || in.op == "GetNTimeout"), s
		case queue.ErrShutdown:
			return s.shut && s.items == "", s
		case errGaveUp:
			return !(s.shut && s.items == "") && in.op == "GetNContext", s
		}
	case "TryGetIf":
		switch out.err {
		case nil:
			if s.items == "" || s.items[0] != out.item || !wanted(out.item) {
				return false, s
			}
			s.items = s.items[1:]
			return true, s
		case queue.ErrEmpty:
			return s.items == "" && !s.shut || s.items != "" && !wanted(s.items[0]), s
		case queue.ErrShutdown:
			return s.shut && s.items == "", s
		}
	case "All":
		return s.items == out.items, s
	case "Peek":
		if out.err != nil {
			return s.items == "", s
		}
		return s.items != "" && s.items[0] == out.item, s
	case "Drain":
		ok := s.items == out.items
		s.items = ""
		return ok, s
	case "Len":
		return out.n == len(s.items), s
	case "Unfinished":
		return out.n == s.unfinished, s
	case "TaskDone":
		if out.err == queue.ErrTaskDone {
			return s.unfinished == 0, s
		}
		s.unfinished--
		return out.err == nil && s.unfinished >= 0, s
	case "JoinTimeout", "JoinContext":
		return out.err != nil || s.unfinished == 0, s
	case "Shutdown":
		s.shut = true
		return true, s
	case "ShutdownNow":
		s.shut = true
		s.unfinished = max(0, s.unfinished-len(s.items))
		s.items = ""
		return true, s
	}
	return false, s
}

// A subject is what the programs use of a queue, so that a broken one can take its place.
type subject interface {
	Put(byte) error
	TryPut(byte) error
	PutTimeout(byte, time.Duration) error
	PutContext(context.Context, byte) error
	Get() (byte, error)
	TryGet() (byte, error)
	GetTimeout(time.Duration) (byte, error)
	GetContext(context.Context) (byte, error)
	GetN(int) ([]byte, error)
	TryGetN(int) ([]byte, error)
	GetNTimeout(int, time.Duration) ([]byte, error)
	GetNContext(context.Context, int) ([]byte, error)
	TryGetIf(func(byte) bool) (byte, error)
	All() iter.Seq[byte]
	Peek() (byte, bool)
	Drain() []byte
	Len() int
	Unfinished() int
	TaskDone()
	JoinTimeout(time.Duration) bool
	JoinContext(context.Context) error
	Shutdown()
	ShutdownNow()
}

// Operations in about the proportion in which they are interesting.
var mix = strings.Fields(`
	Put Put TryPut PutTimeout PutTimeout PutTimeout PutContext PutContext PutContext
	Get Get TryGet GetTimeout GetTimeout GetTimeout GetContext GetContext GetContext
	Put Get TryPut TryGet PutTimeout GetTimeout PutContext GetContext
	Put GetN TryPut TryGetN PutTimeout GetNTimeout PutContext GetNContext
	TryGetIf TryGetIf All
	Peek Len Unfinished Drain TaskDone TaskDone JoinTimeout JoinContext`)

// A setting is how a program runs: outside, where time is real and short, or in a bubble, where everything that is due
// at the same nanosecond happens at once, and where nothing is due before everybody waits.
type setting struct {
	name    string
	pause   func(*rand.Rand)               // between two calls
	delay   func(*rand.Rand)               // before a context ends
	timeout func(*rand.Rand) time.Duration // of a call
	settle  func(*rand.Rand)               // before the shutdown
}

var (
	outside = setting{
		"outside",
		func(*rand.Rand) { jitter() },
		func(*rand.Rand) { jitter() },
		func(r *rand.Rand) time.Duration { return time.Duration(1 + r.IntN(2000)) },
		func(r *rand.Rand) {
			for range r.IntN(400) {
				runtime.Gosched()
			}
		},
	}
	bubble = setting{
		"bubble",
		func(r *rand.Rand) { time.Sleep(time.Duration(r.IntN(3))) },
		func(r *rand.Rand) { time.Sleep(time.Duration(r.IntN(3))) },
		func(r *rand.Rand) time.Duration { return time.Duration(1 + r.IntN(3)) },
		func(r *rand.Rand) {
			if r.IntN(2) == 0 {
				time.Sleep(time.Duration(r.IntN(10)))
			} else {
				time.Sleep(time.Hour) // everybody has ended by now, or waits without a limit
			}
		},
	}
)

// execute runs a random program on q, in a bubble if that is the setting, and returns its history.
func (s setting) execute(t *testing.T, seed uint64, q subject) (history []porcupine.Operation) {
	if s.name != bubble.name {
		return execute(seed, s, q)
	}
	synctest.Test(t, func(*testing.T) { history = execute(seed, s, q) })
	return history
}

// execute runs a random program and returns its history. In the end the queue is shut down, so everybody ends.
func execute(seed uint64, s setting, q subject) []porcupine.Operation {
	const clients, calls = 4, 6
	var clock atomic.Int64
	var mu sync.Mutex
	var history []porcupine.Operation
	var running sync.WaitGroup
	perform := func(client int, c *canceller, r *rand.Rand, in request) {
		began := clock.Add(1)
		out := in.call(q, s, c, r)
		ended := clock.Add(1)
		mu.Lock()
		defer mu.Unlock()
		history = append(history, porcupine.Operation{
			ClientId: client, Input: in, Output: out, Call: began, Return: ended,
		})
	}
	for client := range clients {
		running.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(client)))
			ends := rand.New(rand.NewPCG(seed, uint64(100+client)))
			c := newCanceller(func() { s.delay(ends) })
			defer c.stop()
			for i := range calls {
				s.pause(r)
				perform(client, c, r, request{mix[r.IntN(len(mix))], byte(64 + client*calls + i)})
			}
		})
	}
	running.Go(func() {
		r := rand.New(rand.NewPCG(seed, clients))
		s.settle(r)
		shutdown := "Shutdown"
		if r.IntN(3) == 0 {
			shutdown = "ShutdownNow"
		}
		perform(clients, nil, r, request{op: shutdown})
	})
	running.Wait()
	return history
}

func (in request) call(q subject, s setting, c *canceller, r *rand.Rand) (out response) {
	timeout := s.timeout(r)
	if s.name == bubble.name && strings.HasSuffix(in.op, "Timeout") {
		defer func(began time.Time) { out.late = time.Since(began) > timeout }(time.Now())
	}
	errOf := func(err error) error {
		if err == context.Canceled {
			return errGaveUp
		}
		return err
	}
	switch in.op {
	case "Put":
		out.err = q.Put(in.item)
	case "TryPut":
		out.err = q.TryPut(in.item)
	case "PutTimeout":
		out.err = q.PutTimeout(in.item, timeout)
	case "PutContext":
		out.err = errOf(q.PutContext(c.context(), in.item))
	case "Get":
		out.item, out.err = q.Get()
	case "TryGet":
		out.item, out.err = q.TryGet()
	case "GetTimeout":
		out.item, out.err = q.GetTimeout(timeout)
	case "GetContext":
		out.item, out.err = q.GetContext(c.context())
		out.err = errOf(out.err)
	case "Peek":
		item, ok := q.Peek()
		if out.item = item; !ok {
			out.err = errNone
		}
	case "GetN":
		items, err := q.GetN(in.n())
		out.items, out.err = string(items), err
	case "TryGetN":
		items, err := q.TryGetN(in.n())
		out.items, out.err = string(items), err
	case "GetNTimeout":
		items, err := q.GetNTimeout(in.n(), timeout)
		out.items, out.err = string(items), err
	case "GetNContext":
		items, err := q.GetNContext(c.context(), in.n())
		out.items, out.err = string(items), errOf(err)
	case "TryGetIf":
		out.item, out.err = q.TryGetIf(wanted)
	case "All":
		out.items = string(slices.Collect(q.All()))
	case "Drain":
		out.items = string(q.Drain())
	case "Len":
		out.n = q.Len()
	case "Unfinished":
		out.n = q.Unfinished()
	case "TaskDone":
		defer func() {
			if err, ok := recover().(error); ok {
				out.err = err
			}
		}()
		q.TaskDone()
	case "JoinTimeout":
		out.err = joinTimeout(q.JoinTimeout(timeout))
	case "JoinContext":
		out.err = errOf(q.JoinContext(c.context()))
	case "Shutdown":
		q.Shutdown()
	case "ShutdownNow":
		q.ShutdownNow()
	}
	return out
}

// programs returns the programs on a queue, or on what broken makes of it. Half of the time the queue begins full, or
// nearly so: a short program could not fill a large one.
func programs(t *testing.T, s setting, maxsize int, broken func(*queue.Queue[byte]) subject) proof.Program {
	return func(seed uint64) (porcupine.Model, []porcupine.Operation, error) {
		q := queue.New[byte](maxsize)
		var begin sequential
		if maxsize > 0 && seed%2 == 0 {
			for i := range maxsize - int(seed/2%2) {
				q.Put(byte(i))
				begin.items += string([]byte{byte(i)})
				begin.unfinished++
			}
		}
		return sequentialQueue(maxsize, begin), s.execute(t, seed, broken(q)), nil
	}
}

func unbroken(q *queue.Queue[byte]) subject { return q }

func TestConcurrentCallsAreLinearizable(t *testing.T) {
	for _, s := range []setting{outside, bubble} {
		t.Run(s.name, func(t *testing.T) {
			eachCapacity(t, []int{1, 2, 40, 0}, func(t *testing.T, maxsize int) {
				proof.CheckHistories(t, rounds(5000), programs(t, s, maxsize, unbroken))
			})
		})
	}
}

// Queues with the mistakes that matter. If the check above cannot tell them from a right one it is worth nothing.
type (
	dropsWhenCancelled  struct{ *queue.Queue[byte] }
	storesWhenTimedOut  struct{ *queue.Queue[byte] }
	takesTheSecond      struct{ *queue.Queue[byte] }
	acceptsAfterTheEnd  struct{ *queue.Queue[byte] }
	drainsInTwoSteps    struct{ *queue.Queue[byte] }
	finishesWhenDrained struct{ *queue.Queue[byte] }
	getsOneByOne        struct{ *queue.Queue[byte] }
	peeksAndGets        struct{ *queue.Queue[byte] }
)

func (q getsOneByOne) GetN(n int) (items []byte, err error) {
	item, err := q.Get()
	for ; err == nil; item, err = q.TryGet() {
		if items = append(items, item); len(items) == n {
			break
		}
		runtime.Gosched()
	}
	if items != nil {
		err = nil
	}
	return items, err
}

func (q peeksAndGets) TryGetIf(pred func(byte) bool) (byte, error) {
	if item, ok := q.Peek(); ok && !pred(item) {
		return 0, queue.ErrEmpty
	}
	runtime.Gosched()
	return q.TryGet()
}

func (q dropsWhenCancelled) GetContext(ctx context.Context) (byte, error) {
	item, err := q.Queue.GetContext(ctx)
	if err == context.Canceled {
		q.TryGet()
	}
	return item, err
}

func (q storesWhenTimedOut) PutTimeout(item byte, d time.Duration) error {
	err := q.Queue.PutTimeout(item, d)
	if err == queue.ErrFull {
		q.TryPut(item)
	}
	return err
}

func (q takesTheSecond) Get() (byte, error) {
	first, err := q.Queue.Get()
	if second, err := q.TryGet(); err == nil && q.TryPut(first) == nil {
		return second, nil
	}
	return first, err
}

func (q acceptsAfterTheEnd) Put(item byte) error {
	if err := q.Queue.Put(item); err != queue.ErrShutdown {
		return err
	}
	return nil
}

func (q drainsInTwoSteps) Drain() (items []byte) {
	for range q.Len() {
		if item, err := q.GetTimeout(1); err == nil {
			items = append(items, item)
		}
		runtime.Gosched()
	}
	return items
}

func (q finishesWhenDrained) Drain() []byte {
	items := q.Queue.Drain()
	for range items {
		if q.Unfinished() > 0 {
			q.TaskDone()
		}
	}
	return items
}

func TestTheLinearizabilityCheckNoticesBrokenQueues(t *testing.T) {
	for name, broken := range map[string]func(*queue.Queue[byte]) subject{
		"a get that is cancelled drops an item":    func(q *queue.Queue[byte]) subject { return dropsWhenCancelled{q} },
		"a put that times out stores its item":     func(q *queue.Queue[byte]) subject { return storesWhenTimedOut{q} },
		"a get takes the second item":              func(q *queue.Queue[byte]) subject { return takesTheSecond{q} },
		"a put reports success after the shutdown": func(q *queue.Queue[byte]) subject { return acceptsAfterTheEnd{q} },
		"Drain takes one item after the other":     func(q *queue.Queue[byte]) subject { return drainsInTwoSteps{q} },
		"Drain calls TaskDone":                     func(q *queue.Queue[byte]) subject { return finishesWhenDrained{q} },
		"GetN takes one item after the other":      func(q *queue.Queue[byte]) subject { return getsOneByOne{q} },
		"TryGetIf looks and then takes":            func(q *queue.Queue[byte]) subject { return peeksAndGets{q} },
	} {
		t.Run(name, func(t *testing.T) {
			inside, outside := programs(t, bubble, 2, broken), programs(t, outside, 2, broken)
			proof.FindViolation(t, 40_000, func(seed uint64) (porcupine.Model, []porcupine.Operation, error) {
				if seed/4%2 == 0 {
					return outside(seed)
				}
				return inside(seed)
			})
		})
	}
}
