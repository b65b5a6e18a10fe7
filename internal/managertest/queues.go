package managertest

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/queue"
)

func init() {
	add(QueueOrders, QueueForms, QueueBound, QueueServesInOrder, QueueShutdown, QueueShutdownNow, QueueEndedContext, QueueDrain, QueueLevels,
		QueueResize, QueueParameters, QueueNotJoinable, QueueOfTheDeadWaiter, QueueGoesOnUnderTheNextSession,
		JoinableJoins, JoinableTaskDoneIsTheGoroutines, JoinableOfTheDead, JoinableThatIsLost, JoinableDrain,
		TasksAcknowledge, TasksOfABodyThatFails, TasksEnd,
		ClaimAcks, ClaimNacks, ClaimNacksLater, ClaimOfTheDead, ClaimsOfTheDeadKeepTheirOrder, ClaimThatIsLost, ClaimsDie, ClaimsLoop,
		ClaimUndecodable, ClaimsMayExceedTheBound, ClaimAfterShutdown, PutKeyOnce, PutKeyForgets)
}

func drained[T any](s *S, q *manager.Queue[T]) (all []T) {
	for {
		v, err := q.TryGet()
		if err != nil {
			s.Is(err, queue.ErrEmpty)
			return all
		}
		all = append(all, v)
	}
}

func QueueOrders(s *S) {
	a, b := s.Two()
	level := func(n int) int { return n / 10 }
	for order, make := range map[string]func(m *manager.Manager) *manager.Queue[int]{
		"fifo": func(m *manager.Manager) *manager.Queue[int] { return manager.NewQueue[int](m, s.Name("fifo"), 0) },
		"lifo": func(m *manager.Manager) *manager.Queue[int] { return manager.NewLIFO[int](m, s.Name("lifo"), 0) },
		"priority": func(m *manager.Manager) *manager.Queue[int] {
			return manager.NewPriority(m, s.Name("priority"), 0, level)
		},
	} {
		qa, qb := make(a), make(b)
		for _, n := range []int{11, 31, 12, -1270, 1279, 32, 13} {
			s.Ok(qa.Put(n))
		}
		Equal(s, qb.Len(), 7)
		want := map[string][]int{
			"fifo":     {11, 31, 12, -1270, 1279, 32, 13},
			"lifo":     {13, 32, 1279, -1270, 12, 31, 11},
			"priority": {-1270, 11, 12, 13, 31, 32, 1279},
		}[order]
		first, ok := qb.Peek()
		s.True("peek", ok && first == want[0])
		Equal(s, drained(s, qb), want)
		_, ok = qa.Peek()
		s.True("empty", !ok && qa.Empty() && qb.Empty() && qa.Unfinished() == 0)
	}
}

func QueueForms(s *S) {
	a, b := s.Two()
	qa, qb := manager.NewQueue[string](a, s.Name("q"), 1), manager.NewQueue[string](b, s.Name("q"), 1)
	Equal(s, qa.Name(), s.Name("q"))
	for name, put := range map[string]func() error{
		"Put":                 func() error { return qa.Put("x") },
		"TryPut":              func() error { return qa.TryPut("x") },
		"PutTimeout":          func() error { return qa.PutTimeout("x", time.Hour) },
		"PutTimeout, nothing": func() error { return qa.PutTimeout("x", 0) },
		"PutTimeout, forever": func() error { return qa.PutTimeout("x", math.MaxInt64) },
		"PutContext":          func() error { return qa.PutContext(background, "x") },
	} {
		if err := put(); err != nil || !qb.Full() {
			s.Error(name, err)
		}
		v, err := qb.Get()
		s.True(name, v == "x" && err == nil && qa.Empty())
	}
	for name, get := range map[string]func() (string, error){
		"Get":                 qa.Get,
		"TryGet":              qa.TryGet,
		"GetTimeout":          func() (string, error) { return qa.GetTimeout(time.Hour) },
		"GetTimeout, nothing": func() (string, error) { return qa.GetTimeout(0) },
		"GetTimeout, forever": func() (string, error) { return qa.GetTimeout(math.MaxInt64) },
		"GetContext":          func() (string, error) { return qa.GetContext(background) },
	} {
		s.Ok(qb.Put("x"))
		v, err := get()
		s.True(name, v == "x" && err == nil)
	}
	ctx, cancel := context.WithTimeoutCause(background, within, errWhy)
	defer cancel()
	_, err := qa.GetContext(ctx)
	s.Is(err, errWhy)
	for _, d := range []time.Duration{0, -1, math.MinInt64, within} {
		_, err := qa.GetTimeout(d)
		s.Is(err, queue.ErrEmpty)
	}
	_, err = qa.TryGet()
	s.Is(err, queue.ErrEmpty)
	s.Ok(qb.Put("y"))
	s.Is(qa.PutContext(ctx, "z"), errWhy)
	for _, d := range []time.Duration{0, -1, math.MinInt64, within} {
		s.Is(qa.PutTimeout("z", d), queue.ErrFull)
	}
	s.Is(qa.TryPut("z"), queue.ErrFull)
	Equal(s, drained(s, qa), []string{"y"})
}

