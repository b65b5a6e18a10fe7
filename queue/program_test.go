package queue_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/queue"
)

// Open programs: items stay where they were put, waiters give up in time or by a context, newcomers are faster than those
// who were woken, and in the end everybody has been served for whom there is something.

// A visitor puts or gets. A patient one must be served. Another gives up, and if it is served all the same it undoes that:
// it puts back what it got, or gets as many as it put.
type visitor struct {
	puts  bool
	n     int // > 1: by GetN, and all but one are put back
	ticks int // 0: patient
	ctx   bool
}

func (v visitor) String() string {
	s := "get"
	if v.puts {
		s = "put"
	}
	if v.n > 1 {
		s += fmt.Sprint(" ", v.n)
	}
	switch {
	case v.ctx:
		s += fmt.Sprint(" until ", v.ticks)
	case v.ticks > 0:
		s += fmt.Sprint(" for ", v.ticks)
	}
	return s
}

func drawVisitor(r *rand.Rand, puts bool) visitor {
	v := visitor{puts: puts, n: 1}
	if !puts && r.IntN(3) == 0 {
		v.n = 2 + r.IntN(2)
	}
	if r.IntN(3) == 0 {
		v.ticks, v.ctx = 1+r.IntN(3), r.IntN(2) == 0
	}
	return v
}

// patience is how long a wait may take that must end. By chance it is real time, which says nothing but that it hangs.
func patience() time.Duration {
	if explore.On {
		return explore.LastResort
	}
	return time.Minute
}

// A scene is a queue with visitors.
type scene struct {
	q      *queue.Queue[int]
	guard  sync.Mutex
	failed error
}

func (s *scene) fail(format string, args ...any) {
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.failed == nil {
		s.failed = fmt.Errorf(format, args...)
	}
}

// put and get do what must succeed in the end.
func (s *scene) put(who string, item int) {
	if err := s.q.PutTimeout(item, patience()); err != nil {
		s.fail("%s was forgotten with %d of %d inside: %v", who, s.q.Len(), s.q.Cap(), err)
	}
}

func (s *scene) get(who string) {
	if _, err := s.q.GetTimeout(patience()); err != nil {
		s.fail("%s was forgotten with %d inside: %v", who, s.q.Len(), err)
		return
	}
	s.q.TaskDone()
}

func (s *scene) putBack(who string, items []int) {
	for _, item := range items {
		s.put(who, item)
		s.q.TaskDone() // of the first time
	}
}

func (s *scene) visit(who string, v visitor, item int) {
	d := patience()
	if v.ticks > 0 {
		d = time.Duration(v.ticks) * explore.Tick
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	if v.puts {
		var err error
		if v.ctx {
			err = s.q.PutContext(ctx, item)
		} else {
			err = s.q.PutTimeout(item, d)
		}
		switch {
		case v.ticks == 0 && err != nil:
			s.fail("%s, who puts, was forgotten with %d of %d inside: %v", who, s.q.Len(), s.q.Cap(), err)
		case v.ticks > 0 && err == nil:
			s.get(who)
		}
		return
	}
	var items []int
	var err error
	switch {
	case v.n > 1 && v.ctx:
		items, err = s.q.GetNContext(ctx, v.n)
	case v.n > 1:
		items, err = s.q.GetNTimeout(v.n, d)
	case v.ctx:
		item, err = s.q.GetContext(ctx)
		items = []int{item}
	default:
		item, err = s.q.GetTimeout(d)
		items = []int{item}
	}
	switch {
	case err != nil && v.ticks == 0:
		s.fail("%s, who gets, was forgotten with %d inside: %v", who, s.q.Len(), err)
	case err != nil:
	case len(items) > v.n:
		s.fail("%s wants %d and got %d", who, v.n, len(items))
	case v.ticks == 0:
		s.putBack(who, items[1:])
		s.q.TaskDone()
	default:
		s.putBack(who, items)
	}
}

// drawQueue returns the name of a queue, what makes it, and with how many items it begins.
func drawQueue(r *rand.Rand) (name string, make func() *queue.Queue[int], filled int) {
	o := orders[r.IntN(len(orders))]
	maxsize := []int{0, 1, 2, 33}[r.IntN(4)]
	switch maxsize {
	case 0:
		filled = r.IntN(2)
	case 33:
		filled = []int{0, 32, 33}[r.IntN(3)]
	default:
		filled = r.IntN(maxsize + 1)
	}
	return fmt.Sprintf("%s, %s, %d inside", o.name, capName(maxsize), filled), func() *queue.Queue[int] { return o.make(maxsize) }, filled
}

// exchangeProgram: as much is put as is got, and at most as much more as fits.
func exchangeProgram(r *rand.Rand) explore.Case {
	name, make, filled := drawQueue(r)
	room := make().Cap()
	if room == 0 {
		room = 2
	}
	var (
		visitors []visitor
		balance  = filled // what will be left
	)
	for range 2 + r.IntN(3) {
		v := drawVisitor(r, r.IntN(2) == 0)
		visitors = append(visitors, v)
		switch {
		case v.ticks > 0:
		case v.puts:
			balance++
		default:
			balance--
		}
	}
	left := r.IntN(min(room, 2) + 1) // of the balance
	if filled > 2 {
		left = room - r.IntN(2)
	}
	for ; balance < left; balance++ {
		visitors = append(visitors, visitor{puts: true, n: 1})
	}
	for ; balance > left; balance-- {
		visitors = append(visitors, visitor{n: 1})
	}
	barging, joiner := r.IntN(4), left == 0 && r.IntN(2) == 0
	name = fmt.Sprintf("%s: %v, barging %d, joiner %t", name, visitors, barging, joiner)
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		s := &scene{q: make()}
		for i := range filled {
			_ = s.q.TryPut(i)
		}
		for i, v := range visitors {
			who := fmt.Sprint("visitor ", i)
			start(who, func() { s.visit(who, v, 100+i) })
		}
		if barging > 0 {
			start("barging", func() {
				for i := range barging {
					var items []int
					var err error
					switch i % 3 {
					case 0:
						items, err = s.q.TryGetN(2)
					case 1:
						var item int
						item, err = s.q.TryGet()
						items = []int{item}
					case 2:
						var item int
						item, err = s.q.TryGetIf(func(i int) bool { return i%2 == 0 })
						items = []int{item}
					}
					proof.Pause()
					if err == nil {
						s.putBack("barging", items)
					}
				}
			})
		}
		if joiner {
			start("joiner", func() {
				if !s.q.JoinTimeout(patience()) {
					s.fail("who joins was forgotten with %d unfinished", s.q.Unfinished())
				}
			})
		}
		return func() error {
			if s.failed == nil && (s.q.Len() != left || s.q.Unfinished() != left) {
				return fmt.Errorf("%d are inside and %d unfinished, want %d", s.q.Len(), s.q.Unfinished(), left)
			}
			return s.failed
		}
	}}
}

