package thread

import (
	"context"
	"runtime/pprof"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/hook"
	"github.com/gothreading/threading/internal/watch"
)

// adopt runs fn in a Thread that is the calling goroutine, and catches no panic. So
// a worker costs whoever hires it no more than a go statement, and its tasks begin
// where the stack is not deep: to grow that costs more than to start a goroutine.
func adopt(name string, fn func(show func())) {
	t := new(Thread)
	t.name.Store(&name)
	t.flags.Store(started | daemon)
	t.enter()
	t.begin()
	l := &label{of: t}
	l.show()
	err := ErrGoexit
	defer func() { t.finish(err) }()
	fn(l.show)
	err = nil
}

// run is the goroutine of t.
func (t *Thread) run() {
	t.begin()
	(&label{of: t}).show()
	fn := t.fn
	t.fn = nil // what it captured is not kept alive by t
	err := ErrGoexit
	defer func() { t.finish(err) }()
	if err = Try(fn); err != nil {
		// A hook that exits, as the Fatal of a test does, has had its say. One
		// that panics ends the process, and this is not left before: somebody
		// woken by the end of t could end the process with success.
		hook.Report((*hook.Panic)(err.(*PanicError)))
	}
}

// begin makes t the current thread of the calling goroutine.
func (t *Thread) begin() {
	id := goid.Own()
	t.ident.Store(id)
	t.begun.Open()
	byIdent.Add(id, t)
	if watch.On {
		t.mark.Taken(watch.Thread)
	}
}

// finish ends t. The order matters: whoever learns of the end finds t gone from
// everywhere, and Main returns when that can be learned.
func (t *Thread) finish(err error) {
	t.err = err
	id := t.ident.Load()
	t.values.drop(id)
	byIdent.Remove(id)
	if watch.On {
		t.mark.Release(watch.Thread)
	}
	t.leave()
	t.end.Open()
	if !t.Daemon() {
		t.entry.Remove()
	}
}

// A label shows the name of a Thread in profiles of its goroutine. What labels that
// has cannot be read, so the name replaces them all.
type label struct {
	of     *Thread
	name   *string
	labels context.Context // which show that name
}

// show is called on the goroutine.
func (l *label) show() {
	if name := l.of.name.Load(); name != l.name {
		l.name = name
		l.labels = pprof.WithLabels(context.Background(), pprof.Labels("thread", *name))
	}
	pprof.SetGoroutineLabels(l.labels)
}
