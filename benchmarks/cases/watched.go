//go:build threadingdebug

package cases

import (
	"io"
	"sync"

	linkdata "github.com/linkdata/deadlock"
	sasha "github.com/sasha-s/go-deadlock"

	"github.com/gothreading/threading/lock"
)

// watchedRows are locks in a build with the tag threadingdebug, beside the packages that wrap a mutex to find deadlocks,
// and beside the mutex, which is what a lock costs without any of that. One of the rivals needs a tag of its own:
//
//	go run -tags threadingdebug,deadlock ./cmd/compare -run Watched
//
// They have goroutines, alarms and output that are switched off as far as they can be.
func watchedRows(Sizes) []Row {
	sasha.Opts.LogBuf, sasha.Opts.OnPotentialDeadlock = io.Discard, func() {}
	linkdata.Opts.WriteLocked(func() { linkdata.Opts.LogBuf, linkdata.Opts.OnPotentialDeadlock = io.Discard, func() {} })
	kinds := []struct {
		name string
		make func() sync.Locker
	}{
		{"lock.Lock, watched", newLock},
		{"sync.Mutex", newMutex},
		{"sasha-s/go-deadlock", func() sync.Locker { return new(sasha.Mutex) }},
		{"linkdata/deadlock", func() sync.Locker { return new(linkdata.Mutex) }},
	}
	row := func(name string, of func(func() sync.Locker) func() Body) Row {
		r := Row{Name: "Watched: " + name, Group: "Watched locks"}
		for i, k := range kinds {
			c := Contender{Name: k.name, Main: k.name == "sync.Mutex", New: of(k.make)}
			if i == 0 {
				r.Ours = c
			} else {
				r.Rivals = append(r.Rivals, c)
			}
		}
		return r
	}
	return []Row{
		row("free", func(make func() sync.Locker) func() Body { return func() Body { return locking(make(), nil, 0, make) } }),
		row("two nested", func(make func() sync.Locker) func() Body {
			return func() Body { return locking(make(), make(), 0, make) }
		}),
		row("free, 1,000 others held", func(make func() sync.Locker) func() Body {
			return func() Body { return locking(make(), nil, 1000, make) }
		}),
	}
}

// locking locks and unlocks one lock, or two nested, while others are held by another goroutine.
func locking(l, inner sync.Locker, others int, make func() sync.Locker) Body {
	count := 0
	b := single(&count, func(n int) {
		for range n {
			l.Lock()
			if inner != nil {
				inner.Lock()
			}
			count++
			if inner != nil {
				inner.Unlock()
			}
			l.Unlock()
		}
	})
	if others > 0 {
		held, release, released := new(sync.WaitGroup), new(lock.Lock), new(sync.WaitGroup)
		release.Lock()
		held.Add(1)
		released.Go(func() {
			all := []sync.Locker{}
			for range others {
				all = append(all, make())
				all[len(all)-1].Lock()
			}
			held.Done()
			release.Lock() // a signal
			for _, l := range all {
				l.Unlock()
			}
		})
		held.Wait()
		b.Close = func() { release.Unlock(); released.Wait() }
	}
	return b
}