// shutdownProgram: a shutdown comes at some moment, and everybody hears of it.
func shutdownProgram(r *rand.Rand) explore.Case {
	name, make, filled := drawQueue(r)
	var visitors []visitor
	for range 2 + r.IntN(3) {
		visitors = append(visitors, drawVisitor(r, r.IntN(2) == 0))
	}
	now, drain := r.IntN(2) == 0, r.IntN(3) == 0
	name = fmt.Sprintf("%s: %v, shut down at once %t, drained %t", name, visitors, now, drain)
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			s     = &scene{q: make()}
			put   = filled
			taken int
		)
		count := func(n *int, by int) {
			s.guard.Lock()
			defer s.guard.Unlock()
			*n += by
		}
		for i := range filled {
			_ = s.q.TryPut(i)
		}
		for i, v := range visitors {
			who := fmt.Sprint("visitor ", i)
			start(who, func() {
				d := patience()
				if v.ticks > 0 {
					d = time.Duration(v.ticks) * explore.Tick
				}
				var err error
				if v.puts {
					if err = s.q.PutTimeout(i, d); err == nil {
						count(&put, 1)
					}
				} else {
					var items []int
					if items, err = s.q.GetNTimeout(v.n, d); err == nil {
						count(&taken, len(items))
					}
				}
				if v.ticks == 0 && err != nil && err != queue.ErrShutdown {
					s.fail("%s was not told of the shutdown: %v", who, err)
				}
			})
		}
		start("shutdown", func() {
			proof.Pause()
			if now {
				s.q.ShutdownNow()
			} else {
				s.q.Shutdown()
			}
			if drain {
				count(&taken, len(s.q.Drain()))
			}
		})
		return func() error {
			left := s.q.Len()
			switch {
			case s.failed != nil:
				return s.failed
			case now && (left != 0 || s.q.Unfinished() != taken):
				return fmt.Errorf("%d put, %d taken, %d left, %d unfinished", put, taken, left, s.q.Unfinished())
			case !now && (left != put-taken || s.q.Unfinished() != put):
				return fmt.Errorf("%d put, %d taken, %d left, %d unfinished", put, taken, left, s.q.Unfinished())
			}
			return nil
		}
	}}
}

func TestNoScheduleBreaksAnOpenQueue(t *testing.T) {
	t.Run("exchange", func(t *testing.T) { proof.Programs(t, exchangeProgram) })
	t.Run("shutdown", func(t *testing.T) { proof.Programs(t, shutdownProgram) })
}
