package queue_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gothreading/threading/queue"
)

// A model is what a queue is, for one goroutine, written down naively.
type model struct {
	items      []int
	maxsize    int
	shut       bool
	unfinished int
}

func (m *model) full() bool { return m.maxsize > 0 && len(m.items) >= m.maxsize }

func (m *model) put(item int) error {
	switch {
	case m.shut:
		return queue.ErrShutdown
	case m.full():
		return queue.ErrFull
	}
	m.items = append(m.items, item)
	m.unfinished++
	return nil
}

func (m *model) get() (int, error) {
	switch {
	case len(m.items) > 0:
		item := m.items[0]
		m.items = m.items[1:]
		return item, nil
	case m.shut:
		return 0, queue.ErrShutdown
	}
	return 0, queue.ErrEmpty
}

// getN gets up to n.
func (m *model) getN(n int) (items []int, err error) {
	for len(items) < n {
		item, none := m.get()
		if none != nil {
			if items == nil {
				err = none
			}
			break
		}
		items = append(items, item)
	}
	return items, err
}

func sameGetN(t *testing.T, m *model, what string, n int, items []int, err error) {
	t.Helper()
	if wantItems, wantErr := m.getN(n); !slices.Equal(items, wantItems) || err != wantErr {
		t.Errorf("%s of %d = %v, %v, want %v, %v", what, n, items, err, wantItems, wantErr)
	}
}

func (m *model) shutdownNow() {
	m.shut = true
	m.unfinished = max(0, m.unfinished-len(m.items)) // what is inside may count as done already
	m.items = nil
}

// FuzzTheQueueDoesWhatItsModelDoes reads a capacity and then one operation a byte. Every call is there, but where a
// call would wait another form takes its place.
func FuzzTheQueueDoesWhatItsModelDoes(f *testing.F) {
	for maxsize := range 4 {
		for op := range byte(operations) {
			f.Add(maxsize, []byte{op, op, 0, op, 1, op, 0, 0, 0, 0, op, op, 1, op})
		}
	}
	random := rand.NewChaCha8([32]byte{1})
	for _, maxsize := range []int{-1, 0, 1, 2, 7, 8, 9, 32, 33, 300} {
		for _, n := range []int{10, 100, 5000} {
			program := make([]byte, n)
			random.Read(program)
			f.Add(maxsize, program)
			// Without the operations that empty or end a queue it grows large, and shrinks again.
			f.Add(maxsize, slices.DeleteFunc(slices.Clone(program), func(b byte) bool { return b%operations >= ending }))
		}
		f.Add(maxsize, slices.Concat(make([]byte, 1000), slices.Repeat([]byte{1}, 1001), []byte{15, 0, 1}))
	}
	f.Fuzz(func(t *testing.T, maxsize int, program []byte) {
		if maxsize > 1000 {
			maxsize %= 1000
		}
		q := queue.New[int](maxsize)
		m := &model{maxsize: max(maxsize, 0)}
		live := t.Context()
		ended, cancel := context.WithCancelCause(live)
		cancel(errEnded)
		for i, b := range program {
			operate(t, q, m, int(b%operations), i, live, ended)
			if t.Failed() {
				t.Fatalf("after operation %d of %v", i, program[:i+1])
			}
		}
		for len(m.items) > 0 {
			operate(t, q, m, 1, 0, live, ended)
		}
	})
}

const (
	operations = 27
	ending     = 22 // the first operation that ends a queue or empties it
)

var errEnded = errors.New("ended before the call")

