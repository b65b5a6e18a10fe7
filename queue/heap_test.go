package queue

import (
	"cmp"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// A job has a key to be compared by, and a number that tells it from its equals.
type job struct{ key, n int }

func byKey(a, b job) int { return cmp.Compare(a.key, b.key) }

// checkHeap fails unless every entry comes after its parent, and nothing is left in the unused part of the slice.
func checkHeap(t *testing.T, h *heap[job]) {
	t.Helper()
	for i := 2; i < len(h.entries); i++ {
		e, parent := h.entries[i], h.entries[i/2]
		if h.vacant && i < 4 {
			continue
		}
		if c := byKey(e.item, parent.item); c < 0 || c == 0 && e.seq <= parent.seq {
			t.Fatalf("entry %d, %v, comes before its parent, %v", i, e, parent)
		}
	}
	if len(h.entries) > 0 && h.entries[0] != (entry[job]{}) {
		t.Fatalf("slot 0 holds %v", h.entries[0])
	}
	if h.vacant && (len(h.entries) < 3 || h.entries[1] != (entry[job]{})) {
		t.Fatalf("of %d slots the first is vacant, and holds %v", len(h.entries), h.entries[1])
	}
	for i, e := range h.entries[len(h.entries):cap(h.entries)] {
		if e != (entry[job]{}) {
			t.Fatalf("the unused slot %d behind the last entry holds %v", i, e)
		}
	}
}

// A sortedJobs is a heap written down naively: a slice in which equals stand in order of arrival.
type sortedJobs []job

func (s *sortedJobs) push(j job) {
	i, _ := slices.BinarySearchFunc(*s, j, func(a, b job) int { return cmp.Or(byKey(a, b), -1) })
	*s = slices.Insert(*s, i, j)
}

func (s *sortedJobs) pop() job {
	j := (*s)[0]
	*s = (*s)[1:]
	return j
}

// One byte is one operation: push with one of a few keys, pop, pop several, or look.
func FuzzTheHeapKeepsEqualsInOrderOfArrival(f *testing.F) {
	f.Add([]byte{0, 0, 0, 128, 128, 128})
	f.Add([]byte{3, 2, 1, 0, 128, 0, 1, 128, 2, 3, 128, 128, 255, 5, 5, 4, 128, 128, 253, 254})
	random := rand.NewChaCha8([32]byte{2})
	for _, n := range []int{20, 200, 3000} {
		program := make([]byte, n)
		random.Read(program)
		f.Add(program)
		growing := slices.Clone(program)
		for i, b := range growing {
			if b%3 != 0 {
				growing[i] = b & 127
			}
		}
		f.Add(slices.Concat(growing, slices.Repeat([]byte{128}, n)))
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		h := &heap[job]{compare: byKey}
		var m sortedJobs
		for i, b := range program {
			switch {
			case b < 128:
				j := job{int(b % 16), i}
				h.push(j)
				m.push(j)
			case b < 240:
				if len(m) > 0 {
					if got, want := h.pop(), m.pop(); got != want {
						t.Fatalf("operation %d: pop = %v, want %v", i, got, want)
					}
				}
			case b < 254:
				n := len(m) * int(b-240) / 13
				if got := h.popN(n); !slices.Equal(got, m[:n]) {
					t.Fatalf("operation %d: popN(%d) = %v, want %v", i, n, got, m[:n])
				}
				m = m[n:]
			case b == 254:
				if got := h.sorted(); !slices.Equal(got, m) {
					t.Fatalf("operation %d: sorted = %v, want %v", i, got, m)
				}
			default:
				if len(m) > 0 && h.peek() != m[0] {
					t.Fatalf("operation %d: another is first", i)
				}
			}
			if h.len() != len(m) {
				t.Fatalf("operation %d: %d entries, want %d", i, h.len(), len(m))
			}
			checkHeap(t, h)
		}
	})
}

// build returns a heap of n jobs after some pushes and pops, with many equals.
func build(r *rand.Rand, n int) *heap[job] {
	h := &heap[job]{compare: byKey}
	for i := range n + n/2 {
		h.push(job{r.IntN(n/2 + 1), i})
	}
	for h.len() > n {
		h.pop()
	}
	return h
}

// endings are the two ways in which compare may not return.
var endings = []struct {
	name string
	end  func()
}{
	{"panic", func() { panic("compare") }},
	{"Goexit", runtime.Goexit},
}

// returns runs f on a goroutine of its own and reports whether it got to its end.
func returns(f func()) (ok bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if !ok {
				_ = recover()
			}
		}()
		f()
		ok = true
	}()
	<-done
	return ok
}

