package queue_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gothreading/threading/queue"
)

// A listModel is a deque written down naively.
type listModel struct {
	items  []int
	maxlen int
}

func (m *listModel) full() bool { return m.maxlen > 0 && len(m.items) == m.maxlen }

func (m *listModel) pushBack(item int) {
	if m.full() {
		m.items = m.items[1:]
	}
	m.items = append(m.items, item)
}

func (m *listModel) pushFront(item int) {
	if m.full() {
		m.items = m.items[:len(m.items)-1]
	}
	m.items = slices.Insert(m.items, 0, item)
}

func (m *listModel) popFront() (item int, ok bool) {
	if len(m.items) == 0 {
		return 0, false
	}
	item, m.items = m.items[0], m.items[1:]
	return item, true
}

func (m *listModel) popBack() (item int, ok bool) {
	last := len(m.items) - 1
	if last < 0 {
		return 0, false
	}
	item, m.items = m.items[last], m.items[:last]
	return item, true
}

// rotate does as Python says: one step to the right is d.appendleft(d.pop()).
func (m *listModel) rotate(n int) {
	size := len(m.items)
	if size == 0 {
		return
	}
	n = (n%size + size) % size
	m.items = slices.Concat(m.items[size-n:], m.items[:size-n])
}

// sameDeque compares everything that can be asked about a deque.
func sameDeque(t testing.TB, d *queue.Deque[int], m *listModel) {
	t.Helper()
	if got := slices.Collect(d.All()); !slices.Equal(got, m.items) {
		t.Fatalf("holds %v, want %v", got, m.items)
	}
	if d.Len() != len(m.items) || d.Cap() != m.maxlen {
		t.Fatalf("Len() = %d, Cap() = %d, want %d, %d", d.Len(), d.Cap(), len(m.items), m.maxlen)
	}
	var first, last int
	if len(m.items) > 0 {
		first, last = m.items[0], m.items[len(m.items)-1]
	}
	if item, ok := d.Front(); item != first || ok != (len(m.items) > 0) {
		t.Fatalf("Front() = %d, %t, want %d", item, ok, first)
	}
	if item, ok := d.Back(); item != last || ok != (len(m.items) > 0) {
		t.Fatalf("Back() = %d, %t, want %d", item, ok, last)
	}
}

// The program's bytes are operations, each with the argument that is left of its byte.
func FuzzTheDequeDoesWhatAListDoes(f *testing.F) {
	const operations = 8
	random := rand.NewChaCha8([32]byte{9})
	for _, maxlen := range []int{-1, 0, 1, 2, 7, 8, 9, 100, 300} {
		for _, n := range []int{10, 100, 500} {
			program := make([]byte, n)
			random.Read(program)
			f.Add(maxlen, program)
			// Without Clear and with runs it grows over many blocks.
			f.Add(maxlen, slices.DeleteFunc(program, func(b byte) bool { return b%operations == 7 }))
		}
	}
	for op := range byte(operations) {
		f.Add(3, []byte{op, 0, op, 1, op, 0, 1, 0, op, op, 2, op, 3, op, 2, op, 3, op})
	}
	f.Fuzz(func(t *testing.T, maxlen int, program []byte) {
		d := queue.NewDeque[int](maxlen)
		m := &listModel{maxlen: max(maxlen, 0)}
		for i, b := range program {
			arg := int(b / operations)
			switch b % operations {
			case 0:
				for j := range arg {
					d.PushBack(i + j)
					m.pushBack(i + j)
				}
			case 1:
				for j := range arg {
					d.PushFront(i + j)
					m.pushFront(i + j)
				}
			case 2:
				for range arg {
					item, ok := d.PopFront()
					if wantItem, wantOK := m.popFront(); item != wantItem || ok != wantOK {
						t.Fatalf("operation %d: PopFront() = %d, %t, want %d, %t", i, item, ok, wantItem, wantOK)
					}
				}
			case 3:
				for range arg {
					item, ok := d.PopBack()
					if wantItem, wantOK := m.popBack(); item != wantItem || ok != wantOK {
						t.Fatalf("operation %d: PopBack() = %d, %t, want %d, %t", i, item, ok, wantItem, wantOK)
					}
				}
			case 4:
				d.Rotate(arg)
				m.rotate(arg)
			case 5:
				d.Rotate(-arg)
				m.rotate(-arg)
			case 6:
				far := (arg - 16) * 1000
				d.Rotate(far)
				m.rotate(far)
			case 7:
				if arg < 4 {
					d.Clear()
					m.items = nil
				}
			}
			sameDeque(t, d, m)
		}
	})
}

