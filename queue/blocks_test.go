package queue

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// checkBlocks fails unless b holds what want holds and is sound: the links agree in both directions, the first and the
// last block hold something, every slot outside is zero, and nothing that was taken off is still linked.
func checkBlocks(t *testing.T, b *blocks[int], want []int) {
	t.Helper()
	var got []int
	if b.n != len(want) {
		t.Fatalf("n = %d, want %d", b.n, len(want))
	}
	if b.head == nil {
		if b.tail != nil || b.n != 0 {
			t.Fatal("a tail or items without a head")
		}
		return
	}
	if b.head.prev != nil || b.tail.next != nil {
		t.Fatal("something is linked before the head or behind the tail")
	}
	for block := b.head; block != nil; block = block.next {
		from, to := 0, len(block.items)
		if block == b.head {
			from = b.first
		}
		if block == b.tail {
			to = b.end
		}
		if from > to || from == to && b.n > 0 {
			t.Fatalf("a block's items reach from %d to %d with %d inside", from, to, b.n)
		}
		for i, item := range block.items {
			if i < from || i >= to {
				if item != 0 {
					t.Fatalf("slot %d outside of %d to %d holds %d", i, from, to, item)
				}
			} else {
				got = append(got, item)
			}
		}
		if block.next != nil && block.next.prev != block || block.next == nil && block != b.tail {
			t.Fatal("the links do not agree")
		}
		if len(block.items) > largestBlock {
			t.Fatalf("a block of %d", len(block.items))
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("holds %v, want %v", got, want)
	}
	if s := b.spare; s != nil && (s.next != nil || s.prev != nil || slices.IndexFunc(s.items, isItem) >= 0) {
		t.Fatalf("the spare block is not clean: %v", *s)
	}
	if b.n > 0 && (b.front() != want[0] || b.back() != want[len(want)-1]) {
		t.Fatalf("front %d and back %d, want %d and %d", b.front(), b.back(), want[0], want[len(want)-1])
	}
}

func isItem(i int) bool { return i != 0 }

// Each byte is a run: the lowest two bits say of what, the others how long it is.
func FuzzBlocksAreASliceThatGrowsAtBothEnds(f *testing.F) {
	const pushBack, pushFront, popFront, popBack = 0, 1, 2, 3
	run := func(op, n int) byte { return byte(op | n<<2) }
	f.Add([]byte{run(pushBack, 40), run(popFront, 41), run(pushFront, 3), run(popBack, 4)})
	f.Add([]byte{run(pushFront, 63), run(popFront, 63), run(pushFront, 8), run(popBack, 8), run(pushFront, 9)})
	f.Add([]byte{run(pushBack, 8), run(pushFront, 1), run(popBack, 9), run(pushBack, 9), run(popFront, 8), run(pushFront, 1)})
	random := rand.NewChaCha8([32]byte{7})
	for _, n := range []int{10, 50, 300} {
		for range 5 {
			program := make([]byte, n)
			random.Read(program)
			f.Add(program)
			short := slices.Clone(program)
			for i := range short {
				short[i] &= 31
			}
			f.Add(short)
		}
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		var b blocks[int]
		var model []int
		next := 1
		for i, op := range program {
			for range op >> 2 {
				switch op & 3 {
				case pushBack:
					b.pushBack(next)
					model = append(model, next)
				case pushFront:
					b.pushFront(next)
					model = slices.Insert(model, 0, next)
				case popFront:
					if len(model) > 0 {
						if got := b.popFront(); got != model[0] {
							t.Fatalf("run %d: popFront = %d, want %d", i, got, model[0])
						}
						model = model[1:]
					}
				case popBack:
					if last := len(model) - 1; last >= 0 {
						if got := b.popBack(); got != model[last] {
							t.Fatalf("run %d: popBack = %d, want %d", i, got, model[last])
						}
						model = model[:last]
					}
				}
				next++
				if op>>2 < 4 {
					checkBlocks(t, &b, model)
				}
			}
			checkBlocks(t, &b, model)
			if got := b.slice(); !slices.Equal(got, model) {
				t.Fatalf("run %d: slice = %v, want %v", i, got, model)
			}
			for _, want := range []int{0, 1, len(model) / 3, len(model) - 2, len(model) - 1, len(model)} {
				asked := -1
				at, i := b.index(func(int) bool { asked++; return asked == want })
				if want < 0 || want >= len(model) {
					if i != -1 {
						t.Fatalf("run %d: index = %d of nothing", i, i)
					}
					continue
				}
				if i != want || *at.item() != model[i] {
					t.Fatalf("index = %d, want %d", i, want)
				}
				if got := b.remove(at, i); got != model[i] {
					t.Fatalf("remove = %d, want %d", got, model[i])
				}
				model = slices.Delete(slices.Clone(model), i, i+1)
				checkBlocks(t, &b, model)
			}
		}
	})
}