func QueueBound(s *S) {
	a, b := s.Two()
	qa, qb := manager.NewQueue[int](a, s.Name("q"), 2), manager.NewQueue[int](b, s.Name("q"), 2)
	s.Ok(qa.Put(1), qa.Put(2))
	s.True("full", qb.Full() && qb.Len() == 2 && qb.Cap() == 2 && !qb.Empty())
	put := s.Go(func() { s.Ok(qa.Put(3)) })
	s.Waiting(b, manager.KindQueue, qa.Name(), 1)
	Equal(s, Got[int](s)(qb.Get()), 1)
	<-put
	Equal(s, drained(s, qb), []int{2, 3})
	free := manager.NewQueue[int](a, s.Name("free"), -3)
	s.True("unbounded", free.Cap() == 0 && !free.Full())
}

// Whoever waits is served in order of arrival.
func QueueServesInOrder(s *S) {
	a := s.Manager()
	name := s.Name("q")
	got := make(chan string, 10)
	for i := range 4 {
		m := s.Manager()
		s.Go(func() {
			v, err := manager.NewQueue[int](m, name, 2).Get()
			s.Ok(err)
			got <- fmt.Sprint("getter ", i, " got ", v)
		})
		s.Waiting(a, manager.KindQueue, name, i+1)
	}
	q := manager.NewQueue[int](a, name, 2)
	for i := range 4 {
		s.Ok(q.Put(i))
	}
	seen := map[string]bool{}
	for range 4 {
		seen[<-got] = true
	}
	for i := range 4 {
		s.True("in order", s.AnyGetter || seen[fmt.Sprint("getter ", i, " got ", i)])
	}
	s.Ok(q.Put(-1), q.Put(-1))
	var put atomic.Int32
	for i := range 4 {
		m := s.Manager()
		s.Go(func() { s.Ok(manager.NewQueue[int](m, name, 2).Put(i)); put.Add(1) })
		s.Waiting(a, manager.KindQueue, name, i+1)
	}
	var all []int
	for range 6 {
		all = append(all, Got[int](s)(q.Get()))
	}
	if s.AnyGetter {
		slices.Sort(all)
	}
	Equal(s, all, []int{-1, -1, 0, 1, 2, 3})
	s.Until(func() bool { return put.Load() == 4 })
}

func QueueShutdown(s *S) {
	a, b := s.Two()
	qa, qb := manager.NewQueue[int](a, s.Name("q"), 1), manager.NewQueue[int](b, s.Name("q"), 1)
	other := manager.NewQueue[int](a, s.Name("empty"), 0)
	s.Ok(qa.Put(1))
	putter := s.Go(func() { s.Is(qb.Put(2), queue.ErrShutdown) })
	getter := s.Go(func() { _, err := other.Get(); s.Is(err, queue.ErrShutdown) })
	s.Waiting(a, manager.KindQueue, qa.Name(), 1)
	s.Waiting(a, manager.KindQueue, other.Name(), 1)
	s.True("not yet", !qa.IsShutdown())
	qa.Shutdown()
	qa.Shutdown()
	manager.NewQueue[int](b, other.Name(), 0).Shutdown()
	<-putter
	<-getter
	s.True("shut", qb.IsShutdown())
	s.Is(qa.TryPut(3), queue.ErrShutdown)
	s.Is(qa.PutKey(background, 3, "k", time.Hour), queue.ErrShutdown)
	Equal(s, Got[int](s)(qb.Get()), 1) // what is inside can still be got
	for _, get := range []func() (int, error){qa.Get, qb.TryGet, func() (int, error) { return qa.GetContext(Ended()) }} {
		_, err := get()
		s.Is(err, queue.ErrShutdown)
	}
	_, err := qb.TryClaim()
	s.Is(err, queue.ErrShutdown)
	s.Is(qa.PutContext(Ended(), 1), queue.ErrShutdown) // comes before the context
}

func QueueShutdownNow(s *S) {
	a, b := s.Two()
	q := manager.NewQueue[int](a, s.Name("q"), 0, manager.Joinable())
	s.Ok(q.Put(1), q.Put(2), q.Put(3))
	c := Got[*manager.Claim[int]](s)(q.Claim())
	held := Got[*manager.Claim[int]](s)(q.Claim())
	s.Ok(held.Nack(background, time.Hour))
	Equal(s, q.Unfinished(), 3)
	joined := s.Go(manager.NewQueue[int](b, s.Name("q"), 0, manager.Joinable()).Join)
	s.Waiting(a, manager.KindQueue, q.Name(), 1)
	q.ShutdownNow()
	s.True("all but what was taken", q.Unfinished() == 1 && q.Empty() && !IsClosed(joined))
	s.Ok(c.Nack(background, 0)) // and that is dropped now
	<-joined
	_, err := q.Get()
	s.Is(err, queue.ErrShutdown)
}

