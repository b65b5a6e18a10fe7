package queue_test

import (
	"bytes"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/queue"
)

// The programs and the sequential queue of linearize_test.go, for the other orders. The state holds the items as they
// will leave: the sequential queue puts at its end, and the order moves what was put to its place.

type byteOrder struct {
	name    string
	make    func(maxsize int) *queue.Queue[byte]
	arrange func(items []byte) // as that of an order
}

// byteRank makes equals of most items.
func byteRank(item byte) int { return int(item % 3) }

var byteOrders = []byteOrder{
	{"LIFO", queue.NewLIFO[byte], func(items []byte) {
		last := items[len(items)-1]
		copy(items[1:], items)
		items[0] = last
	}},
	{"priority", func(maxsize int) *queue.Queue[byte] { return queue.NewPriority(maxsize, queue.By(byteRank)) },
		func(items []byte) {
			for i := len(items) - 1; i > 0 && byteRank(items[i]) < byteRank(items[i-1]); i-- {
				items[i], items[i-1] = items[i-1], items[i]
			}
		}},
}

func (o byteOrder) model(maxsize int, begin sequential) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return begin },
		Step: func(state, input, output any) (bool, any) {
			s := state.(sequential)
			ok, next := s.step(maxsize, input.(request), output.(response))
			if len(next.items) > len(s.items) {
				items := []byte(next.items)
				o.arrange(items)
				next.items = string(items)
			}
			return ok, next
		},
	}
}

// programs returns the programs on such queues, which are compared with the order. Half of the time a queue begins full,
// or nearly so, and an unbounded one with some items, so that there is an order to get wrong.
func (o byteOrder) programs(t *testing.T, s setting, maxsize int, make func(maxsize int) *queue.Queue[byte]) proof.Program {
	return func(seed uint64) (porcupine.Model, []porcupine.Operation, error) {
		subject := make(maxsize)
		var begin sequential
		var items []byte
		if seed%2 == 0 {
			n := 5
			if maxsize > 0 {
				n = maxsize - int(seed/2%2)
			}
			for i := range n {
				subject.Put(byte(i))
				items = append(items, byte(i))
				o.arrange(items)
			}
			begin = sequential{items: string(items), unfinished: n}
		}
		return o.model(maxsize, begin), s.execute(t, seed, subject), nil
	}
}

func TestConcurrentCallsOfTheOtherOrdersAreLinearizable(t *testing.T) {
	for _, o := range byteOrders {
		for _, s := range []setting{outside, bubble} {
			t.Run(o.name+", "+s.name, func(t *testing.T) {
				eachCapacity(t, []int{1, 2, 40, 0}, func(t *testing.T, maxsize int) {
					proof.CheckHistories(t, rounds(2000), o.programs(t, s, maxsize, o.make))
				})
			})
		}
	}
}

// The check must tell the orders apart, and above all a stable queue from one whose equals leave in another order.
func TestTheLinearizabilityCheckTellsTheOrdersApart(t *testing.T) {
	for name, c := range map[string]struct {
		order byteOrder
		make  func(maxsize int) *queue.Queue[byte]
	}{
		"FIFO is not LIFO":     {byteOrders[0], queue.New[byte]},
		"FIFO is not priority": {byteOrders[1], queue.New[byte]},
		"LIFO is not priority": {byteOrders[1], queue.NewLIFO[byte]},
		"priority is not LIFO": {byteOrders[0], byteOrders[1].make},
		"equals in another order": {byteOrders[1], func(maxsize int) *queue.Queue[byte] {
			return queue.NewPriority(maxsize, func(a, b byte) int {
				if c := byteRank(a) - byteRank(b); c != 0 {
					return c
				}
				return bytes.Compare([]byte{b}, []byte{a})
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			proof.FindViolation(t, 1000, c.order.programs(t, outside, 40, c.make))
		})
	}
}
