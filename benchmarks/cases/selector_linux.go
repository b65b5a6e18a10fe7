package cases

import (
	"fmt"
	"os"
	"syscall"

	"github.com/gothreading/threading/selectors"
)

// selectorRows are Selectors. That of CPython is measured by the command python.
func selectorRows(Sizes) []Row {
	var rows []Row
	for _, n := range []int{1, 100} {
		rows = append(rows, Row{
			Name: fmt.Sprintf("Select: %d of %d", n, n), Group: "Selectors",
			Ours: Contender{Name: "selectors.Select", New: func() Body {
				sel, err := selectors.New[int]()
				must(err)
				return ready(n, func(r *os.File, i int) {
					_, err := sel.Register(r, selectors.Read, i)
					must(err)
				}, func() int {
					ready, err := sel.Select()
					must(err)
					return len(ready)
				}, sel.Close)
			}},
			Rivals: []Contender{{Name: "bare epoll_wait", New: func() Body {
				fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
				must(err)
				events := make([]syscall.EpollEvent, n)
				return ready(n, func(r *os.File, i int) {
					must(syscall.EpollCtl(fd, syscall.EPOLL_CTL_ADD, int(r.Fd()), &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)}))
				}, func() int {
					ready, err := syscall.EpollWait(fd, events, 0)
					must(err)
					return ready
				}, func() error { return syscall.Close(fd) })
			}}},
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
		Rivals: []Contender{{Name: "goroutine in Read", Main: true, New: func() Body {
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

// ready selects n files of which all are ready.
func ready(n int, register func(r *os.File, i int), wait func() int, end func() error) Body {
	var files []*os.File
	for i := range n {
		r, w, err := os.Pipe()
		must(err)
		_, err = w.WriteString("x")
		must(err)
		register(r, i)
		files = append(files, r, w)
	}
	count := 0
	return Body{
		Run: func(_ Timer, times int) {
			for range times {
				count += wait()
			}
		},
		Count: func() int { return count / n },
		Close: func() {
			must(end())
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