func QueueEndedContext(s *S) {
	a := s.Manager()
	q := manager.NewQueue[int](a, s.Name("q"), 0)
	s.Is(q.PutContext(Ended(), 1), errWhy)
	s.Is(q.PutKey(Ended(), 1, "k", time.Hour), errWhy)
	s.Ok(q.Put(2))
	_, err := q.GetContext(Ended()) // also if there is one
	s.Is(err, errWhy)
	_, err = q.ClaimContext(Ended())
	s.Is(err, errWhy)
	for _, err := range q.Claims(Ended()) {
		s.Is(err, errWhy)
	}
	for range q.TasksContext(Ended()) {
		s.Error("a task")
	}
	for _, err := range q.Dead(Ended()) {
		s.Is(err, errWhy)
	}
	s.Is(q.Resize(Ended(), 1), errWhy)
	c := Got[*manager.Claim[int]](s)(q.Claim())
	s.Is(c.Ack(Ended()), errWhy)
	s.Is(c.Nack(Ended(), 0), errWhy)
	s.Ok(c.Ack(background))
	s.True("nothing else", q.Empty() && q.Unfinished() == 0 && q.Cap() == 0)
	s.Is(manager.NewQueue[int](a, s.Name("j"), 0, manager.Joinable()).JoinContext(Ended()), errWhy)
}

func QueueDrain(s *S) {
	a, b := s.Two()
	q := manager.NewQueue[int](a, s.Name("q"), 3)
	Equal(s, q.Drain(), []int{})
	s.Ok(q.Put(1), q.Put(2), q.Put(3))
	put := s.Go(func() { s.Ok(manager.NewQueue[int](b, s.Name("q"), 3).Put(4)) })
	s.Waiting(a, manager.KindQueue, q.Name(), 1)
	Equal(s, manager.NewQueue[int](b, s.Name("q"), 3).Drain(), []int{1, 2, 3})
	<-put
	Equal(s, drained(s, q), []int{4})
	Equal(s, q.Unfinished(), 0)
}

func QueueLevels(s *S) {
	a := s.Manager()
	q := manager.NewPriority(a, s.Name("q"), 0, func(n int) int { return n })
	for _, n := range []int{128, -129, math.MaxInt, math.MinInt} {
		s.Panics(queue.ErrValue, func() { _ = q.Put(n) })
		s.Panics(queue.ErrValue, func() { _ = q.PutKey(background, n, "k", time.Hour) })
	}
	s.Ok(q.Put(127), q.Put(-128), q.Put(0))
	Equal(s, drained(s, q), []int{-128, 0, 127})
	s.Panics(errWhy, func() { _ = manager.NewPriority(a, s.Name("q"), 0, func(int) int { panic(errWhy) }).Put(1) })
	s.True("empty", q.Empty())
}

func QueueResize(s *S) {
	a, b := s.Two()
	qa, qb := manager.NewQueue[int](a, s.Name("q"), 1), manager.NewQueue[int](b, s.Name("q"), 1)
	s.Ok(qa.Put(1))
	put := s.Go(func() { s.Ok(qa.Put(2)) })
	s.Waiting(b, manager.KindQueue, qa.Name(), 1)
	s.Ok(qb.Resize(background, 2))
	<-put
	s.Ok(qb.Resize(background, 1)) // more are inside than fit
	Equal(s, Got[int](s)(qb.Get()), 1)
	s.Is(qa.TryPut(3), queue.ErrFull)
	s.Ok(qa.Resize(background, 0))
	s.True("unbounded", qb.Cap() == 0)
	for i := range 10 {
		s.Ok(qb.TryPut(i))
	}
	wrong := manager.NewQueue[int](a, s.Name("q"), 5)
	s.Is(wrong.Put(1), manager.ErrMismatch)
	s.Ok(wrong.Resize(background, 5))
	s.Is(wrong.TryPut(1), queue.ErrFull)
	Equal(s, qb.Cap(), 5) // who had it before goes on
}

