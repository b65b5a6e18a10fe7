package pool

import (
	"sync"

	"github.com/gothreading/threading/internal/hook"
)

// A progress counts items. Whoever finds nobody calling f does so, until it was
// told of all: nobody waits for f, which may wait for whatever others do.
type progress struct {
	f     func(done, total int)
	total int

	guard      sync.Mutex
	done, told int
	telling    bool
}

func newProgress(f func(done, total int), total int) *progress {
	if f == nil {
		return nil
	}
	return &progress{f: f, total: total}
}

func (p *progress) add() {
	p.count(1)
	p.tell()
}

// count is add without the call.
func (p *progress) count(n int) {
	if p == nil {
		return
	}
	p.guard.Lock()
	p.done += n
	p.guard.Unlock()
}

func (p *progress) tell() {
	for p != nil && p.once() {
	}
}

// once calls f if there is something to tell and nobody who does. It can be
// called again if f ended the goroutine.
func (p *progress) once() bool {
	p.guard.Lock()
	if p.telling || p.told == p.done {
		p.guard.Unlock()
		return false
	}
	p.telling = true
	p.told = p.done
	done := p.told
	p.guard.Unlock()
	defer func() {
		p.guard.Lock()
		p.telling = false
		p.guard.Unlock()
	}()
	hook.Run(func() { p.f(done, p.total) })
	return true
}
