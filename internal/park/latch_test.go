package park

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestALatchReleasesThoseBeforeAndAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Latch
		if l.IsOpen() {
			t.Fatal("the zero value is open")
		}
		var through atomic.Int32
		for range 350 { // several batches
			go func() {
				l.Wait()
				through.Add(1)
			}()
		}
		done := l.Done()
		synctest.Wait()
		select {
		case <-done:
			t.Error("Done is closed before Open")
		default:
		}
		if through.Load() != 0 {
			t.Fatal("Wait returned before Open")
		}
		l.Open()
		l.Open()
		synctest.Wait()
		if through.Load() != 350 {
			t.Errorf("%d of 350 were released", through.Load())
		}
		<-done
		<-l.Done()
		if !l.IsOpen() || !l.WaitLimit(Forever) || !l.WaitTimeout(1) {
			t.Error("an open latch is not open to everybody")
		}
	})
}

func TestDoneOfAnOpenLatchIsClosed(t *testing.T) {
	var l Latch
	l.Open()
	done := l.Done()
	<-done
	if l.Done() != done {
		t.Error("Done returns another channel each time")
	}
	if l.Open(); !l.IsOpen() || !l.WaitLimit(Forever) {
		t.Error("an open latch is not open any more after Done")
	}
	if new(Latch).IsOpen() {
		t.Error("the zero value is open, after Done of another")
	}
}

func TestALatchCanBeGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Latch
		begin := time.Now()
		if l.WaitTimeout(3*time.Second) || time.Since(begin) != 3*time.Second {
			t.Errorf("wrong answer after %v", time.Since(begin))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if l.WaitContext(ctx) != context.DeadlineExceeded || time.Since(begin) != 4*time.Second {
			t.Errorf("wrong answer after %v", time.Since(begin))
		}
		if l.word.Load().crowd.flag.list.Front() != nil {
			t.Error("somebody is still on the list")
		}
	})
}

// What was written before Open is seen after each way of learning of it; the
// race detector judges.
func TestOpenSynchronizesBeforeWhatReportsIt(t *testing.T) {
	for range 1000 {
		var (
			l     Latch
			plain int
			wg    sync.WaitGroup
		)
		check := func() {
			if plain != 1 {
				t.Error("Open did not publish what was written before it")
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		wg.Go(func() { l.Wait(); check() })
		wg.Go(func() { l.WaitTimeout(time.Hour); check() })
		wg.Go(func() { _ = l.WaitContext(ctx); check() })
		wg.Go(func() { <-l.Done(); check() })
		wg.Go(func() {
			for !l.IsOpen() {
			}
			check()
		})
		plain = 1
		l.Open()
		wg.Wait()
		cancel()
	}
}

func TestAWaitThatMeetsOpenIsReleased(t *testing.T) {
	for range rounds() / 10 {
		var l Latch
		go l.Open()
		l.Wait()
	}
}