func QueueParameters(s *S) {
	a, b := s.Two()
	name := s.Name("q")
	s.Ok(manager.NewQueue[int](a, name, 3).Put(1))
	for what, q := range map[string]*manager.Queue[int]{
		"maxsize":  manager.NewQueue[int](b, name, 4),
		"order":    manager.NewLIFO[int](b, name, 3),
		"priority": manager.NewPriority(b, name, 3, func(int) int { return 0 }),
		"joinable": manager.NewQueue[int](b, name, 3, manager.Joinable()),
	} {
		if err := q.TryPut(2); err == nil {
			s.Error(what)
		} else {
			s.Is(err, manager.ErrMismatch)
		}
		s.Panics(manager.ErrMismatch, func() { q.Len() })
	}
	s.Ok(manager.NewQueue[int](b, name, 3, manager.MaxDeliveries(5)).Put(3)) // is no part of its identity
	Equal(s, manager.NewQueue[int](b, name, 3).Len(), 2)
	s.Panics(manager.ErrValue, func() { manager.MaxDeliveries(0) })
}

func QueueNotJoinable(s *S) {
	q := manager.NewQueue[int](s.Manager(), s.Name("q"), 0)
	s.Ok(q.Put(1))
	Got[int](s)(q.Get())
	s.Panics(manager.ErrNotJoinable, q.TaskDone)
	s.Panics(manager.ErrNotJoinable, func() { _ = q.TaskDoneContext(background) })
	s.Panics(manager.ErrNotJoinable, q.Join)
	s.Panics(manager.ErrNotJoinable, func() { q.JoinTimeout(1) })
	s.Panics(manager.ErrNotJoinable, func() { _ = q.JoinContext(background) })
}

// What is put after a waiter has died goes to the next.
func QueueOfTheDeadWaiter(s *S) {
	a, b := s.Two()
	c := s.Manager()
	name := s.Name("q")
	dead := s.Go(func() { _, err := manager.NewQueue[int](a, name, 0).Get(); s.Is(err, manager.ErrClosed) })
	s.Waiting(b, manager.KindQueue, name, 1)
	got := s.Go(func() { Equal(s, Got[int](s)(manager.NewQueue[int](b, name, 0).Get()), 1) })
	s.Waiting(c, manager.KindQueue, name, 2)
	s.Dies(a)
	<-dead
	s.Ok(manager.NewQueue[int](c, name, 0).Put(1))
	<-got
}

func QueueGoesOnUnderTheNextSession(s *S) {
	a, b := s.Two()
	q, other := manager.NewQueue[int](a, s.Name("q"), 1), manager.NewQueue[int](b, s.Name("q"), 1)
	got := s.Go(func() { Equal(s, Got[int](s)(q.Get()), 1) })
	s.Waiting(b, manager.KindQueue, q.Name(), 1)
	s.End(b, a)
	s.Waiting(b, manager.KindQueue, q.Name(), 1)
	s.Ok(other.Put(1))
	<-got
	s.Ok(other.Put(2))
	put := s.Go(func() { s.Ok(q.Put(3)) })
	s.Waiting(b, manager.KindQueue, q.Name(), 1)
	s.End(b, a)
	s.Waiting(b, manager.KindQueue, q.Name(), 1)
	Equal(s, Got[int](s)(other.Get()), 2)
	<-put
	Equal(s, drained(s, other), []int{3})
}

func JoinableJoins(s *S) {
	a, b := s.Two()
	qa, qb := manager.NewQueue[int](a, s.Name("q"), 0, manager.Joinable()), manager.NewQueue[int](b, s.Name("q"), 0, manager.Joinable())
	qa.Join() // nothing is unfinished
	s.True("nothing", qa.JoinTimeout(0) && qa.JoinContext(background) == nil)
	s.Panics(queue.ErrTaskDone, qa.TaskDone)
	s.Panics(queue.ErrTaskDone, func() { _ = qa.TaskDoneContext(background) })
	for i := range 3 {
		s.Ok(qa.Put(i))
	}
	s.Panics(queue.ErrTaskDone, qa.TaskDone) // nothing was got
	joined := s.Go(qa.Join)
	s.Waiting(b, manager.KindQueue, qa.Name(), 1)
	s.True("time", !qa.JoinTimeout(0) && !qa.JoinTimeout(within))
	ctx, cancel := context.WithTimeoutCause(background, within, errWhy)
	defer cancel()
	s.Is(qa.JoinContext(ctx), errWhy)
	for i := range 3 {
		Equal(s, Got[int](s)(qb.Get()), i)
	}
	s.True("got, not done", qa.Empty() && qa.Unfinished() == 3 && !IsClosed(joined))
	s.Is(qb.TaskDoneContext(Ended()), errWhy)
	Equal(s, qa.Unfinished(), 3)
	qb.TaskDone()
	s.Ok(qb.TaskDoneContext(background))
	s.Panics(queue.ErrTaskDone, qa.TaskDone) // b got them
	s.True("one is left", qa.Unfinished() == 1 && !IsClosed(joined))
	qb.TaskDone()
	<-joined
	s.Panics(queue.ErrTaskDone, qb.TaskDone)
}

