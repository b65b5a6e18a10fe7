package thread

import (
	"context"
	"runtime/debug"
	"runtime/pprof"

	"github.com/gothreading/threading/internal/goid"
)

// run is the goroutine of t.
func (t *Thread) run() {
	t.begin()
	fn := t.fn
	t.fn = nil // what it captured is not kept alive by t
	err := ErrGoexit
	defer func() {
		if v := recover(); v != nil {
			t.fail(&PanicError{Value: v, Stack: debug.Stack()})
		} else {
			t.finish(err)
		}
	}()
	fn()
	err = nil
}

// begin makes t the current thread of the calling goroutine.
func (t *Thread) begin() {
	id := goid.Own()
	t.ident.Store(id)
	t.begun.Open()
	byIdent.Store(id, t)
	setLabel(t.Name())
}

// fail tells the except hook and then ends t. A hook that exits, as the Fatal of a test does, has had its say. One that
// panics ends the process: t stays alive then, for somebody woken by its end could end the process first, with success.
func (t *Thread) fail(p *PanicError) {
	defer func() {
		if v := recover(); v != nil {
			panic(v) // on top of the frames that panicked, so they are in the trace
		}
		t.finish(p)
	}()
	hookFunc(exceptHook.Load())(t, p)
}

// finish ends t. The order matters: who learns of the end finds t gone from everywhere.
func (t *Thread) finish(err error) {
	t.err = err
	id := t.ident.Load()
	t.values.drop(id)
	byIdent.Delete(id)
	t.leave()
	t.end.Open()
}

// setLabel shows the name in profiles of the calling goroutine. The goroutine's labels cannot be read, so the name
// replaces them all.
func setLabel(name string) {
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels("thread", name)))
}
