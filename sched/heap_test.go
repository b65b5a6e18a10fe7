package sched

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
)

// wellFormed fails the test unless each item comes after its parent and each Event knows its place.
func (h heap) wellFormed(t *testing.T) {
	t.Helper()
	for i := range h {
		if h[i].event.index != i {
			t.Fatalf("the Event at %d believes to be at %d", i, h[i].event.index)
		}
		if i > 0 && h[i].before(&h[(i-1)/children]) {
			t.Fatalf("the item at %d comes before its parent", i)
		}
	}
}

// Each two bytes of ops are one operation on a heap and on a slice that does the same naively.
func FuzzTheHeapKeepsOrder(f *testing.F) {
	f.Add([]byte("enter some, take some from the middle, and the rest in order"))
	f.Add([]byte{0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 255, 0, 255, 1, 128, 0})
	f.Add([]byte{7, 7, 7, 7, 7, 7, 6, 7, 8, 7, 255, 3, 255, 0, 200, 0, 200, 0})
	f.Fuzz(func(t *testing.T, ops []byte) {
		var (
			h       heap
			model   []*Event // in order
			entries uint64
			at      = map[*Event]item{}
		)
		for ; len(ops) >= 2; ops = ops[2:] {
			switch op, arg := ops[0], int(ops[1]); {
			case op < 192 || len(model) == 0:
				entries++
				it := item{at: time.Duration(op % 8), priority: arg % 4, entry: entries, event: new(Event)}
				at[it.event] = it
				h.push(it)
				i := 0
				for i < len(model) {
					if m := at[model[i]]; it.before(&m) {
						break
					}
					i++
				}
				model = slices.Insert(model, i, it.event)
			case op < 224:
				i := arg % len(model)
				if got := h.remove(model[i].index); got != model[i] || got.index != -1 {
					t.Fatal("another one was taken out")
				}
				model = slices.Delete(model, i, i+1)
			default:
				if got := h.remove(0); got != model[0] {
					t.Fatal("the first is not the first")
				}
				model = model[1:]
			}
			h.wellFormed(t)
			if got := append(heap(nil), h...).sorted(); !slices.Equal(got, model) {
				t.Fatal("the order is not that of the model")
			}
		}
	})
}

// With a million Events pending, entering one, taking one out and calling one moves no more of them than there are
// levels, which is what it costs: twice ten. Nothing is measured in time.
func TestAMillionEventsArePendingAtLogarithmicCost(t *testing.T) {
	const levels = 11
	million := 1_000_000
	if proof.Race {
		million /= 10
	}
	var (
		s      Scheduler
		rng    = rand.New(rand.NewPCG(1, 1))
		events = make([]*Event, million)
		fn     = func() {}
		some   = func() time.Duration { return time.Duration(1 + rng.IntN(1e9)*int(time.Hour/1e9)) }
	)
	for i := range events {
		events[i] = s.Enter(time.Hour+some(), rng.IntN(3), fn)
	}
	moved := func(what string, do func()) {
		t.Helper()
		before := append(heap(nil), s.events...)
		do()
		n := 0
		for i := range min(len(before), len(s.events)) {
			if before[i].event != s.events[i].event {
				n++
			}
		}
		if n > 2*levels {
			t.Errorf("%s moved %d Events", what, n)
		}
	}
	for range 10 {
		moved("Enter of the first", func() { s.Enter(time.Minute+some(), 0, fn) })
		moved("Enter of one in the middle", func() { s.Enter(time.Hour+some(), 0, fn) })
		moved("Enter of the last", func() { s.Enter(100*time.Hour, 0, fn) })
		moved("Cancel", func() { s.Cancel(events[rng.IntN(million)]) })
		moved("Cancel of the first", func() { s.Cancel(s.events[0].event) })
		moved("a call", func() { s.Enter(0, 0, fn); s.TryRun() })
	}
	s.events.wellFormed(t)
	if n := len(s.Events()); n != s.Len() || n < million-20 {
		t.Errorf("%d Events, Len is %d", n, s.Len())
	}
	// What a million Events took is given back when they are gone.
	for _, e := range events[:million-10] {
		s.Cancel(e)
	}
	if n := cap(s.events); n > 1000 {
		t.Errorf("room for %d is kept for %d", n, s.Len())
	}
	s.events.wellFormed(t)
}