// operate does one operation with both and compares.
func operate(t *testing.T, q *queue.Queue[int], m *model, op, item int, live, ended context.Context) {
	same := func(what string, got, want any) {
		if got != want {
			t.Helper()
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	samePut := func(what string, err error) { same(what, err, m.put(item)) }
	sameGet := func(what string, item int, err error) {
		wantItem, wantErr := m.get()
		same(what, item, wantItem)
		same(what, err, wantErr)
	}
	putWaits := !m.shut && m.full()
	getWaits := !m.shut && len(m.items) == 0
	switch {
	case op == 0 || op >= 2 && op <= 4 && putWaits:
		samePut("TryPut", q.TryPut(item))
	case op == 1 || op >= 5 && op <= 7 && getWaits:
		item, err := q.TryGet()
		sameGet("TryGet", item, err)
	case op == 2:
		samePut("Put", q.Put(item))
	case op == 3:
		samePut("PutTimeout", q.PutTimeout(item, time.Duration(math.MaxInt64)))
	case op == 4:
		samePut("PutContext", q.PutContext(live, item))
	case op == 5:
		item, err := q.Get()
		sameGet("Get", item, err)
	case op == 6:
		item, err := q.GetTimeout(time.Hour)
		sameGet("GetTimeout", item, err)
	case op == 7:
		item, err := q.GetContext(live)
		sameGet("GetContext", item, err)
	case op == 8:
		samePut("PutTimeout(0)", q.PutTimeout(item, 0))
	case op == 9:
		item, err := q.GetTimeout(-1)
		sameGet("GetTimeout(-1)", item, err)
	case op == 10:
		want := errEnded
		if m.shut {
			want = queue.ErrShutdown
		}
		same("PutContext, ended", q.PutContext(ended, item), want)
	case op == 11:
		want := errEnded
		if m.shut && len(m.items) == 0 {
			want = queue.ErrShutdown
		}
		_, err := q.GetContext(ended)
		same("GetContext, ended", err, want)
	case op == 12:
		item, ok := q.Peek()
		same("Peek", ok, len(m.items) > 0)
		if ok {
			same("Peek", item, m.items[0])
		}
	case op == 13:
		done := func() (err any) {
			defer func() { err = recover() }()
			q.TaskDone()
			return nil
		}
		if m.unfinished == 0 {
			same("TaskDone", done(), queue.ErrTaskDone)
		} else {
			same("TaskDone", done(), nil)
			m.unfinished--
		}
	case op == 14:
		same("JoinTimeout(0)", q.JoinTimeout(0), m.unfinished == 0)
		same("JoinContext, ended", q.JoinContext(ended), errEnded)
	case op == 15:
		if m.unfinished == 0 {
			q.Join()
			same("JoinTimeout", q.JoinTimeout(time.Hour), true)
			same("JoinContext", q.JoinContext(live), nil)
		}
	case op == 16:
		// Its TaskDone would panic if what is inside counts as done already.
		if len(m.items) > 0 && m.unfinished > 0 {
			for item := range q.Tasks() {
				sameGet("Tasks", item, nil)
				break
			}
			m.unfinished--
		}
	case op == 17 || op == 18 && getWaits:
		n := 1 + item%5
		items, err := q.TryGetN(n)
		sameGetN(t, m, "TryGetN", n, items, err)
	case op == 18:
		n := []int{1, 2, 3, 40, math.MaxInt}[item%5]
		switch item / 5 % 3 {
		case 0:
			items, err := q.GetN(n)
			sameGetN(t, m, "GetN", n, items, err)
		case 1:
			items, err := q.GetNTimeout(n, time.Hour)
			sameGetN(t, m, "GetNTimeout", n, items, err)
		case 2:
			items, err := q.GetNContext(live, n)
			sameGetN(t, m, "GetNContext", n, items, err)
		}
	case op == 19:
		want := errEnded
		if m.shut && len(m.items) == 0 {
			want = queue.ErrShutdown
		}
		_, err := q.GetNContext(ended, 3)
		same("GetNContext, ended", err, want)
		items, err := q.GetNTimeout(2, -1)
		sameGetN(t, m, "GetNTimeout(-1)", 2, items, err)
	case op == 20:
		asked := 0
		got, err := q.TryGetIf(func(i int) bool { asked++; return len(m.items) > 0 && i == m.items[0] && item%3 > 0 })
		if len(m.items) > 0 && item%3 == 0 {
			same("TryGetIf of another", err, queue.ErrEmpty)
			same("TryGetIf of another", got, 0)
		} else {
			sameGet("TryGetIf", got, err)
		}
		if asked > 1 {
			t.Errorf("TryGetIf asked %d times", asked)
		}
	case op == 21:
		if items := slices.Collect(q.All()); !slices.Equal(items, m.items) {
			t.Errorf("All: %v, want %v", items, m.items)
		}
	case op == 22, op == 23:
		items := q.Drain()
		if !slices.Equal(items, m.items) {
			t.Errorf("Drain: %v, want %v", items, m.items)
		}
		m.items = nil
	case op == 24:
		q.Shutdown()
		m.shut = true
	case op == 25:
		q.ShutdownNow()
		m.shutdownNow()
	case op == 26:
		for range min(m.unfinished, 3) {
			q.TaskDone()
			m.unfinished--
		}
	}
	same("Len", q.Len(), len(m.items))
	same("Cap", q.Cap(), m.maxsize)
	same("Empty", q.Empty(), len(m.items) == 0)
	same("Full", q.Full(), m.full())
	same("Unfinished", q.Unfinished(), m.unfinished)
	same("IsShutdown", q.IsShutdown(), m.shut)
}