// TaskDone is about the oldest item that the goroutine got, and only if it has none about the oldest of the process.
func JoinableTaskDoneIsTheGoroutines(s *S) {
	a, b := s.Two()
	q := manager.NewQueue[int](a, s.Name("q"), 0, manager.Joinable())
	s.Ok(q.Put(1), q.Put(2), q.Put(3), q.Put(4))
	Equal(s, Got[int](s)(q.Get()), 1)
	<-s.Go(func() {
		Equal(s, Got[int](s)(q.Get()), 2)
		Equal(s, Got[int](s)(q.Get()), 3)
		q.TaskDone() // 2
	})
	<-s.Go(func() { q.TaskDone() }) // has none: the oldest, 1
	Equal(s, Got[int](s)(q.Get()), 4)
	q.TaskDone() // 4
	s.Dies(a)    // which still had 3
	again := manager.NewQueue[int](b, s.Name("q"), 0, manager.Joinable())
	Equal(s, Got[int](s)(again.Get()), 3)
	Equal(s, again.Unfinished(), 1)
	again.TaskDone()
	again.Join()
}

func JoinableOfTheDead(s *S) {
	a, b := s.Two()
	q := manager.NewQueue[int](a, s.Name("q"), 0, manager.Joinable())
	s.Ok(q.Put(1), q.Put(2), q.Put(3))
	Got[int](s)(q.Get())
	Got[int](s)(q.Get())
	other := manager.NewQueue[int](b, s.Name("q"), 0, manager.Joinable())
	joined := s.Go(other.Join)
	s.Waiting(b, manager.KindQueue, q.Name(), 1)
	s.Dies(a)
	for want := range 3 {
		Equal(s, Got[int](s)(other.Get()), want+1) // at the head, in their order
		other.TaskDone()
	}
	<-joined
}

func JoinableThatIsLost(s *S) {
	a, b := s.Two()
	q, other := manager.NewQueue[int](a, s.Name("q"), 0, manager.Joinable()), manager.NewQueue[int](b, s.Name("q"), 0, manager.Joinable())
	s.Ok(q.Put(1), q.Put(2), q.Put(3))
	func() {
		Equal(s, Got[int](s)(q.Get()), 1)
		defer q.TaskDone() // as most are
		s.End(b, a)
		Equal(s, Got[int](s)(other.Get()), 1)
	}()
	s.True("its TaskDone did nothing", other.Unfinished() == 3)
	Equal(s, Got[int](s)(q.Get()), 2)
	s.End(b, a)
	s.Is(q.TaskDoneContext(background), manager.ErrLost)
	s.Panics(queue.ErrTaskDone, q.TaskDone)
	other.TaskDone()
	Equal(s, other.Unfinished(), 2)
	Equal(s, drained(s, other), []int{2, 3})
}

func JoinableDrain(s *S) {
	a := s.Manager()
	q := manager.NewQueue[int](a, s.Name("q"), 0, manager.Joinable())
	s.Ok(q.Put(1), q.Put(2))
	Equal(s, q.Drain(), []int{1, 2})
	s.True("unfinished", q.Unfinished() == 2 && q.Empty())
	q.TaskDone()
	q.TaskDone()
	q.Join()
}

func TasksAcknowledge(s *S) {
	a, b := s.Two()
	q := manager.NewQueue[int](a, s.Name("q"), 0, manager.Joinable())
	for i := range 6 {
		s.Ok(q.Put(i))
	}
	var seen []int
	for n := range q.Tasks() {
		seen = append(seen, n)
		Equal(s, q.Unfinished(), 6-n)
		if n == 3 {
			break // acknowledges too
		}
	}
	Equal(s, q.Unfinished(), 2)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	for n := range manager.NewQueue[int](b, s.Name("q"), 0, manager.Joinable()).TasksContext(ctx) {
		seen = append(seen, n)
		if n == 5 {
			cancel()
		}
	}
	Equal(s, seen, []int{0, 1, 2, 3, 4, 5})
	s.True("all done", q.Unfinished() == 0 && q.JoinTimeout(0))
	plain := manager.NewQueue[int](a, s.Name("plain"), 0) // without Joinable as well
	s.Ok(plain.Put(1))
	plain.Shutdown()
	for n := range plain.Tasks() {
		s.True("a claim", n == 1 && plain.Unfinished() == 1)
	}
	Equal(s, plain.Unfinished(), 0)
}

