package selectors_test

import (
	"os"
	"testing"

	"github.com/gothreading/threading/selectors"
)

func BenchmarkSelect(b *testing.B) {
	for _, c := range []struct {
		name              string
		registered, ready int
	}{{"1 of 1", 1, 1}, {"1 of 100", 100, 1}, {"100 of 100", 100, 100}} {
		b.Run(c.name, func(b *testing.B) {
			sel := newSelector[int](b)
			for i := range c.registered {
				r, w := pipe(b)
				if i < c.ready {
					write(b, w, "x")
				}
				register(b, sel, r, selectors.Read, i)
			}
			b.ReportAllocs()
			for b.Loop() {
				if ready, err := sel.Select(); len(ready) != c.ready || err != nil {
					b.Fatal(ready, err)
				}
			}
		})
	}
}

// A wake-up, and one back: by a Select here, by a Read where the name says so.
func BenchmarkWakeUp(b *testing.B) {
	b.Run("Select", func(b *testing.B) {
		wakeUp(b, func(r *os.File) func() {
			sel := newSelector[int](b)
			register(b, sel, r, selectors.Read, 0)
			var buf [1]byte
			return func() {
				_, _ = sel.Select()
				_, _ = selectors.TryRead(r, buf[:])
			}
		})
	})
	b.Run("Read", func(b *testing.B) {
		wakeUp(b, func(r *os.File) func() {
			var buf [1]byte
			return func() { _, _ = r.Read(buf[:]) }
		})
	})
}

func wakeUp(b *testing.B, receiver func(*os.File) func()) {
	r1, w1 := pipe(b)
	r2, w2 := pipe(b)
	here, there := receiver(r1), receiver(r2)
	done := make(chan struct{})
	n := 0
	ready := make(chan struct{})
	go func() {
		defer close(done)
		<-ready
		for range n {
			there()
			_, _ = w1.WriteString("x")
		}
	}()
	n = b.N
	close(ready)
	b.ResetTimer()
	for range b.N {
		_, _ = w2.WriteString("x")
		here()
	}
	<-done
}
