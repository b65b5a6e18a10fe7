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
	kept, _ := p.Keep(n)
	items := kept.([]int)
	if len(items) != to-from || len(items) > 0 && items[0] != from {
		t.Errorf("Keep(%d) is %v, want %d to %d", n, items, from, to)
	}
}

func wantSpared(t *testing.T, p *part[int, int], from, to int) {
	t.Helper()
	f, e, ok := p.spare(1)
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

// Who takes items over takes half, or so many if there are.
func TestNoFewerAreSparedThanIsSaid(t *testing.T) {
	p := newPart(13)
	for _, want := range []struct{ least, from, to int }{{3, 7, 13}, {4, 3, 7}, {4, 1, 3}, {4, 0, 0}} {
		if from, to, ok := p.spare(want.least); from != want.from || to != want.to || ok != (from < to) {
			t.Errorf("spare(%d) is %d to %d, %t, want %d to %d", want.least, from, to, ok, want.from, want.to)
		}
	}
}

// What was called for a worker is skipped, and where the values go is told.
func TestSkip(t *testing.T) {
	p := newPart(12)
	told := 0
	p.progress = newProgress(func(done, total int) { told = done }, 12)
	_, values := p.Keep(4)
	if copy(values.([]int), []int{10, 11, 12}); len(values.([]int)) != 5 {
		t.Errorf("%d values for 5 items", len(values.([]int)))
	}
	p.Skip(3)
	if p.at != 3 || !p.more || told != 0 || p.out[2] != 12 {
		t.Errorf("at %d, more %t, %d told, values %v; want 3, true, 0, 12 at 2", p.at, p.more, told, p.out)
	}
	p.ended(nil, false)
	if p.at != 4 || told != 4 {
		t.Errorf("at %d, %d told, want 4 and 4", p.at, told)
	}
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
					if from, to, ok := p.spare(1 + rand.IntN(4)); ok {
						taken[i] = append(taken[i], p.in[from:to]...)
					}
				}
			})
		}
		var called, kept []int
		for p.more {
			if rand.IntN(2) == 0 {
				items, _ := p.Keep(rand.IntN(6))
				kept = items.([]int)
			}
			if len(kept) > 0 {
				if kept[0] != p.at {
					t.Fatalf("round %d: %v was kept, and %d is in hand", round, kept, p.at)
				}
				if n := rand.IntN(len(kept)); rand.IntN(2) == 0 {
					called = append(called, kept[:n]...)
					kept = kept[n:]
					p.Skip(n)
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