func TasksOfABodyThatFails(s *S) {
	a := s.Manager()
	q := manager.NewQueue[int](a, s.Name("q"), 0)
	s.Ok(q.Put(1))
	s.Panics(errWhy, func() {
		for range q.Tasks() {
			panic(errWhy)
		}
	})
	<-s.Go(func() {
		for range q.Tasks() {
			runtime.Goexit()
		}
	})
	c := Got[*manager.Claim[int]](s)(q.TryClaim())
	s.True("given back at once, and counted", c.Item == 1 && c.Attempt == 3)
	s.Ok(c.Ack(background))
}

func TasksEnd(s *S) {
	a, b := s.Two()
	q := manager.NewQueue[int](a, s.Name("q"), 0)
	ended := s.Go(func() {
		for range q.Tasks() {
			s.Error("a task")
		}
	})
	s.Waiting(b, manager.KindQueue, q.Name(), 1)
	s.End(b, a) // goes on
	s.Waiting(b, manager.KindQueue, q.Name(), 1)
	s.True("not ended", !IsClosed(ended))
	manager.NewQueue[int](b, s.Name("q"), 0).Shutdown()
	<-ended
	other := manager.NewQueue[int](a, s.Name("other"), 0)
	panicked := s.Go(func() {
		s.Panics(manager.ErrClosed, func() {
			for range other.Tasks() {
				s.Error("a task")
			}
		})
	})
	s.Waiting(b, manager.KindQueue, other.Name(), 1)
	s.Dies(a)
	<-panicked
}

func ClaimAcks(s *S) {
	a, b := s.Two()
	q := manager.NewQueue[string](a, s.Name("q"), 0)
	s.Ok(q.Put("x"), q.Put("y"))
	for name, claim := range map[string]func() (*manager.Claim[string], error){
		"Claim":        q.Claim,
		"TryClaim":     q.TryClaim,
		"ClaimTimeout": func() (*manager.Claim[string], error) { return q.ClaimTimeout(time.Hour) },
		"ClaimContext": func() (*manager.Claim[string], error) { return q.ClaimContext(background) },
	} {
		c, err := claim()
		if err != nil || c.Item == "" {
			s.Fatal(name, err)
		}
		s.Ok(c.Nack(background, 0))
	}
	c := Got[*manager.Claim[string]](s)(q.Claim())
	s.True("a token", c.Token != 0, "out", q.Len() == 1 && q.Unfinished() == 2, "held", len(s.Info(b, manager.KindQueue, q.Name()).Holders) == 1)
	lost := c.Lost()
	for range 2 {
		s.Ok(c.Ack(background))
	}
	s.Ok(c.Nack(background, 0)) // does nothing, and returns what the first did
	Equal(s, q.Unfinished(), 1)
	s.End(b, a)
	s.True("not lost", !IsClosed(lost))
	c = Got[*manager.Claim[string]](s)(q.Claim())
	s.Ok(c.Ack(background))
	_, err := q.TryClaim()
	s.Is(err, queue.ErrEmpty)
	_, err = q.ClaimTimeout(within)
	s.Is(err, queue.ErrEmpty)
	ctx, cancel := context.WithTimeoutCause(background, within, errWhy)
	defer cancel()
	_, err = q.ClaimContext(ctx)
	s.Is(err, errWhy)
}

func ClaimNacks(s *S) {
	a, b := s.Two()
	q, other := manager.NewQueue[int](a, s.Name("q"), 0), manager.NewQueue[int](b, s.Name("q"), 0)
	s.Ok(q.Put(1), q.Put(2))
	first := Got[*manager.Claim[int]](s)(q.Claim())
	s.True("first", first.Item == 1 && first.Attempt == 1)
	s.Ok(first.Nack(background, -1))
	second := Got[*manager.Claim[int]](s)(other.Claim())
	s.True("at the head", second.Item == 1 && second.Attempt == 2 && second.Token > first.Token)
	got := s.Go(func() {
		Equal(s, Got[int](s)(q.Get()), 2)
		Equal(s, Got[int](s)(q.Get()), 1)
	})
	s.Waiting(b, manager.KindQueue, q.Name(), 1)
	s.Ok(second.Nack(background, 0)) // wakes who waits
	<-got
}

func ClaimNacksLater(s *S) {
	a, b := s.Two()
	q := manager.NewQueue[int](a, s.Name("q"), 0)
	after := 20 * time.Millisecond
	s.Ok(q.Put(1))
	c := Got[*manager.Claim[int]](s)(q.Claim())
	began := time.Now()
	s.Ok(c.Nack(background, after))
	s.True("held back", q.Unfinished() == 1)
	s.Dies(a) // whose it is no more
	c = Got[*manager.Claim[int]](s)(manager.NewQueue[int](b, s.Name("q"), 0).Claim())
	s.True("again", c.Item == 1 && c.Attempt == 2, "not before", time.Since(began) >= after)
	if s.Bubble {
		Equal(s, time.Since(began), after)
	}
	s.Ok(c.Ack(background))
}

