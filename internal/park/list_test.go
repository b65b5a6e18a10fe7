package park

import (
	"slices"
	"testing"
	"unsafe"
)

// Each byte of ops is one operation on a List and on a slice that does the same
// naively.
func FuzzListKeepsOrder(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, 1, 3, 0, 2, 2})
	f.Add([]byte{1, 1, 1, 3, 7, 11, 4, 0, 4})
	f.Add([]byte{0, 4, 0, 3, 0, 2, 2, 2, 2, 1})
	f.Add([]byte("put some, cut, take from the middle, put back in front"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		var (
			list  List[int]
			model []*Waiter[int]
		)
		for i, op := range ops {
			arg := int(op) / 5
			switch w := (&Waiter[int]{Value: i}); op % 5 {
			case 0, 1:
				list.PushBack(w)
				model = append(model, w)
			case 2:
				list.PushFront(w)
				model = slices.Insert(model, 0, w)
			case 3:
				if len(model) > 0 {
					arg %= len(model)
					list.Remove(model[arg])
					if model[arg].list != nil {
						t.Fatal("a removed waiter still names its list")
					}
					model = slices.Delete(model, arg, arg+1)
				}
			case 4:
				if arg == 0 {
					var c Chain[int]
					list.TakeAll(&c)
					for _, w := range model {
						if c.first != w {
							t.Fatalf("op %d: TakeAll gave %v where %v was due", i, c.first, w)
						}
						c.first = w.next
					}
					model = nil
				}
			}
			if got := contents(&list); !slices.Equal(got, model) {
				t.Fatalf("op %d: the list holds %v, want %v", i, got, model)
			}
			for _, w := range model {
				if w.list != &list {
					t.Fatalf("op %d: waiter %d is not on its list", i, w.Value)
				}
			}
		}
	})
}

// contents walks the list forwards and checks that backwards gives the same.
func contents(l *List[int]) (ws []*Waiter[int]) {
	for w := l.Front(); w != nil; w = l.Next(w) {
		ws = append(ws, w)
		if w.next.prev != w {
			panic("the ring is torn")
		}
	}
	return ws
}

// What a blocked goroutine and an idle primitive cost.
func TestSizesAreWithinBudget(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("the budgets are those of 64-bit machines")
	}
	for name, size := range map[string][2]uintptr{
		"Waiter[entrant]":  {unsafe.Sizeof(Waiter[entrant]{}), 120},
		"Waiter[uint64]":   {unsafe.Sizeof(Waiter[uint64]{}), 104},
		"Waiter[struct{}]": {unsafe.Sizeof(Waiter[struct{}]{}), 96},
		"Exclusive":        {unsafe.Sizeof(Exclusive{}), 32},
		"Permits":          {unsafe.Sizeof(Permits{}), 32},
		"Flag":             {unsafe.Sizeof(Flag{}), 32},
		"Latch":            {unsafe.Sizeof(Latch{}), 8},
		"Seat":             {unsafe.Sizeof(Seat{}), 80},
	} {
		if size[0] > size[1] {
			t.Errorf("a %s takes %d bytes, the budget is %d", name, size[0], size[1])
		}
	}
}
