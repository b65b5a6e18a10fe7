//go:build linux

package process_test

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/process"
)

// A ledger is memory in which children note which items they have begun and ended.
type ledger struct {
	Begun, Ended *process.Memory
	Go           *process.Event // what a slow item waits for
}

func newLedger(items int) ledger {
	return ledger{process.NewMemory(4 * items), process.NewMemory(4 * items), process.NewEvent()}
}

func counters(m *process.Memory) []atomic.Int32 {
	return unsafe.Slice((*atomic.Int32)(unsafe.Pointer(&m.Bytes()[0])), m.Len()/4)
}

func (l ledger) close() {
	_ = l.Begun.Close()
	_ = l.Ended.Close()
}

// A chore is an item that is noted in the ledger.
type chore struct {
	At   int
	Busy time.Duration
	Slow bool // it waits for Go
	Dies bool
}

var (
	kept     ledger // of a child
	keep     = process.Register(func(_ context.Context, l ledger) (struct{}, error) { kept = l; return struct{}{}, nil })
	doChores = process.Register(func(_ context.Context, c chore) (int, error) {
		counters(kept.Begun)[c.At].Add(1)
		switch {
		case c.Dies:
			os.Exit(3)
		case c.Slow:
			kept.Go.Wait()
		}
		for begun := time.Now(); time.Since(begun) < c.Busy; {
		}
		counters(kept.Ended)[c.At].Add(1)
		return c.At, nil
	})
)

// lengths are items of very different length, in an order that leaves some workers with nothing to do.
func lengths(n int, r *rand.Rand) []chore {
	items := make([]chore, n)
	for i := range items {
		items[i].At = i
		switch r.IntN(60) {
		case 0:
			items[i].Busy = time.Duration(r.IntN(6000)) * time.Microsecond
		case 1, 2, 3:
			items[i].Busy = time.Duration(r.IntN(300)) * time.Microsecond
		}
	}
	return items
}

// Workers take over from each other what has not been sent yet. Each item is run once: one that was kept for a child and
// taken over as well would be run twice.
func TestNoItemIsRunTwiceThoughWorkersTakeOver(t *testing.T) {
	none(t)
	defer proof.Watch(t)()
	const n = 600
	for _, opts := range [][]pool.MapOption{nil, {pool.ChunkSize(100)}, {pool.Progress(func(int, int) {})}} {
		r := rand.New(rand.NewPCG(rand.Uint64(), 1))
		for range proof.Rounds(30, 4, 3) {
			l := newLedger(n)
			p := newPool(t, 4, process.Initializer(keep, l))
			items := lengths(n, r)
			got, err := process.Map(p, doChores, items, opts...)
			if err != nil {
				t.Fatal(err)
			}
			for i, at := range got {
				if begun := counters(l.Begun)[i].Load(); at != i || begun != 1 {
					t.Fatalf("item %d of %d gave %d, and was begun %d times", i, n, at, begun)
				}
			}
			p.Terminate()
			p.Join()
			l.close()
		}
	}
}

// The same while items end their child: each fails by itself, and what was sent with it and had not begun is run once.
func TestNoItemIsRunTwiceThoughChildrenDie(t *testing.T) {
	none(t)
	defer proof.Watch(t)()
	const n = 300
	r := rand.New(rand.NewPCG(rand.Uint64(), 2))
	for range proof.Rounds(20, 3, 2) {
		l := newLedger(n)
		opts, _ := quietly(t)
		p := newPool(t, 3, process.Initializer(keep, l), process.Workers(opts...))
		items := lengths(n, r)
		var die []int
		for i := range items {
			if r.IntN(40) == 0 {
				items[i].Dies = true
				die = append(die, i)
			}
		}
		_, err := process.Map(p, doChores, items)
		var failed []int
		for _, e := range itemErrors(err) {
			failed = append(failed, e.Index)
		}
		slices.Sort(failed)
		if !slices.Equal(failed, die) {
			t.Fatalf("%v have failed, want %v: %v", failed, die, err)
		}
		for i := range n {
			if begun := counters(l.Begun)[i].Load(); begun != 1 {
				t.Fatalf("item %d was begun %d times", i, begun)
			}
		}
		p.Terminate()
		p.Join()
		l.close()
	}
}

// An item that takes for ever holds up those that went with the same message, which are the ones right behind it, and
// nothing else, wherever it stands. Others are not so short that many of them are little.
func TestASlowItemHoldsUpItsOwnMessageOnly(t *testing.T) {
	none(t)
	const n = 400
	for _, at := range []int{0, 1, 57, 200, n - 1} {
		l := newLedger(n)
		p := newPool(t, 2, process.Initializer(keep, l))
		items := make([]chore, n)
		for i := range items {
			items[i].At, items[i].Busy = i, 100*time.Microsecond
		}
		items[at].Slow = true
		r := pool.ApplyAsync(p.Pool, pool.Func(func() int { return 0 })) // the pool is warm
		r.Wait()
		done := make(chan error)
		go func() {
			got, err := process.Map(p, doChores, items)
			for i, x := range got {
				if x != i {
					t.Errorf("item %d gave %d", i, x)
				}
			}
			done <- err
		}()
		held := 0
		eventually(t, "all that is far from the slow item has ended", func() bool {
			var open []int
			for i := range n {
				if counters(l.Ended)[i].Load() == 0 {
					open = append(open, i)
				}
			}
			if held = len(open); held == 0 || open[0] != at || open[held-1] != at+held-1 {
				return false
			}
			return held <= n/8 // what takes some milliseconds, or what is left of a part
		})
		l.Go.Set()
		if err := <-done; err != nil {
			t.Error(err)
		}
		p.Terminate()
		p.Join()
		l.close()
	}
}