// What holds little takes little.
func TestBlocksGrowFromSmallToLarge(t *testing.T) {
	for name, push := range map[string]func(*blocks[int], int){
		"back":  (*blocks[int]).pushBack,
		"front": (*blocks[int]).pushFront,
	} {
		var b blocks[int]
		if b.head != nil {
			t.Error("storage before the first push")
		}
		for n := 1; n <= 10_000; n++ {
			push(&b, n)
			room := 0
			for block := b.head; block != nil; block = block.next {
				room += len(block.items)
			}
			if room > min(max(3*n, smallestBlock), n+2*largestBlock) {
				t.Fatalf("%s: room for %d with %d inside", name, room, n)
			}
		}
	}
}

// However large it was: two blocks, the one in use and the spare.
func TestBlocksThatAreEmptyKeepTwoBlocksAtMost(t *testing.T) {
	for _, pushing := range []func(*blocks[int], int){(*blocks[int]).pushBack, (*blocks[int]).pushFront} {
		for _, popping := range []func(*blocks[int]) int{(*blocks[int]).popBack, (*blocks[int]).popFront} {
			var b blocks[int]
			for range 3 {
				for i := range 10_000 {
					pushing(&b, i+1)
				}
				for range 10_000 {
					popping(&b)
				}
				checkBlocks(t, &b, nil)
				if b.head == nil || b.head != b.tail || b.head.next != nil || b.head.prev != nil {
					t.Error("not one block in use")
				}
			}
		}
	}
}

// Neither a queue that stays about as long as it is, nor a stack that goes to and fro over the border of two blocks,
// allocates.
func TestBlocksInTheSteadyStateAllocateNothing(t *testing.T) {
	for name, step := range map[string]func(*blocks[int]){
		"a queue":                   func(b *blocks[int]) { b.pushBack(1); b.popFront() },
		"a queue the other way":     func(b *blocks[int]) { b.pushFront(1); b.popBack() },
		"a stack at the back":       func(b *blocks[int]) { b.pushBack(1); b.popBack() },
		"a stack at the front":      func(b *blocks[int]) { b.pushFront(1); b.popFront() },
		"runs of a queue":           func(b *blocks[int]) { repeat(3, func() { b.pushBack(1) }); repeat(3, func() { b.popFront() }) },
		"runs of a stack":           func(b *blocks[int]) { repeat(3, func() { b.pushBack(1) }); repeat(3, func() { b.popBack() }) },
		"runs of a stack, in front": func(b *blocks[int]) { repeat(3, func() { b.pushFront(1) }); repeat(3, func() { b.popFront() }) },
	} {
		t.Run(name, func(t *testing.T) {
			for inside := range 300 { // every position relative to the borders
				var b blocks[int]
				for range inside {
					b.pushBack(1)
				}
				for range 600 {
					step(&b)
				}
				if n := testing.AllocsPerRun(200, func() { step(&b) }); n != 0 {
					t.Fatalf("%v allocations a step with %d inside", n, inside)
				}
			}
		})
	}
}

// A bounded LIFO queue, or a small stack, that fills and empties again and again needs the same blocks each time.
func TestAStackThatFillsAndEmptiesAgainAllocatesNothing(t *testing.T) {
	for _, depth := range []int{1, 8, 9, 24, 25, 33, 40, largestBlock} {
		for name, round := range map[string]func(*blocks[int]){
			"back":  func(b *blocks[int]) { repeat(depth, func() { b.pushBack(1) }); repeat(depth, func() { b.popBack() }) },
			"front": func(b *blocks[int]) { repeat(depth, func() { b.pushFront(1) }); repeat(depth, func() { b.popFront() }) },
		} {
			var b blocks[int]
			repeat(10, func() { round(&b) })
			if n := testing.AllocsPerRun(100, func() { round(&b) }); n != 0 {
				t.Errorf("%s: %v allocations for %d items", name, n, depth)
			}
		}
	}
}

func repeat(n int, f func()) {
	for range n {
		f()
	}
}
