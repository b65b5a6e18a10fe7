//go:build threadingexplore

package explore

import "testing"

// A goroutine from outside of the schedule is not stopped by it.
func TestWhoIsOutsideIsNotStopped(t *testing.T) {
	ask, asked := make(chan struct{}), make(chan struct{})
	go func() {
		for range ask {
			Point("outside")
			asked <- struct{}{}
		}
	}()
	defer close(ask)
	err := Run(t, Case{Name: "outside", Start: func(start func(string, func())) func() error {
		start("inside", func() {
			Point("inside")
			ask <- struct{}{}
			<-asked
		})
		return func() error { return nil }
	}}, Random(0))
	if err != nil {
		t.Error(err)
	}
}