func TestTheZeroDequeIsEmptyAndUnbounded(t *testing.T) {
	var d queue.Deque[int]
	m := &listModel{}
	sameDeque(t, &d, m)
	for range 2 {
		if item, ok := d.PopFront(); item != 0 || ok {
			t.Errorf("PopFront of an empty deque = %d, %t", item, ok)
		}
		if item, ok := d.PopBack(); item != 0 || ok {
			t.Errorf("PopBack of an empty deque = %d, %t", item, ok)
		}
		d.Rotate(3)
		d.Clear()
		sameDeque(t, &d, m)
	}
	for i := range 1000 {
		d.PushBack(i)
		d.PushFront(-i)
	}
	if d.Len() != 2000 {
		t.Errorf("Len() = %d, want 2000", d.Len())
	}
	front, _ := d.Front() // d[0]
	back, _ := d.Back()   // d[-1]
	if front != -999 || back != 999 {
		t.Errorf("front %d, back %d, want -999, 999", front, back)
	}
	var fromTheFront queue.Deque[int] // the first push is one at the front
	fromTheFront.PushFront(1)
	fromTheFront.PushFront(2)
	sameDeque(t, &fromTheFront, &listModel{items: []int{2, 1}})
}

func TestAMaxlenOfZeroOrLessMeansUnbounded(t *testing.T) {
	for _, maxlen := range []int{0, -1, math.MinInt} {
		d := queue.NewDeque[int](maxlen)
		for i := range 1000 {
			d.PushBack(i)
		}
		if d.Cap() != 0 || d.Len() != 1000 {
			t.Errorf("NewDeque(%d): Cap() = %d, Len() = %d, want 0, 1000", maxlen, d.Cap(), d.Len())
		}
	}
}

func TestAFullDequeDropsAtTheOtherEnd(t *testing.T) {
	for _, maxlen := range []int{1, 2, 3, 8, 9, 200} {
		d := queue.NewDeque[int](maxlen)
		m := &listModel{maxlen: maxlen}
		for i := range 3 * maxlen {
			d.PushBack(i)
			m.pushBack(i)
			sameDeque(t, d, m)
		}
		first := 2 * maxlen
		if item, _ := d.Front(); item != first {
			t.Errorf("maxlen %d: front %d, want %d", maxlen, item, first)
		}
		for i := range 3 * maxlen {
			d.PushFront(-i)
			m.pushFront(-i)
			sameDeque(t, d, m)
		}
		if item, _ := d.Back(); item != -first {
			t.Errorf("maxlen %d: back %d, want %d", maxlen, item, -first)
		}
	}
}

func TestRotateMovesTheLastNToTheFront(t *testing.T) {
	for _, size := range []int{0, 1, 2, 3, 7, 8, 9, 24, 25, 300} {
		for _, n := range []int{
			0, 1, -1, 2, -2, size / 2, -size / 2, size/2 + 1, -size/2 - 1, size - 1, 1 - size, size, -size,
			size + 1, -size - 1, 3*size + 2, -3*size - 2, math.MaxInt, math.MinInt, math.MaxInt - 1, math.MinInt + 1,
		} {
			d := queue.NewDeque[int](size) // a full one must not drop anything
			m := &listModel{maxlen: size}
			for i := range size {
				d.PushBack(i)
				m.pushBack(i)
			}
			d.Rotate(n)
			m.rotate(n)
			if got := slices.Collect(d.All()); !slices.Equal(got, m.items) {
				t.Errorf("Rotate(%d) of %d: %v, want %v", n, size, got, m.items)
			}
		}
	}
}

// To the right with a positive number and to the left with a negative one, as in Python.
func TestRotateTurnsToTheRight(t *testing.T) {
	d := queue.NewDeque[int](0)
	for i := range 5 {
		d.PushBack(i)
	}
	for _, c := range []struct {
		n    int
		want string
	}{{1, "[4 0 1 2 3]"}, {-1, "[0 1 2 3 4]"}, {2, "[3 4 0 1 2]"}, {-4, "[2 3 4 0 1]"}} {
		d.Rotate(c.n)
		if got := fmt.Sprint(slices.Collect(d.All())); got != c.want {
			t.Errorf("after Rotate(%d): %s, want %s", c.n, got, c.want)
		}
	}
}