func ClaimOfTheDead(s *S) {
	a, b := s.Two()
	q, other := manager.NewQueue[int](a, s.Name("q"), 0), manager.NewQueue[int](b, s.Name("q"), 0)
	s.Ok(q.Put(1), q.Put(2))
	first := Got[*manager.Claim[int]](s)(q.Claim())
	s.Dies(a)
	s.Until(func() bool { return other.Len() == 2 })
	second := Got[*manager.Claim[int]](s)(other.Claim())
	s.True("redelivered", second.Item == 1 && second.Attempt == 2 && second.Token > first.Token)
	s.Ok(second.Ack(background))
}

func ClaimsOfTheDeadKeepTheirOrder(s *S) {
	a, b := s.Two()
	q, other := manager.NewQueue[int](a, s.Name("q"), 0), manager.NewQueue[int](b, s.Name("q"), 0)
	var want []int
	for i := range 20 {
		s.Ok(q.Put(i))
		want = append(want, i)
	}
	for range 10 {
		Got[*manager.Claim[int]](s)(q.Claim())
	}
	s.Dies(a)
	s.Until(func() bool { return other.Len() == 20 })
	Equal(s, drained(s, other), want)
}

func ClaimThatIsLost(s *S) {
	a, b := s.Two()
	q, other := manager.NewQueue[int](a, s.Name("q"), 0), manager.NewQueue[int](b, s.Name("q"), 0)
	s.Ok(q.Put(1), q.Put(2))
	one, two := Got[*manager.Claim[int]](s)(q.Claim()), Got[*manager.Claim[int]](s)(q.Claim())
	lost := one.Lost()
	s.End(b, a)
	<-lost
	<-two.Lost()
	s.True("back", other.Len() == 2)
	for range 2 {
		s.Is(one.Ack(background), manager.ErrLost)
		s.Is(two.Nack(background, 0), manager.ErrLost)
	}
	Equal(s, drained(s, other), []int{1, 2})
}

func ClaimsDie(s *S) {
	a, b := s.Two()
	q := manager.NewQueue[int](a, s.Name("q"), 0, manager.MaxDeliveries(2), manager.Joinable())
	s.Ok(q.Put(1), q.Put(2), q.Put(3))
	dead := func() (items []int, claims []*manager.Claim[int]) {
		for c, err := range manager.NewQueue[int](b, s.Name("q"), 0, manager.Joinable()).Dead(background) {
			s.Ok(err)
			items, claims = append(items, c.Item), append(claims, c)
		}
		return items, claims
	}
	for range 4 { // 1, 1, 2, 2
		s.Ok(Got[*manager.Claim[int]](s)(q.Claim()).Nack(background, 0))
	}
	items, claims := dead()
	Equal(s, items, []int{1, 2})
	s.True("attempts", len(claims) == 2 && claims[0].Attempt == 2 && claims[0].Token != 0 && !IsClosed(claims[0].Lost()))
	s.True("the dead are not unfinished", q.Unfinished() == 1 && q.Len() == 1)
	s.Ok(claims[0].Ack(background), claims[1].Nack(background, 0))
	items, _ = dead()
	Equal(s, len(items), 0)
	revived := Got[*manager.Claim[int]](s)(q.Claim())
	s.True("revived", revived.Item == 2 && revived.Attempt == 1)
	s.Ok(revived.Ack(background))
	s.Is(claims[0].Nack(background, 0), nil) // what the first returned
	c := Got[*manager.Claim[int]](s)(q.Claim())
	s.Ok(c.Nack(background, within)) // later
	c = Got[*manager.Claim[int]](s)(q.Claim())
	s.Ok(c.Nack(background, time.Hour)) // not at all
	items, claims = dead()
	Equal(s, items, []int{3})
	_, same := dead()
	s.Ok(same[0].Ack(background))
	s.Is(claims[0].Nack(background, 0), manager.ErrLost) // another has dropped it
	q.Join()
}

func ClaimsLoop(s *S) {
	a, b := s.Two()
	q := manager.NewQueue[int](a, s.Name("q"), 0)
	for i := range 5 {
		s.Ok(q.Put(i))
	}
	q.Shutdown()
	var seen []int
	for c, err := range manager.NewQueue[int](b, s.Name("q"), 0).Claims(background) {
		s.Ok(err)
		seen = append(seen, c.Item)
		s.Ok(c.Ack(background))
	}
	Equal(s, seen, []int{0, 1, 2, 3, 4})
	open := manager.NewQueue[int](a, s.Name("open"), 0)
	s.Ok(open.Put(1))
	ctx, cancel := context.WithCancelCause(background)
	defer cancel(nil)
	var last error
	for c, err := range open.Claims(ctx) {
		if last = err; err == nil {
			s.Ok(c.Ack(background))
			cancel(errWhy)
		}
	}
	s.Is(last, errWhy)
}

