package queue_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
)

// FuzzEveryOrderDoesWhatItsModelDoes is FuzzTheQueueDoesWhatItsModelDoes for all three orders: its model holds the items
// as they will leave, so whatever was put at its end is moved to where the order wants it.
func FuzzEveryOrderDoesWhatItsModelDoes(f *testing.F) {
	random := rand.NewChaCha8([32]byte{8})
	for o := range byte(len(orders)) {
		for maxsize := range 3 {
			for op := range byte(operations) {
				f.Add(o, maxsize, []byte{op, 0, 0, op, 1, op, 0, 0, 0, 0, op, op, 1, op})
			}
		}
		for _, maxsize := range []int{-1, 0, 1, 2, 8, 32, 33, 300} {
			for _, n := range []int{10, 100, 2000} {
				program := make([]byte, n)
				random.Read(program)
				f.Add(o, maxsize, program)
				f.Add(o, maxsize, slices.DeleteFunc(program, func(b byte) bool { return b%operations >= ending }))
			}
			f.Add(o, maxsize, slices.Concat(make([]byte, 500), slices.Repeat([]byte{1}, 501), []byte{15, 0, 1}))
		}
	}
	f.Fuzz(func(t *testing.T, which byte, maxsize int, program []byte) {
		if maxsize > 1000 {
			maxsize %= 1000
		}
		o := orders[int(which)%len(orders)]
		q := o.make(maxsize)
		m := &model{maxsize: max(maxsize, 0)}
		live := t.Context()
		ended, cancel := context.WithCancelCause(live)
		cancel(errEnded)
		for i, b := range program {
			before := len(m.items)
			operate(t, q, m, int(b%operations), i, live, ended)
			if t.Failed() {
				t.Fatalf("%s: after operation %d of %v", o.name, i, program[:i+1])
			}
			if len(m.items) > before {
				o.arrange(m.items)
			}
		}
		for len(m.items) > 0 {
			operate(t, q, m, 1, 0, live, ended)
		}
	})
}