func TestAllIsASnapshot(t *testing.T) {
	const n = 100
	create := func() *queue.Deque[int] {
		d := queue.NewDeque[int](n)
		for i := range n {
			d.PushBack(i)
		}
		return d
	}
	for name, change := range map[string]func(d *queue.Deque[int]){
		"a push at the back":  func(d *queue.Deque[int]) { d.PushBack(-1) },
		"a push at the front": func(d *queue.Deque[int]) { d.PushFront(-1) },
		"a pop at the back":   func(d *queue.Deque[int]) { d.PopBack() },
		"a pop at the front":  func(d *queue.Deque[int]) { d.PopFront() },
		"a rotation":          func(d *queue.Deque[int]) { d.Rotate(7) },
		"Clear":               func(d *queue.Deque[int]) { d.Clear() },
		"another loop": func(d *queue.Deque[int]) {
			for range d.All() {
				break
			}
		},
	} {
		d := create()
		var got []int
		for item := range d.All() {
			got = append(got, item)
			change(d)
		}
		if !slices.Equal(got, sequence(n)) {
			t.Errorf("%s in the loop: %v", name, got)
		}
	}
	t.Run("each loop is of the deque as it is then", func(t *testing.T) {
		d := create()
		all := d.All()
		d.Clear()
		d.PushBack(1)
		if got := slices.Collect(all); !slices.Equal(got, []int{1}) {
			t.Errorf("got %v, want [1]", got)
		}
		d.PushBack(2)
		if got := slices.Collect(all); !slices.Equal(got, []int{1, 2}) {
			t.Errorf("got %v, want [1 2]", got)
		}
	})
	t.Run("a loop may be left early", func(t *testing.T) {
		d := create()
		n := 0
		for item := range d.All() {
			if n++; item == 10 {
				break
			}
		}
		func() {
			defer func() { _ = recover() }()
			for range d.All() {
				panic("body")
			}
		}()
		if d.PushBack(1); n != 11 || d.Len() != 100 { // the lock is free
			t.Errorf("%d items were yielded, Len() = %d, want 11, 100", n, d.Len())
		}
	})
}

// Goroutines push and pop at both ends, rotate and look. Each item is popped once.
func TestADequeSharedByManyLosesAndDoublesNothing(t *testing.T) {
	const goroutines, backlog = 6, 300
	each := rounds(60_000)
	var d queue.Deque[int]
	popped := make([]atomic.Int32, goroutines*each+backlog)
	for i := range backlog { // so that there is always something to rotate, in several blocks
		d.PushBack(goroutines*each + i)
	}
	begin := make(chan struct{})
	take := func(item int, ok bool) {
		if ok {
			popped[item].Add(1)
		}
	}
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			<-begin
			for i := range each {
				item := g*each + i
				if rand.IntN(2) == 0 {
					d.PushBack(item)
				} else {
					d.PushFront(item)
				}
				switch rand.IntN(32) {
				case 0:
					d.Rotate(rand.IntN(41) - 20)
				case 1:
					d.Front()
					d.Back()
					if d.Len() > len(popped) {
						t.Error("more is inside than was ever pushed")
					}
				case 2:
					seen := make(map[int]bool)
					for item := range d.All() {
						if seen[item] {
							t.Errorf("item %d twice in a snapshot", item)
						}
						if seen[item] = true; len(seen) == 50 {
							break
						}
					}
				}
				if rand.IntN(2) == 0 {
					take(d.PopFront())
				} else {
					take(d.PopBack())
				}
				if i%64 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	close(begin)
	all.Wait()
	for d.Len() > 0 {
		take(d.PopBack())
	}
	for i := range popped {
		if n := popped[i].Load(); n != 1 {
			t.Fatalf("item %d was popped %d times", i, n)
		}
	}
}

// Two goroutines that nothing else synchronizes: the race detector notices a method that does without the lock even if
// the two do not meet.
func TestAnyTwoMethodsOfADequeMayRunAtOnce(t *testing.T) {
	methods := []func(*queue.Deque[int]){
		func(d *queue.Deque[int]) { d.PushFront(1) },
		func(d *queue.Deque[int]) { d.PushBack(1) },
		func(d *queue.Deque[int]) { d.PopFront() },
		func(d *queue.Deque[int]) { d.PopBack() },
		func(d *queue.Deque[int]) { d.Front() },
		func(d *queue.Deque[int]) { d.Back() },
		func(d *queue.Deque[int]) { d.Len() },
		func(d *queue.Deque[int]) { d.Cap() },
		func(d *queue.Deque[int]) { d.Rotate(1) },
		func(d *queue.Deque[int]) { d.Clear() },
		func(d *queue.Deque[int]) {
			for range d.All() {
			}
		},
	}
	for _, one := range methods {
		for _, other := range methods {
			d := queue.NewDeque[int](5)
			for i := range 5 {
				d.PushBack(i)
			}
			var both sync.WaitGroup
			both.Go(func() { one(d) })
			both.Go(func() { other(d) })
			both.Wait()
		}
	}
}

// A bounded deque never holds more than it may, however many push; each push into a full one drops exactly one.
func TestABoundedDequeSharedByManyKeepsItsBound(t *testing.T) {
	const goroutines, maxlen = 4, 10
	each := rounds(40_000)
	d := queue.NewDeque[int](maxlen)
	var popped atomic.Int64
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for i := range each {
				if i%2 == 0 {
					d.PushBack(i)
				} else {
					d.PushFront(i)
				}
				if d.Len() > maxlen {
					t.Error("more than maxlen items are inside")
				}
				if i%64 == 0 {
					if _, ok := d.PopFront(); ok {
						popped.Add(1)
					}
				}
			}
		})
	}
	all.Wait()
	if d.Len() > maxlen || popped.Load() == 0 {
		t.Errorf("Len() = %d, %d were popped", d.Len(), popped.Load())
	}
}

