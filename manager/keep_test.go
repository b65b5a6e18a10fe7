package manager

import (
	"math/big"
	"os"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type leaf struct {
	n    int
	Name string
}

type graph struct {
	Flat   leaf
	Ptr    *leaf
	Same   *leaf
	Slice  []*leaf
	Ints   []int
	Map    map[string]*leaf
	Keys   map[leaf][]int
	Any    any
	hidden map[int][]string
	array  [2]*leaf
	self   *graph
	big    *big.Int
	when   time.Time
	fn     func() int
	ch     chan int
	file   *os.File
	//lint:ignore U1000 it is there to be kept
	lock   sync.Mutex
	count  atomic.Int64
	shared *counted
	nilMap map[string]int
	nilPtr *leaf
	err    error
}

type counted struct {
	sync.Mutex
	n int
}

type failure struct{ text string }

func (f *failure) Error() string { return f.text }

func newGraph() *graph {
	same := &leaf{1, "same"}
	g := &graph{
		Flat: leaf{1, "flat"}, Ptr: same, Same: same, Slice: []*leaf{{2, "a"}, nil}, Ints: []int{1, 2, 3}, Map: map[string]*leaf{"k": {3, "m"}},
		Keys: map[leaf][]int{{4, "key"}: {1}}, Any: map[string]any{"x": []int{1}}, hidden: map[int][]string{1: {"h"}}, array: [2]*leaf{{5, "x"}, same},
		big: big.NewInt(1 << 40), when: time.Now(), fn: func() int { return 1 }, ch: make(chan int), file: os.Stdin, shared: new(counted),
		err: &failure{"why"},
	}
	g.self = g
	return g
}

// What a value consists of is put back, however it was changed; what has an identity stays.
func TestKeepPutsBack(t *testing.T) {
	g := newGraph()
	when, file, ch := g.when, g.file, g.ch
	restore := keep(g)
	g.Flat.n, g.Flat.Name = 9, "spoilt"
	g.Ptr.n = 9
	g.Ptr = nil
	g.Slice[0].Name = "spoilt"
	g.Slice = append(g.Slice[:1], &leaf{9, "spoilt"})
	g.Ints[1] = 9
	g.Ints = append(g.Ints[:1], 9, 9, 9)
	g.Map["k"].n = 9
	g.Map["spoilt"] = nil
	g.Keys[leaf{4, "key"}][0] = 9
	g.Keys[leaf{}] = nil
	g.Any.(map[string]any)["x"].([]int)[0] = 9
	g.Any = 9
	g.hidden[1][0] = "spoilt"
	delete(g.hidden, 1)
	g.array[0].n = 9
	g.array[1] = nil
	g.self = nil
	g.big.SetInt64(9)
	g.when = time.Time{}
	g.nilMap = map[string]int{"spoilt": 1}
	g.nilPtr = &leaf{}
	g.err.(*failure).text = "spoilt"
	g.count.Store(9)
	g.shared.n = 7
	restore()
	want := newGraph()
	if g.self == nil || g.self.Flat.n != 1 {
		t.Error("a value that leads to itself")
	}
	if g.Ptr != g.Same || g.array[1] != g.Same || g.Same.n != 1 {
		t.Error("pointers that met do not meet any more")
	}
	if g.big.Int64() != 1<<40 || !g.when.Equal(when) || g.file != file || g.ch != ch || g.fn() != 1 || g.count.Load() != 0 {
		t.Error("what others made")
	}
	if g.shared.n != 7 {
		t.Error("what has a lock was not left alone")
	}
	for name, pair := range map[string][2]any{
		"Flat": {g.Flat, want.Flat}, "Slice": {g.Slice, want.Slice}, "Ints": {g.Ints, want.Ints}, "Map": {g.Map, want.Map}, "Keys": {g.Keys, want.Keys},
		"Any": {g.Any, want.Any}, "hidden": {g.hidden, want.hidden}, "array": {*g.array[0], *want.array[0]}, "nilMap": {g.nilMap, want.nilMap},
		"nilPtr": {g.nilPtr, want.nilPtr}, "err": {g.err, want.err},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s: %v, want %v", name, pair[0], pair[1])
		}
	}
}

func TestKeepOfWhatIsFlat(t *testing.T) {
	n := 5
	restore := keep(&n)
	n = 6
	if restore(); n != 5 {
		t.Error(n)
	}
	l := leaf{1, "a"}
	restore = keep(&l)
	l.Name = "b"
	if restore(); l.Name != "a" {
		t.Error(l)
	}
	if allocs := testing.AllocsPerRun(100, func() { keep(&l) }); allocs > 2 {
		t.Errorf("a flat value: %v allocations", allocs)
	}
}

func TestDroppedNamesAField(t *testing.T) {
	//lint:ignore U1000 a codec does not see it
	type inner struct{ A, b int }
	type tagged struct {
		A int
		B int `json:"-"`
	}
	type fine struct {
		A int
		B string
		C []byte
		D map[string]*int
		E time.Time
		F *fine2
		G [2]bool
	}
	for _, c := range []struct {
		t    reflect.Type
		want string
	}{
		{reflect.TypeFor[fine](), ""},
		{reflect.TypeFor[int](), ""},
		{reflect.TypeFor[inner](), "inner.b"},
		{reflect.TypeFor[tagged](), "tagged.B"},
		{reflect.TypeFor[struct{ X []inner }](), ".X.b"},
		{reflect.TypeFor[struct{ X any }](), ".X"},
	} {
		if got := dropped(c.t, jsonCodec{}); got != c.want {
			t.Errorf("%v: %q, want %q", c.t, got, c.want)
		}
	}
}

type fine2 struct{ Next *fine2 }
