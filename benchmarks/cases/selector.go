package cases

import (
	"errors"
	"fmt"
	"os"

	"github.com/gothreading/threading/selectors"
)

// selectorRows are Selectors, where there are any. That of CPython is measured by the command python.
func selectorRows(Sizes) []Row {
	if sel, err := selectors.New[int](); errors.Is(err, errors.ErrUnsupported) {
		return nil
	} else if err == nil {
		must(sel.Close())
	}
	var rows []Row
	for _, n := range []int{1, 100} {
		rows = append(rows, Row{
			Name: fmt.Sprintf("Select: %d of %d", n, n), Group: "Selectors", Allocs: &Bar{1, 1},
			Ours: Contender{Name: "selectors.Select", New: func() Body { return selectReady(n) }},
		})
	}
	return append(rows, Row{
		Name: "Select: wake-up", Group: "Selectors",
		Ours: Contender{Name: "selectors.Select", New: func() Body {
			return wakeUps(func(r *os.File) (wait, end func()) {
				sel, err := selectors.New[struct{}]()
				must(err)
				_, err = sel.Register(r, selectors.Read, struct{}{})
				must(err)
				buf := make([]byte, 1)
				return func() {
					_, err := sel.Select()
					must(err)
					_, err = selectors.TryRead(r, buf)
					must(err)
				}, func() { must(sel.Close()) }
			})
		}},
		Rivals: []Contender{{Name: "goroutine in Read", Bar: &Bar{1.7, 1.4}, New: func() Body {
			return wakeUps(func(r *os.File) (wait, end func()) {
				buf := make([]byte, 1)
				return func() {
					_, err := r.Read(buf)
					must(err)
				}, func() {}
			})
		}}},
	})
}

// selectReady selects n files of which all are ready.
func selectReady(n int) Body {
	sel, err := selectors.New[int]()
	must(err)
	var files []*os.File
	for i := range n {
		r, w, err := os.Pipe()
		must(err)
		_, err = w.WriteString("x")
		must(err)
		_, err = sel.Register(r, selectors.Read, i)
		must(err)
		files = append(files, r, w)
	}
	count := 0
	return Body{
		Run: func(_ Timer, times int) {
			for range times {
				ready, err := sel.Select()
				must(err)
				count += len(ready)
			}
		},
		Count: func() int { return count / n },
		Close: func() {
			must(sel.Close())
			for _, f := range files {
				must(f.Close())
			}
		},
	}
}

// wakeUps passes a byte to and fro between two goroutines, each of which waits for it. A wake-up is one way.
func wakeUps(waiter func(*os.File) (wait, end func())) Body {
	r1, w1, err := os.Pipe()
	must(err)
	r2, w2, err := os.Pipe()
	must(err)
	here, endHere := waiter(r1)
	there, endThere := waiter(r2)
	count := 0
	ball := []byte{0}
	return Body{
		Run: func(_ Timer, n int) {
			over := make(chan struct{})
			go func() {
				defer close(over)
				for range (n + 1) / 2 {
					there()
					_, err := w1.Write(ball)
					must(err)
				}
			}()
			for range (n + 1) / 2 {
				_, err := w2.Write(ball)
				must(err)
				here()
			}
			<-over
			count += n
		},
		Count: func() int { return count },
		Close: func() {
			endHere()
			endThere()
			for _, f := range []*os.File{r1, w1, r2, w2} {
				must(f.Close())
			}
		},
	}
}