// What is pushed was written before; what pops it reads it after. The race detector judges.
func TestAPushSynchronizesBeforeThePopThatTakesItsItem(t *testing.T) {
	var d queue.Deque[*int]
	n := rounds(10_000)
	var pushing sync.WaitGroup
	pushing.Go(func() {
		for i := range n {
			p := new(int)
			*p = i
			if i%2 == 0 {
				d.PushBack(p)
			} else {
				d.PushFront(p)
			}
		}
	})
	for sum, left := 0, n; left > 0; {
		pop := d.PopFront
		if left%2 == 0 {
			pop = d.PopBack
		}
		p, ok := pop()
		if !ok {
			runtime.Gosched()
			continue
		}
		sum += *p
		if left--; left == 0 && sum != n*(n-1)/2 {
			t.Errorf("the sum is %d, want %d", sum, n*(n-1)/2)
		}
	}
	pushing.Wait()
}

func TestWhatLeftADequeIsNotKeptAlive(t *testing.T) {
	const n = 300
	type deque = *queue.Deque[*object]
	for name, leave := range map[string]func(deque){
		"popped at the front": func(d deque) { d.PopFront() },
		"popped at the back":  func(d deque) { d.PopBack() },
		"popped at either end": func(d deque) {
			if d.Len()%2 == 0 {
				d.PopBack()
			} else {
				d.PopFront()
			}
		},
		"rotated and popped":           func(d deque) { d.Rotate(5); d.PopBack(); d.Rotate(-9); d.PopFront() },
		"rotated all the way":          func(d deque) { d.Rotate(d.Len() / 2); d.Rotate(-d.Len() / 2); d.PopFront() },
		"looked at and popped":         func(d deque) { d.Front(); d.Back(); d.PopFront() },
		"cleared":                      deque.Clear,
		"cleared after a loop":         func(d deque) { loopOver(d); d.Clear() },
		"pushed out by those in front": func(d deque) { d.PushFront(nil) },
		"pushed out by those behind":   func(d deque) { d.PushBack(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			var made objects
			d := queue.NewDeque[*object](n)
			elsewhere(func() {
				for i := range n {
					if i%3 == 0 {
						d.PushFront(made.make(i))
					} else {
						d.PushBack(made.make(i))
					}
				}
			})
			inside := func() (n int) {
				elsewhere(func() {
					for o := range d.All() {
						if o != nil {
							n++
						}
					}
				})
				return n
			}
			if alive := made.alive(); alive != n {
				t.Fatalf("%d of %d objects are alive", alive, n)
			}
			for step := 0; inside() > 0; step++ {
				elsewhere(func() { leave(d) })
				if step%23 == 0 {
					if alive, want := made.alive(), inside(); alive != want {
						t.Fatalf("after step %d %d objects are alive and %d inside", step, alive, want)
					}
				}
			}
			if alive := made.alive(); alive != 0 {
				t.Fatalf("in the end %d objects are alive", alive)
			}
			runtime.KeepAlive(d)
		})
	}
}