// Whichever of its calls of compare does not return, an operation leaves all as it was: the entries, to the last slot,
// and the count of arrivals, by which the next equal finds its place.
func TestTheHeapChangesNothingBeforeItsLastComparison(t *testing.T) {
	operations := []struct {
		name string
		do   func(h *heap[job])
	}{
		{"push of the smallest", func(h *heap[job]) { h.push(job{-1, -1}) }},
		{"push of an equal", func(h *heap[job]) { h.push(job{0, -1}) }},
		{"push of the largest", func(h *heap[job]) { h.push(job{1 << 20, -1}) }},
		{"pop", func(h *heap[job]) { h.pop() }},
		{"pop of two", func(h *heap[job]) { h.popN(min(2, h.len())) }},
		{"pop of half", func(h *heap[job]) { h.popN((h.len() + 1) / 2) }},
		{"pop of all but one", func(h *heap[job]) { h.popN(h.len() - 1) }},
		{"pop of all", func(h *heap[job]) { h.popN(h.len()) }},
		{"peek", func(h *heap[job]) { h.peek() }},
		{"sorted", func(h *heap[job]) { h.sorted() }},
	}
	const most = 40
	for _, ending := range endings {
		for _, operation := range operations {
			t.Run(ending.name+", "+operation.name, func(t *testing.T) {
				r := rand.New(rand.NewPCG(3, 4))
				asked := 0
				for n := 1; n <= 2*most; n++ {
					h := build(r, (n+1)/2)
					if n%2 == 0 {
						h.close()
					}
					// Room for one more, so that a push that grows the slice is as visible as one that does not.
					h.entries = append(make([]entry[job], 0, n+1), h.entries...)
					before, vacant, arrived := slices.Clone(h.entries), h.vacant, h.arrived
					for k := 1; ; k++ {
						calls := 0
						h.compare = func(a, b job) int {
							if calls++; calls == k {
								ending.end()
							}
							return byKey(a, b)
						}
						ok := returns(func() { operation.do(h) })
						h.compare = byKey
						if ok {
							break
						}
						asked++
						if !slices.Equal(h.entries, before) || h.vacant != vacant || h.arrived != arrived {
							t.Fatalf("with %d entries, after call %d: %v and %d arrivals, want %v and %d",
								n, k, h.entries, h.arrived, before, arrived)
						}
						checkHeap(t, h)
					}
					checkHeap(t, h)
				}
				// A push of the largest asks once, and of the smallest, as a pop, once a level or more.
				if asked < most-2 {
					t.Errorf("compare was asked %d times in all: this tested nothing", asked)
				}
			})
		}
	}
}

func TestOrderIsCompare(t *testing.T) {
	same(t, math.MinInt, -1, 0, 1, math.MaxInt)
	same[uint8](t, 0, 1, 127, 128, 255)
	same(t, math.NaN(), math.Inf(-1), -1, math.Copysign(0, -1), 0, 1, math.Inf(1))
	same(t, "", "a", "ab", "b")
}

func same[K cmp.Ordered](t *testing.T, values ...K) {
	t.Helper()
	by := By(func(k K) K { return k })
	for _, a := range values {
		for _, b := range values {
			if got, want := by(a, b), cmp.Compare(a, b); got != want {
				t.Errorf("order(%v, %v) = %d, want %d", a, b, got, want)
			}
		}
	}
}

// A compare that is known to be cmp.Compare is replaced by one that does the same without branches; no other is.
func TestCompareOfANumberIsReplaced(t *testing.T) {
	replaced := func(compare func(a, b int) int) bool { return code(unbranched(compare)) != code(compare) }
	if !replaced(cmp.Compare[int]) {
		t.Error("cmp.Compare[int] is not recognized")
	}
	if code(unbranched(cmp.Compare[uint8])) != code(order[uint8]) {
		t.Error("cmp.Compare[uint8] is not recognized")
	}
	if code(unbranched(cmp.Compare[string])) != code(cmp.Compare[string]) {
		t.Error("cmp.Compare[string] was replaced")
	}
	if replaced(func(a, b int) int { return cmp.Compare(b, a) }) || replaced(byNothing) {
		t.Error("a compare that is not cmp.Compare was replaced")
	}
}

func byNothing(int, int) int { return 0 }

func TestAHeapOperationAsksLogarithmicallyOften(t *testing.T) {
	const n, levels = 1 << 16, 16
	r := rand.New(rand.NewPCG(5, 6))
	calls := 0
	h := &heap[job]{compare: func(a, b job) int { calls++; return byKey(a, b) }}
	for i := range n {
		before := calls
		h.push(job{r.IntN(n), i})
		if calls-before > levels+1 {
			t.Fatalf("push asked %d times with %d entries inside", calls-before, i)
		}
	}
	calls = 0
	for h.len() > 0 {
		before := calls
		h.pop()
		if calls-before > 2*levels+1 {
			t.Fatalf("pop asked %d times with %d entries inside", calls-before, h.len())
		}
	}
	// The way down takes one comparison a level, and the way back up is short on average.
	if mean := float64(calls) / n; mean > levels+2 {
		t.Errorf("pop asked %.1f times on average, want about %d", mean, levels)
	}
}

