package pool

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/gothreading/threading/internal/proof"
)

func newPart(n int) *part[int, int] {
	p := new(part[int, int])
	in := make([]int, n)
	for i := range in {
		in[i] = i
	}
	p.assign(in, make([]int, n), 0)
	return p
}

// wantKept keeps n items, and wants from..to to be what the worker has then, and so nobody can take.
func wantKept(t *testing.T, p *part[int, int], n, from, to int) {
	t.Helper()
	items := p.Keep(n).([]int)
	if len(items) != to-from || len(items) > 0 && items[0] != from {
		t.Errorf("Keep(%d) is %v, want %d to %d", n, items, from, to)
	}
}

func wantSpared(t *testing.T, p *part[int, int], from, to int) {
	t.Helper()
	f, e, ok := p.spare()
	if f != from || e != to || ok != (from < to) {
		t.Errorf("spare is %d to %d, %t, want %d to %d", f, e, ok, from, to)
	}
}

// wantNext wants the next items to be those, and then none if that is said.
func wantNext(t *testing.T, p *part[int, int], more bool, items ...int) {
	t.Helper()
	for _, i := range items {
		if p.take(); p.at != i || !p.more {
			t.Errorf("the next is %d, more %t, want %d", p.at, p.more, i)
		}
	}
	if more {
		return
	}
	if p.take(); p.more {
		t.Errorf("there is one more: %d", p.at)
	}
}

func TestWhatIsKeptCannotBeSpared(t *testing.T) {
	p := newPart(12)
	wantKept(t, p, 3, 0, 4)
	wantSpared(t, p, 8, 12)
	wantSpared(t, p, 6, 8)
	wantNext(t, p, true, 1, 2)
	wantKept(t, p, 100, 2, 6) // as many as there are
	wantSpared(t, p, 0, 0)
	wantNext(t, p, false, 3, 4, 5)
}

func TestKeepGrowsAndShrinks(t *testing.T) {
	p := newPart(12)
	wantKept(t, p, 8, 0, 9)
	wantKept(t, p, 1, 0, 2)
	wantSpared(t, p, 7, 12)
	wantKept(t, p, 3, 0, 4)
	wantNext(t, p, true, 1)
	wantKept(t, p, 0, 1, 2)
	wantSpared(t, p, 4, 7)
	wantNext(t, p, false, 2, 3)
}

// What is kept has begun for others, who may be told that it is not going to be called after all.
func TestKeepAndStop(t *testing.T) {
	p := newPart(12)
	wantKept(t, p, 2, 0, 3)
	p.stop()
	wantKept(t, p, 5, 0, 3)
	wantSpared(t, p, 0, 0)
	wantNext(t, p, true, 1)
	wantKept(t, p, 0, 1, 2)
	wantKept(t, p, 5, 1, 2)
	wantNext(t, p, false)
}

// Each item is called by the worker, or was taken over by one other, whatever is kept.
func TestEachItemOfAPartIsCalledOnceWhateverIsKept(t *testing.T) {
	for round := range proof.Rounds(20_000, 20, 10) {
		n := 1 + rand.IntN(40)
		p := newPart(n)
		taken := make([][]int, 3)
		var wg sync.WaitGroup
		for i := range taken {
			wg.Go(func() {
				for range rand.IntN(6) {
					proof.Pause()
					if from, to, ok := p.spare(); ok {
						taken[i] = append(taken[i], p.in[from:to]...)
					}
				}
			})
		}
		var called, kept []int
		for p.more {
			if rand.IntN(2) == 0 {
				kept = p.Keep(rand.IntN(6)).([]int)
			}
			if len(kept) > 0 {
				if kept[0] != p.at {
					t.Fatalf("round %d: %v was kept, and %d is in hand", round, kept, p.at)
				}
				kept = kept[1:]
			}
			called = append(called, p.at)
			proof.Pause()
			p.take()
		}
		if len(kept) > 0 {
			t.Fatalf("round %d: %v was kept, and not called", round, kept)
		}
		wg.Wait()
		all := slices.Concat(called, slices.Concat(taken...))
		slices.Sort(all)
		if want := newPart(n).in; !slices.Equal(all, want) {
			t.Fatalf("round %d: called %v, taken %v", round, called, fmt.Sprint(taken))
		}
	}
}