// What cannot be decoded is no use to anybody who knows the queue as such a queue.
func ClaimUndecodable(s *S) {
	a, b := s.Two()
	s.Ok(manager.NewQueue[string](a, s.Name("q"), 0).Put("x"), manager.NewQueue[string](a, s.Name("q"), 0).Put("y"))
	ints := manager.NewQueue[int](b, s.Name("q"), 0)
	if _, err := ints.Claim(); err == nil {
		s.Error("a string is no int")
	}
	s.True("dead", ints.Unfinished() == 1)
	n := 0
	for c, err := range ints.Dead(background) {
		s.True("undecodable", err != nil && c != nil)
		n++
	}
	Equal(s, n, 1)
	for c, err := range manager.NewQueue[string](a, s.Name("q"), 0).Dead(background) {
		s.True("x", err == nil && c.Item == "x")
		s.Ok(c.Ack(background))
	}
	ints.Shutdown()
	for range ints.Tasks() { // passes over it
		s.Error("a task")
	}
	if _, err := ints.TryGet(); err == nil {
		s.Error("something is left")
	}
}

func ClaimsMayExceedTheBound(s *S) {
	a := s.Manager()
	q := manager.NewQueue[int](a, s.Name("q"), 1)
	s.Ok(q.Put(1))
	c := Got[*manager.Claim[int]](s)(q.Claim())
	s.Ok(q.TryPut(2)) // its place is free
	s.Ok(c.Nack(background, 0))
	s.True("two", q.Len() == 2 && q.Full())
	s.Is(q.TryPut(3), queue.ErrFull)
	Equal(s, Got[int](s)(q.Get()), 1)
	s.Is(q.TryPut(3), queue.ErrFull)
	Equal(s, Got[int](s)(q.Get()), 2)
	s.Ok(q.TryPut(3))
}

func ClaimAfterShutdown(s *S) {
	a := s.Manager()
	q := manager.NewQueue[int](a, s.Name("q"), 0)
	s.Ok(q.Put(1))
	c := Got[*manager.Claim[int]](s)(q.Claim())
	q.Shutdown()
	_, err := q.TryGet()
	s.Is(err, queue.ErrShutdown)
	s.Ok(c.Nack(background, 0))
	Equal(s, Got[int](s)(q.Get()), 1) // what comes back can be got again
}

func PutKeyOnce(s *S) {
	a, b := s.Two()
	qa, qb := manager.NewQueue[int](a, s.Name("q"), 1), manager.NewQueue[int](b, s.Name("q"), 1)
	s.Ok(qa.PutKey(background, 1, "k", time.Hour))
	s.Is(qb.PutKey(background, 2, "k", time.Hour), manager.ErrDuplicate) // before: full
	ctx, cancel := context.WithTimeoutCause(background, within, errWhy)
	defer cancel()
	s.Is(qb.PutKey(ctx, 2, "other", time.Hour), errWhy)
	Equal(s, Got[int](s)(qb.Get()), 1)
	s.Is(qa.PutKey(background, 3, "k", time.Hour), manager.ErrDuplicate) // also when it is gone
	s.Ok(qb.PutKey(background, 4, "other", time.Hour))                   // which had not been put
	// Two with one key wait for room: one of them has it.
	var errs [2]error
	first := s.Go(func() { errs[0] = qa.PutKey(background, 5, "late", time.Hour) })
	second := s.Go(func() { errs[1] = qb.PutKey(background, 6, "late", time.Hour) })
	s.Waiting(b, manager.KindQueue, qa.Name(), 2)
	Equal(s, Got[int](s)(qb.Get()), 4)
	has := Got[int](s)(qb.Get())
	<-first
	<-second
	if has != 5 && has != 6 {
		s.Fatalf("got %d", has)
	}
	s.Ok(errs[has-5])
	s.Is(errs[6-has], manager.ErrDuplicate)
	s.True("nothing", qa.Empty())
}

func PutKeyForgets(s *S) {
	q := manager.NewQueue[int](s.Manager(), s.Name("q"), 0)
	window := max(s.ShortTTL, 20*time.Millisecond)
	s.Ok(q.PutKey(background, 1, "k", window), q.PutKey(background, 1, "", time.Hour), q.PutKey(background, 1, "", time.Hour))
	s.Ok(q.PutKey(background, 1, "none", 0), q.PutKey(background, 1, "none", -1))
	s.Is(q.PutKey(background, 2, "k", window), manager.ErrDuplicate)
	time.Sleep(window)
	s.Until(func() bool {
		err := q.PutKey(background, 3, "k", time.Hour)
		return err == nil
	})
	s.Is(q.PutKey(background, 4, "k", time.Hour), manager.ErrDuplicate)
}