// A put that follows a get takes the place that the get has left, and asks a few times if it leaves soon.
func TestAPushAfterAPopAsksOnce(t *testing.T) {
	const n, levels = 1 << 12, 12
	r := rand.New(rand.NewPCG(7, 8))
	calls := 0
	h := &heap[job]{compare: func(a, b job) int { calls++; return byKey(a, b) }}
	for i := range n {
		h.push(job{r.IntN(n), i})
	}
	for name, c := range map[string]struct {
		key func(popped int) int
		max float64
	}{
		"of what leaves next":     {func(popped int) int { return popped - 1 }, 6},
		"of what leaves whenever": {func(popped int) int { return popped + r.IntN(n) }, levels + 3},
		"of what leaves last":     {func(popped int) int { return popped + n }, levels + 2},
	} {
		const rounds = 10_000
		calls = 0
		for i := range rounds {
			h.push(job{c.key(h.pop().key), i})
		}
		if mean := float64(calls) / rounds; mean > c.max {
			t.Errorf("pop and push %s asked %.1f times on average, want %v at most", name, mean, c.max)
		}
	}
}

// Among many pointers the way down is found otherwise.
func TestAHeapOfManyPointersIsAHeap(t *testing.T) {
	const n = 40_000
	r := rand.New(rand.NewPCG(9, 10))
	h := newHeap(func(a, b *job) int { return byKey(*a, *b) })
	var want sortedJobs
	for i := range n {
		j := job{r.IntN(n / 4), i}
		h.push(&j)
		want = append(want, j)
	}
	slices.SortStableFunc(want, byKey)
	for i := range 1000 { // and back, behind its equals
		j := h.pop()
		if *j != want[i] {
			t.Fatalf("pop %d = %v, want %v", i, *j, want[i])
		}
		h.push(&job{j.key + n, i})
		want = append(want, job{j.key + n, i})
	}
	for i, j := range h.popN(h.len() - 1) {
		if *j != want[1000+i] {
			t.Fatalf("item %d of popN = %v, want %v", i, *j, want[1000+i])
		}
	}
}

// On a machine of 32 bits, 2^31 items that nobody marks as done are nothing unusual.
func TestUnfinishedItemsAreCountedOn(t *testing.T) {
	var q Queue[int]
	q.unfinished = math.MaxInt32
	_ = q.Put(1)
	if n := q.Unfinished(); n < math.MaxInt32 || int64(n) > math.MaxInt32+1 {
		t.Errorf("Unfinished() = %d", n)
	}
	if q.JoinTimeout(0) {
		t.Error("nothing is unfinished")
	}
	q.ShutdownNow()
	if n := q.Unfinished(); n != math.MaxInt32 {
		t.Errorf("Unfinished() = %d", n)
	}
}

// Nothing of the size that the heap once had stays, and an entry is moved a few times at most on that account.
func TestTheHeapGivesBackWhatItDoesNotUse(t *testing.T) {
	const n = 100_000
	h := &heap[job]{compare: byKey}
	for i := range n {
		h.push(job{-i, i})
	}
	moves := 0
	for c := cap(h.entries); h.len() > 0; {
		h.pop()
		if cap(h.entries) != c {
			c = cap(h.entries)
			moves++
		}
		if c > 1024 && c > 4*h.len()+8 {
			t.Fatalf("room for %d with %d entries", c, len(h.entries))
		}
	}
	if moves > 10 {
		t.Errorf("the entries were moved %d times while %d were popped", moves, n)
	}
	checkHeap(t, h)
}

// Wherever its size stays, be it just below where it shrank or just above where it grew.
func TestTheHeapDoesNotGrowAndShrinkInTurn(t *testing.T) {
	for _, n := range []int{2000, 5000, 20_000} {
		h := &heap[job]{compare: byKey}
		for i := range n {
			h.push(job{i, i})
		}
		settle := func(border string) {
			t.Helper()
			moves := 0
			for c := cap(h.entries); moves < 10; {
				before := moves
				for range 100 {
					repeat(3, func() { h.pop() })
					repeat(6, func() { h.push(job{n, n}) })
					repeat(3, func() { h.pop() })
					if cap(h.entries) != c {
						c = cap(h.entries)
						moves++
					}
				}
				if moves == before {
					break
				}
			}
			if moves > 2 {
				t.Errorf("%s: the entries were moved %d times while as many came as went", border, moves)
			}
		}
		for c := cap(h.entries); cap(h.entries) == c; {
			h.push(job{n, n})
		}
		settle("after it grew")
		for c := cap(h.entries); cap(h.entries) == c; {
			h.pop()
		}
		settle("after it shrank")
	}
}

func TestByComparesKeysOfEveryOrderedKind(t *testing.T) {
	compare := By(func(s string) int { return strings.Count(s, "x") })
	for _, c := range []struct {
		a, b string
		want int
	}{{"x", "axx", -1}, {"axbx", "x", 1}, {"ax", "xb", 0}} {
		if got := compare(c.a, c.b); got != c.want {
			t.Errorf("compare(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
