package cases

import (
	"sync"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/lock"
)

func conditionRows(Sizes) []Row {
	return []Row{{
		Name: "Condition: ping-pong", Group: "Events and conditions",
		Ours: pingPong("condition.Condition", false, func() (sync.Locker, func(), func()) {
			c := condition.New(new(lock.Lock))
			return c, c.Wait, func() { c.Notify(1) }
		}),
		Rivals: []Contender{
			pingPong("sync.Cond", true, newCond),
			pingPong("2 channels", false, nil),
		},
	}, {
		Name: "Condition, zero value: ping-pong", Group: "Events and conditions",
		Ours: pingPong("condition.Condition", false, func() (sync.Locker, func(), func()) {
			c := new(condition.Condition)
			return c, c.Wait, func() { c.Notify(1) }
		}),
		Rivals: []Contender{pingPong("sync.Cond", false, newCond)},
	}}
}

func newCond() (sync.Locker, func(), func()) {
	c := sync.NewCond(new(sync.Mutex))
	return c.L, c.Wait, c.Signal
}

// pingPong has two goroutines wake each other in turn: two waits an operation. Without a condition to use it does so
// with two channels.
func pingPong(name string, main bool, newCondition func() (l sync.Locker, wait, notify func())) Contender {
	return Contender{Name: name, Main: main, New: func() Body {
		count := 0
		if newCondition == nil {
			there, back := make(chan struct{}), make(chan struct{})
			return single(&count, func(n int) {
				var wg sync.WaitGroup
				wg.Go(func() {
					for range n {
						<-there
						count++
						back <- struct{}{}
					}
				})
				for range n {
					there <- struct{}{}
					<-back
				}
				wg.Wait()
			})
		}
		l, wait, notify := newCondition()
		theirs := false // whose turn it is
		return single(&count, func(n int) {
			var wg sync.WaitGroup
			wg.Go(func() {
				l.Lock()
				for range n {
					for !theirs {
						wait()
					}
					theirs = false
					count++
					notify()
				}
				l.Unlock()
			})
			l.Lock()
			for range n {
				theirs = true
				notify()
				for theirs {
					wait()
				}
			}
			l.Unlock()
			wg.Wait()
		})
	}}
}