func loopOver(d *queue.Deque[*object]) {
	for range d.All() {
	}
}

func TestADequesMemoryGoesBack(t *testing.T) {
	backlog := backlog()
	for name, c := range map[string]struct {
		push func(*queue.Deque[int], int)
		drop func(*queue.Deque[int])
	}{
		"like a queue":           {(*queue.Deque[int]).PushBack, func(d *queue.Deque[int]) { d.PopFront() }},
		"like a queue, reversed": {(*queue.Deque[int]).PushFront, func(d *queue.Deque[int]) { d.PopBack() }},
		"like a stack":           {(*queue.Deque[int]).PushBack, func(d *queue.Deque[int]) { d.PopBack() }},
		"like a stack, reversed": {(*queue.Deque[int]).PushFront, func(d *queue.Deque[int]) { d.PopFront() }},
		"cleared":                {(*queue.Deque[int]).PushBack, (*queue.Deque[int]).Clear},
	} {
		t.Run(name, func(t *testing.T) {
			var d queue.Deque[int]
			before := heap()
			for i := range backlog {
				c.push(&d, i)
			}
			if full := heap(); full < before+uint64(backlog)*4 {
				t.Fatalf("a backlog of %d items takes %d bytes: the measurement is wrong", backlog, full-before)
			}
			for d.Len() > 10 {
				c.drop(&d)
			}
			if after := heap(); after > before+uint64(backlog) {
				t.Errorf("%d bytes more than before the backlog", after-before)
			}
			runtime.KeepAlive(&d)
		})
	}
}

func TestADequeInTheSteadyStateAllocatesNothing(t *testing.T) {
	for _, inside := range []int{0, 1, 7, 8, 100, 1000} {
		for _, maxlen := range []int{0, inside + 1} {
			d := queue.NewDeque[int](maxlen)
			for i := range inside {
				d.PushBack(i)
			}
			for name, step := range map[string]func(){
				"queue":           func() { d.PushBack(1); d.PopFront() },
				"queue, reversed": func() { d.PushFront(1); d.PopBack() },
				"stack":           func() { d.PushBack(1); d.PopBack() },
				"stack, reversed": func() { d.PushFront(1); d.PopFront() },
				"Rotate":          func() { d.Rotate(1); d.Rotate(-3); d.Rotate(2) },
				"look":            func() { d.Front(); d.Back(); d.Len(); d.Cap() },
			} {
				for range 300 {
					step()
				}
				if n := testing.AllocsPerRun(500, step); n != 0 {
					t.Errorf("%s, %d inside, maxlen %d: %v allocations", name, inside, maxlen, n)
				}
			}
			// And one that is full and drops.
			if maxlen > 0 {
				d.PushBack(1)
				d.PushBack(1)
				for name, step := range map[string]func(){
					"PushBack":  func() { d.PushBack(1) },
					"PushFront": func() { d.PushFront(1) },
				} {
					for range 300 {
						step()
					}
					if n := testing.AllocsPerRun(500, step); n != 0 {
						t.Errorf("%s onto a full one, maxlen %d: %v allocations", name, maxlen, n)
					}
				}
			}
		}
	}
}

// The names that a Python program uses, side by side.
func TestADequeAnswersToPythonsNames(t *testing.T) {
	d := queue.NewDeque[string](0)
	d.PushBack("b")                          // append
	d.PushFront("a")                         // appendleft
	d.PushBack("c")                          // append
	if s, ok := d.Front(); s != "a" || !ok { // d[0]
		t.Errorf("d[0] = %q, %t", s, ok)
	}
	if s, ok := d.Back(); s != "c" || !ok { // d[-1]
		t.Errorf("d[-1] = %q, %t", s, ok)
	}
	if s, ok := d.PopBack(); s != "c" || !ok { // pop
		t.Errorf("pop() = %q, %t", s, ok)
	}
	if s, ok := d.PopFront(); s != "a" || !ok { // popleft
		t.Errorf("popleft() = %q, %t", s, ok)
	}
	if d.Clear(); d.Len() != 0 { // clear, len
		t.Errorf("len = %d after clear()", d.Len())
	}
	if _, ok := d.PopBack(); ok { // IndexError
		t.Error("pop from an empty deque")
	}
}
