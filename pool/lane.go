package pool

import "github.com/gothreading/threading/internal/hook"

// A lane is a queue of code to be called that is no unit's: the callbacks of
// tasks that were dropped, or the functions given to OnDone of those that have
// ended. Workers call it, in slots of the lane's own. It needs the guard.
type lane struct {
	calls  list[*call]
	active int    // that hold a slot
	added  uint64 // in all
}

// A call is what is left to call of a task.
type call struct {
	task  *task
	after []func() // nil: its callbacks
}

func (l *lane) add(c *call) {
	l.calls.add(&node[*call]{of: c}, false)
	l.added++
}

func (l *lane) take() *call {
	call, _ := l.calls.take()
	l.active++
	return call
}

// ready reports whether a call may be started.
func (l *lane) ready(c *core) bool { return l.calls.first != nil && l.active < max(c.target, callers) }

// busy reports whether there is anything left to call, or under way.
func (l *lane) busy() bool { return l.calls.first != nil || l.active > 0 }

// run calls it. It is called again if that ended the goroutine, until it returns.
func (c *call) run() {
	if c.after == nil {
		c.task.callBack()
		return
	}
	c.task.end.Wait() // whoever settled it is about to open it
	for len(c.after) > 0 {
		f := c.after[0]
		c.after = c.after[1:] // before the call, which may end the goroutine
		hook.Run(f)
	}
}
