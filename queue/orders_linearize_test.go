package queue_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/anishathalye/porcupine"
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

// linearizable runs a program on a queue and checks its history against o. Half of the time it begins full, or nearly
// so, and unbounded queues with some items, so that there is an order to get wrong.
func (o byteOrder) linearizable(t *testing.T, seed uint64, s setting, maxsize int, subject *queue.Queue[byte]) (bool, string) {
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
	var history []porcupine.Operation
	run := func() { history = execute(seed, s, subject) }
	if s.name == bubble.name {
		synctest.Test(t, func(*testing.T) { run() })
	} else {
		run()
	}
	if porcupine.CheckOperations(o.model(maxsize, begin), history) {
		return true, ""
	}
	var lines strings.Builder
	fmt.Fprintf(&lines, "beginning with %+q\n", begin.items)
	for _, op := range history {
		fmt.Fprintf(&lines, "%3d-%3d client %d: %v = %v\n", op.Call, op.Return, op.ClientId, op.Input, op.Output)
	}
	return false, lines.String()
}

func TestConcurrentCallsOfTheOtherOrdersAreLinearizable(t *testing.T) {
	for _, o := range byteOrders {
		for _, s := range []setting{outside, bubble} {
			t.Run(o.name+", "+s.name, func(t *testing.T) {
				eachCapacity(t, []int{1, 2, 40, 0}, func(t *testing.T, maxsize int) {
					first := rand.Uint64() >> 1
					for i := range uint64(rounds(2000)) {
						if ok, history := o.linearizable(t, first+i, s, maxsize, o.make(maxsize)); !ok {
							t.Fatalf("the history of seed %d is not that of a %s queue, %s", first+i, o.name, history)
						}
					}
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
			first := rand.Uint64() >> 1
			for i := range uint64(1000) {
				if ok, _ := c.order.linearizable(t, first+i, outside, 40, c.make(40)); !ok {
					return
				}
			}
			t.Error("not noticed in 1000 histories")
		})
	}
}
